#include <config.h>

#include "internal.h"
#include "moment_create.h"
#include "moment_files.h"
#include "moment_list.h"
#include "moment_memory.h"
#include "moment_overlay.h"
#include "moment_plan.h"
#include "moment_settle.h"
#include "domain_agent.h"
#include "domain_freeze.h"
#include "domain_operation.h"
#include "domain_qmp.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "engine_job.h"
#include "vm_savestream.h"
#include "vm_stop.h"
#include "viralloc.h"
#include "virerror.h"
#include "virlog.h"
#include "virqbjcookie.h"
#include "virqbjfault.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.moment_create");

#define QBJ_MOMENT_AGAIN_MS 1000

/* --- before anything happens --- */

/* The disks of the definition alone, which is what a plan looks at: a copy of all of it takes as long as all
 * else that is done before QEMU is asked. */
static virDomainDef *
qbjMomentCreateSketch(virDomainObj *vm)
{
    virDomainXMLOption *xmlopt = QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt;
    g_autoptr(virDomainDef) sketch = virDomainDefNew(xmlopt);
    size_t i;

    for (i = 0; sketch && i < vm->def->ndisks; i++) {
        const virDomainDiskDef *disk = vm->def->disks[i];
        virDomainDiskDef *copy = virDomainDiskDefNew(xmlopt);

        if (!copy)
            return NULL;
        virObjectUnref(copy->src);
        copy->src = virStorageSourceCopy(disk->src, true);
        copy->dst = g_strdup(disk->dst);
        copy->device = disk->device;
        copy->snapshot = disk->snapshot;
        copy->transient = disk->transient;
        VIR_APPEND_ELEMENT(sketch->disks, sketch->ndisks, copy);
    }
    return g_steal_pointer(&sketch);
}

int
qbjMomentCreatePlan(virDomainObj *vm, virDomainSnapshotDef *def, unsigned int flags)
{
    const char *parent = virDomainSnapshotGetCurrentName(vm->snapshots);
    qbjMomentPlace place = {
        .active = virDomainObjIsActive(vm),
        .persistent = vm->persistent,
        .state = virDomainObjGetState(vm, NULL),
    };
    int rc;

    if (!(flags & VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA)) {
        if (qbjMomentListCheck(vm, def, NULL) < 0)
            return -1;
        g_free(def->parent.parent_name);
        def->parent.parent_name = g_strdup(parent);
    }
    if (!(def->parent.dom = qbjMomentCreateSketch(vm)))
        return -1;
    virObjectUnlock(vm);                /* it looks at images whose names are to be changed */
    rc = qbjMomentPlan(def, &place, flags);
    virObjectLock(vm);
    g_clear_pointer(&def->parent.dom, virDomainDefFree);
    return rc;
}

static int
qbjMomentCreateCheck(virDomainObj *vm, const virDomainSnapshotDef *def, unsigned int flags)
{
    if (qbjMomentSettleCheck(vm) < 0)
        return -1;
    if (!(flags & VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE))
        return 0;
    if (virDomainObjGetState(vm, NULL) != VIR_DOMAIN_RUNNING) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("domain is not running"));
        return -1;
    }
    /* its file systems would be frozen for no longer than our own overlays need */
    if (qbjMomentPlanHasManual(def)) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, "%s",
                       _("VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE together with a disk of snapshot='manual'"));
        return -1;
    }
    return qbjDomainAgentCheck(vm, false);
}

/* Which bitmaps go on in the overlays is asked of QEMU, and must not be while a disk is being pulled
 * (protocol H3). An overlay that was there may have some of its own. */
static int
qbjMomentCreateCheckPulls(virDomainObj *vm, const GPtrArray *overlays, unsigned int flags)
{
    bool bitmaps = QBJ_DOMAIN_PRIVATE(vm)->status->mayHaveBitmaps || (flags & VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT);

    if (overlays->len == 0 || !bitmaps || !qbjEngineJobPulls(vm))
        return 0;
    virReportError(VIR_ERR_OPERATION_UNSUPPORTED, "%s",
                   _("a snapshot beside a pull is not supported while an image may have dirty bitmaps"));
    return -1;
}

/* --- the switch --- */

static int
qbjMomentCreateRecord(virDomainObj *vm)
{
    if (virDomainObjCheckActive(vm) < 0)
        return -1;
    return qbjDomainSaveStatus(vm);
}

/* An action that is alone is a command of its own, and a shorter one: QEMU reads its monitor byte by byte. */
static void
qbjMomentCreateCommand(virJSONValue *actions, qbjQmpCommand *command)
{
    virJSONValue *list = virJSONValueObjectGetArray(actions, "actions");
    virJSONValue *first = virJSONValueArrayGet(list, 0);
    bool alone = virJSONValueArraySize(list) == 1;

    command->execute = alone ? virJSONValueObjectGetString(first, "type") : "transaction";
    command->arguments = alone ? virJSONValueObjectGetObject(first, "data") : actions;
}

/* @unknown: QEMU has not answered, and may have done it. */
static int
qbjMomentCreateTransaction(virDomainObj *vm, virJSONValue *actions, bool *unknown)
{
    g_auto(qbjQmpCommand) command = { 0 };

    qbjMomentCreateCommand(actions, &command);

    if (virQbjFaultHit("moment-switch")) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("QEMU was not asked"));
        return -1;
    }
    if (qbjDomainQmpTry(vm, &command) < 0) {
        *unknown = true;
        return -1;
    }
    if (!command.failed)
        return 0;
    qbjQmpReportError(&command);
    return -1;
}

/* The guest is frozen for the transaction alone, and thawed whatever happens. */
static int
qbjMomentCreateFrozen(virDomainObj *vm, virJSONValue *actions, bool quiesce, bool *unknown)
{
    int frozen = quiesce ? qbjDomainFreezeBegin(vm) : 0;
    virErrorPtr reason = NULL;
    int rc;

    if (frozen < 0)
        return -1;
    rc = qbjMomentCreateTransaction(vm, actions, unknown);
    if (frozen == 0)
        return rc;
    virErrorPreserveLast(&reason);
    if (qbjDomainFreezeEnd(vm) < 0)
        VIR_WARN("Domain '%s' is to be thawed after a snapshot: %s", vm->def->name, virGetLastErrorMessage());
    virErrorRestore(&reason);
    return rc;
}

/* @actions: NULL for a snapshot of the memory alone, which is made by that word of its record. */
static int
qbjMomentCreateSwitch(virDomainObj *vm, virJSONValue *actions, unsigned int flags, bool *unknown)
{
    if (!actions && !qbjMomentSettleRecord(vm)->memory)
        return 0;
    if (flags & VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT)       /* whichever daemon goes forward */
        QBJ_DOMAIN_PRIVATE(vm)->status->mayHaveBitmaps = true;
    qbjMomentSettleRecord(vm)->switching = true;
    if (qbjMomentCreateRecord(vm) < 0) {
        if (qbjMomentSettleRecord(vm))
            qbjMomentSettleRecord(vm)->switching = false;
        return -1;
    }
    if (!actions)
        return 0;
    return qbjMomentCreateFrozen(vm, actions, flags & VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE, unknown);
}

static int
qbjMomentCreateFiles(virDomainObj *vm, virDomainSnapshotDef **def, qbjMomentFiles **files)
{
    return (*files = qbjMomentFilesBegin(vm, def)) ? qbjMomentFilesWrite(vm, *files) : -1;
}

/* What QEMU shall do is asked for before the memory is written: it knows of no bitmaps behind that. The files
 * are written while QEMU opens the overlays; beside the memory nothing is kept waiting. */
static int
qbjMomentCreateAll(virDomainObj *vm, virDomainSnapshotDef **def, GPtrArray *overlays, qbjMomentMemory *memory,
                   unsigned int flags, qbjMomentFiles **files, bool *unknown)
{
    bool manual = qbjMomentPlanHasManual(*def);
    g_autoptr(virJSONValue) actions = NULL;

    if (qbjMomentCreateRecord(vm) < 0 ||
        qbjMomentOverlaysBegin(vm, overlays) < 0 ||
        (!memory && qbjMomentCreateFiles(vm, def, files) < 0) ||
        qbjMomentOverlaysOpened(vm, overlays) < 0 ||
        (overlays->len > 0 && !(actions = qbjMomentOverlaysActions(vm, overlays))) ||
        qbjMomentMemoryWrite(vm, memory) < 0 ||
        (memory && qbjMomentCreateFiles(vm, def, files) < 0) ||
        qbjMomentFilesCommit(vm, *files, overlays) < 0 || virDomainObjCheckActive(vm) < 0 ||
        (manual && qbjVmSaveStreamStop(vm, VIR_DOMAIN_PAUSED_SNAPSHOT) < 0))      /* S2.14 */
        return -1;
    return qbjMomentCreateSwitch(vm, actions, flags, unknown);
}

/* --- the end --- */

static void
qbjMomentCreateFailed(virDomainObj *vm, bool unknown)
{
    qbjDomainOperationEnd(vm, false);
    /* QEMU that has ended is settled by its own event, at once or before */
    if (!qbjMomentSettleRecord(vm))
        return;
    qbjMomentSettleRecord(vm)->underWay = false;
    if (!virDomainObjIsActive(vm) || (!unknown && qbjMomentSettleBack(vm)))
        return;
    qbjDomainTimerStart(vm, NULL, 0, QBJ_MOMENT_AGAIN_MS);
}

/* The snapshot is made, and the operation has ended: only the guest is still to go on. */
static void
qbjMomentCreateLater(virDomainObj *vm)
{
    VIR_WARN("Domain '%s' stands still after a snapshot, tried again: %s", vm->def->name, virGetLastErrorMessage());
    virResetLastError();
    qbjDomainOperationEnd(vm, true);
    if (!qbjMomentSettleRecord(vm))
        return;
    qbjMomentSettleRecord(vm)->underWay = false;
    qbjDomainTimerStart(vm, NULL, 0, QBJ_MOMENT_AGAIN_MS);
}

/* The guest before all else. One that QEMU does not continue has the record until it does. */
static void
qbjMomentCreateDone(virDomainObj *vm, qbjMomentFiles *files, unsigned int flags)
{
    bool halt = flags & VIR_DOMAIN_SNAPSHOT_CREATE_HALT;

    if (!halt && qbjMomentSettleGuest(vm, false) < 0) {
        qbjMomentCreateLater(vm);
        return;
    }
    qbjDomainOperationEnd(vm, true);
    qbjMomentSettleForward(vm, qbjMomentFilesFormer(files));
    if (halt && virDomainObjIsActive(vm))
        qbjVmStop(vm, VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT, VIR_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT);
}

/* Who is to go on afterwards. */
static virQbjResume
qbjMomentCreateResume(virDomainObj *vm, const virDomainSnapshotDef *def)
{
    if (virDomainObjGetState(vm, NULL) != VIR_DOMAIN_RUNNING)
        return VIR_QBJ_RESUME_NO;
    if (qbjMomentPlanHasManual(def))
        return VIR_QBJ_RESUME_BACK;
    return def->memory == VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL ? VIR_QBJ_RESUME_ALWAYS : VIR_QBJ_RESUME_NO;
}

/* Nothing but files without a name has been made after it. */
static virQbjStatusSnapshot *
qbjMomentCreatePrepare(virDomainObj *vm, virDomainSnapshotDef *def, GPtrArray *overlays, unsigned int flags,
                       qbjMomentMemory **memory)
{
    bool metadata = !(flags & VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA);
    g_autoptr(virQbjStatusSnapshot) record = virQbjStatusSnapshotNew(metadata ? def->parent.name : NULL);
    g_autoptr(GPtrArray) paths = qbjMomentOverlaysPaths(overlays);

    if (qbjMomentCreateCheck(vm, def, flags) < 0 ||
        qbjMomentCreateCheckPulls(vm, overlays, flags) < 0 ||
        qbjMomentOverlaysCheck(vm, overlays) < 0 ||
        qbjMomentMemoryPlan(vm, def, paths, flags, record, memory) < 0 ||
        (*memory && qbjMomentListDefinitions(vm, def) < 0) ||
        (*memory && vm->def->cpu && !(def->cookie = virQbjCookieNew(vm->def->cpu))) ||
        qbjMomentOverlaysPlan(vm, overlays, record) < 0)
        return NULL;
    record->resume = qbjMomentCreateResume(vm, def);
    record->underWay = true;
    return g_steal_pointer(&record);
}

/* What only takes long with the memory is an operation that clients see. */
static void
qbjMomentCreateBegin(virDomainObj *vm, virQbjStatusSnapshot *record)
{
    QBJ_DOMAIN_PRIVATE(vm)->status->snapshot = record;
    if (!record->memory)
        return;
    qbjDomainOperationBegin(vm, VIR_DOMAIN_JOB_OPERATION_SNAPSHOT);
    record->memory->started = QBJ_DOMAIN_PRIVATE(vm)->operation->started;
}

int
qbjMomentCreate(virDomainObj *vm, virDomainSnapshotDef **def, unsigned int flags)
{
    g_autoptr(GPtrArray) overlays = qbjMomentOverlaysNew(*def, flags);
    virQbjStatusSnapshot *record;
    qbjMomentMemory *memory = NULL;
    qbjMomentFiles *files = NULL;
    bool unknown = false;
    int rc = -1;

    if ((record = qbjMomentCreatePrepare(vm, *def, overlays, flags, &memory))) {
        qbjMomentCreateBegin(vm, record);
        if ((rc = qbjMomentCreateAll(vm, def, overlays, memory, flags, &files, &unknown)) < 0)
            qbjMomentCreateFailed(vm, unknown);
        else
            qbjMomentCreateDone(vm, files, flags);
    }
    qbjMomentFilesFree(vm, files);
    qbjMomentMemoryFree(vm, memory);
    return rc;
}
