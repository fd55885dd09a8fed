#include <config.h>

#include "internal.h"
#include "moment_inside.h"
#include "moment_internal.h"
#include "moment_list.h"
#include "moment_settle.h"
#include "moment_undo.h"
#include "domain_operation.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "host_img.h"
#include "storage_file/storage_source.h"
#include "virerror.h"
#include "virlog.h"
#include "virqbjcookie.h"
#include "virqbjfault.h"
#include "vm_inside.h"
#include "vm_savestream.h"
#include "vm_stop.h"

#define VIR_FROM_THIS VIR_FROM_DOMAIN_SNAPSHOT
VIR_LOG_INIT("qbj.moment_inside");

#define QBJ_MOMENT_INSIDE_AGAIN_MS 1000

static virQbjStatusInside *
qbjMomentInsideRecord(virDomainObj *vm)
{
    virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;

    return status ? status->inside : NULL;
}

static void
qbjMomentInsideDrop(virDomainObj *vm)
{
    g_clear_pointer(&QBJ_DOMAIN_PRIVATE(vm)->status->inside, virQbjStatusInsideFree);
    if (virDomainObjIsActive(vm) && !QBJ_DOMAIN_PRIVATE(vm)->stopping)
        qbjDomainSaveStatusOrWarn(vm);
}

/* --- the guest --- */

/* The record may go away with QEMU. */
static int
qbjMomentInsideGoOn(virDomainObj *vm)
{
    const virQbjStatusInside *record = qbjMomentInsideRecord(vm);

    return qbjMomentSettleGoOn(vm, record && record->running);
}

/* --- back --- */

static int
qbjMomentInsideForget(virDomainObj *vm)
{
    const virQbjStatusInside *record = qbjMomentInsideRecord(vm);
    virDomainMomentObj *snap = record && record->metadata ?
        virDomainSnapshotFindByName(vm->snapshots, record->name) : NULL;
    g_autofree char *parent = snap ? g_strdup(snap->def->parent_name) : NULL;

    if (!snap)
        return 0;
    if (qbjMomentListRemove(vm, snap) < 0)
        return -1;
    virDomainSnapshotSetCurrent(vm->snapshots, parent ? virDomainSnapshotFindByName(vm->snapshots, parent) : NULL);
    return 0;
}

/* The guest first: it is not to wait for the rest. The record may go away with QEMU while the lock is
 * dropped. */
static int
qbjMomentInsideTryBack(virDomainObj *vm)
{
    virQbjStatusInside *record = qbjMomentInsideRecord(vm);
    g_autofree char *name = g_strdup(record->name);
    g_auto(GStrv) nodes = g_strdupv(record->nodes);

    if (qbjVmInsideAwait(vm, QBJ_VM_INSIDE_SAVE) < 0 || !qbjMomentInsideRecord(vm) || qbjMomentInsideGoOn(vm) < 0 ||
        qbjVmInsideRun(vm, QBJ_VM_INSIDE_DELETE, name, (const char *const *) nodes, NULL) < 0 ||
        !qbjMomentInsideRecord(vm) || qbjMomentInsideForget(vm) < 0)
        return -1;
    if (qbjMomentInsideRecord(vm))
        qbjMomentInsideDrop(vm);
    return 0;
}

/* The error that led here stays. */
static int
qbjMomentInsideBack(virDomainObj *vm)
{
    virErrorPtr reason;
    int rc = 0;

    virErrorPreserveLast(&reason);
    if (qbjMomentInsideRecord(vm) && (rc = qbjMomentInsideTryBack(vm)) < 0)
        VIR_WARN("Domain '%s': an internal snapshot that failed cannot be taken back, tried again: %s", vm->def->name,
                 virGetLastErrorMessage());
    virErrorRestore(&reason);
    return rc;
}

/* --- create --- */

/* Of the memory of the guest, beside its disks. */
static int
qbjMomentInsideCheckGuest(virDomainObj *vm)
{
    int state = virDomainObjGetState(vm, NULL);

    if (state != VIR_DOMAIN_RUNNING && state != VIR_DOMAIN_PAUSED) {
        virReportError(VIR_ERR_OPERATION_INVALID, _("a snapshot with the memory of a guest that is %s"),
                       virDomainStateTypeToString(state));
        return -1;
    }
    if (virDomainDefHasOldStyleUEFI(vm->def)) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, "%s",
                       _("an internal snapshot of a running domain with firmware in flash memory is not supported"));
        return -1;
    }
    return qbjVmSaveStreamCheck(vm);
}

static int
qbjMomentInsideCheck(virDomainObj *vm, const GPtrArray *images)
{
    if (qbjMomentSettleCheck(vm) < 0)
        return -1;
    if (images->len == 0) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s",
                       _("no disk of the domain has an image that could hold the memory of the guest"));
        return -1;
    }
    return qbjMomentInsideCheckGuest(vm);
}

static virQbjStatusInside *
qbjMomentInsideNew(virDomainObj *vm, const GPtrArray *images, const char *name, unsigned int flags)
{
    char **nodes = qbjMomentInternalNodes(images);
    virQbjStatusInside *record;

    if (!nodes)
        return NULL;
    record = virQbjStatusInsideNew(name, nodes);
    record->metadata = !(flags & VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA);
    record->running = virDomainObjGetState(vm, NULL) == VIR_DOMAIN_RUNNING;
    record->underWay = true;
    return record;
}

static int
qbjMomentInsideWrite(virDomainObj *vm, const char *name, const char *const *nodes)
{
    if (qbjDomainSaveStatus(vm) < 0 || qbjVmSaveStreamStop(vm, VIR_DOMAIN_PAUSED_SNAPSHOT) < 0 ||
        qbjDomainOperationCheck(vm) < 0)
        return -1;
    if (virQbjFaultHit("moment-switch")) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("QEMU was not asked"));
        return -1;
    }
    if (qbjVmInsideRun(vm, QBJ_VM_INSIDE_SAVE, name, nodes, nodes[0]) < 0)
        return -1;
    return qbjDomainOperationCheck(vm);         /* QEMU did not listen while it wrote */
}

/* A guest that QEMU does not continue has the record until it does. Without metadata there is no record that
 * says that the snapshot is made. */
static void
qbjMomentInsideLater(virDomainObj *vm)
{
    virQbjStatusInside *record = qbjMomentInsideRecord(vm);

    if (record && !record->metadata) {
        qbjMomentInsideDrop(vm);
    } else if (record) {
        record->underWay = false;
        qbjDomainTimerStart(vm, NULL, 0, QBJ_MOMENT_INSIDE_AGAIN_MS);
    }
}

/* A guest that cannot go on has its snapshot all the same; HALT is its end. */
static int
qbjMomentInsideAll(virDomainObj *vm, virDomainSnapshotDef **def, const char *const *nodes, qbjMomentFiles *files,
                   unsigned int flags)
{
    bool halt = flags & VIR_DOMAIN_SNAPSHOT_CREATE_HALT;
    bool goesOn = true;

    if (qbjMomentInsideWrite(vm, (*def)->parent.name, nodes) < 0)
        return -1;
    if (!halt && qbjMomentInsideGoOn(vm) < 0) {
        goesOn = false;
        VIR_WARN("Domain '%s' stays paused after a snapshot: %s", vm->def->name, virGetLastErrorMessage());
        virResetLastError();
    }
    if (virDomainObjCheckActive(vm) < 0 || (files && qbjMomentInternalAdd(vm, def, files) < 0))
        return -1;
    if (!goesOn)
        qbjMomentInsideLater(vm);
    else if (qbjMomentInsideRecord(vm))
        qbjMomentInsideDrop(vm);
    if (halt)
        qbjVmStop(vm, VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT, VIR_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT);
    return 0;
}

/* QEMU that has ended is settled by its own event. */
static void
qbjMomentInsideFailed(virDomainObj *vm)
{
    if (qbjMomentInsideRecord(vm))
        qbjMomentInsideRecord(vm)->underWay = false;
    if (virDomainObjIsActive(vm) && qbjMomentInsideBack(vm) < 0 && virDomainObjIsActive(vm))
        qbjDomainTimerStart(vm, NULL, 0, QBJ_MOMENT_INSIDE_AGAIN_MS);
}

/* @record is taken over. */
static int
qbjMomentInsideMake(virDomainObj *vm, virQbjStatusInside *record, virDomainSnapshotDef **def, qbjMomentFiles *files,
                    unsigned int flags)
{
    g_auto(GStrv) nodes = g_strdupv(record->nodes);
    int rc;

    QBJ_DOMAIN_PRIVATE(vm)->status->inside = record;
    qbjDomainOperationBegin(vm, VIR_DOMAIN_JOB_OPERATION_SNAPSHOT);
    rc = qbjMomentInsideAll(vm, def, (const char *const *) nodes, files, flags);
    qbjDomainOperationEnd(vm, rc == 0);
    if (rc < 0)
        qbjMomentInsideFailed(vm);
    return rc;
}

/* The metadata are written beside their place while QEMU writes the memory. */
int
qbjMomentInsideCreate(virDomainObj *vm, virDomainSnapshotDef **def, unsigned int flags)
{
    bool metadata = !(flags & VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA);
    g_autoptr(qbjMomentUndo) view = qbjMomentUndoNew(vm, true);
    g_autoptr(virQbjStatusInside) record = NULL;
    g_autoptr(GPtrArray) images = NULL;
    qbjMomentFiles *files = NULL;
    int rc;

    if (!view || !(images = qbjMomentInternalImages(view, *def)) || qbjMomentInsideCheck(vm, images) < 0 ||
        (vm->def->cpu && !((*def)->cookie = virQbjCookieNew(vm->def->cpu))))
        return -1;
    virObjectUnlock(vm);
    rc = qbjMomentInternalCheckFree(images, (*def)->parent.name);
    virObjectLock(vm);
    if (rc < 0 || virDomainObjCheckActive(vm) < 0 ||
        !(record = qbjMomentInsideNew(vm, images, (*def)->parent.name, flags)) ||
        (metadata && !(files = qbjMomentFilesBeginMetadata(vm, *def))))
        return -1;
    rc = qbjMomentInsideMake(vm, g_steal_pointer(&record), def, files, flags);
    qbjMomentFilesFree(vm, files);
    return rc;
}

/* --- others than the call --- */

static bool
qbjMomentInsideIsMade(virDomainObj *vm, const virQbjStatusInside *record)
{
    return record->metadata && virDomainSnapshotFindByName(vm->snapshots, record->name);
}

int
qbjMomentInsideResume(virDomainObj *vm)
{
    const virQbjStatusInside *record = qbjMomentInsideRecord(vm);

    if (!record || record->underWay)
        return 0;
    if (!qbjMomentInsideIsMade(vm, record)) {
        if (qbjMomentInsideBack(vm) == 0)
            return 0;
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("a snapshot that failed cannot be taken back"));
        return -1;
    }
    if (qbjMomentInsideGoOn(vm) < 0)
        return -1;
    if (qbjMomentInsideRecord(vm))
        qbjMomentInsideDrop(vm);
    return 0;
}

/* The images with the record's nodes, each with a reference. */
static GPtrArray *
qbjMomentInsideImages(virDomainObj *vm, const virQbjStatusInside *record)
{
    GPtrArray *images = g_ptr_array_new_with_free_func(virObjectUnref);
    size_t i;

    for (i = 0; i < vm->def->ndisks; i++) {
        virStorageSource *src = vm->def->disks[i]->src;

        if (src->nodeformat && g_strv_contains((const char *const *) record->nodes, src->nodeformat))
            g_ptr_array_add(images, virObjectRef(src));
    }
    return images;
}

void
qbjMomentInsideGone(virDomainObj *vm)
{
    const virQbjStatusInside *record = qbjMomentInsideRecord(vm);
    g_autoptr(GPtrArray) images = NULL;
    g_autofree char *name = NULL;

    if (!record || qbjMomentInsideIsMade(vm, record))
        return;
    images = qbjMomentInsideImages(vm, record);
    name = g_strdup(record->name);
    virObjectUnlock(vm);
    if (qbjMomentInternalRemove(images, name) < 0) {
        VIR_WARN("Domain '%s': the data of an internal snapshot '%s' that failed may stay: %s", vm->def->name, name,
                 virGetLastErrorMessage());
        virResetLastError();
    }
    virObjectLock(vm);
}
