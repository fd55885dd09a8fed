#include <config.h>

#include "internal.h"
#include "vm_reach.h"
#include "domain_qmp.h"
#include "virerror.h"
#include "virqbjfault.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* Between two VMs that nobody asks for: QEMU takes 1 ms of a processor for its part, and all of them together
 * would keep the first calls of clients from it. So the thread stays a little ahead of a client that goes
 * through its domains in the same order (docs/kbase/internals/performance.rst). */
#define QBJ_VM_REACH_PAUSE_US 500

/* Returns false when there was nothing to do: somebody has come for it. */
static bool
qbjVmReachOne(virDomainObj *vm)
{
    VIR_LOCK_GUARD lock = virObjectLockGuard(vm);

    if (!QBJ_DOMAIN_PRIVATE(vm)->unreached)
        return false;
    qbjDomainReach(vm);
    virResetLastError();
    return true;
}

/* Thread: the VMs of @opaque, not locked. */
static void
qbjVmReachWork(void *opaque)
{
    g_autoptr(GPtrArray) found = opaque;
    size_t i;

    for (i = 0; i < found->len; i++) {
        virDomainObj *vm = g_ptr_array_index(found, i);

        if (qbjDriverIsShuttingDown(QBJ_DOMAIN_PRIVATE(vm)->driver))
            return;                     /* left to the next daemon */
        if (!virQbjFaultHit("reach") && qbjVmReachOne(vm))
            g_usleep(QBJ_VM_REACH_PAUSE_US);
    }
}

void
qbjVmReachAll(qbjDriver *driver, GPtrArray *found)
{
    if (found->len == 0) {
        g_ptr_array_unref(found);
        return;
    }
    driver->reaching = virThreadCreateFull(&driver->reacher, true, qbjVmReachWork, "qbj-reach", false,
                                           found) == 0;
    if (driver->reaching)
        return;
    virResetLastError();
    qbjVmReachWork(found);
}

void
qbjVmReachJoin(qbjDriver *driver)
{
    if (driver->reaching)
        virThreadJoin(&driver->reacher);
    driver->reaching = false;
}
