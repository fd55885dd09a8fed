#include <config.h>

#include "internal.h"
#include "vm_hook.h"
#include "virerror.h"
#include "virlog.h"
#include "virthread.h"

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

/* So many scripts run at once for VMs that were found running. One that hangs keeps a thread, no VM. */
#define QBJ_VM_HOOK_THREADS 4

typedef struct _qbjVmHookLate qbjVmHookLate;
struct _qbjVmHookLate {
    virDomainObj *vm;
    int id;                             /* run of the domain that it is about */
    virHookQemuOpType op;
    char *text;
};

static virMutex qbjVmHookLock = VIR_MUTEX_INITIALIZER;
static GQueue qbjVmHookQueue = G_QUEUE_INIT;
static unsigned int qbjVmHookThreads;

static void
qbjVmHookLateFree(qbjVmHookLate *late)
{
    virObjectUnref(late->vm);
    g_free(late->text);
    g_free(late);
}

static void
qbjVmHookLateRun(const qbjVmHookLate *late)
{
    g_autofree char *name = NULL;

    VIR_WITH_OBJECT_LOCK_GUARD(late->vm) {
        if (virDomainObjIsActive(late->vm) && late->vm->def->id == late->id)
            name = g_strdup(late->vm->def->name);
    }
    if (name && virHookCall(VIR_HOOK_DRIVER_QEMU, name, late->op, VIR_HOOK_SUBOP_BEGIN, NULL, late->text, NULL) < 0) {
        VIR_WARN("The hook script of domain '%s' failed, which changes nothing: %s", name, virGetLastErrorMessage());
        virResetLastError();
    }
}

/* The next one, or NULL: then the calling thread is not counted any more. */
static qbjVmHookLate *
qbjVmHookNext(void)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&qbjVmHookLock);
    qbjVmHookLate *late = g_queue_pop_head(&qbjVmHookQueue);

    if (!late)
        qbjVmHookThreads--;
    return late;
}

static void
qbjVmHookThread(void *opaque G_GNUC_UNUSED)
{
    qbjVmHookLate *late;

    while ((late = qbjVmHookNext())) {
        qbjVmHookLateRun(late);
        qbjVmHookLateFree(late);
    }
}

/* Nobody joins these threads: a daemon that ends does not wait for a script. */
static void
qbjVmHookPush(qbjVmHookLate *late)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&qbjVmHookLock);
    virThread thread;

    g_queue_push_tail(&qbjVmHookQueue, late);
    if (qbjVmHookThreads >= QBJ_VM_HOOK_THREADS)
        return;
    if (virThreadCreateFull(&thread, false, qbjVmHookThread, "qbj-hook", false, NULL) == 0)
        qbjVmHookThreads++;
    else
        virResetLastError();            /* the next one tries again */
}

void
qbjVmHookTellLater(virDomainObj *vm, virHookQemuOpType op)
{
    qbjVmHookLate *late;
    char *text;

    if (!virHookPresent(VIR_HOOK_DRIVER_QEMU))
        return;
    if (!(text = qbjVmHookText(vm, op))) {
        virResetLastError();
        return;
    }
    late = g_new0(qbjVmHookLate, 1);
    late->vm = virObjectRef(vm);
    late->id = vm->def->id;
    late->op = op;
    late->text = text;
    qbjVmHookPush(late);
}
