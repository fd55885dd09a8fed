/* What a commit does while it is PENDING, in the order of protocol 4 B step 2: parent writable (H2), bitmaps,
 * flush (H1).
 * An active commit's base is flushed already and the guest waits, so it has the bitmaps only.
 *
 * No temporary bitmap: the guest is held (A), or writes into an image that stays (B) (protocol 2). */
#include <config.h>

#include "internal.h"
#include "spec_commit.h"
#include "blocknode.h"
#include "bitmap.h"
#include "spec_parts.h"

/* The images of a spec in the chain that @disk still has. */
typedef struct _qbjCommitImages qbjCommitImages;
struct _qbjCommitImages {
    const virStorageSource *top;
    const virStorageSource *topParent;      /* NULL: active commit */
    const virStorageSource *base;
};

static int
qbjCommitFindImages(const qbjSpec *spec, const virDomainDiskDef *disk, qbjCommitImages *images, qbjRefusal *refusal)
{
    images->top = qbjSpecFindImage(disk->src, spec->top);
    if (images->top)
        images->base = qbjSpecFindImage(images->top->backingStore, spec->base);
    images->topParent = qbjSpecFindImage(disk->src, spec->topParent);

    if (images->base && (spec->topParent ? images->topParent && images->topParent->backingStore == images->top :
                         disk->src == images->top))
        return 0;

    qbjRefusalSet(refusal, VIR_ERR_INTERNAL_ERROR, _("images of block job '%s' are not in the chain of disk '%s'"),
                  spec->job, disk->dst);
    return -1;
}

static qbjStep *
qbjCommitUndoBitmap(const char *node, const char *name)
{
    g_autoptr(virJSONValue) arguments = NULL;
    qbjStep *step;

    if (virJSONValueObjectAdd(&arguments, "s:node", node, "s:name", name, NULL) < 0)
        return NULL;

    step = qbjStepNewCommand("block-dirty-bitmap-remove", g_steal_pointer(&arguments));
    step->optional = true;
    return step;
}

/* @name: of a bitmap, or NULL for any */
static bool
qbjCommitHasUndo(const qbjSpec *spec, const char *name)
{
    GPtrArray *steps = spec->phase[QBJ_PHASE_ABORT];
    size_t i;

    for (i = 0; i < steps->len; i++) {
        const qbjStep *step = g_ptr_array_index(steps, i);

        if (STREQ_NULLABLE(step->command, "block-dirty-bitmap-remove") &&
            (!name || STREQ_NULLABLE(virJSONValueObjectGetString(step->arguments, "name"), name)))
            return true;
    }

    return false;
}

/* What was planned before stays planned: the bitmaps of an earlier run are in base already and do not show as
 * new. They go before base is reopened read-only, so in front. QEMU makes the base of a cancelled
 * intermediate commit read-only by itself: @writable, the arguments that undo that, come before all; NULL
 * for an active commit. */
static void
qbjCommitPlanUndo(qbjSpec *spec, GPtrArray *names, const virJSONValue *writable)
{
    GPtrArray *steps = spec->phase[QBJ_PHASE_ABORT];
    qbjStep *step;
    size_t i;

    if (names->len > 0 && writable && !qbjCommitHasUndo(spec, NULL)) {
        step = qbjStepNewCommand("blockdev-reopen", virJSONValueCopy(writable));
        step->optional = true;
        g_ptr_array_insert(steps, 0, step);
    }

    for (i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);

        if (!qbjCommitHasUndo(spec, name) && (step = qbjCommitUndoBitmap(spec->base, name)))
            g_ptr_array_insert(steps, writable ? 1 : 0, step);
    }
}

static int
qbjCommitPlanBitmaps(qbjSpec *spec, const qbjCommitImages *images, const virJSONValue *nodes,
                     const virJSONValue *writable, GPtrArray *steps, qbjRefusal *refusal)
{
    g_autoptr(qbjBitmapSet) set = NULL;
    g_autoptr(virJSONValue) actions = virJSONValueNewArray();
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    if (!nodes)
        return 0;
    if (!(set = qbjBitmapSetFromJSON(nodes, refusal)) ||
        qbjSpecPlanMerges(set, images->top, images->base, images->base, actions, names, refusal) < 0 ||
        qbjSpecAddTransaction(steps, &actions) < 0)
        return -1;

    qbjCommitPlanUndo(spec, names, writable);
    return 0;
}

/* H2: the parent keeps top as its backing node, the job's own filter between them is skipped by QEMU. */
static int
qbjCommitPlanParent(const virDomainDiskDef *disk, const qbjCommitImages *images, GPtrArray *steps, qbjRefusal *refusal)
{
    virJSONValue *arguments;

    if (!images->topParent || (images->topParent == disk->src && !disk->src->readonly))
        return 0;
    if (!(arguments = qbjBlockNodeReopen(disk, images->topParent, images->top->nodeformat, false, refusal)))
        return -1;

    g_ptr_array_add(steps, qbjStepNewCommand("blockdev-reopen", arguments));
    return 0;
}

/* H1: reopening with the options that the node has already flushes it. @flush: NULL for an active commit. */
static int
qbjCommitPlanFlush(const virDomainDiskDef *disk, const qbjCommitImages *images, virJSONValue **flush,
                   qbjRefusal *refusal)
{
    if (!images->topParent)
        return 0;

    *flush = qbjBlockNodeReopen(disk, images->base, qbjSpecBackingNode(images->base), false, refusal);
    return *flush ? 0 : -1;
}

int
qbjSpecPlanCommitPending(qbjSpec *spec, const virDomainDiskDef *disk, const virJSONValue *nodes, qbjRefusal *refusal)
{
    g_autoptr(GPtrArray) steps = g_ptr_array_new_with_free_func((GDestroyNotify) qbjStepFree);
    g_autoptr(virJSONValue) flush = NULL;
    qbjCommitImages images = { NULL, NULL, NULL };

    /* the bitmaps come last, for they change the abort phase as well */
    if (qbjCommitFindImages(spec, disk, &images, refusal) < 0 ||
        qbjCommitPlanParent(disk, &images, steps, refusal) < 0 ||
        qbjCommitPlanFlush(disk, &images, &flush, refusal) < 0 ||
        qbjCommitPlanBitmaps(spec, &images, nodes, flush, steps, refusal) < 0) {
        /* an earlier reason is kept */
        qbjRefusalSet(refusal, VIR_ERR_INTERNAL_ERROR, _("the end of block job '%s' could not be planned"), spec->job);
        return -1;
    }

    if (flush)
        g_ptr_array_add(steps, qbjStepNewCommand("blockdev-reopen", g_steal_pointer(&flush)));

    g_ptr_array_unref(spec->phase[QBJ_PHASE_PENDING]);
    spec->phase[QBJ_PHASE_PENDING] = g_steal_pointer(&steps);
    return 0;
}

int
qbjSpecPlanCommitEnded(qbjSpec *spec, const virDomainDiskDef *disk, const virJSONValue *nodes, qbjRefusal *refusal)
{
    g_autoptr(GPtrArray) steps = g_ptr_array_new_with_free_func((GDestroyNotify) qbjStepFree);
    g_autoptr(virJSONValue) writable = NULL;
    qbjCommitImages images = { NULL, NULL, NULL };

    if (qbjCommitFindImages(spec, disk, &images, refusal) < 0 ||
        qbjCommitPlanFlush(disk, &images, &writable, refusal) < 0 ||
        qbjCommitPlanBitmaps(spec, &images, nodes, writable, steps, refusal) < 0) {
        qbjRefusalSet(refusal, VIR_ERR_INTERNAL_ERROR, _("the end of block job '%s' could not be planned"), spec->job);
        return -1;
    }

    if (steps->len > 0 && writable)
        g_ptr_array_insert(steps, 0, qbjStepNewCommand("blockdev-reopen", g_steal_pointer(&writable)));
    g_ptr_array_unref(spec->phase[QBJ_PHASE_PENDING]);
    spec->phase[QBJ_PHASE_PENDING] = g_steal_pointer(&steps);
    return 0;
}

static int
qbjCompareNames(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

char **
qbjSpecCommitLostBitmaps(const qbjSpec *spec, const virDomainDiskDef *disk, const virJSONValue *nodes)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autoptr(qbjBitmapSet) set = qbjBitmapSetFromJSON(nodes, &refusal);
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    qbjCommitImages images = { NULL, NULL, NULL };
    const virStorageSource *src;
    size_t i;

    if (!set || qbjCommitFindImages(spec, disk, &images, &refusal) < 0)
        return NULL;

    for (src = images.top; src != images.base; src = src->backingStore) {
        const qbjBitmapNode *node = qbjBitmapNodeFind(set, src->nodeformat);

        for (i = 0; node && i < node->bitmaps->len; i++) {
            qbjBitmap *bitmap = g_ptr_array_index(node->bitmaps, i);

            if (!qbjBitmapIsValid(set, images.top, bitmap->name) && g_hash_table_add(seen, bitmap->name))
                g_ptr_array_add(names, g_strdup(bitmap->name));
        }
    }

    if (names->len == 0)
        return NULL;

    g_ptr_array_sort(names, qbjCompareNames);
    g_ptr_array_add(names, NULL);
    return (char **) g_ptr_array_free(g_steal_pointer(&names), FALSE);
}
