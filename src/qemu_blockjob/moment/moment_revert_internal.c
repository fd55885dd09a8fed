#include <config.h>

#include "internal.h"
#include "moment_apply_live.h"
#include "moment_internal.h"
#include "moment_list.h"
#include "moment_revert_parts.h"
#include "domain_notify.h"
#include "domain_save.h"
#include "engine_refuse.h"
#include "host_img.h"
#include "snapshot_conf.h"
#include "virdomainsnapshotobjlist.h"
#include "virerror.h"
#include "virlog.h"
#include "virqbjcookie.h"
#include "viruuid.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.moment_revert_internal");

/* --- what can be found out before anything changes --- */

/* QEMU takes a name for an id first. */
static int
qbjMomentRevertCheckId(const char *path, const qbjHostImgInfo *info, size_t at, const char *name)
{
    size_t i;

    for (i = 0; info->ids[i]; i++) {
        if (i == at || STRNEQ(info->ids[i], name))
            continue;
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                       _("the internal snapshot '%s' of image '%s' has the name that is the id of another one, '%s'"),
                       name, path, info->snapshots[i]);
        return -1;
    }
    return 0;
}

/* What is kept in the image meanwhile gets the next id, and QEMU is told the name. */
static int
qbjMomentRevertCheckNextId(const char *path, const qbjHostImgInfo *info, const char *name)
{
    g_autofree char *next = qbjHostImgNextId(info);

    if (STRNEQ(next, name))
        return 0;
    virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                   _("the internal snapshot '%s' of image '%s' has the name that is the id of the next one"), name, path);
    return -1;
}

/* @memory: QEMU is to load it. @state: whether it is in this image. */
static int
qbjMomentRevertCheckImage(virStorageSource *image, const char *name, bool memory, bool *state)
{
    g_auto(qbjHostImgInfo) info = { 0 };
    int at;

    if (qbjHostImgRead(image, &info) < 0 || (at = qbjHostImgFindSnapshot(image->path, &info, name)) < 0 ||
        qbjMomentRevertCheckId(image->path, &info, at, name) < 0 ||
        (memory && qbjMomentRevertCheckNextId(image->path, &info, name) < 0))
        return -1;
    *state = g_array_index(info.states, unsigned long long, at) > 0;
    return 0;
}

/* Without locks. @state: the number of the image with the memory, images->len: none has it. */
static int
qbjMomentRevertCheckImages(const GPtrArray *images, const char *name, bool memory, size_t *state)
{
    size_t i;

    *state = images->len;
    for (i = 0; i < images->len; i++) {
        bool has = false;

        if (qbjMomentRevertCheckImage(g_ptr_array_index(images, i), name, memory, &has) < 0)
            return -1;
        if (has && *state == images->len)
            *state = i;
    }
    return 0;
}

static int
qbjMomentRevertCheckState(const virDomainSnapshotDef *def, const GPtrArray *images, size_t state,
                          const qbjMomentRevertWork *work)
{
    if (images->len == 0) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("snapshot '%s' has no disk"), def->parent.name);
        return -1;
    }
    if (!work->memory || state < images->len)
        return 0;
    virReportError(VIR_ERR_OPERATION_FAILED, _("none of the images has the memory of the internal snapshot '%s'"),
                   def->parent.name);
    return -1;
}

/* --- the metadata --- */

/* @current: as that of the current snapshot. */
static qbjHostSave *
qbjMomentRevertPrepareNote(virDomainObj *vm, virDomainMomentObj *snap, bool current)
{
    g_autofree char *path = qbjMomentListPath(vm, snap->def->name);
    g_autofree char *text = qbjMomentListText(vm, virDomainSnapshotObjGetDef(snap), current);
    qbjHostSave *save;

    if (!text)
        return NULL;
    virObjectUnlock(vm);
    save = qbjHostSavePrepare(path, text, 0600);
    virObjectLock(vm);
    return save;
}

/* A folder that takes nothing is found while the guest still runs. */
static int
qbjMomentRevertPrepareNotes(virDomainObj *vm, virDomainMomentObj *snap, qbjMomentRevertWork *work)
{
    virDomainMomentObj *before = virDomainSnapshotGetCurrent(vm->snapshots);

    if (!(work->noted = qbjMomentRevertPrepareNote(vm, snap, true)))
        return -1;
    if (!before || before == snap)
        return 0;
    work->unmarked = qbjMomentRevertPrepareNote(vm, before, false);
    return work->unmarked ? 0 : -1;
}

/* What cannot be saved any more is by the record. */
static int
qbjMomentRevertCommitNotes(virDomainObj *vm, virDomainMomentObj *snap, qbjMomentRevertWork *work)
{
    bool renamed = false;
    int rc;

    virObjectUnlock(vm);
    rc = qbjHostSaveCommit(work->noted, &renamed);
    if (rc == 0 && work->unmarked)
        rc = qbjHostSaveCommit(work->unmarked, &renamed);
    virObjectLock(vm);
    if (rc < 0)
        qbjMomentListForceCurrent(vm, snap);
    else
        virDomainSnapshotSetCurrent(vm->snapshots, snap);
    return rc;
}

/* --- the revert --- */

/* Why it is what it is; a guest that boots has its own reason. */
static void
qbjMomentRevertReason(virDomainObj *vm)
{
    int state = virDomainObjGetState(vm, NULL);

    if (state == VIR_DOMAIN_RUNNING)
        virDomainObjSetState(vm, state, VIR_DOMAIN_RUNNING_FROM_SNAPSHOT);
    else if (state == VIR_DOMAIN_PAUSED)
        virDomainObjSetState(vm, state, VIR_DOMAIN_PAUSED_FROM_SNAPSHOT);
    qbjDomainSaveStatusOrWarn(vm);
}

/* Targets of the disks of @def that are internal, in the order of their images; NULL terminated, to be freed
 * with g_free(). */
static const char **
qbjMomentRevertTargets(const virDomainSnapshotDef *def)
{
    const char **targets = g_new0(const char *, def->ndisks + 1);
    size_t n = 0;
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        if (def->disks[i].snapshot == VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL)
            targets[n++] = def->disks[i].name;
    }
    return targets;
}

static int
qbjMomentRevertStartInternal(virDomainObj *vm, const virDomainSnapshotDef *def, const char *statePath, size_t state,
                             qbjMomentRevertWork *work, unsigned int flags)
{
    g_autofree const char **targets = qbjMomentRevertTargets(def);
    g_autofree char *cookie = NULL;
    qbjVmRestore restore = {
        .path = statePath,
        .revert = true,
        .running = work->to == QBJ_UNDO_TO_RUNNING,
        .suspended = VIR_DOMAIN_EVENT_SUSPENDED_FROM_SNAPSHOT,
        .fd = -1,
        .inside = def->parent.name,
        .disks = targets,
    };

    if (!work->memory)
        return qbjMomentRevertStart(vm, work, NULL, flags);
    if (def->cookie && !(cookie = virSaveCookieFormat(def->cookie, &virQbjCookieCallbacks)))
        return -1;
    restore.cookie = cookie;
    restore.state = targets[state];
    if (qbjMomentRevertStart(vm, work, &restore, flags) < 0)
        return -1;
    if (virDomainObjIsActive(vm))
        qbjMomentRevertReason(vm);
    return 0;
}

/* The definition goes back first: with the images of the moment it is right as well. A run that the daemon
 * has lost hold of goes on by itself. */
static void
qbjMomentRevertReturn(virDomainObj *vm, qbjMomentRevertWork *work, qbjMomentApply *apply)
{
    if (virDomainObjIsActive(vm))
        qbjMomentApplyAgain(vm, QBJ_MOMENT_APPLY_MAX_MS);
    else if (qbjMomentRevertBack(vm, work) == 0)
        qbjMomentApplyBack(vm, apply);
}

static int
qbjMomentRevertGoInternal(virDomainObj *vm, virDomainMomentObj *snap, qbjMomentApply *apply, size_t state,
                          qbjMomentRevertWork *work, unsigned int flags)
{
    const virDomainSnapshotDef *def = virDomainSnapshotObjGetDef(snap);
    const virStorageSource *image = state < apply->images->len ? g_ptr_array_index(apply->images, state) : NULL;

    if (qbjMomentApplyKeep(vm, apply) < 0 || qbjMomentRevertEnd(vm) < 0 || qbjMomentApplyAll(vm, apply) < 0)
        return -1;
    if (qbjMomentRevertDecide(vm, work) < 0) {
        qbjMomentApplyBack(vm, apply);
        return -1;
    }
    if (qbjMomentRevertStartInternal(vm, def, image ? image->path : NULL, state, work, flags) < 0) {
        qbjMomentRevertReturn(vm, work, apply);
        return -1;
    }
    if (vm->persistent)
        qbjDomainNotifyLifecycle(vm, VIR_DOMAIN_EVENT_DEFINED, VIR_DOMAIN_EVENT_DEFINED_FROM_SNAPSHOT);
    if (qbjMomentRevertCommitNotes(vm, snap, work) == 0)
        qbjMomentApplyDone(vm, apply);
    else
        qbjMomentApplyFollow(vm, apply);
    return 0;
}

/* No file is to follow the text of a transient domain. */
static int
qbjMomentRevertTexts(virDomainObj *vm, const qbjMomentRevertWork *work, qbjMomentApply *apply)
{
    char uuid[VIR_UUID_STRING_BUFLEN];

    if (work->text) {
        apply->after = g_strdup(work->text);
        return (apply->before = qbjDomainConfigText(vm, work->before)) ? 0 : -1;
    }
    virUUIDFormat(vm->def->uuid, uuid);
    apply->before = g_strdup(uuid);
    apply->after = g_strdup(uuid);
    return 0;
}

int
qbjMomentRevertInternal(virDomainObj *vm, virDomainMomentObj *snap, unsigned int flags, qbjMomentRevertWork *work)
{
    virDomainSnapshotDef *def = virDomainSnapshotObjGetDef(snap);
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autoptr(qbjMomentApply) apply = NULL;
    g_autoptr(GPtrArray) images = NULL;
    size_t state = 0;
    int rc;

    work->to = qbjUndoRevertTo(def, flags);
    work->memory = def->memory == VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL && work->to != QBJ_UNDO_TO_SHUTOFF;
    if (!(work->view = qbjMomentUndoNew(vm, true)))
        return -1;
    if (qbjUndoCheckTransient(&work->view->undo, def, flags, &refusal) < 0)
        return qbjEngineRefuse(&refusal);
    if (!(images = qbjMomentInternalImages(work->view, def)))
        return -1;
    virObjectUnlock(vm);
    rc = qbjMomentRevertCheckImages(images, def->parent.name, work->memory, &state);
    virObjectLock(vm);
    if (rc < 0 || qbjMomentRevertCheckState(def, images, state, work) < 0 ||
        qbjMomentRevertDefine(vm, snap, work) < 0 || qbjMomentRevertMay(vm, work) < 0 ||
        qbjMomentRevertPrepareNotes(vm, snap, work) < 0 || qbjMomentApplyCheckLeft(vm, true) < 0)
        return -1;
    apply = qbjMomentApplyNew(def->parent.name, images);
    if (qbjMomentRevertTexts(vm, work, apply) < 0)
        return -1;
    return qbjMomentRevertGoInternal(vm, snap, apply, state, work, flags);
}
