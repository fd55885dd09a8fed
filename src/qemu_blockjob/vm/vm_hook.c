#include <config.h>

#include "internal.h"
#include "vm_hook.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_hook");

static bool
qbjVmHookIsEnd(virHookQemuOpType op)
{
    return op == VIR_HOOK_QEMU_OP_STOPPED || op == VIR_HOOK_QEMU_OP_RELEASE;
}

/* A script that looks an id up must not find the next run of the domain: what has ended has none. */
static char *
qbjVmHookText(virDomainObj *vm, virHookQemuOpType op)
{
    int id = vm->def->id;
    char *text;

    if (qbjVmHookIsEnd(op))
        vm->def->id = -1;
    text = virDomainDefFormat(vm->def, QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt, 0);
    vm->def->id = id;
    return text;
}

int
qbjVmHookRun(virDomainObj *vm, virHookQemuOpType op)
{
    g_autofree char *name = NULL;
    g_autofree char *text = NULL;
    int rc;

    if (!virHookPresent(VIR_HOOK_DRIVER_QEMU))
        return 0;
    if (!(text = qbjVmHookText(vm, op)))
        return -1;
    name = g_strdup(vm->def->name);

    virObjectUnlock(vm);
    rc = virHookCall(VIR_HOOK_DRIVER_QEMU, name, op, qbjVmHookIsEnd(op) ? VIR_HOOK_SUBOP_END : VIR_HOOK_SUBOP_BEGIN,
                     NULL, text, NULL);
    virObjectLock(vm);

    if (rc < 0)
        return -1;
    if (QBJ_DOMAIN_PRIVATE(vm)->starting && QBJ_DOMAIN_PRIVATE(vm)->destroyed) {
        virReportError(VIR_ERR_OPERATION_ABORTED, _("Domain '%s' was destroyed while it was being started"), name);
        return -1;
    }
    return 0;
}

void
qbjVmHookTell(virDomainObj *vm, virHookQemuOpType op)
{
    if (qbjVmHookRun(vm, op) < 0) {
        VIR_WARN("The hook script of domain '%s' failed, which changes nothing: %s", vm->def->name,
                 virGetLastErrorMessage());
        virResetLastError();
    }
}
