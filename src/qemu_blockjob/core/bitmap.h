/* Dirty bitmaps of a backing chain: what QEMU holds, which are valid, and what a merge consists of
 * (behaviour/20). Pure. */
#pragma once

#include "domain_conf.h"
#include "virjson.h"
#include "refusal.h"

typedef struct _qbjBitmap qbjBitmap;
struct _qbjBitmap {
    char *name;
    bool persistent;
    bool recording;
    bool busy;
    bool inconsistent;
    unsigned long long granularity;     /* bytes */
};

/* The bitmaps of one node. */
typedef struct _qbjBitmapNode qbjBitmapNode;
struct _qbjBitmapNode {
    GPtrArray *bitmaps;                 /* of qbjBitmap, in QEMU's order */
    GHashTable *byName;                 /* the same, borrowed */
    unsigned long long size;            /* virtual size in bytes, which its bitmaps have too; 0 unknown */
    bool tooOld;                        /* qcow2 version 2, which cannot store bitmaps */
};

/* node-name -> qbjBitmapNode */
typedef GHashTable qbjBitmapSet;

/* Limits: a monitor is not trusted more than a client. */
#define QBJ_BITMAP_MAX_NODES 65536
#define QBJ_BITMAP_MAX_PER_NODE 65535   /* what a qcow2 header can count */

/* Reads the "return" array of query-named-block-nodes; bitmaps without a name are left out (20/B2). Unknown
 * keys do not matter. NULL with VIR_ERR_INTERNAL_ERROR in @refusal for anything that is not such an array.
 * Free with qbjBitmapSetFree(). */
qbjBitmapSet *qbjBitmapSetFromJSON(const virJSONValue *nodes, qbjRefusal *refusal);
void qbjBitmapSetFree(qbjBitmapSet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qbjBitmapSet, qbjBitmapSetFree);

/* NULL when there is no such node, or no such bitmap on it. Borrowed. */
const qbjBitmapNode *qbjBitmapNodeFind(qbjBitmapSet *set, const char *node);
const qbjBitmap *qbjBitmapFind(qbjBitmapSet *set, const char *node, const char *name);

/* 20/B3: @name is held by @top, by the images below it without a gap, and everywhere persistent, recording
 * and consistent.
 * The whole chain below @top is looked at. */
bool qbjBitmapIsValid(qbjBitmapSet *set, const virStorageSource *top, const char *name);

/* The same, if the backing image of @top were @below (NULL: none). */
bool qbjBitmapIsValidAbove(qbjBitmapSet *set, const virStorageSource *top, const virStorageSource *below,
                           const char *name);

/* One step of a merge: the actions that bring @name of the images from @top down to above @stop (NULL: all)
 * into @target, appended to the transaction @actions (20, section 2). @added: whether @target gets a new
 * bitmap.
 * Returns -1 with @refusal set when one of them is in use, or @target has another size or cannot store
 * bitmaps; then @actions may hold a part of it and must not be used. */
int qbjBitmapMerge(qbjBitmapSet *set, const virStorageSource *top, const virStorageSource *stop,
                   const virStorageSource *target, const char *name, virJSONValue *actions, bool *added,
                   qbjRefusal *refusal);
