/* Entry points: saving a guest into a file and restoring it, save images. */
#pragma once

#include "driver.h"
#include "domain_driver.h"

int qbjApiSave(virDomainPtr domain, const char *path);
int qbjApiSaveFlags(virDomainPtr domain, const char *path, const char *xml, unsigned int flags);
int qbjApiSaveParams(virDomainPtr domain, virTypedParameterPtr params, int nparams, unsigned int flags);
int qbjApiManagedSave(virDomainPtr domain, unsigned int flags);
int qbjApiRestore(virConnectPtr conn, const char *path);
int qbjApiRestoreFlags(virConnectPtr conn, const char *path, const char *xml, unsigned int flags);
int qbjApiRestoreParams(virConnectPtr conn, virTypedParameterPtr params, int nparams, unsigned int flags);
char *qbjApiSaveImageGetXMLDesc(virConnectPtr conn, const char *path, unsigned int flags);
int qbjApiSaveImageDefineXML(virConnectPtr conn, const char *path, const char *xml, unsigned int flags);
int qbjApiManagedSaveRemove(virDomainPtr domain, unsigned int flags);
char *qbjApiManagedSaveGetXMLDesc(virDomainPtr domain, unsigned int flags);
int qbjApiManagedSaveDefineXML(virDomainPtr domain, const char *xml, unsigned int flags);

/* The parameters of both ...Params calls; *@path and *@xml (may be NULL) are borrowed from @params.
 * Returns 0, -1 with an error reported. */
int qbjApiSaveReadParams(virTypedParameterPtr params, int nparams, const char **path, const char **xml);

/* Removes the managed save image of @vm, which is locked and its job held. Returns 0, -1 with an error
 * reported, also when there is none. */
int qbjApiSaveForget(virDomainObj *vm);

/* Starts @vm with its managed save image, as @flags of a start say. @vm is locked, its job held. Returns
 * 0, -1 with an error reported, 1 when the image is not complete, and has been removed: it is to be
 * booted. */
int qbjApiSaveStart(virDomainObj *vm, unsigned int flags);
