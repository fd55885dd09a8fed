#include <config.h>

#include "internal.h"
#include "api_memory.h"
#include "api_domain.h"
#include "datatypes.h"
#include "domain_save.h"
#include "vm_balloon.h"
#include "vm_config.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

unsigned long long
qbjApiGetMaxMemory(virDomainPtr domain)
{
    virDomainObj *vm = qbjApiLook(domain, virDomainGetMaxMemoryEnsureACL);
    unsigned long long memory;

    if (!vm)
        return 0;
    memory = virDomainDefGetMemoryTotal(vm->def);
    virDomainObjEndAPI(&vm);
    return memory;
}

static int
qbjApiMemoryNextMax(virDomainObj *vm G_GNUC_UNUSED, virDomainDef *next, const void *what)
{
    const unsigned long *memory = what;

    if (virDomainNumaGetNodeCount(next->numa) > 0) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s",
                       _("initial memory size of a domain with NUMA nodes cannot be modified with this API"));
        return -1;
    }
    virDomainDefSetMemoryTotal(next, *memory);
    if (next->mem.cur_balloon > *memory)
        next->mem.cur_balloon = *memory;
    return 0;
}

static int
qbjApiMemorySetMax(virDomainObj *vm, qbjVmConfig *config, const unsigned long *memory)
{
    if (config->live) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s",
                       _("cannot resize the maximum memory on an active domain"));
        return -1;
    }
    return qbjVmConfigApply(vm, config, qbjApiMemoryNextMax, memory) < 0 ? -1 : qbjVmConfigCheck(vm, config);
}

static int
qbjApiMemoryCheckMax(const virDomainDef *def, unsigned long memory)
{
    if (!def || memory <= virDomainDefGetMemoryTotal(def))
        return 0;
    virReportError(VIR_ERR_INVALID_ARG, "%s", _("cannot set memory higher than max memory"));
    return -1;
}

static int
qbjApiMemoryNext(virDomainObj *vm G_GNUC_UNUSED, virDomainDef *next, const void *what)
{
    const unsigned long *memory = what;

    if (qbjApiMemoryCheckMax(next, *memory) < 0)
        return -1;
    next->mem.cur_balloon = *memory;
    return 0;
}

static int
qbjApiMemoryCheck(const qbjVmConfig *config, unsigned long memory)
{
    if (qbjApiMemoryCheckMax(config->live, memory) < 0 || qbjApiMemoryCheckMax(config->next, memory) < 0)
        return -1;
    if (config->live && !virDomainDefHasMemballoon(config->live)) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s",
                       _("Unable to change memory of active domain without the balloon device and guest OS "
                         "balloon driver"));
        return -1;
    }
    return 0;
}

static int
qbjApiMemorySet(virDomainObj *vm, qbjVmConfig *config, const unsigned long *memory)
{
    if (qbjApiMemoryCheck(config, *memory) < 0 || qbjVmConfigApply(vm, config, qbjApiMemoryNext, memory) < 0 ||
        qbjVmConfigCheck(vm, config) < 0)
        return -1;
    return config->live ? qbjVmBalloonSet(vm, *memory) : 0;
}

static int
qbjApiMemoryChange(virDomainObj *vm, unsigned long memory, unsigned int flags)
{
    g_auto(qbjVmConfig) config = { 0 };
    int rc;

    if (qbjVmConfigBegin(vm, flags & QBJ_API_AFFECT, &config) < 0)
        return -1;
    rc = flags & VIR_DOMAIN_MEM_MAXIMUM ? qbjApiMemorySetMax(vm, &config, &memory)
                                        : qbjApiMemorySet(vm, &config, &memory);
    return rc < 0 ? -1 : qbjVmConfigCommit(vm, &config);
}

/* @vm: what qbjApiBegin() returned; let go of here */
static int
qbjApiMemoryChangeAndEnd(virDomainObj *vm, unsigned long memory, unsigned int flags)
{
    int ret;

    if (!vm)
        return -1;
    ret = qbjApiMemoryChange(vm, memory, flags);
    qbjApiEnd(&vm);
    return ret;
}

int
qbjApiSetMemoryFlags(virDomainPtr domain, unsigned long memory, unsigned int flags)
{
    virCheckFlags(QBJ_API_AFFECT | VIR_DOMAIN_MEM_MAXIMUM, -1);

    return qbjApiMemoryChangeAndEnd(qbjApiBeginFlags(domain, virDomainSetMemoryFlagsEnsureACL, flags), memory, flags);
}

int
qbjApiSetMemory(virDomainPtr domain, unsigned long memory)
{
    return qbjApiMemoryChangeAndEnd(qbjApiBegin(domain, virDomainSetMemoryEnsureACL), memory, VIR_DOMAIN_AFFECT_LIVE);
}

int
qbjApiSetMaxMemory(virDomainPtr domain, unsigned long memory)
{
    return qbjApiMemoryChangeAndEnd(qbjApiBegin(domain, virDomainSetMaxMemoryEnsureACL), memory,
                                    VIR_DOMAIN_MEM_MAXIMUM);
}

static int
qbjApiPeriodCheck(virDomainDef *def)
{
    if (def && !virDomainDefHasMemballoon(def)) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s",
                       _("No memory balloon device configured, can not set the collection period"));
        return -1;
    }
    return 0;
}

static int
qbjApiPeriodNext(virDomainObj *vm G_GNUC_UNUSED, virDomainDef *next, const void *what)
{
    const int *period = what;

    if (qbjApiPeriodCheck(next) < 0)
        return -1;
    next->memballoon->period = *period;
    return 0;
}

static int
qbjApiPeriodChange(virDomainObj *vm, int period, unsigned int flags)
{
    g_auto(qbjVmConfig) config = { 0 };

    if (qbjVmConfigBegin(vm, flags, &config) < 0 ||
        qbjApiPeriodCheck(config.live) < 0 || qbjVmConfigApply(vm, &config, qbjApiPeriodNext, &period) < 0 ||
        qbjVmConfigCheck(vm, &config) < 0)
        return -1;
    if (config.live) {
        if (qbjVmBalloonSetPeriod(vm, period) < 0)
            return -1;
        config.live->memballoon->period = period;
    }
    return qbjVmConfigCommit(vm, &config);
}

int
qbjApiSetMemoryStatsPeriod(virDomainPtr domain, int period, unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(QBJ_API_AFFECT, -1);

    if (!(vm = qbjApiBeginFlags(domain, virDomainSetMemoryStatsPeriodEnsureACL, flags)))
        return -1;
    ret = qbjApiPeriodChange(vm, period, flags);
    qbjApiEnd(&vm);
    return ret;
}

int
qbjApiMemoryStats(virDomainPtr domain, virDomainMemoryStatPtr stats, unsigned int nstats, unsigned int flags)
{
    virDomainObj *vm;
    g_autoptr(qbjVmAsk) ask = NULL;
    int ret = -1;

    virCheckFlags(0, -1);

    if (!(vm = qbjApiLook(domain, virDomainMemoryStatsEnsureACL)))
        return -1;
    if ((ask = qbjVmAskNow(vm, QBJ_VM_ASK(BALLOON) | QBJ_VM_ASK(GUEST_MEMORY))))
        ret = qbjVmBalloonStats(vm, ask, stats, nstats);
    virDomainObjEndAPI(&vm);
    return ret;
}
