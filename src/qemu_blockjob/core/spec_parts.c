#include <config.h>

#include "internal.h"
#include "spec_parts.h"
#include "blocknode.h"
#include "storage_file/storage_source.h"

qbjImage *
qbjSpecImage(const virStorageSource *src)
{
    return qbjImageNew(virStorageSourceGetActualType(src), src->format,
                       virStorageSourceIsLocalStorage(src) ? src->path : NULL,
                       src->nodeformat, src->nodestorage);
}

const char *
qbjSpecErrorPolicy(const virStorageSource *written)
{
    return written && virStorageSourceIsLocalStorage(written) ? "stop" : "enospc";
}

char *
qbjSpecDevice(const virDomainDiskDef *disk)
{
    char *filter = qbjBlockNodeCopyOnReadName(disk);

    return filter ? filter : g_strdup(disk->src->nodeformat);
}

int
qbjSpecNotMade(const qbjSpec *spec, qbjRefusal *refusal)
{
    qbjRefusalSet(refusal, VIR_ERR_INTERNAL_ERROR, _("block job '%s' could not be planned"), spec->job);
    return -1;
}

int
qbjSpecCheckChain(const virDomainDiskDef *disk, qbjRefusal *refusal)
{
    const virStorageSource *src;
    size_t depth = 0;

    for (src = disk->src; virStorageSourceIsBacking(src); src = src->backingStore) {
        if (++depth > QBJ_SPEC_MAX_CHAIN) {
            qbjRefusalSet(refusal, VIR_ERR_OPERATION_UNSUPPORTED,
                          _("backing chains more than %d layers deep are not supported"), QBJ_SPEC_MAX_CHAIN);
            return -1;
        }
        if (!src->nodeformat || !src->nodestorage) {
            qbjRefusalSet(refusal, VIR_ERR_OPERATION_UNSUPPORTED,
                          _("image '%s' of disk '%s' has no node name in QEMU, so block jobs cannot use it"),
                          NULLSTR(src->path), disk->dst);
            return -1;
        }
    }

    return 0;
}

bool
qbjSpecIsWritable(const virDomainDiskDef *disk, const virStorageSource *src)
{
    return src == disk->src && !src->readonly;
}

const char *
qbjSpecBackingNode(const virStorageSource *src)
{
    if (!src->backingStore)
        return NULL;

    return virStorageSourceIsBacking(src->backingStore) ? src->backingStore->nodeformat : "";
}

const char *
qbjSpecBackingFormat(const virStorageSource *src)
{
    return src->encryption && src->format == VIR_STORAGE_FILE_RAW ? "luks" :
        virStorageFileFormatTypeToString(src->format);
}

const virStorageSource *
qbjSpecFindImage(const virStorageSource *from, const char *node)
{
    const virStorageSource *src;

    for (src = from; node && virStorageSourceIsBacking(src); src = src->backingStore) {
        if (STREQ_NULLABLE(src->nodeformat, node))
            return src;
    }

    return NULL;
}

int
qbjSpecAddReopen(qbjSpec *spec, qbjSpecPhase phase, const virDomainDiskDef *disk, const virStorageSource *src,
                 const char *backing, qbjRefusal *refusal)
{
    virJSONValue *arguments = qbjBlockNodeReopen(disk, src, backing, true, refusal);

    if (!arguments)
        return -1;

    qbjSpecAddCommand(spec, phase, "blockdev-reopen", arguments)->optional = true;
    return 0;
}

void
qbjSpecAddRaise(qbjSpec *spec, const virStorageSource *src)
{
    qbjStep *step = qbjSpecAddAccess(spec, QBJ_PHASE_PREPARE, qbjSpecImage(src), QBJ_ACCESS_RW);

    step->undo = qbjStepNewAccess(qbjSpecImage(src), QBJ_ACCESS_RO);
}

void
qbjSpecAddNodesOnlyDelete(qbjSpec *spec, qbjSpecPhase phase, const virStorageSource *src)
{
    GPtrArray *steps = spec->phase[phase];

    g_ptr_array_add(steps, qbjStepNewDelete("blockdev-del", "node-name", src->nodeformat));
    g_ptr_array_add(steps, qbjStepNewDelete("blockdev-del", "node-name", src->nodestorage));
}

void
qbjSpecAddNodesDelete(qbjSpec *spec, qbjSpecPhase phase, const virStorageSource *src)
{
    GPtrArray *steps = spec->phase[phase];
    g_autofree char *passphrase = src->encryption ? qbjBlockNodeSecret(src) : NULL;
    g_autofree char *password = qbjBlockNodeAuthSecret(src);

    qbjSpecAddNodesOnlyDelete(spec, phase, src);
    if (passphrase)
        g_ptr_array_add(steps, qbjStepNewDelete("object-del", "id", passphrase));
    if (password)
        g_ptr_array_add(steps, qbjStepNewDelete("object-del", "id", password));
}

int
qbjSpecPlanMerges(qbjBitmapSet *set, const virStorageSource *top, const virStorageSource *stop,
                  const virStorageSource *target, virJSONValue *actions, GPtrArray *added, qbjRefusal *refusal)
{
    const qbjBitmapNode *node = qbjBitmapNodeFind(set, top->nodeformat);
    size_t i;

    /* the stock driver's order, last one first */
    for (i = node ? node->bitmaps->len : 0; i > 0; i--) {
        qbjBitmap *bitmap = g_ptr_array_index(node->bitmaps, i - 1);
        bool isNew = false;

        if (!qbjBitmapIsValid(set, top, bitmap->name))
            continue;
        if (qbjBitmapMerge(set, top, stop, target, bitmap->name, actions, &isNew, refusal) < 0)
            return -1;
        if (isNew && added)
            g_ptr_array_add(added, bitmap->name);
    }

    return 0;
}

int
qbjSpecAddTransaction(GPtrArray *steps, virJSONValue **actions)
{
    g_autoptr(virJSONValue) arguments = NULL;

    if (virJSONValueArraySize(*actions) == 0)
        return 0;
    if (virJSONValueObjectAdd(&arguments, "a:actions", actions, NULL) < 0)
        return -1;

    g_ptr_array_add(steps, qbjStepNewCommand("transaction", g_steal_pointer(&arguments)));
    return 0;
}
