#include <config.h>

#include "internal.h"
#include "vm_balloon.h"
#include "vm_stats_parts.h"
#include "virerror.h"
#include "virnetdevtap.h"
#include "virqbjjson.h"
#include "virstring.h"

static const char *const qbjVmStatsBalloonNames[VIR_DOMAIN_MEMORY_STAT_NR] = {
    [VIR_DOMAIN_MEMORY_STAT_SWAP_IN] = "swap_in",
    [VIR_DOMAIN_MEMORY_STAT_SWAP_OUT] = "swap_out",
    [VIR_DOMAIN_MEMORY_STAT_MAJOR_FAULT] = "major_fault",
    [VIR_DOMAIN_MEMORY_STAT_MINOR_FAULT] = "minor_fault",
    [VIR_DOMAIN_MEMORY_STAT_UNUSED] = "unused",
    [VIR_DOMAIN_MEMORY_STAT_AVAILABLE] = "available",
    [VIR_DOMAIN_MEMORY_STAT_RSS] = "rss",
    [VIR_DOMAIN_MEMORY_STAT_USABLE] = "usable",
    [VIR_DOMAIN_MEMORY_STAT_LAST_UPDATE] = "last-update",
    [VIR_DOMAIN_MEMORY_STAT_DISK_CACHES] = "disk_caches",
    [VIR_DOMAIN_MEMORY_STAT_HUGETLB_PGALLOC] = "hugetlb_pgalloc",
    [VIR_DOMAIN_MEMORY_STAT_HUGETLB_PGFAIL] = "hugetlb_pgfail",
};

int
qbjVmStatsBalloon(const qbjVmStats *stats, virTypedParamList *list)
{
    virDomainMemoryStatStruct figures[VIR_DOMAIN_MEMORY_STAT_NR];
    const virDomainDef *def = stats->vm->def;
    unsigned long long current = def->mem.cur_balloon;
    size_t n = qbjVmStatsIsLive(stats) ? qbjVmBalloonStats(stats->vm, stats->ask, figures, G_N_ELEMENTS(figures)) : 0;
    size_t i;

    for (i = 0; i < n; i++) {
        if (figures[i].tag == VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON)
            current = figures[i].val;
    }
    if (virTypedParamListAddULLong(list, current, "balloon.current") < 0 ||
        virTypedParamListAddULLong(list, virDomainDefGetMemoryTotal(def), "balloon.maximum") < 0)
        return -1;
    for (i = 0; i < n; i++) {
        const char *name = qbjVmStatsBalloonNames[figures[i].tag];

        if (name && virTypedParamListAddULLong(list, figures[i].val, "balloon.%s", name) < 0)
            return -1;
    }
    return 0;
}

static int
qbjVmStatsInterfaceOne(const virDomainNetDef *net, size_t n, virTypedParamList *list)
{
    virDomainInterfaceStatsStruct figures;
    size_t i;

    if (!net->ifname)
        return 0;
    if (virTypedParamListAddString(list, net->ifname, "net.%zu.name", n) < 0)
        return -1;
    if (virNetDevTapInterfaceStats(net->ifname, &figures, !virDomainNetTypeSharesHostView(net)) < 0) {
        virResetLastError();
        return 0;
    }
    {
        const struct {
            const char *name;
            long long value;
        } all[] = {
            { "rx.bytes", figures.rx_bytes }, { "rx.pkts", figures.rx_packets }, { "rx.errs", figures.rx_errs },
            { "rx.drop", figures.rx_drop }, { "tx.bytes", figures.tx_bytes }, { "tx.pkts", figures.tx_packets },
            { "tx.errs", figures.tx_errs }, { "tx.drop", figures.tx_drop },
        };

        for (i = 0; i < G_N_ELEMENTS(all); i++) {
            if (all[i].value >= 0 && virTypedParamListAddULLong(list, all[i].value, "net.%zu.%s", n, all[i].name) < 0)
                return -1;
        }
    }
    return 0;
}

int
qbjVmStatsInterface(const qbjVmStats *stats, virTypedParamList *list)
{
    const virDomainDef *def = stats->vm->def;
    size_t i;

    if (!qbjVmStatsIsLive(stats))
        return 0;
    if (virTypedParamListAddUInt(list, def->nnets, "net.count") < 0)
        return -1;
    for (i = 0; i < def->nnets; i++) {
        if (qbjVmStatsInterfaceOne(def->nets[i], i, list) < 0)
            return -1;
    }
    return 0;
}

static int
qbjVmStatsIOThreadOne(virJSONValue *thread, virTypedParamList *list)
{
    static const char *const names[] = { "poll-max-ns", "poll-grow", "poll-shrink" };
    const char *id = virJSONValueObjectGetString(thread, "id");
    const char *number = id ? STRSKIP(id, "iothread") : NULL;
    unsigned long long value;
    unsigned int n;
    size_t i;

    if (!number || virStrToLong_ui(number, NULL, 10, &n) < 0)
        return 0;
    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        if (virJSONValueObjectGetNumberUlong(thread, names[i], &value) < 0)
            continue;
        /* the first is 64 bits wide, the others are not */
        if ((i == 0 ? virTypedParamListAddULLong(list, value, "iothread.%u.%s", n, names[i])
                    : virTypedParamListAddUInt(list, value, "iothread.%u.%s", n, names[i])) < 0)
            return -1;
    }
    return 0;
}

int
qbjVmStatsIOThread(const qbjVmStats *stats, virTypedParamList *list)
{
    virJSONValue *reply = qbjVmAskGet(stats->ask, QBJ_VM_ASK_IOTHREADS);
    size_t n = virQbjJSONArraySize(reply);
    size_t i;

    if (n == 0)
        return 0;
    if (virTypedParamListAddUInt(list, n, "iothread.count") < 0)
        return -1;
    for (i = 0; i < n; i++) {
        if (qbjVmStatsIOThreadOne(virJSONValueArrayGet(reply, i), list) < 0)
            return -1;
    }
    return 0;
}

static int
qbjVmStatsDirtyRateStatus(const char *status)
{
    static const char *const names[] = { "unstarted", "measuring", "measured" };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        if (STREQ_NULLABLE(status, names[i]))
            return i;
    }
    return 0;
}

int
qbjVmStatsDirtyRate(const qbjVmStats *stats, virTypedParamList *list)
{
    virJSONValue *reply = qbjVmAskGet(stats->ask, QBJ_VM_ASK_DIRTY_RATE);
    const char *mode = reply ? virJSONValueObjectGetString(reply, "mode") : NULL;
    long long started = 0;
    long long rate;
    int period = 0;

    if (!reply)
        return 0;
    ignore_value(virJSONValueObjectGetNumberLong(reply, "start-time", &started));
    ignore_value(virJSONValueObjectGetNumberInt(reply, "calc-time", &period));
    if (virTypedParamListAddInt(list, qbjVmStatsDirtyRateStatus(virJSONValueObjectGetString(reply, "status")),
                                "dirtyrate.calc_status") < 0 ||
        virTypedParamListAddLLong(list, started, "dirtyrate.calc_start_time") < 0 ||
        virTypedParamListAddInt(list, period, "dirtyrate.calc_period") < 0)
        return -1;
    if (virJSONValueObjectGetNumberLong(reply, "dirty-rate", &rate) == 0 &&
        virTypedParamListAddLLong(list, rate, "dirtyrate.megabytes_per_second") < 0)
        return -1;
    return mode && virTypedParamListAddString(list, mode, "dirtyrate.calc_mode") < 0 ? -1 : 0;
}
