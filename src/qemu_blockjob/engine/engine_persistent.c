#include <config.h>

#include "internal.h"
#include "engine_persistent.h"
#include "engine_change.h"
#include "domain_save.h"

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
