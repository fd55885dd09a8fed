#include <config.h>

#include "internal.h"
#include "vm_cpu.h"
#include "cpu/cpu.h"
#include "domain_qmp.h"
#include "virerror.h"
#include "vm_def_parts.h"
#include "virqbjjson.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

bool
qbjVmCpuIsHostModel(const virCPUDef *cpu)
{
    return cpu && cpu->mode == VIR_CPU_MODE_HOST_MODEL;
}

int
qbjVmCpuExpand(qbjVmCapsCache *cache, virDomainDef *def)
{
    const qbjVmCaps *caps;
    const qbjVmCapsAccel *accel;
    const qbjVmCapsCpu *cpu;

    if (!qbjVmCpuIsHostModel(def->cpu))
        return 0;
    if (!(caps = qbjVmCapsGet(cache, def->emulator)))
        return -1;

    accel = qbjVmCapsAccelFor(caps, def->virtType);
    if (!accel || !(cpu = qbjVmCapsAccelCpu(accel))) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("CPU mode 'host-model' cannot be used: what CPU '%s' can give a domain of type '%s' is not known"),
                       caps->binary, virDomainVirtTypeToString(def->virtType));
        return -1;
    }

    if (virCPUUpdate(def->os.arch, def->cpu, cpu->migratable) < 0 ||
        virCPUTranslate(def->os.arch, def->cpu, accel->cpus) < 0)
        return -1;

    /* what cannot be given to the guest is looked up once it is there */
    def->cpu->check = VIR_CPU_CHECK_NONE;
    return 0;
}

/* libvirt writes some names with underscores that QEMU has with dashes. */
static bool
qbjVmCpuSameName(const char *libvirt, const char *qemu)
{
    g_autofree char *a = g_strdelimit(g_strdup(STREQ(libvirt, "pclmuldq") ? "pclmulqdq" : libvirt), "_", '-');
    g_autofree char *b = g_strdelimit(g_strdup(qemu), "_", '-');

    return STREQ(a, b);
}

static bool
qbjVmCpuIsKnown(virArch arch, const char *name)
{
    g_autoptr(virCPUDef) cpu = virCPUDefNew();
    bool known;

    cpu->type = VIR_CPU_TYPE_GUEST;
    virCPUDefAddFeature(cpu, name, VIR_CPU_FEATURE_DISABLE);
    known = virCPUValidateFeatures(arch, cpu) == 0;
    virResetLastError();
    return known;
}

static int
qbjVmCpuDisable(virCPUDef *cpu, virArch arch, const char *name)
{
    g_autofree char *other = g_strdelimit(g_strdup(name), "-", '_');
    size_t i;

    for (i = 0; i < cpu->nfeatures; i++) {
        if (qbjVmCpuSameName(cpu->features[i].name, name)) {
            cpu->features[i].policy = VIR_CPU_FEATURE_DISABLE;
            return 0;
        }
    }

    if (STREQ(name, "pclmulqdq"))
        return virCPUDefUpdateFeature(cpu, "pclmuldq", VIR_CPU_FEATURE_DISABLE);
    if (qbjVmCpuIsKnown(arch, name))
        return virCPUDefUpdateFeature(cpu, name, VIR_CPU_FEATURE_DISABLE);
    if (qbjVmCpuIsKnown(arch, other))
        return virCPUDefUpdateFeature(cpu, other, VIR_CPU_FEATURE_DISABLE);

    /* a property that libvirt has no name for */
    return 0;
}

/* The features that QEMU was asked for and has not: a list of names. */
static int
qbjVmCpuAsk(virDomainObj *vm, virJSONValue **missing)
{
    g_autoptr(virJSONValue) cpus = NULL;
    g_autoptr(virJSONValue) arguments = NULL;
    virJSONValue *first;
    const char *path;

    if (qbjDomainQmpCall(vm, "query-cpus-fast", NULL, &cpus) < 0)
        return -1;

    first = virJSONValueIsArray(cpus) ? virJSONValueArrayGet(cpus, 0) : NULL;
    if (!first || !(path = virJSONValueObjectGetString(first, "qom-path"))) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s", _("QEMU's answer to query-cpus-fast has no CPU"));
        return -1;
    }

    if (virJSONValueObjectAdd(&arguments, "s:path", path, "s:property", "unavailable-features", NULL) < 0)
        return -1;

    return qbjDomainQmpCall(vm, "qom-get", arguments, missing);
}

int
qbjVmCpuReadBack(virDomainObj *vm)
{
    const virCPUDef *wish = QBJ_DOMAIN_PRIVATE(vm)->status->origCPU;
    g_autoptr(virJSONValue) reply = NULL;
    size_t i;

    if (!qbjVmCpuIsHostModel(wish))
        return 0;
    if (qbjVmCpuAsk(vm, &reply) < 0)
        return -1;

    for (i = 0; i < virQbjJSONArraySize(reply); i++) {
        const char *name = virJSONValueGetString(virJSONValueArrayGet(reply, i));

        if (name && qbjVmCpuDisable(vm->def->cpu, vm->def->os.arch, name) < 0)
            return -1;
    }

    vm->def->cpu->check = VIR_CPU_CHECK_FULL;
    return 0;
}
