#include <config.h>

#include "internal.h"
#include "api_metadata.h"
#include "api_domain.h"
#include "datatypes.h"
#include "domain_private.h"
#include "domain_event.h"
#include "domain_save.h"
#include "vm_metadata.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

char *
qbjApiGetMetadata(virDomainPtr domain, int type, const char *uri, unsigned int flags)
{
    virDomainObj *vm = qbjApiLook(domain, virDomainGetMetadataEnsureACL);
    char *text;

    if (!vm)
        return NULL;
    text = virDomainObjGetMetadata(vm, type, uri, flags);
    virDomainObjEndAPI(&vm);
    return text;
}

static int
qbjApiSetMetadataCheck(virDomainObj *vm, int type, const char *metadata, const char *key, const char *uri,
                       unsigned int flags)
{
    virDomainDef *live, *config;

    if (virDomainObjGetDefs(vm, flags, &live, &config) < 0 ||
        (live && qbjVmMetadataCheckChange(live, type, metadata, key, uri) < 0))
        return -1;
    return config ? qbjVmMetadataCheckChange(config, type, metadata, key, uri) : 0;
}

/* libvirt.so writes the files without the care that a status file needs: that one is written again. */
static int
qbjApiSetMetadataNow(qbjDriver *driver, virDomainObj *vm, int type, const char *metadata, const char *key,
                     const char *uri, unsigned int flags)
{
    if (qbjApiSetMetadataCheck(vm, type, metadata, key, uri, flags) < 0 ||
        virDomainObjSetMetadata(vm, type, metadata, key, uri, driver->xmlopt, driver->conf->stateDir,
                                driver->conf->configDir, flags) < 0)
        return -1;
    if (virDomainObjIsActive(vm))
        qbjDomainSaveStatusOrWarn(vm);
    virObjectEventStateQueue(driver->events, virDomainEventMetadataChangeNewFromObj(vm, type, uri));
    return 0;
}

int
qbjApiSetMetadata(virDomainPtr domain, int type, const char *metadata, const char *key, const char *uri,
                  unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(QBJ_API_AFFECT, -1);

    if (!(vm = qbjApiBeginFlags(domain, virDomainSetMetadataEnsureACL, flags)))
        return -1;
    ret = qbjApiSetMetadataNow(domain->conn->privateData, vm, type, metadata, key, uri, flags);
    qbjApiEnd(&vm);
    return ret;
}
