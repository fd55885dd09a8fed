/* Parses domain XML with the driver's callbacks, without a driver, a QEMU or /dev/kvm: capabilities of QEMU 7.2 are made
 * here. */
#pragma once

#include "internal.h"
#include "domain_conf.h"

/* The driver's parser; NULL with an error reported. */
virDomainXMLOption *qbjTestDefOption(void);

/* As virDomainDefineXML does it, support check included; NULL with an error reported. The caller frees. */
virDomainDef *qbjTestDefine(const char *xml, virDomainXMLOption *xmlopt);

/* The inactive XML. */
char *qbjTestDefText(virDomainDef *def, virDomainXMLOption *xmlopt);

/* "CODE/DOMAIN MESSAGE" and a newline: the last error, which is then reset. */
char *qbjTestDefError(void);
