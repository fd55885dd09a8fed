#include <config.h>

#include "internal.h"
#include "vm_start_check.h"
#include "vm_cgroup.h"
#include "vm_def.h"
#include "vm_disks.h"
#include "vm_firmware.h"
#include "vm_missing.h"
#include "vm_numa.h"
#include "domain_save.h"
#include "host_secret.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

int
qbjVmStartCheckHost(virDomainObj *vm, virDomainDef *def)
{
    const qbjDriver *driver = QBJ_DOMAIN_PRIVATE(vm)->driver;
    const char *key = virQbjConfUnsafeKeyFor(driver->conf, def);

    if (key) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("setting '%s' of qemu.conf is not supported by this driver"), key);
        return -1;
    }
    if (driver->securityRefused) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("security driver '%s' is not supported by this driver"),
                       driver->securityRefused);
        return -1;
    }
    if (qbjVmCgroupCheckSettings(driver) < 0 || (!qbjVmCgroupWanted(driver) && qbjVmCgroupCheck(vm, def) < 0))
        return -1;
    return qbjVmNumaCheck(def);
}

int
qbjVmStartCheckSecrets(virDomainDef *def, uint8_t *key, GHashTable **secrets)
{
    size_t i;

    *secrets = qbjHostSecretsNew();
    for (i = 0; i < def->ndisks; i++) {
        if (qbjHostSecretsAdd(def->disks[i]->src, key, *secrets) < 0)
            return -1;
    }
    return 0;
}

/* Without locks: @def is the caller's own. */
static int
qbjVmStartCheckOpen(virDomainDef *def, const virQbjConf *conf)
{
    g_autoptr(GHashTable) secrets = NULL;
    uint8_t key[QBJ_HOST_KEY_LEN] = { 0 };      /* nothing is encrypted with it that anybody sees */
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        if (qbjVmDisksProbe(def->disks[i], conf) < 0 && !qbjVmMissingMay(def->disks[i], true))
            return -1;
        virResetLastError();
    }
    if (qbjVmFirmwareSelect(def, conf->nvramDir) < 0)
        return -1;
    return qbjVmStartCheckSecrets(def, key, &secrets);
}

int
qbjVmStartCheckAll(virDomainObj *vm, virDomainDef *def)
{
    qbjDriver *driver = QBJ_DOMAIN_PRIVATE(vm)->driver;
    int rc;

    if (qbjVmStartCheckHost(vm, def) < 0 || qbjVmDefCheckStart(def, driver->xmlopt) < 0)
        return -1;
    virObjectUnlock(vm);
    rc = qbjVmStartCheckOpen(def, driver->conf);
    virObjectLock(vm);
    if (rc < 0 || !virDomainObjIsActive(vm))
        return rc;
    return qbjDomainSaveStatus(vm);
}
