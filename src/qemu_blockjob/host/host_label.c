#include <config.h>

#include "internal.h"
#include "host_label.h"
#include "virerror.h"
#include "virfile.h"

/* What the DAC driver remembers of a file, in its extended attributes (02/Q83). The last one says that the
 * others are there: it is written last and removed first. */
static const char *const qbjHostLabelRemembered[] = {
    "trusted.libvirt.security.dac",
    "trusted.libvirt.security.timestamp_dac",
    "trusted.libvirt.security.ref_dac",
};
#define QBJ_HOST_LABEL_REMEMBERED G_N_ELEMENTS(qbjHostLabelRemembered)

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
qbjHostLabelImage(virSecurityManager *mgr, virDomainDef *def, const qbjImage *image, qbjAccess access, bool top,
                  virStorageSource *chain)
{
    g_autoptr(virStorageSource) src = qbjHostLabelSource(image, chain);
    bool readonly = src->readonly;
    int ret;

    /* it may be gone when a daemon died before it could say that all is undone */
    if (!virStorageSourceIsLocalStorage(src) || (access == QBJ_ACCESS_NONE && !virFileExists(src->path)))
        return 0;
    if (access == QBJ_ACCESS_NONE)
        return virSecurityManagerRestoreImageLabel(mgr, def, src, 0);

    /* the drivers read the wanted rights from the image's own flag (02/Q82) */
    src->readonly = access == QBJ_ACCESS_RO;
    ret = virSecurityManagerSetImageLabel(mgr, def, src, top ? VIR_SECURITY_DOMAIN_IMAGE_PARENT_CHAIN_TOP : 0);
    src->readonly = readonly;
    return ret;
}

/* Whether DAC is the only driver that could remember anything. */
static bool
qbjHostLabelOnlyDAC(virSecurityManager *mgr)
{
    g_autofree virSecurityManager **nested = virSecurityManagerGetNested(mgr);
    size_t i;

    for (i = 0; nested && nested[i]; i++) {
        const char *model = virSecurityManagerGetModel(nested[i]);

        if (STRNEQ_NULLABLE(model, "dac") && STRNEQ_NULLABLE(model, "none"))
            return false;
    }
    return nested != NULL;
}

static bool
qbjHostLabelIsRemembered(const char *path)
{
    g_autofree char *value = NULL;

    return path && virFileGetXAttrQuiet(path, qbjHostLabelRemembered[QBJ_HOST_LABEL_REMEMBERED - 1], &value) == 0;
}

bool
qbjHostLabelMayBeSet(const virStorageSource *top)
{
    g_autofree char *value = NULL;

    if (!virStorageSourceIsLocalStorage(top) || !top->path)
        return true;
    errno = 0;
    return virFileGetXAttrQuiet(top->path, qbjHostLabelRemembered[QBJ_HOST_LABEL_REMEMBERED - 1], &value) == 0 ||
        errno != ENODATA;
}

static int
qbjHostLabelMoveRemembered(const char *from, const char *to)
{
    char *values[QBJ_HOST_LABEL_REMEMBERED] = { NULL };
    int ret = 0;
    size_t i;

    for (i = 0; i < QBJ_HOST_LABEL_REMEMBERED; i++)
        ignore_value(virFileGetXAttrQuiet(from, qbjHostLabelRemembered[i], &values[i]));
    if (values[QBJ_HOST_LABEL_REMEMBERED - 1]) {
        for (i = 0; ret == 0 && i < QBJ_HOST_LABEL_REMEMBERED; i++) {
            if (values[i])
                ret = virFileSetXAttr(to, qbjHostLabelRemembered[i], values[i]);
        }
        for (i = QBJ_HOST_LABEL_REMEMBERED; ret == 0 && i > 0; i--) {
            if (values[i - 1])
                ret = virFileRemoveXAttr(from, qbjHostLabelRemembered[i - 1]);
        }
    }
    for (i = 0; i < QBJ_HOST_LABEL_REMEMBERED; i++)
        g_free(values[i]);
    return ret;
}

int
qbjHostLabelMoveOwner(virSecurityManager *mgr, const qbjImage *from, virStorageSource *to)
{
    g_autoptr(virStorageSource) src = qbjHostLabelSource(from, NULL);

    if (!virStorageSourceIsLocalStorage(src) || !virStorageSourceIsLocalStorage(to) || !src->path || !to->path)
        return 0;
    if (qbjHostLabelIsRemembered(to->path))     /* each keeps its own, then */
        return 0;
    /* the manager would fork the daemon for it, which takes longer than all the rest of a pivot */
    if (qbjHostLabelOnlyDAC(mgr))
        return qbjHostLabelMoveRemembered(src->path, to->path);
    return virSecurityManagerMoveImageMetadata(mgr, -1, src, to);
}

typedef int (*qbjHostLabelAct)(virSecurityManager *mgr, virDomainDef *def, virStorageSource *src);

/* Calls @act for each lower image of the chain @top that is a local one; @first gets the first error. */
static void
qbjHostLabelEachBelow(virSecurityManager *mgr, virDomainDef *def, virStorageSource *top, qbjHostLabelAct act,
                      virErrorPtr *first)
{
    virStorageSource *src;

    for (src = top->backingStore; virStorageSourceIsBacking(src); src = src->backingStore) {
        bool readonly = src->readonly;

        /* what is read only is neither remembered nor given back */
        src->readonly = false;
        if (virStorageSourceIsLocalStorage(src) && act(mgr, def, src) < 0 && !*first)
            virErrorPreserveLast(first);
        src->readonly = readonly;
    }
}

static int
qbjHostLabelResult(virErrorPtr *first)
{
    if (!*first)
        return 0;
    virErrorRestore(first);
    return -1;
}

/* The same for all disks; -1 when one of the calls fails. */
static int
qbjHostLabelEachLower(virSecurityManager *mgr, virDomainDef *def, qbjHostLabelAct act)
{
    virErrorPtr first = NULL;
    size_t i;

    for (i = 0; i < def->ndisks; i++)
        qbjHostLabelEachBelow(mgr, def, def->disks[i]->src, act, &first);
    return qbjHostLabelResult(&first);
}

/* The driver remembers the owner of what it takes for the top of a chain only. */
static int
qbjHostLabelRememberOne(virSecurityManager *mgr, virDomainDef *def, virStorageSource *src)
{
    return virSecurityManagerSetImageLabel(mgr, def, src, VIR_SECURITY_DOMAIN_IMAGE_PARENT_CHAIN_TOP);
}

int
qbjHostLabelRememberLower(virSecurityManager *mgr, virDomainDef *def)
{
    return qbjHostLabelOnlyDAC(mgr) ? qbjHostLabelEachLower(mgr, def, qbjHostLabelRememberOne) : 0;
}

static int
qbjHostLabelRestoreOne(virSecurityManager *mgr, virDomainDef *def, virStorageSource *src)
{
    return qbjHostLabelIsRemembered(src->path) ? virSecurityManagerRestoreImageLabel(mgr, def, src, 0) : 0;
}

int
qbjHostLabelRestoreLower(virSecurityManager *mgr, virDomainDef *def)
{
    return qbjHostLabelEachLower(mgr, def, qbjHostLabelRestoreOne);
}

int
qbjHostLabelChain(virSecurityManager *mgr, virDomainDef *def, virStorageSource *top)
{
    virErrorPtr first = NULL;

    if (virStorageSourceIsEmpty(top))
        return 0;
    if (qbjHostLabelOnlyDAC(mgr))
        qbjHostLabelEachBelow(mgr, def, top, qbjHostLabelRememberOne, &first);
    if (qbjHostLabelResult(&first) < 0)
        return -1;
    return virSecurityManagerSetImageLabel(mgr, def, top, VIR_SECURITY_DOMAIN_IMAGE_LABEL_BACKING_CHAIN |
                                           VIR_SECURITY_DOMAIN_IMAGE_PARENT_CHAIN_TOP);
}

int
qbjHostLabelRestoreChain(virSecurityManager *mgr, virDomainDef *def, virStorageSource *top)
{
    virErrorPtr first = NULL;

    if (virStorageSourceIsEmpty(top))
        return 0;
    if (virSecurityManagerRestoreImageLabel(mgr, def, top, 0) < 0)
        virErrorPreserveLast(&first);
    qbjHostLabelEachBelow(mgr, def, top, qbjHostLabelRestoreOne, &first);
    return qbjHostLabelResult(&first);
}
