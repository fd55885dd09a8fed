#include <config.h>

#include "internal.h"
#include "host_save_within.h"
#include "host_within.h"

/* A wish that owns what is in it. */
typedef struct _qbjHostSaveItem qbjHostSaveItem;
struct _qbjHostSaveItem {
    char *path;
    char *text;
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

/* Takes over what was prepared for @wishes. */
static GArray *
qbjHostSaveItems(qbjHostSaveWish *wishes, size_t n)
{
    GArray *items = g_array_new(false, false, sizeof(qbjHostSaveItem));
    size_t i;

    g_array_set_clear_func(items, qbjHostSaveItemClear);
    for (i = 0; i < n; i++) {
        qbjHostSaveItem item = {
            .path = g_strdup(wishes[i].path),
            .text = g_strdup(wishes[i].text),
            .save = g_steal_pointer(&wishes[i].save),
        };

        g_array_append_val(items, item);
    }
    return items;
}

static int
qbjHostSaveFulfil(qbjHostSaveItem *item)
{
    if (item->save && qbjHostSaveHas(item->save, item->path, item->text) && qbjHostSaveIsThere(item->save))
        return 0;
    g_clear_pointer(&item->save, qbjHostSaveFree);
    if (!item->text)
        return 0;
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

int
qbjHostSaveWithin(qbjHostSaveWish *wishes, size_t n, unsigned int limitMs)
{
    g_autoptr(GArray) items = qbjHostSaveItems(wishes, n);
    void *mine = items;
    int rc = qbjHostWithin(wishes[0].path, qbjHostSaveFulfilAll, &mine, (GDestroyNotify) g_array_unref, limitMs);
    size_t i;

    if (!mine) {
        items = NULL;           /* the thread's */
        return rc;
    }
    for (i = 0; i < n; i++)
        wishes[i].save = g_steal_pointer(&g_array_index(items, qbjHostSaveItem, i).save);
    return rc;
}
