#include <config.h>

#include "internal.h"
#include "vm_thread.h"

pid_t
qbjVmThreadOfVcpu(virDomainObj *vm, unsigned int vcpu)
{
    virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;

    return status && vcpu < status->nvcpuPids ? status->vcpuPids[vcpu] : 0;
}

bool
qbjVmThreadIsEmulator(virDomainObj *vm, pid_t thread)
{
    const virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;
    size_t i;

    for (i = 0; i < status->nvcpuPids; i++) {
        if (status->vcpuPids[i] == thread)
            return false;
    }
    for (i = 0; i < vm->def->niothreadids; i++) {
        if (vm->def->iothreadids[i]->thread_id == thread)
            return false;
    }
    return true;
}
