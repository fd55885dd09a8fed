#include <config.h>

#include "internal.h"
#include "vm_dump.h"
#include "vm_dumpstream.h"
#include "vm_power.h"
#include "vm_save.h"
#include "vm_saveimage.h"
#include "vm_savestream.h"
#include "vm_stop.h"
#include "domain_operation.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_dump");

#define QBJ_VM_DUMP_AGAIN_MS 1000

static int
qbjVmDumpCheck(virDomainObj *vm, const qbjVmDumpRequest *request)
{
    const virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;

    if (status->save || status->snapshot || status->inside) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s",
                       _("an earlier snapshot, save or dump of the domain is still being taken back"));
        return -1;
    }
    if (qbjDomainCheckRead(vm) < 0)
        return -1;
    if (request->flags & VIR_DUMP_MEMORY_ONLY)
        return qbjVmDumpStreamCheck(vm, request->format);
    return qbjVmSaveStreamCheck(vm);
}

static int
qbjVmDumpRecord(virDomainObj *vm, const char *path, const char *part)
{
    virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;

    status->save = virQbjStatusSaveNew(false, path, part);
    status->save->dump = true;
    status->save->running = virDomainObjGetState(vm, NULL) == VIR_DOMAIN_RUNNING;
    status->save->started = QBJ_DOMAIN_PRIVATE(vm)->operation->started;
    if (qbjDomainSaveStatus(vm) == 0)
        return 0;
    g_clear_pointer(&status->save, virQbjStatusSaveFree);
    return -1;
}

static int
qbjVmDumpStream(virDomainObj *vm, const qbjVmDumpRequest *request, qbjHostImage *file)
{
    if (!(request->flags & VIR_DUMP_LIVE) && qbjVmSaveStreamStop(vm, VIR_DOMAIN_PAUSED_DUMP) < 0)
        return -1;
    if (request->flags & VIR_DUMP_MEMORY_ONLY)
        return qbjVmDumpStreamBegin(vm, file, request->format) < 0 ? -1 : qbjVmDumpStreamWait(vm);
    if (qbjVmSaveStreamBegin(vm, file) < 0 || qbjVmSaveStreamWait(vm) < 0)
        return -1;
    return qbjVmSaveStreamStopped(vm, VIR_DOMAIN_PAUSED_DUMP);
}

static int
qbjVmDumpWrite(virDomainObj *vm, const qbjVmDumpRequest *request, qbjHostImage *file)
{
    bool named = false;
    int rc;

    if (!file || qbjDomainOperationCheck(vm) < 0 || qbjVmDumpStream(vm, request, file) < 0 ||
        qbjDomainOperationCheck(vm) < 0)
        return -1;
    virObjectUnlock(vm);
    rc = qbjHostImageFinish(file, NULL, &named);
    virObjectLock(vm);
    if (rc == 0 || !named)
        return rc;
    VIR_WARN("Domain '%s' is dumped, but the folder cannot be synced: %s", vm->def->name, virGetLastErrorMessage());
    virResetLastError();
    return 0;
}

/* Programs may not end before storage that hangs does. */
static void
qbjVmDumpClose(virDomainObj *vm, qbjHostImage *file)
{
    virObjectUnlock(vm);
    qbjHostImageFree(file);
    virObjectLock(vm);
}

/* The guest first. */
static void
qbjVmDumpBack(virDomainObj *vm, qbjHostImage *file)
{
    virErrorPtr reason;
    bool back;

    virErrorPreserveLast(&reason);
    back = qbjVmSaveBack(vm, VIR_DOMAIN_RUNNING_UNPAUSED);
    qbjVmDumpClose(vm, file);
    if (!back && virDomainObjIsActive(vm))
        qbjDomainTimerStart(vm, NULL, 0, QBJ_VM_DUMP_AGAIN_MS);
    virErrorRestore(&reason);
}

static int
qbjVmDumpEnd(virDomainObj *vm, const qbjVmDumpRequest *request, qbjHostImage *file)
{
    qbjDomainOperationEnd(vm, true);
    if (request->flags & VIR_DUMP_CRASH) {
        qbjVmStop(vm, VIR_DOMAIN_SHUTOFF_CRASHED, VIR_DOMAIN_EVENT_STOPPED_CRASHED);
        qbjVmDumpClose(vm, file);
        return 0;
    }
    qbjVmDumpBack(vm, file);
    if (!(request->flags & VIR_DUMP_RESET))
        return 0;
    return virDomainObjCheckActive(vm) < 0 ? -1 : qbjVmPowerHardReset(vm);
}

int
qbjVmDump(virDomainObj *vm, const qbjVmDumpRequest *request)
{
    g_autofree char *path = NULL;
    g_autofree char *part = NULL;
    qbjHostImage *file;

    if (qbjVmSaveImageNames(vm, request->path, &path, &part) < 0 || virDomainObjCheckActive(vm) < 0 ||
        qbjVmDumpCheck(vm, request) < 0 || virDomainObjCheckActive(vm) < 0)
        return -1;
    qbjDomainOperationBegin(vm, VIR_DOMAIN_JOB_OPERATION_DUMP);
    QBJ_DOMAIN_PRIVATE(vm)->operation->endless = request->flags & VIR_DUMP_MEMORY_ONLY;
    if (qbjVmDumpRecord(vm, path, part) < 0) {
        qbjDomainOperationEnd(vm, false);
        return -1;
    }
    file = qbjVmSaveImageCreateBare(vm, path, part, request->compression, request->flags & VIR_DUMP_BYPASS_CACHE);
    if (qbjVmDumpWrite(vm, request, file) == 0)
        return qbjVmDumpEnd(vm, request, file);
    qbjDomainOperationEnd(vm, false);
    qbjVmDumpBack(vm, file);
    return -1;
}
