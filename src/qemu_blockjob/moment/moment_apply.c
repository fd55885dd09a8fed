#include <config.h>

#include <unistd.h>

#include "internal.h"
#include "moment_apply.h"
#include "moment_list.h"
#include "domain_save.h"
#include "host_img.h"
#include "host_save.h"
#include "host_sync.h"
#include "storage_source_conf.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "viruuid.h"
#include "vm_inside.h"

#define VIR_FROM_THIS VIR_FROM_DOMAIN_SNAPSHOT
VIR_LOG_INIT("qbj.moment_apply");

#define QBJ_MOMENT_APPLY_SYNC_MS 60000
#define QBJ_MOMENT_APPLY_CONFIG_MAX (16 * 1024 * 1024)
#define QBJ_MOMENT_APPLY_PARSE \
    (VIR_DOMAIN_DEF_PARSE_INACTIVE | VIR_DOMAIN_DEF_PARSE_SKIP_VALIDATE | \
     VIR_DOMAIN_DEF_PARSE_ALLOW_POST_PARSE_FAIL)

static char *
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
qbjMomentApplyKeep(const qbjMomentApply *apply)
{
    size_t i;

    for (i = 0; i < apply->images->len; i++) {
        if (qbjHostImgSnapshot(g_ptr_array_index(apply->images, i), "-c", apply->keep) < 0)
            return -1;
    }
    return 0;
}

static int
qbjMomentApplyGo(const qbjMomentApply *apply)
{
    size_t i;

    for (i = 0; i < apply->images->len; i++) {
        virStorageSource *image = g_ptr_array_index(apply->images, i);
        g_auto(qbjHostImgInfo) info = { 0 };

        if (qbjHostImgRead(image, &info) < 0 || qbjHostImgApply(image, &info, apply->name) < 0 ||
            qbjHostSyncWithin(image->path, QBJ_MOMENT_APPLY_SYNC_MS) < 0)
            return -1;
    }
    return 0;
}

/* @put: back what is kept; then, or else, it goes. An image without it never had it, or is done. */
static int
qbjMomentApplyForget(const qbjMomentApply *apply, bool put)
{
    size_t i;

    for (i = 0; i < apply->images->len; i++) {
        virStorageSource *image = g_ptr_array_index(apply->images, i);
        g_auto(qbjHostImgInfo) info = { 0 };

        if (qbjHostImgRead(image, &info) < 0)
            return -1;
        if (!qbjMomentApplyHas(&info, apply->keep))
            continue;
        if ((put && (qbjHostImgApply(image, &info, apply->keep) < 0 ||
                     qbjHostSyncWithin(image->path, QBJ_MOMENT_APPLY_SYNC_MS) < 0)) ||
            qbjHostImgSnapshot(image, "-d", apply->keep) < 0)
            return -1;
    }
    return 0;
}

static int
qbjMomentApplyDrop(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);

    if (unlink(path) == 0 || errno == ENOENT)
        return qbjHostSaveSyncFolder(folder);
    virReportSystemError(errno, _("cannot remove '%s'"), path);
    return -1;
}

/* --- both ways --- */

int
qbjMomentApplyAll(virDomainObj *vm, qbjMomentApply *apply)
{
    g_autofree char *path = qbjMomentApplyPath(vm);
    int rc = -1;

    virObjectUnlock(vm);
    if (qbjMomentApplyWrite(apply, path) == 0 && qbjMomentApplyKeep(apply) == 0 && qbjMomentApplyGo(apply) == 0) {
        apply->decided = true;
        rc = qbjMomentApplyWrite(apply, path);
    }
    virObjectLock(vm);
    if (rc < 0)
        qbjMomentApplyBack(vm, apply);
    return rc;
}

int
qbjMomentApplyBack(virDomainObj *vm, qbjMomentApply *apply)
{
    g_autofree char *path = qbjMomentApplyPath(vm);
    virErrorPtr reason;
    int rc = 0;

    virErrorPreserveLast(&reason);
    virObjectUnlock(vm);
    if (apply->decided) {
        apply->decided = false;
        rc = qbjMomentApplyWrite(apply, path);
    }
    if (rc < 0 || qbjMomentApplyForget(apply, true) < 0 || qbjMomentApplyDrop(path) < 0) {
        VIR_ERROR("the images of snapshot '%s' cannot be put back, which has to be done before the domain starts: %s",
                  apply->name, virGetLastErrorMessage());
        rc = -1;
    }
    virObjectLock(vm);
    virErrorRestore(&reason);
    return rc;
}

/* The nodes of the record's images in QEMU; NULL: not all are there any more. */
static char **
qbjMomentApplyNodes(virDomainObj *vm, const qbjMomentApply *apply)
{
    g_autoptr(GPtrArray) nodes = g_ptr_array_new_with_free_func(g_free);
    size_t i;
    size_t j;

    for (i = 0; i < apply->images->len; i++) {
        for (j = 0; j < vm->def->ndisks; j++) {
            virStorageSource *src = vm->def->disks[j]->src;

            if (src->nodeformat && virStorageSourceIsSameLocation(src, g_ptr_array_index(apply->images, i))) {
                g_ptr_array_add(nodes, g_strdup(src->nodeformat));
                break;
            }
        }
    }
    if (nodes->len < apply->images->len)
        return NULL;
    g_ptr_array_add(nodes, NULL);
    return (char **) g_ptr_array_free(g_steal_pointer(&nodes), FALSE);
}

static int
qbjMomentApplyForgetLive(virDomainObj *vm, const qbjMomentApply *apply)
{
    g_auto(GStrv) nodes = qbjMomentApplyNodes(vm, apply);

    if (nodes)
        return qbjVmInsideRun(vm, QBJ_VM_INSIDE_DELETE, apply->keep, (const char *const *) nodes, NULL);
    virReportError(VIR_ERR_OPERATION_FAILED, _("the domain has other images since the revert to snapshot '%s'"),
                   apply->name);
    return -1;
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
    if (qbjMomentApplyTryDone(vm, apply) == 0)
        return;
    VIR_WARN("Domain '%s': '%s' stays in its images until it is started again: %s", vm->def->name, apply->keep,
             virGetLastErrorMessage());
    if (qbjMomentApplyNote(vm, apply) < 0)
        VIR_WARN("Domain '%s': %s", vm->def->name, virGetLastErrorMessage());
    virResetLastError();
}

/* --- others than the call --- */

/* The definition of the file is @is: then it is to be @wanted. One that somebody has written since stays. */
static int
qbjMomentApplyDefine(virDomainObj *vm, const char *is, const char *wanted)
{
    virDomainXMLOption *xmlopt = QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt;
    g_autofree char *path = qbjDomainConfigPath(vm);
    g_autoptr(virDomainDef) def = NULL;
    g_autofree char *text = NULL;
    bool renamed;
    int rc;

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

    if (!apply->noted && (qbjMomentApplyDefine(vm, apply->before, apply->after) < 0 ||
                          (snap && qbjMomentListSetCurrent(vm, snap) < 0)))
        return -1;
    qbjMomentApplyDone(vm, apply);
    return 0;
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

    if (!vm->persistent)
        return 0;
    if (qbjMomentApplyFind(vm, &apply) < 0)
        return -1;
    if (!apply)
        return 0;
    VIR_WARN("Domain '%s': a revert to snapshot '%s' that was under way %s", vm->def->name, apply->name,
             apply->decided ? "is ended" : "is taken back");
    return apply->decided ? qbjMomentApplyForward(vm, apply) : qbjMomentApplyReturn(vm, apply);
}

void
qbjMomentApplyResume(virDomainObj *vm)
{
    g_autoptr(qbjMomentApply) apply = NULL;
    int rc = qbjMomentApplyFind(vm, &apply);

    if (rc == 0 && apply && virDomainObjIsActive(vm) && apply->decided)
        rc = qbjMomentApplyForward(vm, apply);
    if (rc == 0)
        return;
    VIR_WARN("Domain '%s': what a revert has kept in its images stays for now: %s", vm->def->name,
             virGetLastErrorMessage());
    virResetLastError();
}
