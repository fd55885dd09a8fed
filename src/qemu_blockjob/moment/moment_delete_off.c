#include <config.h>

#include "internal.h"
#include "moment_delete_off.h"
#include "domain_operation.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "host_img.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.moment_delete_off");

int
qbjMomentDeleteMayGoOn(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (qbjDriverIsShuttingDown(priv->driver)) {
        virReportError(VIR_ERR_OPERATION_ABORTED, "%s", _("the daemon ends, and the deletion of the snapshot with it"));
        return -1;
    }
    return priv->operation ? qbjDomainOperationCheck(vm) : 0;
}

int
qbjMomentDeleteGoOn(void *opaque)
{
    virDomainObj *vm = opaque;
    int rc;

    virObjectLock(vm);
    if (virDomainObjIsActive(vm))
        qbjDomainQueueDrain(vm);        /* QEMU may have ended */
    rc = qbjMomentDeleteMayGoOn(vm);
    virObjectUnlock(vm);
    return rc;
}

static const qbjHostImgBitmap *
qbjMomentDeleteOffFind(const qbjHostImgInfo *info, const char *name)
{
    size_t i;

    for (i = 0; info->bitmaps && i < info->bitmaps->len; i++) {
        const qbjHostImgBitmap *bitmap = g_ptr_array_index(info->bitmaps, i);

        if (STREQ_NULLABLE(bitmap->name, name))
            return bitmap;
    }
    return NULL;
}

/* 20/B16: what @from's bitmaps have recorded goes to @to. @add: those that it does not have are made. */
static int
qbjMomentDeleteOffBitmaps(virStorageSource *from, virStorageSource *to, bool add)
{
    g_auto(qbjHostImgInfo) info = { 0 };
    g_auto(qbjHostImgInfo) other = { 0 };
    size_t i;

    if (qbjHostImgRead(from, &info) < 0 || qbjHostImgRead(to, &other) < 0)
        return -1;
    for (i = 0; info.bitmaps && i < info.bitmaps->len; i++) {
        const qbjHostImgBitmap *bitmap = g_ptr_array_index(info.bitmaps, i);
        const qbjHostImgBitmap *has = qbjMomentDeleteOffFind(&other, bitmap->name);

        if (!bitmap->usable || (has && !has->usable))
            VIR_WARN("dirty bitmap '%s' of '%s' cannot be used any more: a program ended while it had the image open",
                     bitmap->name, bitmap->usable ? to->path : from->path);
        if (!bitmap->usable || (has ? !has->usable : !add))
            continue;
        if (qbjHostImgMergeBitmap(from, to, bitmap, !has) < 0)
            return -1;
    }
    return 0;
}

/* Without locks. What the chain reads is the same at any moment: base gets only what overlay covers, and
 * overlay keeps it. */
static int
qbjMomentDeleteOffMergeOne(virDomainObj *vm, const qbjUndoDisk *disk)
{
    if (qbjHostImgCommit(disk->overlay, disk->base, qbjMomentDeleteGoOn, vm) < 0 ||
        qbjMomentDeleteOffBitmaps(disk->overlay, disk->base, true) < 0)
        return -1;
    return disk->above ? qbjHostImgRebase(disk->above, disk->base) : 0;
}

/* The domain opens base from now on. Returns 0, -1 with an error reported: nothing has changed, or the
 * definition has, but may not last: the overlay is still needed. */
static int
qbjMomentDeleteOffSave(virDomainObj *vm, const qbjUndoDelete *plan)
{
    virDomainXMLOption *xmlopt = QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt;
    g_autoptr(virDomainDef) def = virDomainDefCopy(vm->def, xmlopt, NULL, false);
    bool changed = false;
    bool renamed;
    size_t i;
    int rc;

    if (!def)
        return -1;
    for (i = 0; i < plan->disks->len; i++) {
        const qbjUndoDisk *disk = g_ptr_array_index(plan->disks, i);

        if (disk->how == QBJ_UNDO_OFFLINE)
            changed |= qbjUndoForgetImage(def, disk->overlay, disk->base, plan->inodes);
    }
    if (!changed)
        return 0;
    rc = qbjDomainPutConfig(vm, def, &renamed);
    if (renamed)
        virDomainObjAssignDef(vm, &def, false, NULL);
    return rc;
}

/* --- branches that the domain is not on --- */

/* Without locks. A bitmap that @over does not have had its end there: it is not made again. */
static int
qbjMomentDeleteOffMoveOne(virDomainObj *vm, virStorageSource *over, const qbjUndoDisk *disk, bool *begun)
{
    int done = qbjHostImgMayMove(over, disk->base, disk->below, true, disk->begun);

    if (done != 0)
        return done < 0 ? -1 : 0;
    if (qbjMomentDeleteOffBitmaps(disk->base, over, false) < 0)
        return -1;
    *begun = true;
    return qbjHostImgMove(over, disk->below, qbjMomentDeleteGoOn, vm);
}

int
qbjMomentDeleteOffMove(virDomainObj *vm, const qbjUndoDelete *plan, bool *begun)
{
    size_t i;
    size_t j;

    for (i = 0; i < plan->disks->len; i++) {
        const qbjUndoDisk *disk = g_ptr_array_index(plan->disks, i);

        for (j = 0; j < disk->over->len; j++) {
            if (qbjMomentDeleteOffMoveOne(vm, g_ptr_array_index(disk->over, j), disk, begun) < 0)
                return -1;
        }
    }
    return 0;
}

int
qbjMomentDeleteOffHeaders(const qbjUndoDelete *plan)
{
    size_t i;
    size_t j;

    for (i = 0; i < plan->disks->len; i++) {
        const qbjUndoDisk *disk = g_ptr_array_index(plan->disks, i);

        for (j = 0; j < disk->beside->len; j++) {
            virStorageSource *image = g_ptr_array_index(disk->beside, j);
            int done = qbjHostImgMayMove(image, disk->overlay, disk->base, false, disk->begun);

            if (done < 0 || (done == 0 && qbjHostImgRebase(image, disk->base) < 0))
                return -1;
        }
    }
    return 0;
}

static int
qbjMomentDeleteOffCheckOne(const qbjUndoDisk *disk)
{
    size_t i;

    for (i = 0; i < disk->over->len; i++) {
        if (qbjHostImgMayMove(g_ptr_array_index(disk->over, i), disk->base, disk->below, true, disk->begun) < 0)
            return -1;
    }
    for (i = 0; i < disk->beside->len; i++) {
        if (qbjHostImgMayMove(g_ptr_array_index(disk->beside, i), disk->overlay, disk->base, false, disk->begun) < 0)
            return -1;
    }
    return 0;
}

int
qbjMomentDeleteOffCheck(const qbjUndoDelete *plan)
{
    size_t i;

    for (i = 0; i < plan->disks->len; i++) {
        const qbjUndoDisk *disk = g_ptr_array_index(plan->disks, i);

        if (qbjMomentDeleteOffCheckOne(disk) < 0 ||
            (disk->how == QBJ_UNDO_OFFLINE && qbjHostImgMayCommit(disk->overlay, disk->base) < 0))
            return -1;
    }
    return 0;
}

int
qbjMomentDeleteOffMerge(virDomainObj *vm, const qbjUndoDelete *plan, bool *begun)
{
    int rc = 0;
    size_t i;

    virObjectUnlock(vm);
    for (i = 0; rc == 0 && i < plan->disks->len; i++) {
        const qbjUndoDisk *disk = g_ptr_array_index(plan->disks, i);

        if (disk->how != QBJ_UNDO_OFFLINE)
            continue;
        *begun = true;
        rc = qbjMomentDeleteOffMergeOne(vm, disk);
    }
    virObjectLock(vm);
    return rc < 0 ? -1 : qbjMomentDeleteOffSave(vm, plan);
}
