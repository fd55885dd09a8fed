#include <config.h>

#include "internal.h"
#include "engine_persistent.h"
#include "engine_change.h"
#include "domain_save.h"
#include "host_save_within.h"

int
qbjEnginePersistentPlan(virDomainObj *vm, const GPtrArray *jobs, virDomainDef **newDef, char **text)
{
    g_autoptr(virDomainDef) def = NULL;
    bool changed = false;
    char *made;
    size_t i;

    if (!vm->newDef)
        return 0;
    if (!(def = virDomainDefCopy(vm->newDef, QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt, NULL, false)))
        return -1;
    for (i = 0; i < jobs->len; i++) {
        const virQbjJob *job = g_ptr_array_index(jobs, i);
        virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);

        changed = (disk && qbjEngineChangePersistent(def, job, disk->src, disk)) || changed;
    }
    if (!changed)
        return 0;
    if (!(made = qbjDomainConfigText(vm, def)))
        return -1;
    *newDef = g_steal_pointer(&def);
    *text = made;
    return 0;
}

/* A disk that hangs is met again at the next try: what is saved has no caller who could be told. */
#define QBJ_ENGINE_SAVE_MS 10000

char *
qbjEnginePersistentText(virDomainObj *vm)
{
    return vm->newDef ? qbjDomainConfigText(vm, vm->newDef) : NULL;
}

/* Whether it still is what was written. */
static bool
qbjEnginePersistentIs(virDomainObj *vm, const char *text)
{
    g_autofree char *now = qbjEnginePersistentText(vm);

    return STREQ_NULLABLE(now, text);
}

int
qbjEnginePersistentSave(virDomainObj *vm)
{
    g_autofree char *path = qbjDomainConfigPath(vm);
    bool renamed;

    while (vm->newDef) {
        g_autofree char *text = qbjEnginePersistentText(vm);
        g_autoptr(qbjHostSave) save = NULL;
        qbjHostSaveWish wish = { .path = path, .text = text };
        int rc;

        if (!text)
            return -1;
        virObjectUnlock(vm);
        rc = qbjHostSaveWithin(&wish, 1, QBJ_ENGINE_SAVE_MS);
        virObjectLock(vm);
        save = wish.save;
        if (rc < 0)
            return -1;
        if (qbjEnginePersistentIs(vm, text))
            return qbjHostSaveCommit(save, &renamed);
    }
    return 0;
}
