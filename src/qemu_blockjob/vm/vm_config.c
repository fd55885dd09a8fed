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
    g_clear_pointer(&config->save, qbjHostSaveFree);
}

int
qbjVmConfigBegin(virDomainObj *vm, unsigned int flags, qbjVmConfig *config)
{
    virDomainXMLOption *xmlopt = QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt;
    virDomainDef *live = NULL;
    virDomainDef *persistent = NULL;

    if (virDomainObjGetDefs(vm, flags, &live, &persistent) < 0)
        return -1;
    config->live = live;
    config->next = NULL;
    if (persistent && !(config->next = virDomainObjCopyPersistentDef(vm, xmlopt, NULL)))
        return -1;
    return 0;
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
    if (qbjVmConfigCheck(vm, config) < 0 || qbjDomainSaveConfig(vm, config->next) < 0)
        return -1;
    qbjVmConfigTake(vm, config);
    return 0;
}
