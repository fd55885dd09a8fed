#include <config.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "vm_disks.h"
#include "vm_bitmaps.h"
#include "blocknode.h"
#include "storage_file/storage_source.h"
#include "virerror.h"
#include "virfile.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* Chains deeper than this are refused, as elsewhere (01/Y10). */
#define QBJ_VM_CHAIN_MAX 200

static void
qbjVmDisksNumber(virQbjStatus *status, virStorageSource *src)
{
    unsigned long long n = ++status->nodeIndex;

    src->id = n;
    g_free(src->nodestorage);
    src->nodestorage = g_strdup_printf("libvirt-%llu-storage", n);
    g_free(src->nodeformat);
    src->nodeformat = g_strdup_printf("libvirt-%llu-format", n);
}

static void
qbjVmDisksNumberChain(virQbjStatus *status, virStorageSource *chain)
{
    virStorageSource *next;

    for (next = chain; virStorageSourceIsBacking(next) && !virStorageSourceIsEmpty(next); next = next->backingStore) {
        if (!next->nodeformat)
            qbjVmDisksNumber(status, next);
        if (next != chain)
            next->readonly = true;      /* no writer below the active layer until a job asks for it */
    }
}

static int
qbjVmDisksCheckSource(const virDomainDiskDef *disk)
{
    if (virStorageSourceIsLocalStorage(disk->src) && disk->src->path && access(disk->src->path, F_OK) < 0) {
        virReportSystemError(errno, _("Cannot access storage file '%s'"), disk->src->path);
        return -1;
    }
    return 0;
}

/* As the daemon itself first: as QEMU's user each image costs a fork of the daemon. What only that user may
 * see is asked for again as that user, and so is every error: it names the user. An image that only the
 * daemon reaches is refused by QEMU. */
static int
qbjVmDisksMetadata(virStorageSource *src, const virQbjConf *conf)
{
    if (virStorageSourceGetMetadata(src, -1, -1, QBJ_VM_CHAIN_MAX, true) == 0)
        return 0;
    virResetLastError();
    g_clear_pointer(&src->backingStore, virObjectUnref);
    if (virStorageSourceGetMetadata(src, conf->user, conf->group, QBJ_VM_CHAIN_MAX, true) == 0)
        return 0;
    if (virGetLastErrorCode() == VIR_ERR_OK)    /* libvirt's reader has no word for JSON that is no object */
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("a backing image of '%s' has a name that cannot be understood"),
                       NULLSTR(src->path));
    return -1;
}

/* Before anything opens them: opening a FIFO waits for its other end. What only QEMU's user may look at is
 * not judged here. */
static int
qbjVmDisksCheckKind(const virStorageSource *chain)
{
    const virStorageSource *next;
    struct stat st;

    for (next = chain; virStorageSourceIsBacking(next); next = next->backingStore) {
        if (!virStorageSourceIsLocalStorage(next))
            continue;
        if (next->path && stat(next->path, &st) == 0 &&
            (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || S_ISDIR(st.st_mode))) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("'%s' is neither a file nor a block device"), next->path);
            return -1;
        }
    }
    return 0;
}

/* The image that the header of @src names, as far as the daemon may read it: NULL is no error. */
static virStorageSource *
qbjVmDisksBelow(const virStorageSource *src)
{
    VIR_AUTOCLOSE fd = -1;
    g_autoptr(virStorageSource) meta = NULL;
    virStorageSource *below = NULL;

    if (!src->path || (fd = open(src->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)) < 0)
        return NULL;
    if (!(meta = virStorageSourceGetMetadataFromFD(src->path, fd, src->format)) || !meta->backingStoreRaw ||
        virStorageSourceNewFromBacking(meta, &below) != 0)
        virResetLastError();            /* the reader that follows tells it better */
    return below;
}

/* What virStorageSourceGetMetadata() will come by from @last on: it opens what headers name, a FIFO as
 * well. */
static int
qbjVmDisksCheckProbed(virStorageSource *last)
{
    g_autoptr(virStorageSource) src = virObjectRef(last);
    size_t depth;

    for (depth = 0; depth < QBJ_VM_CHAIN_MAX && virStorageSourceIsLocalStorage(src); depth++) {
        virStorageSource *below = qbjVmDisksBelow(src);

        if (!below)
            return 0;
        virObjectUnref(src);
        src = below;
        if (qbjVmDisksCheckKind(src) < 0)
            return -1;
    }
    return 0;
}

static bool
qbjVmDisksIsText(const char *name)
{
    return !name || g_utf8_validate(name, -1, NULL);
}

static bool
qbjVmDisksHasTexts(const virStorageSource *src)
{
    bool text = qbjVmDisksIsText(src->path) && qbjVmDisksIsText(src->relPath) && qbjVmDisksIsText(src->volume) &&
                qbjVmDisksIsText(src->snapshot) && qbjVmDisksIsText(src->configFile) &&
                qbjVmDisksIsText(src->query) && qbjVmDisksIsText(src->initiator.iqn) &&
                qbjVmDisksIsText(src->auth ? src->auth->username : NULL);
    size_t i;

    for (i = 0; i < src->nhosts; i++)
        text = text && qbjVmDisksIsText(src->hosts[i].name) && qbjVmDisksIsText(src->hosts[i].socket);
    return text;
}

/* Names from headers may be any bytes. Neither XML nor a monitor's JSON can hold those that are no text. */
static int
qbjVmDisksCheckNames(const virDomainDiskDef *disk)
{
    const virStorageSource *next;

    for (next = disk->src; virStorageSourceIsBacking(next); next = next->backingStore) {
        if (!qbjVmDisksHasTexts(next)) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                           _("an image in the chain of disk '%s' has a name that is not UTF-8"), disk->dst);
            return -1;
        }
    }
    return 0;
}

int
qbjVmDisksProbe(virDomainDiskDef *disk, const virQbjConf *conf)
{
    virStorageSource *last = disk->src;

    if (virStorageSourceIsEmpty(disk->src))
        return 0;
    if (qbjVmDisksCheckKind(disk->src) < 0)
        return -1;

    /* down to where the definition says nothing more; an explicit end stays one */
    while (virStorageSourceIsBacking(last->backingStore))
        last = last->backingStore;
    if (last->backingStore)             /* all is stated; else the probing tells what is missing */
        return qbjVmDisksCheckSource(disk);
    if (qbjVmDisksCheckProbed(last) < 0)
        return -1;
    if (qbjVmDisksMetadata(last, conf) < 0)
        return -1;
    return qbjVmDisksCheckNames(disk);
}

void
qbjVmDisksNumberStated(virDomainDef *def, virQbjStatus *status)
{
    size_t i;

    for (i = def->ndisks; i > 0; i--) {
        if (virStorageSourceIsEmpty(def->disks[i - 1]->src))
            status->nodeIndex++;        /* kept for a medium, as the stock driver does */
        else
            qbjVmDisksNumberChain(status, def->disks[i - 1]->src);
    }
}

int
qbjVmDisksPrepare(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    size_t i;

    qbjVmDisksNumberStated(vm->def, priv->status);
    for (i = vm->def->ndisks; i > 0; i--) {
        virDomainDiskDef *disk = vm->def->disks[i - 1];

        if (qbjVmDisksProbe(disk, priv->driver->conf) < 0)
            return -1;
        qbjVmDisksNumberChain(priv->status, disk->src);
        qbjBlockNodeInheritModes(disk);
        if (qbjVmBitmapsPossible(disk->src))
            priv->status->mayHaveBitmaps = true;
    }
    return 0;
}
