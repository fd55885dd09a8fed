#include <config.h>

#include <unistd.h>

#include "internal.h"
#include "moment_apply.h"
#include "moment_apply_live.h"
#include "moment_list.h"
#include "domain_save.h"
#include "host_img.h"
#include "host_save.h"
#include "host_sync.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "viruuid.h"
#include "vm_stop.h"

#define VIR_FROM_THIS VIR_FROM_DOMAIN_SNAPSHOT
VIR_LOG_INIT("qbj.moment_apply");

#define QBJ_MOMENT_APPLY_SYNC_MS 60000
#define QBJ_MOMENT_APPLY_CONFIG_MAX (16 * 1024 * 1024)
#define QBJ_MOMENT_APPLY_PARSE \
    (VIR_DOMAIN_DEF_PARSE_INACTIVE | VIR_DOMAIN_DEF_PARSE_SKIP_VALIDATE | \
     VIR_DOMAIN_DEF_PARSE_ALLOW_POST_PARSE_FAIL)

char *
qbjMomentApplyPath(virDomainObj *vm)
{
    g_autofree char *folder = qbjMomentListFolder(vm);

    return folder ? g_strdup_printf("%s/applying.json", folder) : NULL;
}

/* --- images, without locks --- */

static bool
qbjMomentApplyHas(const qbjHostImgInfo *info, const char *name)
{
    return info->snapshots && g_strv_contains((const char *const *) info->snapshots, name);
}

static int
qbjMomentApplyKeepOff(const qbjMomentApply *apply)
{
    size_t i;

    for (i = 0; i < apply->images->len; i++) {
        if (qbjHostImgSnapshot(g_ptr_array_index(apply->images, i), "-c", apply->keep) < 0)
            return -1;
    }
    return 0;
}

/* 20/B28: what they say would not fit what the image holds then, and nobody puts one with bitmaps back. */
static int
qbjMomentApplyDropBitmaps(virStorageSource *image, const qbjHostImgInfo *info)
{
    if (!info->bitmaps)
        return 0;
    VIR_WARN("the %u dirty bitmaps of '%s' are removed: it goes back to a snapshot", info->bitmaps->len, image->path);
    return qbjHostImgRemoveBitmaps(image, info);
}

static int
qbjMomentApplyGo(const qbjMomentApply *apply)
{
    size_t i;

    for (i = 0; i < apply->images->len; i++) {
        virStorageSource *image = g_ptr_array_index(apply->images, i);
        g_auto(qbjHostImgInfo) info = { 0 };

        if (qbjHostImgRead(image, &info) < 0 || qbjMomentApplyDropBitmaps(image, &info) < 0 ||
            qbjHostImgApply(image, &info, apply->name) < 0 ||
            qbjHostSyncWithin(image->path, QBJ_MOMENT_APPLY_SYNC_MS) < 0)
            return -1;
    }
    return 0;
}

/* @put: back what is kept; then, or else, it goes. An image without it never had it, or is done; one that
 * still has bitmaps was not touched. */
static int
qbjMomentApplyForget(const qbjMomentApply *apply, bool put)
{
    size_t i;

    for (i = 0; i < apply->images->len; i++) {
        virStorageSource *image = g_ptr_array_index(apply->images, i);
        g_auto(qbjHostImgInfo) info = { 0 };

        if (!put && access(image->path, F_OK) < 0 && errno == ENOENT)
            continue;                   /* what cannot be reached now may still be there */
        if (qbjHostImgRead(image, &info) < 0)
            return -1;
        if (!qbjMomentApplyHas(&info, apply->keep))
            continue;
        if ((put && !info.bitmaps && (qbjHostImgApply(image, &info, apply->keep) < 0 ||
                                      qbjHostSyncWithin(image->path, QBJ_MOMENT_APPLY_SYNC_MS) < 0)) ||
            qbjHostImgSnapshot(image, "-d", apply->keep) < 0)
            return -1;
    }
    return 0;
}

/* --- both ways --- */

/* Both later states of the record, so that only renames are left when the guest has ended. */
static int
qbjMomentApplyPrepare(const qbjMomentApply *apply, const char *path, qbjHostSave **kept, qbjHostSave **decided)
{
    qbjMomentApply later = *apply;

    later.kept = true;
    if (!(*kept = qbjMomentApplyWriteLater(&later, path)))
        return -1;
    later.decided = true;
    return (*decided = qbjMomentApplyWriteLater(&later, path)) ? 0 : -1;
}

int
qbjMomentApplyKeep(virDomainObj *vm, qbjMomentApply *apply)
{
    g_autofree char *path = qbjMomentApplyPath(vm);
    bool active = virDomainObjIsActive(vm);
    int rc = -1;

    apply->running = virDomainObjGetState(vm, NULL) == VIR_DOMAIN_RUNNING;
    virObjectUnlock(vm);
    if (qbjMomentApplyWrite(apply, path) == 0 && qbjMomentApplyPrepare(apply, path, &apply->saves[0],
                                                                       &apply->saves[1]) == 0)
        rc = active ? 0 : qbjMomentApplyKeepOff(apply);
    virObjectLock(vm);
    if (rc == 0 && active)
        rc = qbjMomentApplyKeepLive(vm, apply);
    if (rc < 0)
        qbjMomentApplyBack(vm, apply);
    return rc;
}

int
qbjMomentApplyAll(virDomainObj *vm, qbjMomentApply *apply)
{
    int rc = -1;

    virObjectUnlock(vm);
    if (qbjHostSaveCommit(apply->saves[0], &apply->kept) == 0 && qbjMomentApplyGo(apply) == 0)
        rc = qbjHostSaveCommit(apply->saves[1], &apply->decided);
    virObjectLock(vm);
    if (rc < 0)
        qbjMomentApplyBack(vm, apply);
    return rc;
}

static int
qbjMomentApplyTryBack(virDomainObj *vm, qbjMomentApply *apply)
{
    g_autofree char *path = qbjMomentApplyPath(vm);
    int rc = 0;

    virObjectUnlock(vm);
    if (apply->decided) {
        apply->decided = false;
        rc = qbjMomentApplyWrite(apply, path);
    }
    if (rc < 0 || qbjMomentApplyForget(apply, apply->kept) < 0 || qbjMomentApplyDrop(path) < 0) {
        VIR_ERROR("the images of snapshot '%s' cannot be put back, which has to be done before the domain starts: %s",
                  apply->name, virGetLastErrorMessage());
        rc = -1;
    }
    virObjectLock(vm);
    return rc;
}

int
qbjMomentApplyBack(virDomainObj *vm, qbjMomentApply *apply)
{
    virErrorPtr reason;
    int rc;

    virErrorPreserveLast(&reason);
    rc = virDomainObjIsActive(vm) ? qbjMomentApplyBackLive(vm, apply) : qbjMomentApplyTryBack(vm, apply);
    virErrorRestore(&reason);
    return rc;
}

static int
qbjMomentApplyTryDone(virDomainObj *vm, const qbjMomentApply *apply)
{
    g_autofree char *path = qbjMomentApplyPath(vm);
    bool active = virDomainObjIsActive(vm);
    int rc = active ? qbjMomentApplyForgetLive(vm, apply) : 0;

    virObjectUnlock(vm);
    if (rc == 0 && !active)
        rc = qbjMomentApplyForget(apply, false);
    if (rc == 0)
        rc = qbjMomentApplyDrop(path);
    virObjectLock(vm);
    return rc;
}

/* Definition and current snapshot may be others by the time that somebody tries again. */
static int
qbjMomentApplyNote(virDomainObj *vm, qbjMomentApply *apply)
{
    g_autofree char *path = qbjMomentApplyPath(vm);
    int rc;

    if (apply->noted)
        return 0;
    apply->noted = true;
    virObjectUnlock(vm);
    rc = qbjMomentApplyWrite(apply, path);
    virObjectLock(vm);
    return rc;
}

void
qbjMomentApplyDone(virDomainObj *vm, qbjMomentApply *apply)
{
    g_autofree char *what = NULL;

    if (qbjMomentApplyTryDone(vm, apply) == 0) {
        qbjMomentApplyNoMore(vm);
        return;
    }
    what = g_strdup_printf("'%s' stays in its images for now", apply->keep);
    qbjMomentApplyLater(vm, QBJ_MOMENT_APPLY_MAX_MS, what);
    if (qbjMomentApplyNote(vm, apply) < 0)
        VIR_WARN("Domain '%s': %s", vm->def->name, virGetLastErrorMessage());
    virResetLastError();
}

/* --- others than the call --- */

/* Nothing but a guest that has begun says of a transient domain that it was reverted. */
static bool
qbjMomentApplyStays(virDomainObj *vm)
{
    const qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    return vm->persistent ||
        (virDomainObjIsActive(vm) ? qbjVmStopHasBegun(priv->status) : !priv->halfway);
}

/* The definition of the file is @is: then it is to be @wanted. One that somebody has written since stays; a
 * transient domain has none. */
static int
qbjMomentApplyDefine(virDomainObj *vm, const char *is, const char *wanted)
{
    virDomainXMLOption *xmlopt = QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt;
    g_autofree char *path = qbjDomainConfigPath(vm);
    g_autoptr(virDomainDef) def = NULL;
    g_autofree char *text = NULL;
    bool renamed;
    int rc;

    if (!vm->persistent)
        return 0;
    virObjectUnlock(vm);
    rc = virFileReadAll(path, QBJ_MOMENT_APPLY_CONFIG_MAX, &text);
    virObjectLock(vm);
    if (rc < 0)
        return -1;
    if (STRNEQ(text, is))
        return 0;
    if (!(def = virDomainDefParseString(wanted, xmlopt, NULL, QBJ_MOMENT_APPLY_PARSE)) ||
        qbjDomainPutConfig(vm, def, &renamed) < 0)
        return -1;
    virDomainObjAssignDef(vm, &def, false, NULL);
    return 0;
}

static int
qbjMomentApplyForward(virDomainObj *vm, qbjMomentApply *apply)
{
    virDomainMomentObj *snap = virDomainSnapshotFindByName(vm->snapshots, apply->name);
    bool goes = !vm->persistent && !virDomainObjIsActive(vm);   /* and its metadata with it */

    if (!apply->noted && !goes && (qbjMomentApplyDefine(vm, apply->before, apply->after) < 0 ||
                          (snap && qbjMomentListSetCurrent(vm, snap) < 0)))
        return -1;
    qbjMomentApplyDone(vm, apply);
    return 0;
}

void
qbjMomentApplyFollow(virDomainObj *vm, qbjMomentApply *apply)
{
    if (qbjMomentApplyForward(vm, apply) < 0)
        qbjMomentApplyLater(vm, QBJ_MOMENT_APPLY_MAX_MS, "a revert is not in its metadata yet");
}

static int
qbjMomentApplyReturn(virDomainObj *vm, qbjMomentApply *apply)
{
    if (qbjMomentApplyDefine(vm, apply->after, apply->before) < 0)
        return -1;
    if (qbjMomentApplyBack(vm, apply) == 0)
        return 0;
    virReportError(VIR_ERR_OPERATION_FAILED,
                   _("a revert to snapshot '%s' was begun, and the images cannot be put back, see the log"),
                   apply->name);
    return -1;
}

/* A domain of the same name that is no more may have left one, for images that others have by now. */
static bool
qbjMomentApplyIsOf(virDomainObj *vm, const qbjMomentApply *apply, const char *path)
{
    char uuid[VIR_UUID_STRING_BUFLEN];

    virUUIDFormat(vm->def->uuid, uuid);
    if (strstr(apply->before, uuid))
        return true;
    VIR_WARN("Domain '%s': '%s' is of another domain and left alone", vm->def->name, path);
    return false;
}

/* *@apply NULL: there is none. Returns 0, -1 with an error reported: it cannot be read. */
static int
qbjMomentApplyFind(virDomainObj *vm, qbjMomentApply **apply)
{
    g_autofree char *path = qbjMomentApplyPath(vm);
    int rc;

    *apply = NULL;
    if (!path)
        return 0;
    virObjectUnlock(vm);
    rc = qbjMomentApplyRead(path, apply);
    virObjectLock(vm);
    if (*apply && !qbjMomentApplyIsOf(vm, *apply, path))
        g_clear_pointer(apply, qbjMomentApplyFree);
    return rc;
}

int
qbjMomentApplyReady(virDomainObj *vm)
{
    g_autoptr(qbjMomentApply) apply = NULL;
    bool forward;

    if (qbjMomentApplyFind(vm, &apply) < 0)
        return -1;
    if (!apply)
        return 0;
    forward = apply->decided && qbjMomentApplyStays(vm);
    VIR_WARN("Domain '%s': a revert to snapshot '%s' that was under way %s", vm->def->name, apply->name,
             forward ? "is ended" : "is taken back");
    return forward ? qbjMomentApplyForward(vm, apply) : qbjMomentApplyReturn(vm, apply);
}

static bool
qbjMomentApplyIsThere(virDomainObj *vm, const char *path)
{
    bool there;

    virObjectUnlock(vm);
    there = path && virFileExists(path);
    virObjectLock(vm);
    return there;
}

int
qbjMomentApplyCheckLeft(virDomainObj *vm, bool noted)
{
    g_autofree char *path = qbjMomentApplyPath(vm);
    g_autoptr(qbjMomentApply) apply = NULL;

    if (!noted && qbjMomentApplyFind(vm, &apply) < 0)
        return -1;
    if (noted ? !qbjMomentApplyIsThere(vm, path) : !apply || !apply->decided || apply->noted)
        return 0;
    virReportError(VIR_ERR_OPERATION_INVALID,
                   _("what an earlier revert has left of images of domain '%s' is still to be done, see '%s' and the log"),
                   vm->def->name, path);
    return -1;
}

void
qbjMomentApplyResume(virDomainObj *vm)
{
    g_autoptr(qbjMomentApply) apply = NULL;

    if (QBJ_DOMAIN_PRIVATE(vm)->operation)
        return;                         /* the record may be of the call that waits here */
    if (qbjMomentApplyFind(vm, &apply) < 0)
        qbjMomentApplyLater(vm, QBJ_MOMENT_APPLY_MAX_MS, "what a revert has kept in its images stays for now");
    else if (apply && virDomainObjIsActive(vm) && apply->decided && !qbjMomentApplyStays(vm))
        qbjMomentApplyAgain(vm, QBJ_MOMENT_APPLY_MAX_MS);
    else if (apply && virDomainObjIsActive(vm) && apply->decided)
        qbjMomentApplyFollow(vm, apply);
    else if (apply && virDomainObjIsActive(vm) && !apply->kept)
        ignore_value(qbjMomentApplyBackLive(vm, apply));
}
