/* Parses and formats status files with the callbacks of src/conf, without a driver around them. */
#pragma once

#include "internal.h"
#include "domain_conf.h"
#include "virqbjstatus.h"

/* The private data of a domain in these tests. */
typedef struct _qbjTestPrivate qbjTestPrivate;
struct _qbjTestPrivate {
    virQbjStatus *status;
    virQbjStatusJob job;
};
#define QBJ_TEST_STATUS(vm) (((qbjTestPrivate *) (vm)->privateData)->status)

/* The parser for domain XML with our private data; NULL with an error reported. */
virDomainXMLOption *qbjTestXMLOption(void);

/* Reads the status file @path, as a restarted daemon does; NULL with an error reported. The caller unrefs. */
virDomainObj *qbjTestStatusRead(const char *path, virDomainXMLOption *xmlopt);

/* The text that a save would write, without the leading comment; NULL with an error reported. */
char *qbjTestStatusText(virDomainObj *vm, virDomainXMLOption *xmlopt);

/* Folders below @path, sorted; a test failure when there is none. Free with g_strfreev(). */
char **qbjTestCases(const char *path);

/* Compares @text with the file; with QBJ_REGENERATE=1 in the environment the file is written instead. */
void qbjTestCompareFile(const char *text, const char *path);
