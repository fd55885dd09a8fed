#include <config.h>

#include "internal.h"
#include "bitmap.h"
#include "virqbjjson.h"

static void
qbjBitmapFree(qbjBitmap *bitmap)
{
    g_free(bitmap->name);
    g_free(bitmap);
}

static void
qbjBitmapNodeFree(qbjBitmapNode *node)
{
    g_hash_table_unref(node->byName);
    g_ptr_array_unref(node->bitmaps);
    g_free(node);
}

static qbjBitmapNode *
qbjBitmapNodeNew(void)
{
    qbjBitmapNode *node = g_new0(qbjBitmapNode, 1);

    node->bitmaps = g_ptr_array_new_with_free_func((GDestroyNotify) qbjBitmapFree);
    node->byName = g_hash_table_new(g_str_hash, g_str_equal);
    return node;
}

void
qbjBitmapSetFree(qbjBitmapSet *set)
{
    if (set)
        g_hash_table_unref(set);
}

const qbjBitmapNode *
qbjBitmapNodeFind(qbjBitmapSet *set, const char *node)
{
    return node ? g_hash_table_lookup(set, node) : NULL;
}

const qbjBitmap *
qbjBitmapFind(qbjBitmapSet *set, const char *node, const char *name)
{
    const qbjBitmapNode *found = qbjBitmapNodeFind(set, node);

    return found ? g_hash_table_lookup(found->byName, name) : NULL;
}

/* ---- reading ---- */

static int
qbjBitmapUnreadable(qbjRefusal *refusal)
{
    qbjRefusalSet(refusal, VIR_ERR_INTERNAL_ERROR, "%s", _("QEMU's list of block nodes cannot be read"));
    return -1;
}

/* absent means false (20/B2) */
static bool
qbjBitmapFlag(virJSONValue *json, const char *key)
{
    bool flag = false;

    if (!virJSONValueObjectHasKey(json, key) || virJSONValueObjectGetBoolean(json, key, &flag) < 0)
        return false;

    return flag;
}

static int
qbjBitmapNodeAdd(qbjBitmapNode *node, virJSONValue *json, qbjRefusal *refusal)
{
    const char *name;
    unsigned long long granularity = 0;
    qbjBitmap *bitmap;

    if (!json || !virJSONValueIsObject(json))
        return qbjBitmapUnreadable(refusal);
    if (!(name = virJSONValueObjectGetString(json, "name")) || !*name)
        return 0;
    if (virJSONValueObjectGetNumberUlong(json, "granularity", &granularity) < 0 || granularity == 0 ||
        g_hash_table_contains(node->byName, name))
        return qbjBitmapUnreadable(refusal);

    bitmap = g_new0(qbjBitmap, 1);
    bitmap->name = g_strdup(name);
    bitmap->persistent = qbjBitmapFlag(json, "persistent");
    bitmap->recording = qbjBitmapFlag(json, "recording");
    bitmap->busy = qbjBitmapFlag(json, "busy");
    bitmap->inconsistent = qbjBitmapFlag(json, "inconsistent");
    bitmap->granularity = granularity;
    g_ptr_array_add(node->bitmaps, bitmap);
    g_hash_table_insert(node->byName, bitmap->name, bitmap);
    return 0;
}

static void
qbjBitmapNodeReadImage(qbjBitmapNode *node, virJSONValue *json)
{
    virJSONValue *image = virJSONValueObjectGetObject(json, "image");
    virJSONValue *specific = image ? virJSONValueObjectGetObject(image, "format-specific") : NULL;
    virJSONValue *data = specific ? virJSONValueObjectGetObject(specific, "data") : NULL;

    if (image)
        ignore_value(virJSONValueObjectGetNumberUlong(image, "virtual-size", &node->size));
    if (data)
        node->tooOld = STREQ_NULLABLE(virJSONValueObjectGetString(data, "compat"), "0.10");
}

static int
qbjBitmapSetAdd(qbjBitmapSet *set, virJSONValue *json, qbjRefusal *refusal)
{
    const char *name;
    virJSONValue *bitmaps;
    qbjBitmapNode *node;
    size_t i;

    if (!json || !virJSONValueIsObject(json) || !(name = virJSONValueObjectGetString(json, "node-name")) ||
        g_hash_table_contains(set, name))
        return qbjBitmapUnreadable(refusal);

    node = qbjBitmapNodeNew();
    g_hash_table_insert(set, g_strdup(name), node);
    qbjBitmapNodeReadImage(node, json);

    if (!virJSONValueObjectHasKey(json, "dirty-bitmaps"))
        return 0;
    if (!(bitmaps = virJSONValueObjectGetArray(json, "dirty-bitmaps")) ||
        virJSONValueArraySize(bitmaps) > QBJ_BITMAP_MAX_PER_NODE)
        return qbjBitmapUnreadable(refusal);

    for (i = 0; i < virJSONValueArraySize(bitmaps); i++) {
        if (qbjBitmapNodeAdd(node, virJSONValueArrayGet(bitmaps, i), refusal) < 0)
            return -1;
    }

    return 0;
}

qbjBitmapSet *
qbjBitmapSetFromJSON(const virJSONValue *nodes, qbjRefusal *refusal)
{
    /* libvirt's accessors take a mutable value and only read it */
    virJSONValue *value = (virJSONValue *) (uintptr_t) nodes;
    g_autoptr(qbjBitmapSet) set = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                                        (GDestroyNotify) qbjBitmapNodeFree);
    size_t i;

    if (!value || !virJSONValueIsArray(value) || virJSONValueArraySize(value) > QBJ_BITMAP_MAX_NODES) {
        qbjBitmapUnreadable(refusal);
        return NULL;
    }

    for (i = 0; i < virJSONValueArraySize(value); i++) {
        if (qbjBitmapSetAdd(set, virJSONValueArrayGet(value, i), refusal) < 0)
            return NULL;
    }

    return g_steal_pointer(&set);
}

/* ---- validity and merge ---- */

bool
qbjBitmapIsValidAbove(qbjBitmapSet *set, const virStorageSource *top, const virStorageSource *below, const char *name)
{
    const virStorageSource *src = top;
    bool ended = false;

    if (!qbjBitmapFind(set, top->nodeformat, name))
        return false;

    while (virStorageSourceIsBacking(src)) {
        const qbjBitmap *bitmap = qbjBitmapFind(set, src->nodeformat, name);

        if (!bitmap)
            ended = true;
        else if (ended || !bitmap->persistent || !bitmap->recording || bitmap->inconsistent)
            return false;
        src = src == top ? below : src->backingStore;
    }

    return true;
}

bool
qbjBitmapIsValid(qbjBitmapSet *set, const virStorageSource *top, const char *name)
{
    return qbjBitmapIsValidAbove(set, top, top->backingStore, name);
}

static int
qbjBitmapCheckTarget(qbjBitmapSet *set, const virStorageSource *target, const char *name, qbjRefusal *refusal)
{
    const qbjBitmapNode *node = qbjBitmapNodeFind(set, target->nodeformat);
    const qbjBitmap *bitmap = qbjBitmapFind(set, target->nodeformat, name);

    if (bitmap && bitmap->busy) {
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_INVALID, _("dirty bitmap '%s' of image '%s' is in use"),
                      name, NULLSTR(target->path));
        return -1;
    }
    if (!bitmap && (target->format != VIR_STORAGE_FILE_QCOW2 || (node && node->tooOld))) {
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_UNSUPPORTED,
                      _("dirty bitmap '%s' would be lost: image '%s' cannot store bitmaps"),
                      name, NULLSTR(target->path));
        return -1;
    }

    return 0;
}

/* @want: size that the target has when the merge is done */
static int
qbjBitmapCheckSource(qbjBitmapSet *set, const virStorageSource *src, const qbjBitmap *bitmap, unsigned long long want,
                     qbjRefusal *refusal)
{
    const qbjBitmapNode *node = qbjBitmapNodeFind(set, src->nodeformat);

    if (bitmap->busy) {
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_INVALID, _("dirty bitmap '%s' of image '%s' is in use"),
                      bitmap->name, NULLSTR(src->path));
        return -1;
    }
    if (want && node->size && node->size != want) {
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_UNSUPPORTED,
                      _("dirty bitmap '%s' would be lost: in image '%s' it covers %llu bytes, and it would have to be "
                        "merged into one of %llu bytes"),
                      bitmap->name, NULLSTR(src->path), node->size, want);
        return -1;
    }

    return 0;
}

/* A commit makes a smaller base as large as its top before it copies anything (01/C25). */
static unsigned long long
qbjBitmapTargetSize(qbjBitmapSet *set, const virStorageSource *top, const virStorageSource *target)
{
    const qbjBitmapNode *from = qbjBitmapNodeFind(set, top->nodeformat);
    const qbjBitmapNode *into = qbjBitmapNodeFind(set, target->nodeformat);

    if (!into || !into->size || !from)
        return 0;

    return MAX(from->size, into->size);
}

static int
qbjBitmapAppendAdd(virJSONValue *actions, const char *node, const qbjBitmap *bitmap)
{
    g_autoptr(virJSONValue) data = NULL;

    if (virJSONValueObjectAdd(&data,
                              "s:node", node,
                              "s:name", bitmap->name,
                              "b:persistent", true,
                              "b:disabled", false,
                              "U:granularity", bitmap->granularity,
                              NULL) < 0)
        return -1;

    return virQbjJSONAppendAction(actions, "block-dirty-bitmap-add", &data);
}

static int
qbjBitmapAppendMerge(virJSONValue *actions, const char *node, const char *name, virJSONValue **sources)
{
    g_autoptr(virJSONValue) data = NULL;

    if (virJSONValueObjectAdd(&data, "s:node", node, "s:target", name, "a:bitmaps", sources, NULL) < 0)
        return -1;

    return virQbjJSONAppendAction(actions, "block-dirty-bitmap-merge", &data);
}

static virJSONValue *
qbjBitmapSources(qbjBitmapSet *set, const virStorageSource *top, const virStorageSource *stop, const char *name,
                 unsigned long long want, qbjRefusal *refusal)
{
    g_autoptr(virJSONValue) sources = virJSONValueNewArray();
    const virStorageSource *src;

    for (src = top; virStorageSourceIsBacking(src) && src != stop; src = src->backingStore) {
        const qbjBitmap *bitmap = qbjBitmapFind(set, src->nodeformat, name);
        g_autoptr(virJSONValue) source = NULL;

        if (!bitmap)
            break;
        if (qbjBitmapCheckSource(set, src, bitmap, want, refusal) < 0 ||
            virJSONValueObjectAdd(&source, "s:node", src->nodeformat, "s:name", name, NULL) < 0 ||
            virJSONValueArrayAppend(sources, &source) < 0)
            return NULL;
    }

    return g_steal_pointer(&sources);
}

int
qbjBitmapMerge(qbjBitmapSet *set, const virStorageSource *top, const virStorageSource *stop,
               const virStorageSource *target, const char *name, virJSONValue *actions, bool *added,
               qbjRefusal *refusal)
{
    const qbjBitmap *first = qbjBitmapFind(set, top->nodeformat, name);
    bool missing = !qbjBitmapFind(set, target->nodeformat, name);
    unsigned long long want = qbjBitmapTargetSize(set, top, target);
    g_autoptr(virJSONValue) sources = NULL;

    if (qbjBitmapCheckTarget(set, target, name, refusal) < 0 ||
        !(sources = qbjBitmapSources(set, top, stop, name, want, refusal)))
        return -1;

    if ((missing && qbjBitmapAppendAdd(actions, target->nodeformat, first) < 0) ||
        qbjBitmapAppendMerge(actions, target->nodeformat, name, &sources) < 0)
        return -1;

    *added = missing;
    return 0;
}
