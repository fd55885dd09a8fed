#include <config.h>

#include "internal.h"
#include "api_stats.h"
#include "api_domain.h"
#include "datatypes.h"
#include "vm_stats.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* All QEMUs together have this long to answer; the figures of one that does not are left out, and at once
 * when it has owed somebody an answer for that long. */
#define QBJ_API_STATS_MS 10000
#define QBJ_API_STATS_NOWAIT_MS 300

#define QBJ_API_STATS_LIST_FLAGS \
    (VIR_CONNECT_LIST_DOMAINS_FILTERS_ACTIVE | VIR_CONNECT_LIST_DOMAINS_FILTERS_PERSISTENT | \
     VIR_CONNECT_LIST_DOMAINS_FILTERS_STATE)

typedef struct _qbjApiStats qbjApiStats;
struct _qbjApiStats {
    virDomainObj **vms;
    size_t nvms;
    qbjVmStats **asked;
    virDomainStatsRecordPtr *records;   /* ends with a NULL */
    size_t nrecords;
};

static void
qbjApiStatsClear(qbjApiStats *all)
{
    size_t i;

    for (i = 0; all->asked && i < all->nvms; i++)
        qbjVmStatsFree(all->asked[i]);
    g_free(all->asked);
    virObjectListFreeCount(all->vms, all->nvms);
    virDomainStatsRecordListFree(all->records);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(qbjApiStats, qbjApiStatsClear);

static int
qbjApiStatsCheck(virDomainObj *vm, unsigned int stats)
{
    unsigned int missing = stats & ~qbjVmStatsSupported(vm->def, virDomainObjIsActive(vm), stats);

    if (!stats || !missing)
        return 0;
    virReportError(VIR_ERR_ARGUMENT_UNSUPPORTED,
                   _("Stats types bits 0x%x are not supported by this daemon or QEMU"), missing);
    return -1;
}

/* The questions go to all before the first answer is waited for: a slow QEMU delays nobody but the caller. */
static int
qbjApiStatsAsk(qbjApiStats *all, unsigned int stats, unsigned int flags)
{
    unsigned int ms = flags & VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT ? QBJ_API_STATS_NOWAIT_MS : QBJ_API_STATS_MS;
    gint64 until;
    size_t i;

    all->asked = g_new0(qbjVmStats *, all->nvms + 1);
    for (i = 0; i < all->nvms; i++) {
        VIR_LOCK_GUARD lock = virObjectLockGuard(all->vms[i]);

        if ((flags & VIR_CONNECT_GET_ALL_DOMAINS_STATS_ENFORCE_STATS) && qbjApiStatsCheck(all->vms[i], stats) < 0)
            return -1;
        all->asked[i] = qbjVmStatsBegin(all->vms[i], stats, flags & VIR_CONNECT_GET_ALL_DOMAINS_STATS_BACKING,
                                        ms);
    }
    /* from now: who is waited for in vain is that far behind at the next call */
    until = g_get_monotonic_time() + ms * (gint64) 1000;
    for (i = 0; i < all->nvms; i++)
        qbjVmStatsCollect(all->asked[i], until);
    return 0;
}

static int
qbjApiStatsRecord(virConnectPtr conn, qbjApiStats *all, size_t which)
{
    g_autoptr(virTypedParamList) list = g_new0(virTypedParamList, 1);
    virDomainObj *vm = all->vms[which];
    VIR_LOCK_GUARD lock = virObjectLockGuard(vm);
    virDomainStatsRecordPtr record;

    if (vm->removing)                   /* meanwhile */
        return 0;
    if (qbjVmStatsFill(all->asked[which], list) < 0)
        return -1;
    record = g_new0(virDomainStatsRecord, 1);
    if (!(record->dom = virGetDomain(conn, vm->def->name, vm->def->uuid, vm->def->id))) {
        g_free(record);
        return -1;
    }
    record->nparams = virTypedParamListStealParams(list, &record->params);
    all->records[all->nrecords++] = record;
    return 0;
}

int
qbjApiGetAllDomainStats(virConnectPtr conn, virDomainPtr *domains, unsigned int ndomains, unsigned int stats,
                        virDomainStatsRecordPtr **records, unsigned int flags)
{
    qbjDriver *driver = conn->privateData;
    g_auto(qbjApiStats) all = { 0 };
    size_t i;

    virCheckFlags(QBJ_API_STATS_LIST_FLAGS | VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT |
                      VIR_CONNECT_GET_ALL_DOMAINS_STATS_BACKING | VIR_CONNECT_GET_ALL_DOMAINS_STATS_ENFORCE_STATS,
                  -1);

    if (virConnectGetAllDomainStatsEnsureACL(conn) < 0)
        return -1;
    if (ndomains) {
        if (virDomainObjListConvert(driver->domains, conn, domains, ndomains, &all.vms, &all.nvms,
                                    virConnectGetAllDomainStatsCheckACL, flags & QBJ_API_STATS_LIST_FLAGS, true) < 0)
            return -1;
    } else {
        virDomainObjListCollect(driver->domains, conn, &all.vms, &all.nvms, virConnectGetAllDomainStatsCheckACL,
                                flags & QBJ_API_STATS_LIST_FLAGS);
    }

    all.records = g_new0(virDomainStatsRecordPtr, all.nvms + 1);
    if (qbjApiStatsAsk(&all, stats, flags) < 0)
        return -1;
    for (i = 0; i < all.nvms; i++) {
        if (qbjApiStatsRecord(conn, &all, i) < 0)
            return -1;
    }
    *records = g_steal_pointer(&all.records);
    return all.nrecords;
}
