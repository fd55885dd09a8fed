#include <config.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "host_chain.h"
#include "spec.h"
#include "storage_file/storage_source.h"
#include "virerror.h"
#include "virfile.h"
#include "virqbjxml.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* As the daemon itself first: as QEMU's user each image costs a fork of the daemon. What only that user may
 * see is asked for again as that user, and so is every error: it names the user. An image that only the
 * daemon reaches is refused by QEMU. */
static int
qbjHostChainMetadata(virStorageSource *src, uid_t user, gid_t group)
{
    if (virStorageSourceGetMetadata(src, -1, -1, QBJ_SPEC_MAX_CHAIN, true) == 0)
        return 0;
    virResetLastError();
    g_clear_pointer(&src->backingStore, virObjectUnref);
    if (virStorageSourceGetMetadata(src, user, group, QBJ_SPEC_MAX_CHAIN, true) == 0)
        return 0;
    if (virGetLastErrorCode() == VIR_ERR_OK)    /* libvirt's reader has no word for JSON that is no object */
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("a backing image of '%s' has a name that cannot be understood"),
                       NULLSTR(src->path));
    return -1;
}

/* Before anything opens them: opening a FIFO waits for its other end. What only QEMU's user may look at is
 * not judged here. */
static int
qbjHostChainCheckKind(const virStorageSource *chain)
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

int
qbjHostChainReadBelow(const virStorageSource *src, virStorageSource **below)
{
    VIR_AUTOCLOSE fd = open(src->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    g_autoptr(virStorageSource) meta = NULL;

    *below = NULL;
    if (fd < 0) {
        virReportSystemError(errno, _("cannot open image '%s'"), src->path);
        return -1;
    }
    if (!(meta = virStorageSourceGetMetadataFromFD(src->path, fd, src->format)))
        return -1;
    return meta->backingStoreRaw && virStorageSourceNewFromBacking(meta, below) < 0 ? -1 : 0;
}

virStorageSource *
qbjHostChainBelow(const virStorageSource *src)
{
    virStorageSource *below = NULL;

    if (src->path && qbjHostChainReadBelow(src, &below) < 0)
        virResetLastError();            /* the reader that follows tells it better */
    return below;
}

/* What virStorageSourceGetMetadata() will come by from @last on: it opens what headers name, a FIFO as
 * well. */
static int
qbjHostChainCheckProbed(virStorageSource *last)
{
    g_autoptr(virStorageSource) src = virObjectRef(last);
    size_t depth;

    for (depth = 0; depth < QBJ_SPEC_MAX_CHAIN && virStorageSourceIsLocalStorage(src); depth++) {
        virStorageSource *below = qbjHostChainBelow(src);

        if (!below)
            return 0;
        virObjectUnref(src);
        src = below;
        if (qbjHostChainCheckKind(src) < 0)
            return -1;
    }
    return 0;
}

static bool
qbjHostChainIsText(const char *name)
{
    return !name || virQbjXMLCanHold(name);
}

static bool
qbjHostChainHasTexts(const virStorageSource *src)
{
    bool text = qbjHostChainIsText(src->path) && qbjHostChainIsText(src->relPath) && qbjHostChainIsText(src->volume) &&
                qbjHostChainIsText(src->snapshot) && qbjHostChainIsText(src->configFile) &&
                qbjHostChainIsText(src->query) && qbjHostChainIsText(src->initiator.iqn) &&
                qbjHostChainIsText(src->auth ? src->auth->username : NULL);
    size_t i;

    for (i = 0; i < src->nhosts; i++)
        text = text && qbjHostChainIsText(src->hosts[i].name) && qbjHostChainIsText(src->hosts[i].socket);
    return text;
}

/* Names from headers may be any bytes. Where XML cannot hold them a definition would name another image, and
 * a monitor's JSON cannot hold what is no UTF-8. */
static int
qbjHostChainCheckNames(const virStorageSource *top, const char *disk)
{
    const virStorageSource *next;

    for (next = top; virStorageSourceIsBacking(next); next = next->backingStore) {
        if (!qbjHostChainHasTexts(next)) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                           _("an image in the chain of disk '%s' has a name that is not UTF-8, or has control characters"),
                           disk);
            return -1;
        }
    }
    return 0;
}

int
qbjHostChainProbe(virStorageSource *top, const char *disk, uid_t user, gid_t group)
{
    virStorageSource *last = top;

    if (qbjHostChainCheckKind(top) < 0)
        return -1;

    /* down to where nothing more is stated; an explicit end stays one */
    while (virStorageSourceIsBacking(last->backingStore))
        last = last->backingStore;
    if (last->backingStore)
        return 0;
    if (qbjHostChainCheckProbed(last) < 0 ||
        qbjHostChainMetadata(last, user, group) < 0 ||
        qbjHostChainCheckNames(top, disk) < 0)
        return -1;
    return 1;
}
