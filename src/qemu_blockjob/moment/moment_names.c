#include <config.h>

#include "internal.h"
#include "moment_names.h"
#include "virdomainsnapshotobjlist.h"

static bool
qbjMomentNamesDefinition(const virDomainDef *def, const char *path)
{
    size_t i;

    for (i = 0; def && i < def->ndisks; i++) {
        const virStorageSource *src;

        for (src = def->disks[i]->src; src; src = src->backingStore) {
            if (STREQ_NULLABLE(src->path, path))
                return true;
        }
    }
    return false;
}

typedef struct _qbjMomentNamesSearch qbjMomentNamesSearch;
struct _qbjMomentNamesSearch {
    const char *path;
    const virDomainMomentObj *except;
    bool definitions;           /* only these */
    bool found;
};

static int
qbjMomentNamesSnapshot(void *payload, const char *name G_GNUC_UNUSED, void *opaque)
{
    const virDomainMomentObj *snap = payload;
    const virDomainSnapshotDef *def = virDomainSnapshotObjGetDef(payload);
    qbjMomentNamesSearch *search = opaque;
    size_t i;

    if (snap == search->except)
        return 0;
    search->found |= qbjMomentNamesDefinition(def->parent.dom, search->path) ||
        qbjMomentNamesDefinition(def->parent.inactiveDom, search->path);
    for (i = 0; !search->definitions && i < def->ndisks; i++)
        search->found |= def->disks[i].src && STREQ_NULLABLE(def->disks[i].src->path, search->path);
    return 0;
}

static bool
qbjMomentNamesFind(virDomainObj *vm, qbjMomentNamesSearch *search)
{
    search->found = qbjMomentNamesDefinition(vm->def, search->path) ||
        qbjMomentNamesDefinition(vm->newDef, search->path);
    virDomainSnapshotForEach(vm->snapshots, qbjMomentNamesSnapshot, search);
    return search->found;
}

bool
qbjMomentNames(virDomainObj *vm, const virDomainMomentObj *except, const char *path)
{
    qbjMomentNamesSearch search = { .path = path, .except = except };

    return qbjMomentNamesFind(vm, &search);
}

bool
qbjMomentNamesForData(virDomainObj *vm, const char *path)
{
    qbjMomentNamesSearch search = { .path = path, .definitions = true };

    return qbjMomentNamesFind(vm, &search);
}
