#include <config.h>

#include "internal.h"
#include "engine_persistent.h"
#include "engine_change.h"
#include "domain_save.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.engine_persistent");

int
qbjEnginePersistentPlan(virDomainObj *vm, const virQbjJob *job, virDomainDef **newDef, char **text)
{
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);
    g_autoptr(virDomainDef) def = NULL;
    char *made;

    if (!vm->newDef || !disk)
        return 0;
    if (!(def = virDomainDefCopy(vm->newDef, QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt, NULL, false)))
        return -1;
    if (!qbjEngineChangePersistent(def, job, disk->src))
        return 0;
    if (!(made = qbjDomainConfigText(vm, def)))
        return -1;
    *newDef = g_steal_pointer(&def);
    *text = made;
    return 0;
}

void
qbjEnginePersistentAhead(virDomainObj *vm, const virQbjJob *job)
{
    g_autofree char *name = g_strdup(job->spec->job);
    g_autofree char *path = qbjDomainConfigPath(vm);
    g_autoptr(virDomainDef) def = NULL;
    g_autofree char *text = NULL;
    g_autoptr(qbjHostSave) save = NULL;

    qbjEnginePersistentForget(vm, job);
    if (qbjEnginePersistentPlan(vm, job, &def, &text) == 0 && text) {
        virObjectUnlock(vm);
        save = qbjHostSavePrepare(path, text, 0600);
        virObjectLock(vm);
    }
    if (save && qbjEngineJobFind(vm, name)) {
        qbjDomainAhead *ahead = g_new0(qbjDomainAhead, 1);

        ahead->text = g_steal_pointer(&text);
        ahead->save = g_steal_pointer(&save);
        g_hash_table_replace(QBJ_DOMAIN_PRIVATE(vm)->ahead, g_steal_pointer(&name), ahead);
    }
    virResetLastError();
}

qbjHostSave *
qbjEnginePersistentPrepare(virDomainObj *vm, const virQbjJob *job, const char *text)
{
    qbjDomainAhead *ahead = g_hash_table_lookup(QBJ_DOMAIN_PRIVATE(vm)->ahead, job->spec->job);
    g_autofree char *path = qbjDomainConfigPath(vm);
    g_autoptr(qbjHostSave) save = NULL;

    if (ahead && STREQ(ahead->text, text) && qbjHostSaveIsThere(ahead->save)) {
        VIR_DEBUG("vm=%s job=%s: the file written ahead is used", vm->def->name, job->spec->job);
        save = g_steal_pointer(&ahead->save);
    }
    qbjEnginePersistentForget(vm, job);
    return save ? g_steal_pointer(&save) : qbjHostSavePrepare(path, text, 0600);
}

void
qbjEnginePersistentForget(virDomainObj *vm, const virQbjJob *job)
{
    g_hash_table_remove(QBJ_DOMAIN_PRIVATE(vm)->ahead, job->spec->job);
}
