#include <config.h>

#include "internal.h"
#include "moment_undo_hide.h"
#include "domain_seen.h"

typedef struct {
    qbjDriver *driver;
    GHashTable *foreign;        /* the view's */
    GHashTable *names;          /* name of a domain -> "" or that name: as it is told */
} qbjMomentUndoSeen;

static void
qbjMomentUndoHideAt(qbjMomentUndoSeen *seen, const char *place)
{
    const char *domain = place ? g_hash_table_lookup(seen->foreign, place) : NULL;
    const char *told = domain ? g_hash_table_lookup(seen->names, domain) : NULL;

    if (!domain || !*domain)
        return;
    if (!told) {
        told = qbjDomainIsSeen(seen->driver, domain) ? domain : "";
        g_hash_table_insert(seen->names, g_strdup(domain), g_strdup(told));
    }
    if (!*told)
        g_hash_table_replace(seen->foreign, g_strdup(place), g_strdup(""));
}

static void
qbjMomentUndoHideAll(const qbjUndo *undo, qbjMomentUndoSeen *seen, const virStorageSource *top)
{
    const virStorageSource *src;

    for (src = top; virStorageSourceIsBacking(src); src = src->backingStore) {
        if (!src->path)
            continue;
        qbjMomentUndoHideAt(seen, src->path);
        qbjMomentUndoHideAt(seen, g_hash_table_lookup(undo->inodes, src->path));
    }
}

void
qbjMomentUndoHide(const qbjUndo *undo, qbjDriver *driver)
{
    g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    qbjMomentUndoSeen seen = { .driver = driver, .foreign = undo->foreign, .names = names };
    size_t i;
    size_t j;

    for (i = 0; i < undo->chains->len; i++)
        qbjMomentUndoHideAll(undo, &seen, ((const qbjUndoChain *) g_ptr_array_index(undo->chains, i))->top);
    for (i = 0; i < undo->moments->len; i++) {
        const virDomainSnapshotDef *moment = g_ptr_array_index(undo->moments, i);

        for (j = 0; j < moment->ndisks; j++)
            qbjMomentUndoHideAll(undo, &seen, moment->disks[j].src);
    }
}
