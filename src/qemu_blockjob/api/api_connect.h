/* Entry points: connection, host, capabilities. */
#pragma once

#include "driver.h"

int qbjApiConnectURIProbe(char **uri);
virDrvOpenStatus qbjApiConnectOpen(virConnectPtr conn, virConnectAuthPtr auth, virConf *conf, unsigned int flags);
int qbjApiConnectClose(virConnectPtr conn);
int qbjApiConnectSupportsFeature(virConnectPtr conn, int feature);
const char *qbjApiConnectGetType(virConnectPtr conn);
int qbjApiConnectGetVersion(virConnectPtr conn, unsigned long *version);
char *qbjApiConnectGetHostname(virConnectPtr conn);
int qbjApiConnectGetMaxVcpus(virConnectPtr conn, const char *type);
char *qbjApiConnectGetCapabilities(virConnectPtr conn);
char *qbjApiConnectGetDomainCapabilities(virConnectPtr conn, const char *binary, const char *arch, const char *machine,
                                         const char *virttype, unsigned int flags);
int qbjApiConnectIsEncrypted(virConnectPtr conn);
int qbjApiConnectIsSecure(virConnectPtr conn);
int qbjApiConnectIsAlive(virConnectPtr conn);
int qbjApiNodeGetSecurityModel(virConnectPtr conn, virSecurityModelPtr model);
