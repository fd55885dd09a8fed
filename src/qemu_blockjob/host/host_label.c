#include <config.h>

#include "internal.h"
#include "host_label.h"

static virStorageSource *
qbjHostLabelSource(const qbjImage *image, virStorageSource *chain)
{
    virStorageSource *next;
    virStorageSource *src;

    for (next = chain; virStorageSourceIsBacking(next); next = next->backingStore) {
        if (STREQ_NULLABLE(next->nodeformat, image->formatNode))
            return virObjectRef(next);
    }

    src = virStorageSourceNew();
    src->type = image->storageType;
    src->format = image->format;
    src->path = g_strdup(image->path);
    return src;
}

int
qbjHostLabelImage(virSecurityManager *mgr, virDomainDef *def, const qbjImage *image, qbjAccess access,
                  virStorageSource *chain)
{
    g_autoptr(virStorageSource) src = qbjHostLabelSource(image, chain);
    bool readonly = src->readonly;
    int ret;

    if (!virStorageSourceIsLocalStorage(src))
        return 0;
    if (access == QBJ_ACCESS_NONE)
        return virSecurityManagerRestoreImageLabel(mgr, def, src, 0);

    /* the drivers read the wanted rights from the image's own flag (02/Q82) */
    src->readonly = access == QBJ_ACCESS_RO;
    ret = virSecurityManagerSetImageLabel(mgr, def, src, 0);
    src->readonly = readonly;
    return ret;
}

int
qbjHostLabelMoveOwner(virSecurityManager *mgr, const qbjImage *from, virStorageSource *to)
{
    g_autoptr(virStorageSource) src = qbjHostLabelSource(from, NULL);

    if (!virStorageSourceIsLocalStorage(src) || !virStorageSourceIsLocalStorage(to))
        return 0;
    return virSecurityManagerMoveImageMetadata(mgr, -1, src, to);
}
