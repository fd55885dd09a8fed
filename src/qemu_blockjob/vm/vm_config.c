#include <config.h>

#include "internal.h"
#include "vm_config.h"
#include "vm_def.h"
#include "domain_save.h"
#include "domain_validate.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

void
qbjVmConfigClear(qbjVmConfig *config)
{
    g_clear_pointer(&config->next, virDomainDefFree);
    g_clear_pointer(&config->from, g_free);
    g_clear_pointer(&config->save, qbjHostSaveFree);
}

/* A copy of the persistent definition as it is now. */
static int
qbjVmConfigCopy(virDomainObj *vm, qbjVmConfig *config)
{
    virDomainXMLOption *xmlopt = QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt;

    qbjVmConfigClear(config);
    if (!(config->from = qbjDomainConfigText(vm, vm->newDef ? vm->newDef : vm->def)) ||
        !(config->next = virDomainObjCopyPersistentDef(vm, xmlopt, NULL)))
        return -1;
    return 0;
}

int
qbjVmConfigBegin(virDomainObj *vm, unsigned int flags, qbjVmConfig *config)
{
    virDomainDef *live = NULL;
    virDomainDef *persistent = NULL;

    if (virDomainObjGetDefs(vm, flags, &live, &persistent) < 0)
        return -1;
    config->live = live;
    config->next = NULL;
    return persistent ? qbjVmConfigCopy(vm, config) : 0;
}

int
qbjVmConfigApply(virDomainObj *vm, qbjVmConfig *config, qbjVmConfigChange change, const void *what)
{
    config->change = change;
    config->what = what;
    return config->next ? change(vm, config->next, what) : 0;
}

int
qbjVmConfigCheck(virDomainObj *vm, const qbjVmConfig *config)
{
    virDomainXMLOption *xmlopt = QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt;

    if (!config->next)
        return 0;
    if (virDomainDefValidate(config->next, 0, xmlopt, NULL) < 0)
        return -1;
    return qbjVmDefCheckSupported(NULL, config->next, xmlopt);
}

int
qbjVmConfigPrepare(virDomainObj *vm, qbjVmConfig *config)
{
    g_autofree char *path = qbjDomainConfigPath(vm);
    g_autofree char *text = NULL;

    if (!config->next)
        return 0;
    if (qbjVmConfigCheck(vm, config) < 0 || !(text = qbjDomainConfigText(vm, config->next)) ||
        !(config->save = qbjHostSavePrepare(path, text, 0600)))
        return -1;
    return 0;
}

/* The lock was dropped since qbjVmConfigBegin(), and events handled: what was copied then may be old. Returns
 * 1 when config->next is made anew, 0 when it needs not be, -1 with an error reported. */
static int
qbjVmConfigRenew(virDomainObj *vm, qbjVmConfig *config)
{
    g_autofree char *now = qbjDomainConfigText(vm, vm->newDef ? vm->newDef : vm->def);

    if (!now)
        return -1;
    if (!config->change || STREQ(now, config->from))
        return 0;
    if (qbjVmConfigCopy(vm, config) < 0 || qbjVmConfigApply(vm, config, config->change, config->what) < 0)
        return -1;
    return 1;
}

static void
qbjVmConfigTake(virDomainObj *vm, qbjVmConfig *config)
{
    virDomainDef **place = vm->newDef ? &vm->newDef : &vm->def;

    virDomainDefFree(*place);
    *place = g_steal_pointer(&config->next);
}

int
qbjVmConfigCommitNext(virDomainObj *vm, qbjVmConfig *config)
{
    bool renamed = false;
    int rc;

    if (!config->next)
        return 0;
    if ((rc = qbjVmConfigRenew(vm, config)) < 0 || (rc == 1 && qbjVmConfigPrepare(vm, config) < 0))
        return -1;
    rc = qbjHostSaveCommit(config->save, &renamed);
    if (renamed)
        qbjVmConfigTake(vm, config);
    return rc;
}

int
qbjVmConfigCommit(virDomainObj *vm, qbjVmConfig *config)
{
    if (config->live && virDomainObjIsActive(vm) && qbjDomainSaveStatus(vm) < 0)
        return -1;
    if (!config->next)
        return 0;
    if (qbjVmConfigRenew(vm, config) < 0 || qbjVmConfigCheck(vm, config) < 0 ||
        qbjDomainSaveConfig(vm, config->next) < 0)
        return -1;
    qbjVmConfigTake(vm, config);
    return 0;
}
