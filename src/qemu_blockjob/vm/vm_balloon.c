#include <config.h>

#include "internal.h"
#include "vm_balloon.h"
#include "domain_qmp.h"
#include "virprocess.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

int
qbjVmBalloonSet(virDomainObj *vm, unsigned long long kib)
{
    g_autoptr(virJSONValue) arguments = NULL;

    if (virJSONValueObjectAdd(&arguments, "U:value", kib * 1024, NULL) < 0)
        return -1;
    return qbjDomainQmpCall(vm, "balloon", arguments, NULL);
}

int
qbjVmBalloonSetPeriod(virDomainObj *vm, int period)
{
    g_autofree char *path = g_strdup_printf("/machine/peripheral/%s", vm->def->memballoon->info.alias);
    g_autoptr(virJSONValue) arguments = NULL;

    if (virJSONValueObjectAdd(&arguments, "s:path", path, "s:property", "guest-stats-polling-interval",
                              "i:value", period, NULL) < 0)
        return -1;
    return qbjDomainQmpCall(vm, "qom-set", arguments, NULL);
}

/* @unit: bytes of one; the public figures of memory are in KiB */
static const struct {
    const char *name;
    int tag;
    unsigned int unit;
} qbjVmBalloonFigures[] = {
    { "stat-swap-in", VIR_DOMAIN_MEMORY_STAT_SWAP_IN, 1024 },
    { "stat-swap-out", VIR_DOMAIN_MEMORY_STAT_SWAP_OUT, 1024 },
    { "stat-major-faults", VIR_DOMAIN_MEMORY_STAT_MAJOR_FAULT, 1 },
    { "stat-minor-faults", VIR_DOMAIN_MEMORY_STAT_MINOR_FAULT, 1 },
    { "stat-free-memory", VIR_DOMAIN_MEMORY_STAT_UNUSED, 1024 },
    { "stat-total-memory", VIR_DOMAIN_MEMORY_STAT_AVAILABLE, 1024 },
    { "stat-available-memory", VIR_DOMAIN_MEMORY_STAT_USABLE, 1024 },
    { "stat-disk-caches", VIR_DOMAIN_MEMORY_STAT_DISK_CACHES, 1024 },
    { "stat-htlb-pgalloc", VIR_DOMAIN_MEMORY_STAT_HUGETLB_PGALLOC, 1 },
    { "stat-htlb-pgfail", VIR_DOMAIN_MEMORY_STAT_HUGETLB_PGFAIL, 1 },
};

typedef struct _qbjVmBalloonOut qbjVmBalloonOut;
struct _qbjVmBalloonOut {
    virDomainMemoryStatStruct *stats;
    size_t n;
    size_t room;
};

static void
qbjVmBalloonAdd(qbjVmBalloonOut *out, int tag, unsigned long long value)
{
    if (out->n >= out->room)
        return;
    out->stats[out->n].tag = tag;
    out->stats[out->n++].val = value;
}

static void
qbjVmBalloonAddGuest(qbjVmBalloonOut *out, virJSONValue *reply)
{
    virJSONValue *figures = virJSONValueObjectGetObject(reply, "stats");
    unsigned long long value;
    size_t i;

    for (i = 0; figures && i < G_N_ELEMENTS(qbjVmBalloonFigures); i++) {
        /* -1: the guest's driver does not tell */
        if (virJSONValueObjectGetNumberUlong(figures, qbjVmBalloonFigures[i].name, &value) == 0 && value != ULLONG_MAX)
            qbjVmBalloonAdd(out, qbjVmBalloonFigures[i].tag, value / qbjVmBalloonFigures[i].unit);
    }
    if (virJSONValueObjectGetNumberUlong(reply, "last-update", &value) == 0)
        qbjVmBalloonAdd(out, VIR_DOMAIN_MEMORY_STAT_LAST_UPDATE, value);
}

size_t
qbjVmBalloonStats(virDomainObj *vm, const qbjVmAsk *ask, virDomainMemoryStatStruct *stats, size_t nstats)
{
    qbjVmBalloonOut out = { .stats = stats, .room = nstats };
    virJSONValue *balloon = qbjVmAskGet(ask, QBJ_VM_ASK_BALLOON);
    virJSONValue *guest = qbjVmAskGet(ask, QBJ_VM_ASK_GUEST_MEMORY);
    unsigned long long actual;
    long rss;

    if (balloon && virJSONValueObjectGetNumberUlong(balloon, "actual", &actual) == 0)
        qbjVmBalloonAdd(&out, VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON, actual / 1024);
    if (guest)
        qbjVmBalloonAddGuest(&out, guest);
    if (virProcessGetStatInfo(NULL, NULL, NULL, NULL, &rss, vm->pid, 0) == 0)
        qbjVmBalloonAdd(&out, VIR_DOMAIN_MEMORY_STAT_RSS, rss);
    return out.n;
}
