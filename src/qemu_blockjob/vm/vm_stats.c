#include <config.h>

#include "internal.h"
#include "vm_stats.h"
#include "vm_stats_parts.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static int
qbjVmStatsState(const qbjVmStats *stats, virTypedParamList *list)
{
    int reason;
    int state = virDomainObjGetState(stats->vm, &reason);

    if (virTypedParamListAddInt(list, state, "state.state") < 0 ||
        virTypedParamListAddInt(list, reason, "state.reason") < 0)
        return -1;
    return 0;
}

/* No counters of these can be switched on yet, so there is nothing to tell. */
static int
qbjVmStatsNothing(const qbjVmStats *stats G_GNUC_UNUSED, virTypedParamList *list G_GNUC_UNUSED)
{
    return 0;
}

typedef struct _qbjVmStatsGroup qbjVmStatsGroup;
struct _qbjVmStatsGroup {
    unsigned int bit;
    unsigned int questions;
    bool live;                          /* of a running VM only */
    int (*fill)(const qbjVmStats *stats, virTypedParamList *list);
};

static const qbjVmStatsGroup qbjVmStatsGroups[] = {
    { VIR_DOMAIN_STATS_STATE, 0, false, qbjVmStatsState },
    { VIR_DOMAIN_STATS_CPU_TOTAL, QBJ_VM_ASK(HALT_POLL), false, qbjVmStatsCpu },
    { VIR_DOMAIN_STATS_BALLOON, QBJ_VM_ASK(BALLOON) | QBJ_VM_ASK(GUEST_MEMORY), false, qbjVmStatsBalloon },
    { VIR_DOMAIN_STATS_VCPU, 0, false, qbjVmStatsVcpu },
    { VIR_DOMAIN_STATS_INTERFACE, 0, false, qbjVmStatsInterface },
    { VIR_DOMAIN_STATS_BLOCK, QBJ_VM_ASK(DEVICES) | QBJ_VM_ASK(NODES) | QBJ_VM_ASK(TARGETS), false, qbjVmStatsBlock },
    { VIR_DOMAIN_STATS_PERF, 0, false, qbjVmStatsNothing },
    { VIR_DOMAIN_STATS_IOTHREAD, QBJ_VM_ASK(IOTHREADS), true, qbjVmStatsIOThread },
    { VIR_DOMAIN_STATS_MEMORY, 0, false, qbjVmStatsNothing },
    { VIR_DOMAIN_STATS_DIRTYRATE, QBJ_VM_ASK(DIRTY_RATE), true, qbjVmStatsDirtyRate },
    { VIR_DOMAIN_STATS_VM, 0, true, qbjVmStatsNothing },
};

unsigned int
qbjVmStatsSupported(const virDomainDef *def, bool active, unsigned int stats)
{
    unsigned int all = 0;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(qbjVmStatsGroups); i++) {
        /* the kernel's figures of a KVM guest are not read yet; without KVM there are none */
        bool missing = qbjVmStatsGroups[i].bit == VIR_DOMAIN_STATS_VM && def->virtType == VIR_DOMAIN_VIRT_KVM;

        if (!missing && (active || !qbjVmStatsGroups[i].live))
            all |= qbjVmStatsGroups[i].bit;
    }
    return stats ? all & stats : all;
}

unsigned int
qbjVmStatsQuestions(unsigned int stats)
{
    unsigned int questions = 0;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(qbjVmStatsGroups); i++) {
        if (stats & qbjVmStatsGroups[i].bit)
            questions |= qbjVmStatsGroups[i].questions;
    }
    return questions;
}

bool
qbjVmStatsIsLive(const qbjVmStats *stats)
{
    return stats->domainId >= 0 && stats->vm->def->id == stats->domainId;
}

/* The images below it, and then the target of a copy without what that stands on (V148). */
virStorageSource *
qbjVmStatsNext(const qbjVmStats *stats, const virDomainDiskDef *disk, const virStorageSource *src)
{
    virStorageSource *target = disk->mirrorJob == VIR_DOMAIN_BLOCK_JOB_TYPE_COPY ? disk->mirror : NULL;

    if (!stats->backing || src == target)
        return NULL;
    return virStorageSourceIsBacking(src->backingStore) ? src->backingStore : target;
}

/* The images that are read as files: what is reported of a VM, see qbjVmStatsBlock(). */
static void
qbjVmStatsCopyImages(qbjVmStats *stats, bool active)
{
    const virDomainDef *def = stats->vm->def;
    virStorageSource *src;
    size_t i;

    stats->images = g_ptr_array_new_with_free_func(virObjectUnref);
    for (i = 0; i < def->ndisks; i++) {
        src = def->disks[i]->src;
        do {
            virStorageSource *copy = virStorageSourceIsEmpty(src) ? NULL : virStorageSourceCopy(src, false);

            g_ptr_array_add(stats->images, copy);
            src = active ? qbjVmStatsNext(stats, def->disks[i], src) : NULL;
        } while (src);
    }
    stats->sizes = g_new0(qbjVmBlockSizes, stats->images->len + 1);
}

static bool
qbjVmStatsIsBehind(virDomainObj *vm, unsigned int ms)
{
    qbjQmp *qmp = QBJ_DOMAIN_PRIVATE(vm)->qmp;

    return qmp && qbjQmpIsBehind(qmp, ms);
}

qbjVmStats *
qbjVmStatsBegin(virDomainObj *vm, unsigned int groups, bool backing, unsigned int ms)
{
    qbjVmStats *stats = g_new0(qbjVmStats, 1);
    bool active = virDomainObjIsActive(vm);
    unsigned int questions;

    stats->vm = virObjectRef(vm);
    stats->domainId = vm->def->id;
    stats->groups = qbjVmStatsSupported(vm->def, active, groups);
    stats->backing = backing;
    questions = qbjVmStatsQuestions(stats->groups);
    if (!backing)
        questions &= ~QBJ_VM_ASK(TARGETS);
    if ((stats->groups & VIR_DOMAIN_STATS_BLOCK) && (!active || !qbjVmBlockNeedsNodes(vm))) {
        qbjVmStatsCopyImages(stats, active);
        questions &= ~QBJ_VM_ASK(NODES);
    }
    stats->ask = qbjVmAskBegin(vm, qbjVmStatsIsBehind(vm, ms) ? 0 : questions);
    return stats;
}

void
qbjVmStatsCollect(qbjVmStats *stats, gint64 until)
{
    gint64 left = (until - g_get_monotonic_time() + 999) / 1000;
    size_t i;

    if (qbjVmAskCollect(stats->ask, left > 0 ? left : 0) < 0)
        virResetLastError();
    for (i = 0; stats->images && i < stats->images->len; i++) {
        virStorageSource *image = g_ptr_array_index(stats->images, i);

        if (image && qbjVmBlockProbe(image, &stats->sizes[i]) < 0)
            virResetLastError();
    }
}

int
qbjVmStatsFill(qbjVmStats *stats, virTypedParamList *list)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(qbjVmStatsGroups); i++) {
        if ((stats->groups & qbjVmStatsGroups[i].bit) && qbjVmStatsGroups[i].fill(stats, list) < 0)
            return -1;
    }
    return 0;
}

void
qbjVmStatsFree(qbjVmStats *stats)
{
    if (!stats)
        return;
    g_clear_pointer(&stats->images, g_ptr_array_unref);
    g_free(stats->sizes);
    qbjVmAskFree(stats->ask);
    virObjectUnref(stats->vm);
    g_free(stats);
}
