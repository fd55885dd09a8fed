#include <config.h>

#include "internal.h"
#include "domain_seen.h"
#include "access/viraccessmanager.h"
#include "virerror.h"

/* What the access manager looks at; NULL: there is none of that name. */
static virDomainDef *
qbjDomainSeenIdentity(qbjDriver *driver, const char *name)
{
    virDomainObj *vm = virDomainObjListFindByName(driver->domains, name);
    virDomainDef *def;

    if (!vm)
        return NULL;
    if ((def = virDomainDefNew(driver->xmlopt))) {
        def->name = g_strdup(vm->def->name);
        memcpy(def->uuid, vm->def->uuid, VIR_UUID_BUFLEN);
    }
    virDomainObjEndAPI(&vm);
    return def;
}

bool
qbjDomainIsSeen(qbjDriver *driver, const char *name)
{
    virErrorPtr reason;
    virAccessManager *manager;
    g_autoptr(virDomainDef) def = NULL;
    bool seen;

    virErrorPreserveLast(&reason);
    manager = virAccessManagerGetDefault();
    seen = manager && (def = qbjDomainSeenIdentity(driver, name)) &&
           virAccessManagerCheckDomain(manager, "QEMU", def, VIR_ACCESS_PERM_DOMAIN_GETATTR) == 1;
    virObjectUnref(manager);
    virErrorRestore(&reason);
    return seen;
}
