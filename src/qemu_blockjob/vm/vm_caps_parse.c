/* From QMP replies to qbjVmCaps. No I/O. */

#include <config.h>

#include "internal.h"
#include "cpu/cpu.h"
#include "virerror.h"
#include "virstring.h"
#include "vm_caps_probe.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static void
qbjVmMachineFree(qbjVmMachine *machine)
{
    if (!machine)
        return;

    g_free(machine->name);
    g_free(machine->alias);
    g_free(machine);
}

void
qbjVmCapsFree(qbjVmCaps *caps)
{
    if (!caps)
        return;

    g_free(caps->binary);
    g_free(caps->package);
    g_clear_pointer(&caps->machines, g_ptr_array_unref);
    g_strfreev(caps->cpuModels);
    virObjectUnref(caps->cpus);
    g_free(caps);
}

static int
qbjVmCapsReportMissing(const qbjVmCaps *caps, const char *command)
{
    virReportError(VIR_ERR_INTERNAL_ERROR, _("QEMU binary %s gave an incomplete answer to '%s'."),
                   caps->binary, command);
    return -1;
}

/* The "return" member of the reply to @command. */
static virJSONValue *
qbjVmCapsReturn(const qbjVmCaps *caps, GHashTable *replies, const char *command)
{
    virJSONValue *reply = g_hash_table_lookup(replies, command);
    virJSONValue *result = reply ? virJSONValueObjectGet(reply, "return") : NULL;

    if (!result)
        qbjVmCapsReportMissing(caps, command);
    return result;
}

static int
qbjVmCapsParseVersion(qbjVmCaps *caps, GHashTable *replies)
{
    virJSONValue *data = qbjVmCapsReturn(caps, replies, "query-version");
    virJSONValue *qemu;
    unsigned int major;
    unsigned int minor;
    unsigned int micro;

    if (!data)
        return -1;

    if (!(qemu = virJSONValueObjectGetObject(data, "qemu")) ||
        virJSONValueObjectGetNumberUint(qemu, "major", &major) < 0 ||
        virJSONValueObjectGetNumberUint(qemu, "minor", &minor) < 0 ||
        virJSONValueObjectGetNumberUint(qemu, "micro", &micro) < 0 ||
        major > 999 || minor > 999 || micro > 999)
        return qbjVmCapsReportMissing(caps, "query-version");

    caps->version = major * 1000000 + minor * 1000 + micro;
    caps->package = g_strdup(virJSONValueObjectGetString(data, "package"));
    return 0;
}

static int
qbjVmCapsParseTarget(qbjVmCaps *caps, GHashTable *replies)
{
    virJSONValue *data = qbjVmCapsReturn(caps, replies, "query-target");
    const char *arch;

    if (!data)
        return -1;

    if (!(arch = virJSONValueObjectGetString(data, "arch")))
        return qbjVmCapsReportMissing(caps, "query-target");

    /* the one target that QEMU and libvirt call differently, of those that we run */
    caps->arch = STREQ(arch, "i386") ? VIR_ARCH_I686 : virArchFromString(arch);
    if (caps->arch == VIR_ARCH_NONE) {
        virReportError(VIR_ERR_INTERNAL_ERROR, _("QEMU binary %s is for the unknown architecture '%s'."),
                       caps->binary, arch);
        return -1;
    }

    return 0;
}

static int
qbjVmCapsParseKvm(qbjVmCaps *caps, GHashTable *replies)
{
    virJSONValue *data = qbjVmCapsReturn(caps, replies, "query-kvm");

    if (!data)
        return -1;

    if (virJSONValueObjectGetBoolean(data, "enabled", &caps->kvm) < 0)
        return qbjVmCapsReportMissing(caps, "query-kvm");

    return 0;
}

static qbjVmMachine *
qbjVmCapsParseMachine(virJSONValue *item)
{
    const char *name = virJSONValueObjectGetString(item, "name");
    qbjVmMachine *machine;

    if (!name)
        return NULL;

    machine = g_new0(qbjVmMachine, 1);
    machine->name = g_strdup(name);
    machine->alias = g_strdup(virJSONValueObjectGetString(item, "alias"));
    /* missing: false and no limit; these members are optional in QEMU's schema */
    ignore_value(virJSONValueObjectGetNumberUint(item, "cpu-max", &machine->maxCpus));
    ignore_value(virJSONValueObjectGetBoolean(item, "is-default", &machine->isDefault));
    ignore_value(virJSONValueObjectGetBoolean(item, "deprecated", &machine->deprecated));
    return machine;
}

static int
qbjVmCapsParseMachines(qbjVmCaps *caps, GHashTable *replies)
{
    virJSONValue *data = qbjVmCapsReturn(caps, replies, "query-machines");
    size_t i;

    if (!data)
        return -1;

    if (!virJSONValueIsArray(data))
        return qbjVmCapsReportMissing(caps, "query-machines");

    for (i = 0; i < virJSONValueArraySize(data); i++) {
        qbjVmMachine *machine = qbjVmCapsParseMachine(virJSONValueArrayGet(data, i));

        if (!machine)
            return qbjVmCapsReportMissing(caps, "query-machines");

        /* the empty machine of probes, no guest can run in it */
        if (STREQ(machine->name, "none"))
            qbjVmMachineFree(machine);
        else
            g_ptr_array_add(caps->machines, machine);
    }

    return 0;
}

static int
qbjVmCapsParseCpu(qbjVmCaps *caps, virJSONValue *item)
{
    const char *name = virJSONValueObjectGetString(item, "name");
    virJSONValue *unavailable = virJSONValueObjectGetArray(item, "unavailable-features");
    virDomainCapsCPUUsable usable = VIR_DOMCAPS_CPU_USABLE_UNKNOWN;
    bool deprecated = false;

    if (!name)
        return -1;

    if (unavailable)
        usable = virJSONValueArraySize(unavailable) == 0 ? VIR_DOMCAPS_CPU_USABLE_YES : VIR_DOMCAPS_CPU_USABLE_NO;
    ignore_value(virJSONValueObjectGetBoolean(item, "deprecated", &deprecated));

    virDomainCapsCPUModelsAdd(caps->cpus, name, usable, NULL, deprecated,
                              virCPUGetVendorForModel(caps->arch, name));
    return 0;
}

static int
qbjVmCapsParseCpus(qbjVmCaps *caps, GHashTable *replies)
{
    virJSONValue *data = qbjVmCapsReturn(caps, replies, "query-cpu-definitions");
    size_t i;

    if (!data)
        return -1;

    if (!virJSONValueIsArray(data))
        return qbjVmCapsReportMissing(caps, "query-cpu-definitions");

    caps->cpus = virDomainCapsCPUModelsNew(virJSONValueArraySize(data));
    for (i = 0; i < virJSONValueArraySize(data); i++) {
        if (qbjVmCapsParseCpu(caps, virJSONValueArrayGet(data, i)) < 0)
            return qbjVmCapsReportMissing(caps, "query-cpu-definitions");
    }

    caps->cpuModels = g_new0(char *, caps->cpus->nmodels + 1);
    for (i = 0; i < caps->cpus->nmodels; i++)
        caps->cpuModels[i] = g_strdup(caps->cpus->models[i].name);

    return 0;
}

qbjVmCaps *
qbjVmCapsParse(const char *binary, GHashTable *replies)
{
    g_autoptr(qbjVmCaps) caps = g_new0(qbjVmCaps, 1);

    caps->binary = g_strdup(binary);
    caps->machines = g_ptr_array_new_with_free_func((GDestroyNotify) qbjVmMachineFree);

    if (qbjVmCapsParseVersion(caps, replies) < 0 ||
        qbjVmCapsParseTarget(caps, replies) < 0 ||
        qbjVmCapsParseKvm(caps, replies) < 0 ||
        qbjVmCapsParseMachines(caps, replies) < 0 ||
        qbjVmCapsParseCpus(caps, replies) < 0)
        return NULL;

    return g_steal_pointer(&caps);
}
