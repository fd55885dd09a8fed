#include <config.h>

#include "internal.h"
#include "moment_settle.h"
#include "moment_list.h"
#include "moment_memory.h"
#include "engine_change.h"
#include "engine_phase.h"
#include "engine_query.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "host_label.h"
#include "spec_parts.h"
#include "virerror.h"
#include "virlog.h"
#include "vm_savestream.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.moment_settle");

virQbjStatusSnapshot *
qbjMomentSettleRecord(virDomainObj *vm)
{
    virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;

    return status ? status->snapshot : NULL;
}

int
qbjMomentSettleCheck(virDomainObj *vm)
{
    const virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;

    if (qbjDomainCheckRead(vm) < 0)
        return -1;
    if (!status->snapshot && !status->inside && !status->save)
        return 0;
    virReportError(VIR_ERR_OPERATION_INVALID, "%s",
                   _("an earlier snapshot or save of the domain is still being taken back"));
    return -1;
}

/* The snapshot is made: with the record in the file a later daemon would come to the same, so nobody waits
 * for the save. */
static void
qbjMomentSettleMade(virDomainObj *vm)
{
    g_clear_pointer(&QBJ_DOMAIN_PRIVATE(vm)->status->snapshot, virQbjStatusSnapshotFree);
    if (virDomainObjIsActive(vm) && !QBJ_DOMAIN_PRIVATE(vm)->stopping)
        qbjDomainSaveStatusSoon(vm);
}

/* It is taken back: another daemon would do so once more, whatever has its names by then. */
static void
qbjMomentSettleDrop(virDomainObj *vm)
{
    g_clear_pointer(&QBJ_DOMAIN_PRIVATE(vm)->status->snapshot, virQbjStatusSnapshotFree);
    if (virDomainObjIsActive(vm) && !QBJ_DOMAIN_PRIVATE(vm)->stopping)
        qbjDomainSaveStatusOrWarn(vm);
}

/* --- images --- */

char *
qbjMomentSettleDiskText(virDomainObj *vm, virStorageSource *image, const char *target)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;

    virBufferAsprintf(&buf, "<disk type='%s' device='disk'>\n", virStorageTypeToString(image->type));
    virBufferAdjustIndent(&buf, 2);
    virBufferAsprintf(&buf, "<driver name='qemu' type='%s'/>\n", virStorageFileFormatTypeToString(image->format));
    if (virDomainDiskSourceFormat(&buf, image, "source", 0, true, QBJ_STATUS_FORMAT_FLAGS, false, false,
                                  QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt) < 0)
        return NULL;
    virBufferEscapeString(&buf, "<target dev='%s'/>\n", target);
    virBufferAdjustIndent(&buf, -2);
    virBufferAddLit(&buf, "</disk>");
    return virBufferContentAndReset(&buf);
}

/* The overlay, as the record says; NULL with an error reported. A new object. */
static virStorageSource *
qbjMomentSettleImage(virDomainObj *vm, const virQbjStatusOverlay *overlay)
{
    virStorageSource *image = virDomainDiskDefParseSource(overlay->disk, QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt,
                                                          QBJ_STATUS_PARSE_FLAGS);

    if (!image)
        return NULL;
    g_clear_pointer(&image->backingStore, virObjectUnref);
    return image;
}

/* A lower image is only read. */
static void
qbjMomentSettleLower(virDomainObj *vm, virDomainDiskDef *disk, virStorageSource *old)
{
    g_autoptr(qbjImage) image = qbjSpecImage(old);

    old->readonly = true;
    if (qbjHostLabelImage(QBJ_DOMAIN_PRIVATE(vm)->driver->security, vm->def, image, QBJ_ACCESS_RO, false,
                          disk->src) < 0)
        VIR_WARN("Domain '%s' keeps its rights on image '%s': %s", vm->def->name, NULLSTR(old->path),
                 virGetLastErrorMessage());
}

static void
qbjMomentSettleDisk(virDomainObj *vm, const virQbjStatusOverlay *overlay)
{
    virDomainDiskDef *disk = virDomainDiskByTarget(vm->def, overlay->spec->disk);
    virStorageSource *image;

    if (!disk || STRNEQ_NULLABLE(disk->src->nodeformat, overlay->spec->rootOld))
        return;
    if (!(image = qbjMomentSettleImage(vm, overlay))) {
        VIR_ERROR("Domain '%s': the snapshot of disk '%s' is in force, but its image cannot be named: %s",
                  vm->def->name, disk->dst, virGetLastErrorMessage());
        return;
    }
    image->backingStore = disk->src;
    disk->src = image;
    qbjMomentSettleLower(vm, disk, image->backingStore);
}

/* --- the persistent definition --- */

static int
qbjMomentSettlePersistentDisk(virDomainObj *vm, virDomainDef *def, const virQbjStatusOverlay *overlay, bool *changed)
{
    virDomainDiskDef *live = virDomainDiskByTarget(vm->def, overlay->spec->disk);
    virDomainDiskDef *disk = virDomainDiskByTarget(def, overlay->spec->disk);
    g_autoptr(virStorageSource) image = NULL;
    virStorageSource *copy;

    if (!live || !disk || !virStorageSourceIsSameLocation(disk->src, live->src))
        return 0;
    if (!(image = qbjMomentSettleImage(vm, overlay)))
        return -1;
    copy = qbjEngineChangeInactiveCopy(image, image);
    copy->readonly = disk->src->readonly;
    copy->backingStore = disk->src;
    disk->src = copy;
    *changed = true;
    return 0;
}

int
qbjMomentSettlePersistent(virDomainObj *vm, virDomainDef **newDef)
{
    const virQbjStatusSnapshot *record = qbjMomentSettleRecord(vm);
    g_autoptr(virDomainDef) def = NULL;
    bool changed = false;
    size_t i;

    if (!vm->newDef)
        return 0;
    if (!(def = virDomainDefCopy(vm->newDef, QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt, NULL, false)))
        return -1;
    for (i = 0; i < record->overlays->len; i++) {
        if (qbjMomentSettlePersistentDisk(vm, def, g_ptr_array_index(record->overlays, i), &changed) < 0)
            return -1;
    }
    if (changed)
        *newDef = g_steal_pointer(&def);
    return 0;
}

/* Takes overlays of the record off again. Returns 0; -1 with an error reported: it is not saved. */
static int
qbjMomentSettlePersistentBack(virDomainObj *vm, const virQbjStatusSnapshot *record)
{
    virDomainXMLOption *xmlopt = QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt;
    g_autoptr(virDomainDef) def = vm->newDef ? virDomainDefCopy(vm->newDef, xmlopt, NULL, false) : NULL;
    bool changed = false;
    size_t i;

    if (!vm->newDef)
        return 0;
    for (i = 0; def && i < record->overlays->len; i++) {
        const virQbjStatusOverlay *overlay = g_ptr_array_index(record->overlays, i);
        virDomainDiskDef *disk = virDomainDiskByTarget(def, overlay->spec->disk);
        g_autoptr(virStorageSource) image = disk ? qbjMomentSettleImage(vm, overlay) : NULL;
        virStorageSource *old;

        if (!image || !virStorageSourceIsSameLocation(disk->src, image) ||
            !virStorageSourceIsBacking(disk->src->backingStore))
            continue;
        old = g_steal_pointer(&disk->src->backingStore);
        old->readonly = disk->src->readonly;        /* lower images are read with it set */
        virObjectUnref(disk->src);
        disk->src = old;
        changed = true;
    }
    if (!def || (changed && qbjDomainSaveConfig(vm, def) < 0))
        return -1;
    if (changed) {
        virDomainDefFree(vm->newDef);
        vm->newDef = g_steal_pointer(&def);
    }
    return 0;
}

/* --- the metadata --- */

/* Whoever was the current one before has its mark in its file still. */
static int
qbjMomentSettleMetadataBack(virDomainObj *vm, const char *name)
{
    virDomainMomentObj *snap = name ? virDomainSnapshotFindByName(vm->snapshots, name) : NULL;
    bool current = snap && snap == virDomainSnapshotGetCurrent(vm->snapshots);
    g_autofree char *parent = snap ? g_strdup(snap->def->parent_name) : NULL;

    if (!snap)
        return 0;
    if (qbjMomentListRemove(vm, snap) < 0)
        return -1;
    if (current)
        virDomainSnapshotSetCurrent(vm->snapshots, parent ? virDomainSnapshotFindByName(vm->snapshots, parent) : NULL);
    return 0;
}

/* The file was written with the mark, before QEMU switched. */
static void
qbjMomentSettleMetadataForward(virDomainObj *vm, const char *name, qbjHostSave *former)
{
    virDomainMomentObj *snap = name ? virDomainSnapshotFindByName(vm->snapshots, name) : NULL;

    if (!snap || qbjMomentListTakeCurrent(vm, snap, former) == 0)
        return;
    VIR_WARN("Domain '%s': the mark of the current snapshot cannot be saved: %s", vm->def->name,
             virGetLastErrorMessage());
    qbjMomentListForceCurrent(vm, snap);
}

/* --- the guest --- */

/* Nobody else can have stopped it under our job; its disks or its watchdog have reasons of their own. A guest
 * that runs may have been stopped by QEMU, which has not told it yet. */
static bool
qbjMomentSettleStandsStill(virDomainObj *vm)
{
    int why;
    int state = virDomainObjGetState(vm, &why);

    return state == VIR_DOMAIN_RUNNING ||
           (state == VIR_DOMAIN_PAUSED && (why == VIR_DOMAIN_PAUSED_SNAPSHOT || why == VIR_DOMAIN_PAUSED_UNKNOWN));
}

int
qbjMomentSettleGoOn(virDomainObj *vm, bool running)
{
    qbjDomainQueueDrain(vm);
    if (!running || virDomainObjGetState(vm, NULL) != VIR_DOMAIN_PAUSED || !qbjMomentSettleStandsStill(vm))
        return 0;
    return qbjVmSaveStreamGoOn(vm, VIR_DOMAIN_RUNNING_UNPAUSED);
}

int
qbjMomentSettleGuest(virDomainObj *vm, bool back)
{
    virQbjStatusSnapshot *record = qbjMomentSettleRecord(vm);

    if (record && record->memory && back && qbjVmSaveStreamCancel(vm) < 0)
        return -1;
    if (!(record = qbjMomentSettleRecord(vm)) || record->resume == VIR_QBJ_RESUME_NO ||
        (record->resume == VIR_QBJ_RESUME_BACK && !back))
        return 0;
    if (qbjMomentSettleStandsStill(vm) && qbjVmSaveStreamGoOn(vm, VIR_DOMAIN_RUNNING_UNPAUSED) < 0)
        return -1;
    if ((record = qbjMomentSettleRecord(vm)))
        record->resume = VIR_QBJ_RESUME_NO;
    return 0;
}

/* The files of the memory, as the record says. */
static void
qbjMomentSettleMemory(virDomainObj *vm, bool back)
{
    const virQbjStatusSnapshot *record = qbjMomentSettleRecord(vm);

    if (record && record->memory && back)
        qbjMomentMemoryTakeBack(vm, record->memory);
    else if (record && record->memory)
        qbjMomentMemoryKeep(vm, record->memory);
}

/* QEMU has let go of the images when it had written the memory, and takes them back when the guest goes on.
 * One that does not is to have its images all the same, for block jobs. */
static void
qbjMomentSettleImages(virDomainObj *vm)
{
    const virQbjStatusSnapshot *record = qbjMomentSettleRecord(vm);

    if (record && record->memory && virDomainObjIsActive(vm) && !QBJ_DOMAIN_PRIVATE(vm)->stopping &&
        virDomainObjGetState(vm, NULL) == VIR_DOMAIN_PAUSED)
        qbjVmSaveStreamActivate(vm);
}

/* --- forward and back --- */

void
qbjMomentSettleForward(virDomainObj *vm, qbjHostSave *former)
{
    const virQbjStatusSnapshot *record = qbjMomentSettleRecord(vm);
    g_autofree char *name = NULL;
    virErrorPtr reason;
    size_t i;

    if (!record)
        return;
    virErrorPreserveLast(&reason);
    name = g_strdup(record->name);
    for (i = 0; i < record->overlays->len; i++)
        qbjMomentSettleDisk(vm, g_ptr_array_index(record->overlays, i));
    qbjMomentSettleImages(vm);
    qbjMomentSettleMemory(vm, false);
    if (!qbjMomentSettleRecord(vm))
        return;
    qbjMomentSettleMade(vm);
    qbjMomentSettleMetadataForward(vm, name, former);
    virErrorRestore(&reason);
}

/* From now on a later daemon goes back, too, whatever has become of QEMU. */
static int
qbjMomentSettleTurn(virDomainObj *vm, virQbjStatusSnapshot *record)
{
    if (!record->switching)
        return 0;
    record->switching = false;
    if (!virDomainObjIsActive(vm) || qbjDomainSaveStatus(vm) == 0)
        return 0;
    record->switching = true;
    return -1;
}

/* The record may go away with the VM while the lock is dropped. */
static int
qbjMomentSettleUndo(virDomainObj *vm, qbjPhaseRun run)
{
    size_t i = qbjMomentSettleRecord(vm) ? qbjMomentSettleRecord(vm)->overlays->len : 0;
    int rc = 0;

    for (; i > 0 && qbjMomentSettleRecord(vm); i--) {
        const virQbjStatusOverlay *overlay = g_ptr_array_index(qbjMomentSettleRecord(vm)->overlays, i - 1);
        virQbjJob job = { .spec = overlay->spec, .targetFd = -1 };

        if (qbjEnginePhaseUndo(vm, &job, run) < 0)
            rc = -1;
    }
    return rc;
}

/* The guest first: no disk, nor anything else that may hang, is waited for while it stands still. */
static bool
qbjMomentSettleTryBack(virDomainObj *vm, qbjPhaseRun run)
{
    virQbjStatusSnapshot *record = qbjMomentSettleRecord(vm);
    g_autofree char *name = record ? g_strdup(record->name) : NULL;

    if (!record)
        return true;
    if (qbjMomentSettleTurn(vm, record) < 0 || (run == QBJ_PHASE_RUN_ALL && qbjMomentSettleGuest(vm, true) < 0))
        return false;
    if (!qbjMomentSettleRecord(vm))
        return true;
    if (qbjMomentSettleMetadataBack(vm, name) < 0 || !(record = qbjMomentSettleRecord(vm)) ||
        qbjMomentSettlePersistentBack(vm, record) < 0 || qbjMomentSettleUndo(vm, run) < 0)
        return !qbjMomentSettleRecord(vm);
    qbjMomentSettleImages(vm);
    qbjMomentSettleMemory(vm, true);
    if (qbjMomentSettleRecord(vm))
        qbjMomentSettleDrop(vm);
    return true;
}

static bool
qbjMomentSettleBackAs(virDomainObj *vm, qbjPhaseRun run)
{
    virErrorPtr reason;
    bool done;

    virErrorPreserveLast(&reason);
    if (!(done = qbjMomentSettleTryBack(vm, run)))
        VIR_WARN("Domain '%s': a snapshot that failed cannot be taken back, tried again: %s", vm->def->name,
                 virGetLastErrorMessage());
    virErrorRestore(&reason);
    return done;
}

bool
qbjMomentSettleBack(virDomainObj *vm)
{
    return qbjMomentSettleBackAs(vm, QBJ_PHASE_RUN_ALL);
}

/* --- others than the call --- */

/* One for all: QEMU does all of it or nothing. */
static int
qbjMomentSettleAsk(virDomainObj *vm, bool *isNew)
{
    const virQbjStatusOverlay *overlay = g_ptr_array_index(qbjMomentSettleRecord(vm)->overlays, 0);
    g_autofree char *rootNew = g_strdup(overlay->spec->rootNew);
    virQbjJob job = { .spec = overlay->spec, .targetFd = -1 };
    g_auto(qbjEngineAnswer) answer = { 0 };
    g_autofree char *root = NULL;

    if (qbjEngineQueryRoot(vm, &job, NULL, &answer, &root) < 0)
        return -1;
    *isNew = STREQ_NULLABLE(root, rootNew);
    return 0;
}

int
qbjMomentSettleResume(virDomainObj *vm)
{
    const virQbjStatusSnapshot *record = qbjMomentSettleRecord(vm);
    bool isNew = record && record->switching;

    if (!record || record->underWay)
        return 0;
    if (isNew && record->overlays->len > 0 && qbjMomentSettleAsk(vm, &isNew) < 0)
        return -1;
    if (!qbjMomentSettleRecord(vm))
        return 0;
    if (isNew && qbjMomentSettleGuest(vm, false) < 0)
        return -1;
    if (isNew) {
        qbjMomentSettleForward(vm, NULL);
        return 0;
    }
    if (qbjMomentSettleBack(vm))
        return 0;
    virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("a snapshot that failed cannot be taken back"));
    return -1;
}

bool
qbjMomentSettleGone(virDomainObj *vm)
{
    if (!qbjMomentSettleRecord(vm))
        return true;
    if (!qbjMomentSettleRecord(vm)->switching)
        return qbjMomentSettleBackAs(vm, QBJ_PHASE_RUN_HOST);
    qbjMomentSettleForward(vm, NULL);
    return true;
}
