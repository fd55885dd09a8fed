/* A definition on its way to a command line: parsed, checked, named and numbered as a start does it,
 * without a start. */
#pragma once

#include "domain_conf.h"
#include "vm_args.h"
#include "vm_caps.h"

/* Capabilities of both x86 binaries from a recorded answer, with KVM; no QEMU is looked at. */
qbjVmCapsCache *qbjTestCapsCache(void);

/* The parser that the driver uses; @cache must live as long. */
virDomainXMLOption *qbjTestArgsXMLOption(qbjVmCapsCache *cache);

/* Reads a definition as define does and prepares it as start does. NULL with an error reported. */
virDomainDef *qbjTestArgsDefinition(const char *path, virDomainXMLOption *xmlopt);

/* Names the block nodes: from the last disk to the first, down each chain (11.2). */
void qbjTestNumberImages(virDomainDef *def);

/* The time that clocks start from; 0: the present. */
extern time_t qbjTestArgsNow;

/* Where the variables of firmware are kept; set before qbjTestArgsXMLOption(). */
extern const char *qbjTestNvramDir;

/* Mounts of huge pages; none at first. Two that need not be there: /dev/hugepages1G and, with the default
 * size, /dev/hugepages. */
void qbjTestMakeMounts(void);
extern virHugeTLBFS *qbjTestMounts;
extern size_t qbjTestNmounts;

/* Its command line in the form without descriptors; @root is the driver's root directory, @home the user's in
 * a session, NULL for root. NULL with an error reported. */
virCommand *qbjTestArgsCommand(virDomainDef *def, qbjVmCapsCache *cache, const char *root, const char *home);
