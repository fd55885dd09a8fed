#include <config.h>

#include "internal.h"
#include "virqbjjobadopt.h"
#include "blocknode.h"
#include "spec_commit.h"
#include "spec_copy.h"
#include "spec_pull.h"
#include "storage_file/storage_source.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

VIR_LOG_INIT("conf.virqbjjobadopt");

/* What a stock state means for us. An event that the stock daemon had received and not acted on (newstate) is
 * told again by query-jobs, but for the end of a job that it had dismissed already (05/X7.b). */
typedef struct _virQbjAdoptState virQbjAdoptState;
struct _virQbjAdoptState {
    const char *stock;
    qbjJobState state;
    bool ready;                 /* the public READY went out */
    bool cancelled;
    bool ended;                 /* outcome known: */
    bool isNew;
};

static const virQbjAdoptState virQbjAdoptStates[] = {
    { "new",       QBJ_STATE_STARTING,   false, false, false, false },
    { "running",   QBJ_STATE_RUNNING,    false, false, false, false },
    { "ready",     QBJ_STATE_READY,      true,  false, false, false },
    /* of an external snapshot's deletion; what it waits for died with the stock daemon, query-jobs tells
     * the rest */
    { "pending",   QBJ_STATE_RUNNING,    true,  false, false, false },
    { "pivoting",  QBJ_STATE_PIVOTING,   true,  false, false, false },
    { "aborting",  QBJ_STATE_CANCELLING, true,  true,  false, false },
    { "concluded", QBJ_STATE_CONCLUDED,  true,  false, false, false },
    { "completed", QBJ_STATE_CONCLUDED,  true,  false, true,  true },
    { "failed",    QBJ_STATE_CONCLUDED,  true,  false, true,  false },
    { "cancelled", QBJ_STATE_CONCLUDED,  true,  true,  true,  false },
};

static const virQbjAdoptState *
virQbjAdoptStateFind(const char *stock)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(virQbjAdoptStates); i++) {
        if (STREQ_NULLABLE(virQbjAdoptStates[i].stock, stock))
            return &virQbjAdoptStates[i];
    }

    return NULL;
}

int
virQbjJobAdoptState(const virQbjJobStock *stock, virQbjJob *job)
{
    const virQbjAdoptState *now = virQbjAdoptStateFind(stock->state);
    const virQbjAdoptState *next = virQbjAdoptStateFind(stock->newState);
    bool wasReady = now && now->ready;
    bool cancelled = now && now->cancelled;

    if (!now || (stock->newState && !next)) {
        VIR_WARN("the state of block job '%s' in the status file is not known", stock->name);
        return -1;
    }

    if (next && next->state == QBJ_STATE_CONCLUDED)
        now = next;

    job->state = now->state;
    job->readyEmitted = wasReady && qbjJobTypeKind(job->spec->type) == QBJ_KIND_A;
    job->cancelled = cancelled || now->cancelled;
    /* what a stock daemon sends to a copy: its target shall be usable, and sent twice is sent once */
    job->cancelSoft = job->state == QBJ_STATE_CANCELLING && job->spec->type == QBJ_TYPE_COPY;
    /* which disk a device is on can be asked of QEMU, and is not always what the stock daemon took it for
     * (06/R5) */
    if (qbjJobTypeKind(job->spec->type) != QBJ_KIND_A) {
        bool isNew = now->isNew && !job->cancelled;

        /* nobody has flushed what a pull that is done has written: without QEMU only old is whole */
        job->outcomeKnown = now->ended && !(isNew && job->spec->type == QBJ_TYPE_PULL);
        job->outcomeNew = isNew && job->outcomeKnown;
    }
    return 0;
}

static virDomainDiskDef *
virQbjAdoptFindDisk(const virDomainDef *def, const char *target)
{
    size_t i;

    for (i = 0; target && i < def->ndisks; i++) {
        if (STREQ_NULLABLE(def->disks[i]->dst, target))
            return def->disks[i];
    }

    return NULL;
}

/* The image with this node name, format or storage (05/X4), and the one above it. */
static virStorageSource *
virQbjAdoptFindImage(virStorageSource *chain, const char *node, virStorageSource **above)
{
    virStorageSource *image;

    *above = NULL;
    for (image = chain; node && virStorageSourceIsBacking(image); image = image->backingStore) {
        if (STREQ_NULLABLE(image->nodeformat, node) || STREQ_NULLABLE(image->nodestorage, node))
            return image;
        *above = image;
    }

    *above = NULL;
    return NULL;
}

static bool
virQbjAdoptIsBelow(const virStorageSource *top, const virStorageSource *base)
{
    const virStorageSource *image;

    for (image = top->backingStore; image; image = image->backingStore) {
        if (image == base)
            return true;
    }

    return false;
}

/* Fills @req from the nodes of @stock; -1 when they do not make a commit on this chain. */
static int
virQbjAdoptCommitRequest(const virQbjJobStock *stock, const virDomainDiskDef *disk, qbjCommitRequest *req)
{
    virStorageSource *recorded;
    virStorageSource *ignored;

    req->top = virQbjAdoptFindImage(disk->src, stock->top, &req->topParent);
    req->base = virQbjAdoptFindImage(disk->src, stock->base, &req->baseParent);
    recorded = virQbjAdoptFindImage(disk->src, stock->topParent, &ignored);

    if (!req->top || !req->base || recorded != req->topParent || !virQbjAdoptIsBelow(req->top, req->base) ||
        (req->topParent == NULL) != STREQ(stock->type, "active-commit"))
        return -1;

    req->flags = stock->apiFlags & (VIR_DOMAIN_BLOCK_COMMIT_SHALLOW | VIR_DOMAIN_BLOCK_COMMIT_DELETE |
                                    VIR_DOMAIN_BLOCK_COMMIT_ACTIVE | VIR_DOMAIN_BLOCK_COMMIT_RELATIVE |
                                    VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES);
    if (stock->deleteImages)
        req->flags |= VIR_DOMAIN_BLOCK_COMMIT_DELETE;
    else
        req->flags &= ~VIR_DOMAIN_BLOCK_COMMIT_DELETE;
    return 0;
}

/* Returns 0 when the images of @stock are in the chain of @disk; then @spec is set, or @refusal. */
static int
virQbjAdoptCommit(const virQbjJobStock *stock, const virDomainDiskDef *disk, qbjSpec **spec, qbjRefusal *refusal)
{
    qbjCommitRequest req = { 0 };

    if (virQbjAdoptCommitRequest(stock, disk, &req) < 0)
        return -1;
    ignore_value(qbjSpecPlanCommit(disk, &req, spec, refusal));
    return 0;
}

/* As above. No base: everything is pulled. */
static int
virQbjAdoptPull(const virQbjJobStock *stock, const virDomainDiskDef *disk, qbjSpec **spec, qbjRefusal *refusal)
{
    qbjPullRequest req = { .relative = stock->base && (stock->apiFlags & VIR_DOMAIN_BLOCK_REBASE_RELATIVE) };
    virStorageSource *ignored;

    if (virStorageSourceIsEmpty(disk->src) ||
        (stock->base && !(req.base = virQbjAdoptFindImage(disk->src->backingStore, stock->base, &ignored))))
        return -1;
    ignore_value(qbjSpecPlanPull(disk, &req, spec, refusal));
    return 0;
}

/* Modes are not in the file; the disk's are those of the target (02/Q30). */
static void
virQbjAdoptSetModes(const virDomainDiskDef *disk)
{
    virStorageSource *image;

    for (image = disk->mirror; virStorageSourceIsBacking(image); image = image->backingStore)
        qbjBlockNodeSetModes(image, disk, image == disk->mirror);
}

/* As above. The job of a stock daemon takes the place of a copy-on-read filter (02/Q4), which would keep the
 * old images open. */
static int
virQbjAdoptCopy(const virQbjJobStock *stock, const virDomainDiskDef *disk, qbjSpec **spec, qbjRefusal *refusal)
{
    qbjCopyRequest req = {
        .target = disk->mirror,
        .flags = stock->apiFlags & (VIR_DOMAIN_BLOCK_COPY_SHALLOW | VIR_DOMAIN_BLOCK_COPY_REUSE_EXT),
    };
    g_autofree char *filter = qbjBlockNodeCopyOnReadName(disk);

    if (!disk->mirror || disk->mirrorJob != VIR_DOMAIN_BLOCK_JOB_TYPE_COPY || !disk->mirror->nodeformat ||
        !disk->mirror->nodestorage || virStorageSourceIsEmpty(disk->src))
        return -1;
    if (stock->shallowNew)
        req.flags |= VIR_DOMAIN_BLOCK_COPY_SHALLOW;
    virQbjAdoptSetModes(disk);
    if (qbjSpecPlanCopy(disk, &req, spec, refusal) == 0 && filter)
        g_ptr_array_insert((*spec)->phase[QBJ_PHASE_NODES], 0, qbjStepNewDelete("blockdev-del", "node-name", filter));
    return 0;
}

static const struct {
    const char *type;
    int (*plan)(const virQbjJobStock *stock, const virDomainDiskDef *disk, qbjSpec **spec, qbjRefusal *refusal);
} virQbjAdoptTypes[] = {
    { "commit", virQbjAdoptCommit },
    { "active-commit", virQbjAdoptCommit },
    { "pull", virQbjAdoptPull },
    { "copy", virQbjAdoptCopy },
};

qbjSpec *
virQbjJobAdoptSpec(const virQbjJobStock *stock, const virDomainDef *def)
{
    virDomainDiskDef *disk = virQbjAdoptFindDisk(def, stock->disk);
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autoptr(qbjSpec) spec = NULL;
    size_t i = 0;

    while (i < G_N_ELEMENTS(virQbjAdoptTypes) && STRNEQ_NULLABLE(stock->type, virQbjAdoptTypes[i].type))
        i++;
    if (i == G_N_ELEMENTS(virQbjAdoptTypes)) {
        VIR_WARN("block job '%s' of type '%s' was begun by another driver and cannot go on with this one",
                 stock->name, NULLSTR(stock->type));
        return NULL;
    }

    if (!disk || virQbjAdoptTypes[i].plan(stock, disk, &spec, &refusal) < 0) {
        VIR_WARN("block job '%s' names images that are not in the chain of disk '%s'", stock->name,
                 NULLSTR(stock->disk));
        return NULL;
    }

    if (!spec) {
        VIR_WARN("block job '%s' cannot be planned again: %s", stock->name, refusal.message);
        return NULL;
    }

    /* it has been started; a START of ours would be a second one */
    g_ptr_array_set_size(spec->phase[QBJ_PHASE_START], 0);
    g_free(spec->job);
    spec->job = g_strdup(stock->name);
    return g_steal_pointer(&spec);
}

virQbjJob *
virQbjJobAdopt(const virQbjJobStock *stock, const virDomainDef *def)
{
    g_autoptr(qbjSpec) spec = virQbjJobAdoptSpec(stock, def);
    g_autoptr(virQbjJob) job = NULL;

    if (!spec)
        return virQbjJobAdoptBroken(stock->name, stock, def);

    job = virQbjJobNew(g_steal_pointer(&spec), stock->apiFlags);
    job->apiFlagsUnknown = stock->apiFlagsUnknown;
    job->deleteImages = stock->deleteImages;
    job->shallowNew = stock->shallowNew;
    job->errmsg = g_strdup(stock->errmsg);
    job->acknowledged = true;
    if (virQbjJobAdoptState(stock, job) < 0)
        return virQbjJobAdoptBroken(stock->name, stock, def);

    return g_steal_pointer(&job);
}

/* By the recorded type; else by the name, whose first word tells (05/X4); else one that never touches a
 * chain. */
static qbjJobType
virQbjAdoptGuessType(const char *name, const virQbjJobStock *stock)
{
    g_autofree char *word = g_strndup(name, strcspn(name, "-"));
    const char *const guesses[] = { stock ? stock->type : NULL, stock ? stock->brokenType : NULL, word };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(guesses); i++) {
        int type = guesses[i] ? qbjJobTypeTypeFromString(guesses[i]) : -1;

        if (type >= 0)
            return type;
    }

    return QBJ_TYPE_CREATE;
}

/* By the recorded disk; else by the name, whose second word it is. */
static const char *
virQbjAdoptGuessDisk(const char *name, const virQbjJobStock *stock, const virDomainDef *def)
{
    const char *word = strchr(name, '-');
    size_t i;

    if (stock && virQbjAdoptFindDisk(def, stock->disk))
        return stock->disk;

    for (i = 0; word && i < def->ndisks; i++) {
        const char *target = def->disks[i]->dst;
        const char *rest = target ? STRSKIP(word + 1, target) : NULL;

        if (rest && *rest == '-')
            return target;
    }

    return "";
}

virQbjJob *
virQbjJobAdoptBroken(const char *name, const virQbjJobStock *stock, const virDomainDef *def)
{
    qbjSpec *spec = qbjSpecNew(virQbjAdoptGuessType(name, stock), name, virQbjAdoptGuessDisk(name, stock, def));
    virQbjJob *job = virQbjJobNew(spec, stock ? stock->apiFlags : 0);

    job->state = QBJ_STATE_BROKEN;
    job->apiFlagsUnknown = !stock || stock->apiFlagsUnknown;
    job->acknowledged = true;
    if (stock) {
        spec->base = g_strdup(stock->base);
        spec->top = g_strdup(stock->top);
        spec->topParent = g_strdup(stock->topParent);
        job->deleteImages = stock->deleteImages;
        job->errmsg = g_strdup(stock->errmsg);
        job->stockXML = g_strdup(stock->text);
    }
    if (!job->errmsg)
        job->errmsg = g_strdup(_("the record of this block job could not be understood"));
    return job;
}
