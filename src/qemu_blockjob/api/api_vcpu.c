#include <config.h>

#include "internal.h"
#include "api_vcpu.h"
#include "api_agent.h"
#include "api_domain.h"
#include "datatypes.h"
#include "vm_config.h"
#include "vm_power.h"
#include "vm_thread.h"
#include "vm_vcpu.h"
#include "virerror.h"
#include "virhostcpu.h"
#include "virprocess.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static int
qbjApiVcpuCount(virDomainObj *vm, unsigned int flags)
{
    virDomainDef *def = virDomainObjGetOneDef(vm, flags & QBJ_API_AFFECT);

    if (!def)
        return -1;
    if (flags & VIR_DOMAIN_VCPU_GUEST) {
        virReportError(VIR_ERR_INVALID_ARG, "%s",
                       _("vCPU count provided by the guest agent can only be requested for live domains"));
        return -1;
    }
    return flags & VIR_DOMAIN_VCPU_MAXIMUM ? virDomainDefGetVcpusMax(def) : virDomainDefGetVcpus(def);
}

int
qbjApiGetVcpusFlags(virDomainPtr domain, unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(QBJ_API_AFFECT | VIR_DOMAIN_VCPU_MAXIMUM | VIR_DOMAIN_VCPU_GUEST, -1);

    if (flags & VIR_DOMAIN_VCPU_GUEST && !(flags & VIR_DOMAIN_AFFECT_CONFIG))
        return qbjApiGuestVcpusCount(domain, flags);
    if (!(vm = qbjApiLookFlags(domain, virDomainGetVcpusFlagsEnsureACL, flags)))
        return -1;
    ret = qbjApiVcpuCount(vm, flags);
    virDomainObjEndAPI(&vm);
    return ret;
}

int
qbjApiGetMaxVcpus(virDomainPtr domain)
{
    return qbjApiGetVcpusFlags(domain, VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_VCPU_MAXIMUM);
}

static int
qbjApiVcpuInfo(virDomainObj *vm, unsigned int vcpu, virVcpuInfoPtr info, unsigned char *cpumap, int maplen)
{
    pid_t thread = qbjVmThreadOfVcpu(vm, vcpu);
    g_autoptr(virBitmap) map = NULL;

    if (info) {
        info->number = vcpu;
        info->state = VIR_VCPU_RUNNING;
        if (virProcessGetStatInfo(&info->cpuTime, NULL, NULL, &info->cpu, NULL, vm->pid, thread) < 0)
            return -1;
    }
    if (cpumap) {
        if (!(map = virProcessGetAffinity(thread ? thread : vm->pid)))
            return -1;
        virBitmapToDataBuf(map, cpumap, maplen);
    }
    return 0;
}

static int
qbjApiVcpuInfos(virDomainObj *vm, virVcpuInfoPtr info, int maxinfo, unsigned char *cpumaps, int maplen)
{
    int count = 0;
    size_t i;

    if (info)
        memset(info, 0, sizeof(*info) * maxinfo);
    if (cpumaps)
        memset(cpumaps, 0, (size_t) maplen * maxinfo);
    for (i = 0; i < vm->def->maxvcpus && count < maxinfo; i++) {
        if (!vm->def->vcpus[i]->online)
            continue;
        if (qbjApiVcpuInfo(vm, i, info ? info + count : NULL, cpumaps ? VIR_GET_CPUMAP(cpumaps, maplen, count) : NULL,
                           maplen) < 0)
            return -1;
        count++;
    }
    return count;
}

int
qbjApiGetVcpus(virDomainPtr domain, virVcpuInfoPtr info, int maxinfo, unsigned char *cpumaps, int maplen)
{
    virDomainObj *vm = qbjApiLook(domain, virDomainGetVcpusEnsureACL);
    int ret = -1;

    if (!vm)
        return -1;
    if (virDomainObjIsActive(vm))
        ret = qbjApiVcpuInfos(vm, info, maxinfo, cpumaps, maplen);
    else
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("cannot retrieve vcpu information for inactive domain"));
    virDomainObjEndAPI(&vm);
    return ret;
}

static int
qbjApiVcpuSetNextMax(virDomainObj *vm, virDomainDef *next, const void *what)
{
    const unsigned int *wanted = what;

    return virDomainDefSetVcpusMax(next, *wanted, QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt);
}

static int
qbjApiVcpuSetMax(virDomainObj *vm, qbjVmConfig *config, const unsigned int *wanted)
{
    return qbjVmConfigApply(vm, config, qbjApiVcpuSetNextMax, wanted) < 0 ? -1 : qbjVmConfigCheck(vm, config);
}

static int
qbjApiVcpuCheckCount(const virDomainDef *def, unsigned int wanted, bool live)
{
    unsigned int max = def ? virDomainDefGetVcpusMax(def) : wanted;

    if (wanted <= max)
        return 0;
    if (live)
        virReportError(VIR_ERR_INVALID_ARG,
                       _("requested vcpus is greater than max allowable vcpus for the live domain: %u > %u"),
                       wanted, max);
    else
        virReportError(VIR_ERR_INVALID_ARG,
                       _("requested vcpus is greater than max allowable vcpus for the persistent domain: %u > %u"),
                       wanted, max);
    return -1;
}

/* From now on each of them is plugged in at a start, but for the first. */
static void
qbjApiVcpuMakeHotpluggable(virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->maxvcpus; i++) {
        if (def->vcpus[i]->online)
            def->vcpus[i]->hotpluggable = virTristateBoolFromBool(i > 0);
    }
    def->individualvcpus = true;
}

/* What a call wants of the number of vcpus. */
typedef struct _qbjApiVcpuCounted qbjApiVcpuCounted;
struct _qbjApiVcpuCounted {
    unsigned int wanted;
    bool hotpluggable;
};

static int
qbjApiVcpuSetNextCount(virDomainObj *vm G_GNUC_UNUSED, virDomainDef *next, const void *what)
{
    const qbjApiVcpuCounted *counted = what;

    if (qbjApiVcpuCheckCount(next, counted->wanted, false) < 0 || virDomainDefSetVcpus(next, counted->wanted) < 0)
        return -1;
    if (counted->hotpluggable)
        qbjApiVcpuMakeHotpluggable(next);
    return 0;
}

static int
qbjApiVcpuSetCount(virDomainObj *vm, qbjVmConfig *config, const qbjApiVcpuCounted *counted)
{
    if (qbjApiVcpuCheckCount(config->live, counted->wanted, true) < 0 ||
        qbjVmConfigApply(vm, config, qbjApiVcpuSetNextCount, counted) < 0 || qbjVmConfigCheck(vm, config) < 0)
        return -1;
    return config->live ? qbjVmVcpuSetCount(vm, counted->wanted) : 0;
}

static int
qbjApiVcpuChange(virDomainObj *vm, unsigned int wanted, unsigned int flags)
{
    g_auto(qbjVmConfig) config = { 0 };
    const qbjApiVcpuCounted counted = { wanted, flags & VIR_DOMAIN_VCPU_HOTPLUGGABLE };
    int rc;

    if (qbjVmConfigBegin(vm, flags & QBJ_API_AFFECT, &config) < 0)
        return -1;
    rc = flags & VIR_DOMAIN_VCPU_MAXIMUM ? qbjApiVcpuSetMax(vm, &config, &wanted)
                                         : qbjApiVcpuSetCount(vm, &config, &counted);
    return rc < 0 ? -1 : qbjVmConfigCommit(vm, &config);
}

int
qbjApiSetVcpusFlags(virDomainPtr domain, unsigned int nvcpus, unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(QBJ_API_AFFECT | VIR_DOMAIN_VCPU_MAXIMUM | VIR_DOMAIN_VCPU_GUEST | VIR_DOMAIN_VCPU_HOTPLUGGABLE, -1);

    if (flags & VIR_DOMAIN_VCPU_GUEST)
        return qbjApiGuestVcpusSetCount(domain, nvcpus, flags);
    if (!(vm = qbjApiBeginFlags(domain, virDomainSetVcpusFlagsEnsureACL, flags)))
        return -1;
    ret = qbjApiVcpuChange(vm, nvcpus, flags);
    qbjApiEnd(&vm);
    return ret;
}

int
qbjApiSetVcpus(virDomainPtr domain, unsigned int nvcpus)
{
    virDomainObj *vm = qbjApiBegin(domain, virDomainSetVcpusEnsureACL);
    int ret;

    if (!vm)
        return -1;
    ret = qbjApiVcpuChange(vm, nvcpus, VIR_DOMAIN_AFFECT_LIVE);
    qbjApiEnd(&vm);
    return ret;
}

static int
qbjApiVcpuCheckMap(virDomainDef *def, virBitmap *map, bool on, bool live)
{
    ssize_t vcpu = -1;

    while (def && (vcpu = virBitmapNextSetBit(map, vcpu)) >= 0) {
        virDomainVcpuDef *one = virDomainDefGetVcpu(def, vcpu);

        if (!one || vcpu == 0) {
            virReportError(VIR_ERR_INVALID_ARG, one ? _("vcpu '%zd' cannot be changed") : _("there is no vcpu '%zd'"),
                           vcpu);
            return -1;
        }
        if (live && one->online == on) {
            virReportError(VIR_ERR_INVALID_ARG, _("vcpu '%zd' is already in requested state"), vcpu);
            return -1;
        }
        if (live && !on && one->hotpluggable != VIR_TRISTATE_BOOL_YES) {
            virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("vcpu '%zd' can't be hotunplugged"), vcpu);
            return -1;
        }
    }
    return 0;
}

static void
qbjApiVcpuSetMap(virDomainDef *def, virBitmap *map, bool on)
{
    ssize_t vcpu = -1;
    size_t i;

    for (i = 0; i < def->maxvcpus && !def->individualvcpus; i++) {
        if (def->vcpus[i]->online)
            def->vcpus[i]->hotpluggable = VIR_TRISTATE_BOOL_NO;
    }
    def->individualvcpus = true;
    while ((vcpu = virBitmapNextSetBit(map, vcpu)) >= 0) {
        def->vcpus[vcpu]->online = on;
        def->vcpus[vcpu]->hotpluggable = VIR_TRISTATE_BOOL_YES;
    }
}

/* What a call wants of single vcpus. */
typedef struct _qbjApiVcpuMapped qbjApiVcpuMapped;
struct _qbjApiVcpuMapped {
    virBitmap *map;
    bool on;
};

static int
qbjApiVcpuSetNextMap(virDomainObj *vm G_GNUC_UNUSED, virDomainDef *next, const void *what)
{
    const qbjApiVcpuMapped *mapped = what;

    if (qbjApiVcpuCheckMap(next, mapped->map, mapped->on, false) < 0)
        return -1;
    qbjApiVcpuSetMap(next, mapped->map, mapped->on);
    return 0;
}

static int
qbjApiVcpuSetOne(virDomainObj *vm, virBitmap *map, bool on, unsigned int flags)
{
    g_auto(qbjVmConfig) config = { 0 };
    const qbjApiVcpuMapped mapped = { map, on };
    ssize_t vcpu = -1;

    if (qbjVmConfigBegin(vm, flags, &config) < 0 || qbjApiVcpuCheckMap(config.live, map, on, true) < 0 ||
        qbjVmConfigApply(vm, &config, qbjApiVcpuSetNextMap, &mapped) < 0 || qbjVmConfigCheck(vm, &config) < 0)
        return -1;
    while (config.live && (vcpu = virBitmapNextSetBit(map, vcpu)) >= 0) {
        if ((on ? qbjVmVcpuPlug(vm, vcpu) : qbjVmVcpuUnplug(vm, vcpu)) < 0)
            return -1;
    }
    return qbjVmConfigCommit(vm, &config);
}

int
qbjApiSetVcpu(virDomainPtr domain, const char *map, int state, unsigned int flags)
{
    virDomainObj *vm;
    g_autoptr(virBitmap) vcpus = NULL;
    int ret = -1;

    virCheckFlags(QBJ_API_AFFECT, -1);

    if (state != 0 && state != 1) {
        virReportError(VIR_ERR_INVALID_ARG, "%s", _("unsupported state value"));
        return -1;
    }
    if (virBitmapParse(map, &vcpus, VIR_DOMAIN_CPUMASK_LEN) < 0 ||
        !(vm = qbjApiBeginFlags(domain, virDomainSetVcpuEnsureACL, flags)))
        return -1;
    ret = qbjApiVcpuSetOne(vm, vcpus, state, flags);
    qbjApiEnd(&vm);
    return ret;
}
