/* What a pull does while it is PENDING, in the order of protocol 4 B step 2: bitmaps, flush (H1); or, when
 * QEMU has ended it without us, as soon as that is seen. */
#include <config.h>

#include "internal.h"
#include "spec_pull.h"
#include "blocknode.h"
#include "bitmap.h"
#include "spec_parts.h"
#include "virqbjjson.h"

/* The active image and base (NULL: none) of @spec in the chain of @disk. */
static int
qbjPullFindImages(const qbjSpec *spec, const virDomainDiskDef *disk, const virStorageSource **base,
                  qbjRefusal *refusal)
{
    if (STREQ_NULLABLE(disk->src->nodeformat, spec->change.above)) {
        *base = qbjSpecFindImage(disk->src->backingStore, spec->base);
        if (*base || !spec->base)
            return 0;
    }

    qbjRefusalSet(refusal, VIR_ERR_INTERNAL_ERROR, _("images of block job '%s' are not in the chain of disk '%s'"),
                  spec->job, disk->dst);
    return -1;
}

static int
qbjPullAddRemove(virJSONValue *actions, const char *node, const char *name)
{
    g_autoptr(virJSONValue) data = NULL;

    if (virJSONValueObjectAdd(&data, "s:node", node, "s:name", name, NULL) < 0)
        return -1;
    return virQbjJSONAppendAction(actions, "block-dirty-bitmap-remove", &data);
}

/* Bitmaps of the active image that only look valid once the images between have left. @all: those that are
 * valid now as well. */
static int
qbjPullPlanRemovals(qbjBitmapSet *set, const virDomainDiskDef *disk, const virStorageSource *base, bool all,
                    virJSONValue *actions)
{
    const qbjBitmapNode *node = qbjBitmapNodeFind(set, disk->src->nodeformat);
    size_t i;

    for (i = 0; node && i < node->bitmaps->len; i++) {
        const qbjBitmap *bitmap = g_ptr_array_index(node->bitmaps, i);

        if ((all || !qbjBitmapIsValid(set, disk->src, bitmap->name)) &&
            qbjBitmapIsValidAbove(set, disk->src, base, bitmap->name) &&
            qbjPullAddRemove(actions, disk->src->nodeformat, bitmap->name) < 0)
            return -1;
    }

    return 0;
}

static int
qbjPullPlanBitmaps(const virDomainDiskDef *disk, const virStorageSource *base, const virJSONValue *nodes, bool ended,
                   GPtrArray *steps, qbjRefusal *refusal)
{
    g_autoptr(qbjBitmapSet) set = NULL;
    g_autoptr(virJSONValue) actions = virJSONValueNewArray();
    g_auto(qbjRefusal) why = QBJ_REFUSAL_INIT;
    bool all = false;

    if (!nodes)
        return 0;
    if (!(set = qbjBitmapSetFromJSON(nodes, refusal)))
        return -1;

    if (qbjSpecPlanMerges(set, disk->src, base, disk->src, actions, NULL, ended ? &why : refusal) < 0) {
        if (!ended)
            return -1;
        virJSONValueFree(actions);
        actions = virJSONValueNewArray();
        all = true;
    }

    if (qbjPullPlanRemovals(set, disk, base, all, actions) < 0)
        return -1;

    return qbjSpecAddTransaction(steps, &actions);
}

/* Appends a reopen of the active image: for bitmaps that are to be written, or as a flush. */
static int
qbjPullPlanReopen(const qbjSpec *spec, const virDomainDiskDef *disk, bool ended, bool readonly, GPtrArray *steps,
                  qbjRefusal *refusal)
{
    const char *backing = ended ? NULLSTR_EMPTY(spec->base) : qbjSpecBackingNode(disk->src);
    virJSONValue *arguments = qbjBlockNodeReopen(disk, disk->src, backing, readonly, refusal);

    if (!arguments)
        return -1;

    g_ptr_array_add(steps, qbjStepNewCommand("blockdev-reopen", arguments));
    return 0;
}

int
qbjSpecPlanPullPending(qbjSpec *spec, const virDomainDiskDef *disk, const virJSONValue *nodes, bool ended,
                       qbjRefusal *refusal)
{
    g_autoptr(GPtrArray) steps = g_ptr_array_new_with_free_func((GDestroyNotify) qbjStepFree);
    const virStorageSource *base = NULL;
    bool readonly = ended && disk->src->readonly;

    if (qbjPullFindImages(spec, disk, &base, refusal) < 0 ||
        (readonly && nodes && qbjPullPlanReopen(spec, disk, ended, false, steps, refusal) < 0) ||
        qbjPullPlanBitmaps(disk, base, nodes, ended, steps, refusal) < 0 ||
        qbjPullPlanReopen(spec, disk, ended, readonly, steps, refusal) < 0) {
        /* an earlier reason is kept */
        qbjRefusalSet(refusal, VIR_ERR_INTERNAL_ERROR, _("the end of block job '%s' could not be planned"), spec->job);
        return -1;
    }

    g_ptr_array_unref(spec->phase[QBJ_PHASE_PENDING]);
    spec->phase[QBJ_PHASE_PENDING] = g_steal_pointer(&steps);
    return 0;
}

virJSONValue *
qbjSpecPullGraphBack(const qbjSpec *spec, const virDomainDiskDef *disk, qbjRefusal *refusal)
{
    const virStorageSource *base = NULL;

    if (qbjPullFindImages(spec, disk, &base, refusal) < 0)
        return NULL;

    return qbjBlockNodeReopen(disk, disk->src, qbjSpecBackingNode(disk->src), disk->src->readonly, refusal);
}
