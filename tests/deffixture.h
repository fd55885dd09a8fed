/* Parses domain XML with the driver's callbacks, without a driver, a QEMU or /dev/kvm. */
#pragma once

#include "internal.h"
#include "domain_conf.h"
#include "vm_caps.h"


/* The driver's parser with capabilities from argsfixture.h; @cache must live as long. NULL with an error
 * reported. */
virDomainXMLOption *qbjTestDefOption(qbjVmCapsCache *cache);

/* As virDomainDefineXML does it, support check included; NULL with an error reported. The caller frees. */
virDomainDef *qbjTestDefine(const char *xml, virDomainXMLOption *xmlopt);

/* The inactive XML. */
char *qbjTestDefText(virDomainDef *def, virDomainXMLOption *xmlopt);

/* "CODE/DOMAIN MESSAGE" and a newline: the last error, which is then reset. */
char *qbjTestDefError(void);
