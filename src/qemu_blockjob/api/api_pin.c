#include <config.h>

#include "internal.h"
#include "api_pin.h"
#include "api_domain.h"
#include "datatypes.h"
#include "domain_notify.h"
#include "vm_affinity.h"
#include "vm_config.h"
#include "virerror.h"
#include "virhostcpu.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* NULL with an error reported: a thread that may run nowhere. The caller frees. */
static virBitmap *
qbjApiPinMap(const unsigned char *cpumap, int maplen)
{
    g_autoptr(virBitmap) map = virBitmapNewData(cpumap, maplen);

    if (virBitmapIsAllClear(map)) {
        virReportError(VIR_ERR_INVALID_ARG, "%s", _("Empty cpu list for pinning"));
        return NULL;
    }
    return g_steal_pointer(&map);
}

static virDomainVcpuDef *
qbjApiPinFind(virDomainDef *def, unsigned int vcpu, bool live)
{
    virDomainVcpuDef *found = virDomainDefGetVcpu(def, vcpu);

    if (!found && live)
        virReportError(VIR_ERR_INVALID_ARG, _("vcpu %u is out of range of live cpu count %u"), vcpu,
                       virDomainDefGetVcpusMax(def));
    else if (!found)
        virReportError(VIR_ERR_INVALID_ARG, _("vcpu %u is out of range of persistent cpu count %u"), vcpu,
                       virDomainDefGetVcpus(def));
    return found;
}

/* @place is given a copy of @map; what was there goes. */
static void
qbjApiPinStore(virBitmap **place, virBitmap *map)
{
    virBitmapFree(*place);
    *place = virBitmapNewCopy(map);
}

/* Without success the old map is in force again, as far as the host allows it. */
static int
qbjApiPinLive(virDomainObj *vm, virBitmap **place, virBitmap *map, int vcpu)
{
    g_autoptr(virBitmap) before = g_steal_pointer(place);

    *place = virBitmapNewCopy(map);
    if ((vcpu < 0 ? qbjVmAffinitySetEmulator(vm) : qbjVmAffinitySetVcpu(vm, vcpu)) == 0) {
        g_autofree char *name = vcpu < 0 ? g_strdup(VIR_DOMAIN_TUNABLE_CPU_EMULATORPIN)
                                         : g_strdup_printf(VIR_DOMAIN_TUNABLE_CPU_VCPUPIN, (unsigned int) vcpu);

        qbjDomainNotifyPin(vm, name, map);
        return 0;
    }
    virBitmapFree(*place);
    *place = g_steal_pointer(&before);
    return -1;
}

/* Where a call wants a vcpu to run. */
typedef struct _qbjApiPinned qbjApiPinned;
struct _qbjApiPinned {
    unsigned int vcpu;
    virBitmap *map;
};

static int
qbjApiPinVcpuNext(virDomainObj *vm G_GNUC_UNUSED, virDomainDef *next, const void *what)
{
    const qbjApiPinned *pinned = what;
    virDomainVcpuDef *vcpu = qbjApiPinFind(next, pinned->vcpu, false);

    if (!vcpu)
        return -1;
    qbjApiPinStore(&vcpu->cpumask, pinned->map);
    return 0;
}

static int
qbjApiPinVcpuChange(virDomainObj *vm, unsigned int vcpu, virBitmap *map, unsigned int flags)
{
    const qbjApiPinned pinned = { vcpu, map };
    g_auto(qbjVmConfig) config = { 0 };
    virDomainVcpuDef *live = NULL;

    if (!map || qbjVmConfigBegin(vm, flags, &config) < 0 ||
        (config.live && !(live = qbjApiPinFind(config.live, vcpu, true))) ||
        qbjVmConfigApply(vm, &config, qbjApiPinVcpuNext, &pinned) < 0 || qbjVmConfigCheck(vm, &config) < 0 ||
        (live && qbjApiPinLive(vm, &live->cpumask, map, vcpu) < 0))
        return -1;
    return qbjVmConfigCommit(vm, &config);
}

int
qbjApiPinVcpuFlags(virDomainPtr domain, unsigned int vcpu, unsigned char *cpumap, int maplen, unsigned int flags)
{
    g_autoptr(virBitmap) map = NULL;
    virDomainObj *vm;
    int ret;

    virCheckFlags(QBJ_API_AFFECT, -1);

    if (!(vm = qbjApiBeginFlags(domain, virDomainPinVcpuFlagsEnsureACL, flags)))
        return -1;
    map = qbjApiPinMap(cpumap, maplen);
    ret = qbjApiPinVcpuChange(vm, vcpu, map, flags);
    qbjApiEnd(&vm);
    return ret;
}

int
qbjApiPinVcpu(virDomainPtr domain, unsigned int vcpu, unsigned char *cpumap, int maplen)
{
    g_autoptr(virBitmap) map = NULL;
    virDomainObj *vm;
    int ret;

    if (!(vm = qbjApiBegin(domain, virDomainPinVcpuEnsureACL)))
        return -1;
    map = qbjApiPinMap(cpumap, maplen);
    ret = qbjApiPinVcpuChange(vm, vcpu, map, VIR_DOMAIN_AFFECT_LIVE);
    qbjApiEnd(&vm);
    return ret;
}

int
qbjApiGetVcpuPinInfo(virDomainPtr domain, int ncpumaps, unsigned char *cpumaps, int maplen, unsigned int flags)
{
    g_autoptr(virBitmap) host = NULL;
    virDomainObj *vm;
    virDomainDef *def;
    int ret = -1;

    virCheckFlags(QBJ_API_AFFECT, -1);

    if (!(vm = qbjApiLook(domain, virDomainGetVcpuPinInfoEnsureACL)))
        return -1;
    if ((def = virDomainObjGetOneDef(vm, flags)) && (host = virHostCPUGetAvailableCPUsBitmap()))
        ret = virDomainDefGetVcpuPinInfoHelper(def, maplen, ncpumaps, cpumaps, host, NULL);
    virDomainObjEndAPI(&vm);
    return ret;
}

static int
qbjApiPinEmulatorNext(virDomainObj *vm G_GNUC_UNUSED, virDomainDef *next, const void *what)
{
    const qbjApiPinned *pinned = what;

    qbjApiPinStore(&next->cputune.emulatorpin, pinned->map);
    return 0;
}

static int
qbjApiPinEmulatorChange(virDomainObj *vm, virBitmap *map, unsigned int flags)
{
    const qbjApiPinned pinned = { .map = map };
    g_auto(qbjVmConfig) config = { 0 };

    if (!map || qbjVmConfigBegin(vm, flags, &config) < 0 ||
        qbjVmConfigApply(vm, &config, qbjApiPinEmulatorNext, &pinned) < 0 || qbjVmConfigCheck(vm, &config) < 0 ||
        (config.live && qbjApiPinLive(vm, &config.live->cputune.emulatorpin, map, -1) < 0))
        return -1;
    return qbjVmConfigCommit(vm, &config);
}

int
qbjApiPinEmulator(virDomainPtr domain, unsigned char *cpumap, int maplen, unsigned int flags)
{
    g_autoptr(virBitmap) map = NULL;
    virDomainObj *vm;
    int ret;

    virCheckFlags(QBJ_API_AFFECT, -1);

    if (!(vm = qbjApiBeginFlags(domain, virDomainPinEmulatorEnsureACL, flags)))
        return -1;
    map = qbjApiPinMap(cpumap, maplen);
    ret = qbjApiPinEmulatorChange(vm, map, flags);
    qbjApiEnd(&vm);
    return ret;
}

int
qbjApiGetEmulatorPinInfo(virDomainPtr domain, unsigned char *cpumaps, int maplen, unsigned int flags)
{
    g_autoptr(virBitmap) host = NULL;
    virDomainObj *vm;
    virDomainDef *def;
    int ret = -1;

    virCheckFlags(QBJ_API_AFFECT, -1);

    if (!(vm = qbjApiLook(domain, virDomainGetEmulatorPinInfoEnsureACL)))
        return -1;
    if ((def = virDomainObjGetOneDef(vm, flags)) && (host = virHostCPUGetAvailableCPUsBitmap())) {
        virBitmap *map = def->cputune.emulatorpin ? def->cputune.emulatorpin : def->cpumask ? def->cpumask : host;

        virBitmapToDataBuf(map, cpumaps, maplen);
        ret = 1;
    }
    virDomainObjEndAPI(&vm);
    return ret;
}
