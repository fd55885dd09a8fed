#include <config.h>

#include "internal.h"
#include "host_save_within.h"
#include "host_within.h"
#include "virerror.h"

/* A wish that owns what is in it. */
typedef struct _qbjHostSaveItem qbjHostSaveItem;
struct _qbjHostSaveItem {
    char *path;
    char *text;
    bool folder;
    qbjHostSave *save;
};

static void
qbjHostSaveItemClear(void *opaque)
{
    qbjHostSaveItem *item = opaque;

    qbjHostSaveFree(item->save);
    g_free(item->path);
    g_free(item->text);
}

static int
qbjHostSaveFulfilFolder(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);

    return qbjHostSaveMakeFolder(folder);
}

static int
qbjHostSaveFulfil(qbjHostSaveItem *item)
{
    if (item->save && qbjHostSaveHas(item->save, item->path, item->text) && qbjHostSaveIsThere(item->save))
        return 0;
    g_clear_pointer(&item->save, qbjHostSaveFree);
    if (!item->text)
        return 0;
    if (item->folder && qbjHostSaveFulfilFolder(item->path) < 0)
        return -1;
    item->save = qbjHostSavePrepare(item->path, item->text, 0600);
    return item->save ? 0 : -1;
}

/* One that cannot be written takes the others with it. */
static int
qbjHostSaveFulfilAll(void *opaque)
{
    GArray *items = opaque;
    size_t i;

    for (i = 0; i < items->len; i++) {
        if (qbjHostSaveFulfil(&g_array_index(items, qbjHostSaveItem, i)) < 0)
            break;
    }
    if (i == items->len)
        return 0;
    for (i = 0; i < items->len; i++)
        g_clear_pointer(&g_array_index(items, qbjHostSaveItem, i).save, qbjHostSaveFree);
    return -1;
}

/* One thread's part. What was prepared before only has to be looked at; each file that is to be written has a
 * thread of its own, so that all are made durable together. */
typedef struct _qbjHostSavePart qbjHostSavePart;
struct _qbjHostSavePart {
    GArray *items;              /* of qbjHostSaveItem; NULL: the thread's */
    GArray *places;             /* of the items among the wishes */
    qbjHostWithinTask *task;    /* NULL: not begun */
};

static void
qbjHostSavePartFree(void *opaque)
{
    qbjHostSavePart *part = opaque;

    if (part->items)
        g_array_unref(part->items);
    g_array_unref(part->places);
    g_free(part);
}

static qbjHostSavePart *
qbjHostSavePartNew(void)
{
    qbjHostSavePart *part = g_new0(qbjHostSavePart, 1);

    part->items = g_array_new(false, false, sizeof(qbjHostSaveItem));
    part->places = g_array_new(false, false, sizeof(size_t));
    g_array_set_clear_func(part->items, qbjHostSaveItemClear);
    return part;
}

/* Takes over what was prepared for @wishes. */
static GPtrArray *
qbjHostSaveParts(qbjHostSaveWish *wishes, size_t n)
{
    GPtrArray *parts = g_ptr_array_new_with_free_func(qbjHostSavePartFree);
    size_t i;

    g_ptr_array_add(parts, qbjHostSavePartNew());
    for (i = 0; i < n; i++) {
        qbjHostSavePart *part = g_ptr_array_index(parts, 0);
        qbjHostSaveItem item = {
            .path = g_strdup(wishes[i].path),
            .text = g_strdup(wishes[i].text),
            .folder = wishes[i].folder,
            .save = g_steal_pointer(&wishes[i].save),
        };

        if (item.text && !item.save && part->items->len > 0) {
            part = qbjHostSavePartNew();
            g_ptr_array_add(parts, part);
        }
        g_array_append_val(part->items, item);
        g_array_append_val(part->places, i);
    }
    return parts;
}

/* What was begun and not finished is not the caller's any more; nor is anything that was begun when one of
 * the parts has failed. */
static void
qbjHostSaveGiveBack(qbjHostSaveWish *wishes, qbjHostSavePart *part, bool failed)
{
    size_t i;

    for (i = 0; part->items && i < part->items->len; i++) {
        qbjHostSaveItem *item = &g_array_index(part->items, qbjHostSaveItem, i);

        if (!failed || !part->task)
            wishes[g_array_index(part->places, size_t, i)].save = g_steal_pointer(&item->save);
    }
}

/* Begins as many as can be. */
static int
qbjHostSaveBegin(const char *path, GPtrArray *parts)
{
    size_t i;

    for (i = 0; i < parts->len; i++) {
        qbjHostSavePart *part = g_ptr_array_index(parts, i);

        part->task = qbjHostWithinBegin(path, qbjHostSaveFulfilAll, part->items, (GDestroyNotify) g_array_unref);
        if (!part->task)
            return -1;
    }
    return 0;
}

static int
qbjHostSaveEnd(GPtrArray *parts, unsigned int limitMs)
{
    gint64 until = g_get_monotonic_time() + limitMs * G_GINT64_CONSTANT(1000);
    int rc = 0;
    size_t i;

    for (i = 0; i < parts->len; i++) {
        qbjHostSavePart *part = g_ptr_array_index(parts, i);
        gint64 left = (until - g_get_monotonic_time() + 999) / 1000;
        void *mine = NULL;

        if (!part->task)
            continue;
        if (qbjHostWithinEnd(part->task, &mine, MAX(left, 0)) < 0)
            rc = -1;
        part->items = mine;
    }
    return rc;
}

struct _qbjHostSaveTasks {
    GPtrArray *parts;           /* of qbjHostSavePart */
    virErrorPtr error;          /* why not all were begun; NULL: all were */
};

qbjHostSaveTasks *
qbjHostSaveWithinBegin(qbjHostSaveWish *wishes, size_t n)
{
    qbjHostSaveTasks *tasks = g_new0(qbjHostSaveTasks, 1);

    tasks->parts = qbjHostSaveParts(wishes, n);
    if (qbjHostSaveBegin(wishes[0].path, tasks->parts) < 0)
        virErrorPreserveLast(&tasks->error);
    return tasks;
}

int
qbjHostSaveWithinEnd(qbjHostSaveTasks *begun, qbjHostSaveWish *wishes, unsigned int limitMs)
{
    g_autofree qbjHostSaveTasks *tasks = begun;
    g_autoptr(GPtrArray) parts = tasks->parts;
    int rc = qbjHostSaveEnd(parts, limitMs);
    size_t i;

    if (tasks->error) {
        virErrorRestore(&tasks->error);
        rc = -1;
    }
    for (i = 0; i < parts->len; i++)
        qbjHostSaveGiveBack(wishes, g_ptr_array_index(parts, i), rc < 0);
    return rc;
}

int
qbjHostSaveWithin(qbjHostSaveWish *wishes, size_t n, unsigned int limitMs)
{
    return qbjHostSaveWithinEnd(qbjHostSaveWithinBegin(wishes, n), wishes, limitMs);
}
