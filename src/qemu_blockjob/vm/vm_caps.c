/* The cache of what QEMU binaries can do, and where to find them. */

#include <config.h>

#include <sys/stat.h>

#include "internal.h"
#include "virerror.h"
#include "virfile.h"
#include "virthread.h"
#include "vm_caps_file.h"
#include "vm_caps_probe.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

#define QBJ_VM_CAPS_KVM_DEVICE "/dev/kvm"

/* What a cached answer depends on. */
typedef struct _qbjVmCapsStamp qbjVmCapsStamp;
struct _qbjVmCapsStamp {
    off_t size;
    struct timespec changed;
    struct timespec modified;
    mode_t kvmMode;             /* 0: no such device */
    uid_t kvmOwner;
    gid_t kvmGroup;
};

typedef struct _qbjVmCapsEntry qbjVmCapsEntry;
struct _qbjVmCapsEntry {
    qbjVmCapsStamp stamp;       /* of caps */
    const qbjVmCaps *caps;      /* in the cache's list of all; NULL: no successful probe yet */
    bool fixed;                 /* caps was put in by qbjVmCapsCacheAdd() */
    bool probing;               /* some thread runs the binary now */
    unsigned int probes;        /* that have ended, so that a waiter can tell that "its" one failed */
    virErrorPtr error;          /* of the last probe, when it failed */
};

struct _qbjVmCapsCache {
    virMutex lock;              /* guards all below; never held while a binary runs */
    virCond probed;             /* some probe has ended */
    GHashTable *entries;        /* path -> qbjVmCapsEntry */
    GPtrArray *all;             /* every qbjVmCaps handed out; freed with the cache */
    char *runDir;
    char *folder;               /* of answers on disk; NULL: none */
    char *host;                 /* what they depend on, too */
    uid_t uid;
    gid_t gid;
};

static void
qbjVmCapsEntryFree(qbjVmCapsEntry *entry)
{
    virFreeError(entry->error);
    g_free(entry);
}

qbjVmCapsCache *
qbjVmCapsCacheNew(const char *runDir, uid_t uid, gid_t gid)
{
    g_autofree qbjVmCapsCache *cache = g_new0(qbjVmCapsCache, 1);

    if (virMutexInit(&cache->lock) < 0) {
        virReportSystemError(errno, "%s", _("Cannot create the lock of the capabilities cache"));
        return NULL;
    }
    if (virCondInit(&cache->probed) < 0) {
        virReportSystemError(errno, "%s", _("Cannot create the condition of the capabilities cache"));
        virMutexDestroy(&cache->lock);
        return NULL;
    }

    cache->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify) qbjVmCapsEntryFree);
    cache->all = g_ptr_array_new_with_free_func((GDestroyNotify) qbjVmCapsFree);
    cache->runDir = g_strdup(runDir);
    cache->uid = uid;
    cache->gid = gid;
    return g_steal_pointer(&cache);
}

void
qbjVmCapsCacheSetFolder(qbjVmCapsCache *cache, const char *folder)
{
    cache->folder = g_strdup(folder);
    cache->host = qbjVmCapsFileHost();
}

void
qbjVmCapsCacheFree(qbjVmCapsCache *cache)
{
    if (!cache)
        return;

    g_hash_table_unref(cache->entries);
    g_ptr_array_unref(cache->all);
    g_free(cache->runDir);
    g_free(cache->folder);
    g_free(cache->host);
    virCondDestroy(&cache->probed);
    virMutexDestroy(&cache->lock);
    g_free(cache);
}

static int
qbjVmCapsStampGet(const char *binary, qbjVmCapsStamp *stamp)
{
    struct stat st;

    memset(stamp, 0, sizeof(*stamp));
    if (stat(binary, &st) < 0 || (!virFileIsExecutable(binary) && (errno = EACCES))) {
        virReportSystemError(errno, _("Cannot check QEMU binary %s"), binary);
        return -1;
    }
    stamp->size = st.st_size;
    stamp->changed = st.st_ctim;
    stamp->modified = st.st_mtim;

    if (stat(QBJ_VM_CAPS_KVM_DEVICE, &st) == 0) {
        stamp->kvmMode = st.st_mode;
        stamp->kvmOwner = st.st_uid;
        stamp->kvmGroup = st.st_gid;
    }
    return 0;
}

static bool
qbjVmCapsStampEqual(const qbjVmCapsStamp *a, const qbjVmCapsStamp *b)
{
    return a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec &&
           a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec &&
           a->kvmMode == b->kvmMode && a->kvmOwner == b->kvmOwner && a->kvmGroup == b->kvmGroup;
}

static qbjVmCapsEntry *
qbjVmCapsEntryGet(qbjVmCapsCache *cache, const char *binary)
{
    qbjVmCapsEntry *entry = g_hash_table_lookup(cache->entries, binary);

    if (!entry) {
        entry = g_new0(qbjVmCapsEntry, 1);
        g_hash_table_insert(cache->entries, g_strdup(binary), entry);
    }

    return entry;
}

/* Keeps the outcome of a probe; on a failure the reported error, for those who wait. */
static void
qbjVmCapsEntrySet(qbjVmCapsCache *cache, qbjVmCapsEntry *entry, const qbjVmCapsStamp *stamp, qbjVmCaps *caps)
{
    entry->probing = false;
    entry->probes++;
    g_clear_pointer(&entry->error, virFreeError);

    if (caps) {
        g_ptr_array_add(cache->all, caps);
        entry->caps = caps;
        entry->stamp = *stamp;
    } else {
        entry->error = virSaveLastError();
    }

    virCondBroadcast(&cache->probed);
}

/* The driver's version: another one may ask for something else. */
static char *
qbjVmCapsStampText(const qbjVmCapsCache *cache, const qbjVmCapsStamp *stamp)
{
    return g_strdup_printf("%s %lld %lld.%ld %lld.%ld %o %u %u %s", QBJ_VERSION, (long long) stamp->size,
                           (long long) stamp->changed.tv_sec, stamp->changed.tv_nsec,
                           (long long) stamp->modified.tv_sec, stamp->modified.tv_nsec,
                           stamp->kvmMode, stamp->kvmOwner, stamp->kvmGroup, cache->host);
}

/* From disk; else from the binary, and then to disk. */
static qbjVmCaps *
qbjVmCapsCacheAsk(const qbjVmCapsCache *cache, const char *binary, const qbjVmCapsStamp *stamp)
{
    g_autofree char *text = cache->folder ? qbjVmCapsStampText(cache, stamp) : NULL;
    g_autoptr(GHashTable) replies = text ? qbjVmCapsFileRead(cache->folder, binary, text) : NULL;
    qbjVmCaps *caps;

    if (replies && qbjVmCapsProbeComplete(replies)) {
        if ((caps = qbjVmCapsParse(binary, replies)))
            return caps;
        virResetLastError();
    }
    g_clear_pointer(&replies, g_hash_table_unref);
    replies = qbjVmCapsProbeAsk(binary, cache->runDir, cache->uid, cache->gid, QBJ_VM_CAPS_PROBE_SECONDS);
    if (!replies || !(caps = qbjVmCapsParse(binary, replies)))
        return NULL;
    if (text)
        qbjVmCapsFileWrite(cache->folder, binary, text, replies);
    return caps;
}

/* Runs the binary with the cache unlocked. */
static const qbjVmCaps *
qbjVmCapsEntryProbe(qbjVmCapsCache *cache, const char *binary, qbjVmCapsEntry *entry, const qbjVmCapsStamp *stamp)
{
    qbjVmCaps *caps;

    entry->probing = true;
    virMutexUnlock(&cache->lock);
    caps = qbjVmCapsCacheAsk(cache, binary, stamp);
    virMutexLock(&cache->lock);

    qbjVmCapsEntrySet(cache, entry, stamp, caps);
    return caps;
}

/* Waits for the probe of another thread. Its error is ours too: the binary has just shown that it does not
 * answer, and each waiter trying for itself would only make the next one wait longer. */
static int
qbjVmCapsEntryWait(qbjVmCapsCache *cache, qbjVmCapsEntry *entry)
{
    unsigned int probes = entry->probes;

    while (entry->probes == probes) {
        if (virCondWait(&cache->probed, &cache->lock) < 0) {
            virReportSystemError(errno, "%s", _("Cannot wait for the probe of a QEMU binary"));
            return -1;
        }
    }

    if (!entry->error)
        return 0;

    virSetError(entry->error);
    return -1;
}

void
qbjVmCapsCacheAdd(qbjVmCapsCache *cache, qbjVmCaps *caps)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&cache->lock);
    qbjVmCapsEntry *entry = qbjVmCapsEntryGet(cache, caps->binary);

    g_ptr_array_add(cache->all, caps);
    entry->caps = caps;
    entry->fixed = true;
}

/* The answer that needs no look at the file, or NULL. */
static const qbjVmCaps *
qbjVmCapsGetFixed(qbjVmCapsCache *cache, const char *binary)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&cache->lock);
    const qbjVmCapsEntry *entry = g_hash_table_lookup(cache->entries, binary);

    return entry && entry->fixed ? entry->caps : NULL;
}

const qbjVmCaps *
qbjVmCapsGet(qbjVmCapsCache *cache, const char *binary)
{
    VIR_LOCK_GUARD lock = { NULL };
    qbjVmCapsStamp stamp;
    const qbjVmCaps *fixed = qbjVmCapsGetFixed(cache, binary);
    qbjVmCapsEntry *entry;

    if (fixed)
        return fixed;

    if (qbjVmCapsStampGet(binary, &stamp) < 0)
        return NULL;

    lock = virLockGuardLock(&cache->lock);
    entry = qbjVmCapsEntryGet(cache, binary);

    while (!entry->caps || !qbjVmCapsStampEqual(&entry->stamp, &stamp)) {
        if (!entry->probing)
            return qbjVmCapsEntryProbe(cache, binary, entry, &stamp);
        if (qbjVmCapsEntryWait(cache, entry) < 0)
            return NULL;
    }

    return entry->caps;
}

char *
qbjVmCapsFindBinary(virArch arch)
{
    switch (arch) {
    case VIR_ARCH_X86_64:
        return virFindFileInPath("qemu-system-x86_64");
    case VIR_ARCH_I686:
        return virFindFileInPath("qemu-system-i386");
    default:
        return NULL;
    }
}
