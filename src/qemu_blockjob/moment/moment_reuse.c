#include <config.h>

#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "moment_reuse.h"
#include "moment_undo.h"
#include "domain_seen.h"
#include "host_chain.h"
#include "spec.h"
#include "storage_source_conf.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.moment_reuse");

/* All definitions are walked through down to where their images end. What two of them stand on is looked at
 * once: whatever is found ends the search. */
typedef struct _qbjMomentReuse qbjMomentReuse;
struct _qbjMomentReuse {
    qbjDriver *driver;
    const GPtrArray *overlays;
    struct stat *found;         /* what is at each of them; st_ino is 0 where nothing is */
    GHashTable *read;           /* images that were walked down from to the end, with their formats */
};

static void
qbjMomentReuseInit(qbjMomentReuse *reuse, qbjDriver *driver, const GPtrArray *overlays)
{
    reuse->driver = driver;
    reuse->overlays = overlays;
    reuse->found = g_new0(struct stat, overlays->len + 1);
    reuse->read = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

static void
qbjMomentReuseClear(qbjMomentReuse *reuse)
{
    g_free(reuse->found);
    g_hash_table_unref(reuse->read);
}

static bool
qbjMomentReuseIsOne(const struct stat *one, const struct stat *other)
{
    if (S_ISBLK(one->st_mode) && S_ISBLK(other->st_mode))
        return one->st_rdev == other->st_rdev;
    return one->st_ino && one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

/* --- what is at their places --- */

static int
qbjMomentReuseLook(const char *path, struct stat *found)
{
    if (stat(path, found) == 0)
        return 0;
    *found = (struct stat) { 0 };
    if (errno == ENOENT || errno == ENOTDIR)
        return 0;
    virReportSystemError(errno, _("cannot look at copy destination '%s'"), path);
    return -1;
}

/* A pipe would be waited for. */
static int
qbjMomentReuseCheckKind(const char *path, const struct stat *found)
{
    if (found->st_ino == 0 || S_ISREG(found->st_mode) || S_ISBLK(found->st_mode))
        return 0;
    virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("external snapshot image '%s' is neither a file nor a block device"),
                   path);
    return -1;
}

bool
qbjMomentReuseIsTwice(const GPtrArray *images, const struct stat *found, size_t n, size_t *other)
{
    virStorageSource *image = g_ptr_array_index(images, n);
    size_t i;

    for (i = 0; i < n; i++) {
        if (found ? qbjMomentReuseIsOne(&found[i], &found[n]) :
                    virStorageSourceIsSameLocation(image, g_ptr_array_index(images, i))) {
            *other = i;
            return true;
        }
    }
    return false;
}

static int
qbjMomentReuseCheckPlaces(qbjMomentReuse *reuse)
{
    size_t other;
    size_t i;

    for (i = 0; i < reuse->overlays->len; i++) {
        const virStorageSource *overlay = g_ptr_array_index(reuse->overlays, i);

        if (qbjMomentReuseLook(overlay->path, &reuse->found[i]) < 0 ||
            qbjMomentReuseCheckKind(overlay->path, &reuse->found[i]) < 0)
            return -1;
        if (qbjMomentReuseIsTwice(reuse->overlays, reuse->found, i, &other)) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("two disks would share the snapshot image '%s'"),
                           overlay->path);
            return -1;
        }
    }
    return 0;
}

/* --- whose they are --- */

/* The path of the overlay that is @image, by whatever name; NULL: it is none of them. */
static const char *
qbjMomentReuseFind(const qbjMomentReuse *reuse, const virStorageSource *image)
{
    struct stat st = { 0 };
    size_t i;

    if (!virStorageSourceIsLocalStorage(image) || !image->path)
        return NULL;
    if (stat(image->path, &st) < 0)
        st = (struct stat) { 0 };
    for (i = 0; i < reuse->overlays->len; i++) {
        const virStorageSource *overlay = g_ptr_array_index(reuse->overlays, i);

        if (STREQ(image->path, overlay->path) || qbjMomentReuseIsOne(&reuse->found[i], &st))
            return overlay->path;
    }
    return NULL;
}

/* What the header of @image names, NULL: nothing, or @image is not there. What only QEMU's user may read is
 * read as that user. Returns 0, -1 with an error reported. */
static int
qbjMomentReuseBelow(const virQbjConf *conf, virStorageSource *image, virStorageSource **below)
{
    *below = NULL;
    if (access(image->path, R_OK) == 0)
        return qbjHostChainReadBelow(image, below);
    if (errno == ENOENT || errno == ENOTDIR)
        return 0;
    if (qbjHostChainProbe(image, "", conf->user, conf->group) < 0)
        return -1;
    if (virStorageSourceIsBacking(image->backingStore))
        *below = virObjectRef(image->backingStore);
    return 0;
}

/* Down from @image. @walked: gets all images that were read. Returns 1 with @path, or NULL; 0: what is
 * further down cannot be known. */
static int
qbjMomentReuseWalk(const qbjMomentReuse *reuse, const virStorageSource *image, GPtrArray *walked, const char **path)
{
    g_autoptr(virStorageSource) src = virStorageSourceCopy(image, false);
    size_t depth;

    for (depth = 0; src && depth < QBJ_SPEC_MAX_CHAIN; depth++) {
        virStorageSource *below = NULL;
        char *key;

        if (!virStorageSourceIsLocalStorage(src) || !src->path)
            return 1;
        key = g_strdup_printf("%d:%s", src->format, src->path);
        g_ptr_array_add(walked, key);
        if (g_hash_table_contains(reuse->read, key))
            return 1;
        if (qbjMomentReuseBelow(reuse->driver->conf, src, &below) < 0) {
            VIR_WARN("whose images are below '%s' is not known: %s", src->path, virGetLastErrorMessage());
            virResetLastError();
            return 0;
        }
        virObjectUnref(src);
        src = below;
        if (src && (*path = qbjMomentReuseFind(reuse, src)))
            return 1;
    }
    return !src;
}

/* The same for all that headers name below @image, which no definition states. */
static const char *
qbjMomentReuseFindBelow(const qbjMomentReuse *reuse, const virStorageSource *image)
{
    g_autoptr(GPtrArray) walked = g_ptr_array_new_with_free_func(g_free);
    const char *path = NULL;
    size_t i;

    if (qbjMomentReuseWalk(reuse, image, walked, &path) == 0)
        return NULL;
    for (i = 0; i < walked->len; i++)
        g_hash_table_add(reuse->read, g_strdup(g_ptr_array_index(walked, i)));
    return path;
}

/* The path of the overlay that is in the chain @top, or NULL. */
static const char *
qbjMomentReuseFindIn(const qbjMomentReuse *reuse, const virStorageSource *top)
{
    const virStorageSource *last = NULL;
    const virStorageSource *image;

    for (image = top; virStorageSourceIsBacking(image); image = image->backingStore) {
        const char *path = qbjMomentReuseFind(reuse, image);

        if (path)
            return path;
        last = image;
    }
    return last && !last->backingStore ? qbjMomentReuseFindBelow(reuse, last) : NULL;
}

/* The domain's own chain must be known. */
static int
qbjMomentReuseCheckChain(const qbjMomentReuse *reuse, const qbjUndoChain *chain)
{
    const virQbjConf *conf = reuse->driver->conf;
    const char *path;

    if (!chain->moment && chain->owner == QBJ_UNDO_LIVE && virStorageSourceIsLocalStorage(chain->top) &&
        qbjHostChainProbe(chain->top, chain->disk, conf->user, conf->group) < 0)
        return -1;
    if (!(path = qbjMomentReuseFindIn(reuse, chain->top)))
        return 0;
    if (chain->moment)
        virReportError(VIR_ERR_INVALID_ARG, _("image '%s' belongs to disk '%s' of snapshot '%s'"), path, chain->disk,
                       chain->moment);
    else
        virReportError(VIR_ERR_INVALID_ARG, _("image '%s' is an image of disk '%s'"), path, chain->disk);
    return -1;
}

static int
qbjMomentReuseCheckForeign(const qbjMomentReuse *reuse, const qbjMomentForeign *foreign)
{
    const char *path = qbjMomentReuseFindIn(reuse, foreign->top);

    if (!path)
        return 0;
    if (qbjDomainIsSeen(reuse->driver, foreign->domain))
        virReportError(VIR_ERR_INVALID_ARG, _("image '%s' is an image of domain '%s'"), path, foreign->domain);
    else
        virReportError(VIR_ERR_INVALID_ARG, _("image '%s' is an image of another domain"), path);
    return -1;
}

/* Without locks. */
static int
qbjMomentReuseCheckOwners(const qbjMomentReuse *reuse, const virDomainObj *vm, const qbjMomentUndo *view)
{
    g_autoptr(GPtrArray) foreign = qbjMomentForeignCollect(reuse->driver, vm);
    size_t i;

    for (i = 0; i < view->undo.chains->len; i++) {
        if (qbjMomentReuseCheckChain(reuse, g_ptr_array_index(view->undo.chains, i)) < 0)
            return -1;
    }
    for (i = 0; i < foreign->len; i++) {
        if (qbjMomentReuseCheckForeign(reuse, g_ptr_array_index(foreign, i)) < 0)
            return -1;
    }
    return 0;
}

int
qbjMomentReuseCheck(virDomainObj *vm, const GPtrArray *overlays)
{
    g_autoptr(qbjMomentUndo) view = qbjMomentUndoNew(vm, false);
    qbjMomentReuse reuse;
    int rc;

    if (!view)
        return -1;
    virObjectUnlock(vm);
    qbjMomentReuseInit(&reuse, QBJ_DOMAIN_PRIVATE(vm)->driver, overlays);
    rc = qbjMomentReuseCheckPlaces(&reuse);
    if (rc == 0)
        rc = qbjMomentReuseCheckOwners(&reuse, vm, view);
    qbjMomentReuseClear(&reuse);
    virObjectLock(vm);
    return rc;
}
