#include <config.h>

#include "internal.h"
#include "engine_persistent.h"
#include "engine_change.h"
#include "domain_save.h"
#include "host_save_within.h"
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

/* Nobody waits for it: a slow disk is met by the pivot. */
#define QBJ_ENGINE_AHEAD_MS 2000

void
qbjEnginePersistentAhead(virDomainObj *vm, const virQbjJob *job)
{
    g_autofree char *name = g_strdup(job->spec->job);
    g_autofree char *path = qbjDomainConfigPath(vm);
    g_autoptr(virDomainDef) def = NULL;
    g_autofree char *text = NULL;
    qbjHostSaveWish wish = { .path = path, .save = qbjEnginePersistentTake(vm, job) };

    if (qbjEnginePersistentPlan(vm, job, &def, &text) < 0)
        virResetLastError();
    wish.text = text;
    if (!wish.text && !wish.save)
        return;
    virObjectUnlock(vm);
    if (qbjHostSaveWithin(&wish, 1, QBJ_ENGINE_AHEAD_MS) < 0)
        virResetLastError();
    virObjectLock(vm);
    if (wish.save && qbjEngineJobFind(vm, name))
        g_hash_table_replace(QBJ_DOMAIN_PRIVATE(vm)->ahead, g_steal_pointer(&name), wish.save);
    else
        qbjHostSaveFree(wish.save);
}

qbjHostSave *
qbjEnginePersistentTake(virDomainObj *vm, const virQbjJob *job)
{
    GHashTable *all = QBJ_DOMAIN_PRIVATE(vm)->ahead;
    g_autofree char *name = NULL;
    qbjHostSave *save = NULL;

    if (!g_hash_table_lookup_extended(all, job->spec->job, (void **) &name, (void **) &save))
        return NULL;
    g_hash_table_steal(all, name);
    return save;
}

void
qbjEnginePersistentForget(virDomainObj *vm, const virQbjJob *job)
{
    g_hash_table_remove(QBJ_DOMAIN_PRIVATE(vm)->ahead, job->spec->job);
}
