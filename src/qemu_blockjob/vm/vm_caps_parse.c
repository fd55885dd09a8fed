/* From QMP replies to qbjVmCaps. No I/O. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
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
    g_clear_pointer(&caps->devices, g_hash_table_unref);
    qbjVmCapsAccelFree(caps->tcg);
    qbjVmCapsAccelFree(caps->accelKvm);
    g_free(caps);
}

int
qbjVmCapsReportMissing(const qbjVmCaps *caps, const char *id)
{
    virReportError(VIR_ERR_INTERNAL_ERROR, _("QEMU binary %s gave an incomplete answer to '%s'."),
                   caps->binary, id);
    return -1;
}

virJSONValue *
qbjVmCapsReturn(const qbjVmCaps *caps, GHashTable *replies, const char *id)
{
    virJSONValue *reply = g_hash_table_lookup(replies, id);
    virJSONValue *result = reply ? virJSONValueObjectGet(reply, "return") : NULL;

    if (!result)
        qbjVmCapsReportMissing(caps, id);
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
    ignore_value(virJSONValueObjectGetBoolean(item, "numa-mem-supported", &machine->numaMem));
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
qbjVmCapsParseTypes(qbjVmCaps *caps, GHashTable *replies, const char *id)
{
    virJSONValue *data = qbjVmCapsReturn(caps, replies, id);
    size_t i;

    if (!data)
        return -1;

    if (!virJSONValueIsArray(data))
        return qbjVmCapsReportMissing(caps, id);

    for (i = 0; i < virJSONValueArraySize(data); i++) {
        const char *name = virJSONValueObjectGetString(virJSONValueArrayGet(data, i), "name");

        if (!name)
            return qbjVmCapsReportMissing(caps, id);
        g_hash_table_add(caps->devices, g_strdup(name));
    }

    return 0;
}

/* With KVM the first answers are about KVM, and those with a prefix about TCG. */
static int
qbjVmCapsParseAccels(qbjVmCaps *caps, GHashTable *replies)
{
    const virDomainCapsCPUModels *cpus;
    size_t i;

    if (!(caps->tcg = qbjVmCapsParseAccel(caps, replies, caps->kvm ? "tcg:" : "")) ||
        (caps->kvm && !(caps->accelKvm = qbjVmCapsParseAccel(caps, replies, ""))))
        return -1;

    cpus = caps->tcg->cpus;
    caps->cpuModels = g_new0(char *, cpus->nmodels + 1);
    for (i = 0; i < cpus->nmodels; i++)
        caps->cpuModels[i] = g_strdup(cpus->models[i].name);

    return 0;
}

qbjVmCaps *
qbjVmCapsParse(const char *binary, GHashTable *replies)
{
    g_autoptr(qbjVmCaps) caps = g_new0(qbjVmCaps, 1);

    caps->binary = g_strdup(binary);
    caps->machines = g_ptr_array_new_with_free_func((GDestroyNotify) qbjVmMachineFree);
    caps->devices = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    if (qbjVmCapsParseVersion(caps, replies) < 0 ||
        qbjVmCapsParseTarget(caps, replies) < 0 ||
        qbjVmCapsParseKvm(caps, replies) < 0 ||
        qbjVmCapsParseMachines(caps, replies) < 0 ||
        qbjVmCapsParseTypes(caps, replies, "devices") < 0 ||
        qbjVmCapsParseTypes(caps, replies, "chardevs") < 0 ||
        qbjVmCapsParseAccels(caps, replies) < 0)
        return NULL;

    return g_steal_pointer(&caps);
}
