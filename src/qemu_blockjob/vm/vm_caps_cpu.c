/* What an accelerator can give a guest's CPU, from QEMU's answers. No I/O. */

#include <config.h>

#include "internal.h"
#include "cpu/cpu.h"
#include "cpu/cpu_x86.h"
#include "virerror.h"
#include "virlog.h"
#include "vm_caps_probe.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_caps_cpu");

void
qbjVmCapsAccelFree(qbjVmCapsAccel *accel)
{
    if (!accel)
        return;

    virObjectUnref(accel->cpus);
    virCPUDefFree(accel->cpu);
    virCPUDefFree(accel->migratable);
    g_strfreev(accel->features);
    g_strfreev(accel->migratableFeatures);
    g_free(accel);
}

/* --- named models --- */

/* QEMU's names of the features that a model has and a guest cannot get; NULL when there are none. */
static char **
qbjVmCapsBlockers(virJSONValue *unavailable)
{
    size_t count = unavailable ? virJSONValueArraySize(unavailable) : 0;
    GPtrArray *names;
    size_t i;

    if (count == 0)
        return NULL;

    names = g_ptr_array_new();
    for (i = 0; i < count; i++) {
        const char *name = virJSONValueGetString(virJSONValueArrayGet(unavailable, i));

        if (name)
            g_ptr_array_add(names, g_strdup(name));
    }
    g_ptr_array_add(names, NULL);
    return (char **) g_ptr_array_free(names, FALSE);
}

static int
qbjVmCapsParseModel(virArch arch, virDomainCapsCPUModels *cpus, virJSONValue *item)
{
    const char *name = virJSONValueObjectGetString(item, "name");
    virJSONValue *unavailable = virJSONValueObjectGetArray(item, "unavailable-features");
    g_auto(GStrv) blockers = qbjVmCapsBlockers(unavailable);
    virDomainCapsCPUUsable usable = VIR_DOMCAPS_CPU_USABLE_UNKNOWN;
    bool deprecated = false;

    if (!name)
        return -1;

    if (unavailable)
        usable = virJSONValueArraySize(unavailable) == 0 ? VIR_DOMCAPS_CPU_USABLE_YES : VIR_DOMCAPS_CPU_USABLE_NO;
    ignore_value(virJSONValueObjectGetBoolean(item, "deprecated", &deprecated));

    virDomainCapsCPUModelsAdd(cpus, name, usable, blockers, deprecated,
                              virCPUGetVendorForModel(arch, name));
    return 0;
}

static virDomainCapsCPUModels *
qbjVmCapsParseModels(const qbjVmCaps *caps, GHashTable *replies, const char *id)
{
    virJSONValue *data = qbjVmCapsReturn(caps, replies, id);
    g_autoptr(virDomainCapsCPUModels) cpus = NULL;
    size_t i;

    if (!data)
        return NULL;

    if (!virJSONValueIsArray(data)) {
        qbjVmCapsReportMissing(caps, id);
        return NULL;
    }

    cpus = virDomainCapsCPUModelsNew(virJSONValueArraySize(data));
    for (i = 0; i < virJSONValueArraySize(data); i++) {
        if (qbjVmCapsParseModel(caps->arch, cpus, virJSONValueArrayGet(data, i)) < 0) {
            qbjVmCapsReportMissing(caps, id);
            return NULL;
        }
    }

    return g_steal_pointer(&cpus);
}

/* --- all that can be had --- */

static bool
qbjVmCapsIsOn(virJSONValue *value)
{
    bool on;

    return value && virJSONValueGetType(value) == VIR_JSON_TYPE_BOOLEAN &&
           virJSONValueGetBoolean(value, &on) == 0 && on;
}

/* Names that libvirt does not have are QEMU's business, and passed over. */
static int
qbjVmCapsAddFeature(const char *name, virJSONValue *value, void *opaque)
{
    return qbjVmCapsIsOn(value) ? virCPUDataAddFeature(opaque, name) : 0;
}

static int
qbjVmCapsFillData(virCPUData *data, virJSONValue *props)
{
    const char *vendor = virJSONValueObjectGetString(props, "vendor");
    unsigned int family;
    unsigned int model;
    unsigned int stepping;

    if (vendor && virCPUx86DataSetVendor(data, vendor) < 0)
        return -1;

    if (virJSONValueObjectGetNumberUint(props, "family", &family) == 0 &&
        virJSONValueObjectGetNumberUint(props, "model", &model) == 0 &&
        virJSONValueObjectGetNumberUint(props, "stepping", &stepping) == 0 &&
        virCPUx86DataSetSignature(data, family, model, stepping) < 0)
        return -1;

    return virJSONValueObjectForeachKeyValue(props, qbjVmCapsAddFeature, data);
}

/* The properties of QEMU's model "max" in the reply to @id; NULL when it does not tell them. */
static virJSONValue *
qbjVmCapsMaxProps(GHashTable *replies, const char *prefix, const char *id)
{
    g_autofree char *key = g_strconcat(prefix, id, NULL);
    virJSONValue *reply = g_hash_table_lookup(replies, key);
    virJSONValue *data = reply ? virJSONValueObjectGetObject(reply, "return") : NULL;
    virJSONValue *model = data ? virJSONValueObjectGetObject(data, "model") : NULL;

    return model ? virJSONValueObjectGetObject(model, "props") : NULL;
}

static virCPUDef *
qbjVmCapsParseMax(virArch arch, virJSONValue *props, virDomainCapsCPUModels *models)
{
    g_autoptr(virCPUDef) cpu = virCPUDefNew();
    g_autoptr(virCPUData) data = NULL;

    if (!props || !(data = virCPUDataNew(arch)))
        return NULL;

    cpu->type = VIR_CPU_TYPE_GUEST;
    cpu->mode = VIR_CPU_MODE_CUSTOM;
    cpu->match = VIR_CPU_MATCH_EXACT;
    cpu->fallback = VIR_CPU_FALLBACK_FORBID;
    cpu->arch = arch;
    if (qbjVmCapsFillData(data, props) < 0 || cpuDecode(cpu, data, models) < 0)
        return NULL;

    return g_steal_pointer(&cpu);
}

typedef struct _qbjVmCapsNames qbjVmCapsNames;
struct _qbjVmCapsNames {
    GPtrArray *names;
    virJSONValue *migratable;   /* properties; NULL: all are wanted */
};

static int
qbjVmCapsAddName(const char *name, virJSONValue *value, void *opaque)
{
    qbjVmCapsNames *list = opaque;

    if (virJSONValueGetType(value) == VIR_JSON_TYPE_BOOLEAN &&
        (!list->migratable || !qbjVmCapsIsOn(value) ||
         qbjVmCapsIsOn(virJSONValueObjectGet(list->migratable, name))))
        g_ptr_array_add(list->names, g_strdup(name));
    return 0;
}

static char **
qbjVmCapsParseNames(virJSONValue *all, virJSONValue *migratable)
{
    qbjVmCapsNames list = { g_ptr_array_new(), migratable };

    virJSONValueObjectForeachKeyValue(all, qbjVmCapsAddName, &list);
    g_ptr_array_add(list.names, NULL);
    return (char **) g_ptr_array_free(list.names, FALSE);
}

/* What is no switch is a setting that there always is. */
static unsigned int
qbjVmCapsParseHyperv(virJSONValue *props)
{
    unsigned int bits = 0;
    size_t i;

    for (i = 0; props && i < VIR_DOMAIN_HYPERV_LAST; i++) {
        g_autofree char *name = g_strconcat("hv-", virDomainHypervTypeToString(i), NULL);
        virJSONValue *value = virJSONValueObjectGet(props, g_strdelimit(name, "_", '-'));
        bool on = true;

        if (value && virJSONValueGetType(value) == VIR_JSON_TYPE_BOOLEAN)
            ignore_value(virJSONValueGetBoolean(value, &on));
        if (value && on)
            bits |= 1U << i;
    }

    return bits;
}

qbjVmCapsAccel *
qbjVmCapsParseAccel(const qbjVmCaps *caps, GHashTable *replies, const char *prefix)
{
    g_autoptr(qbjVmCapsAccel) accel = g_new0(qbjVmCapsAccel, 1);
    g_autofree char *definitions = g_strconcat(prefix, "query-cpu-definitions", NULL);
    virJSONValue *all = qbjVmCapsMaxProps(replies, prefix, "cpu-all");
    virJSONValue *migratable = qbjVmCapsMaxProps(replies, prefix, "cpu-migratable");

    if (!(accel->cpus = qbjVmCapsParseModels(caps, replies, definitions)))
        return NULL;

    if (!(accel->cpu = qbjVmCapsParseMax(caps->arch, all, accel->cpus)) ||
        !(accel->migratable = qbjVmCapsParseMax(caps->arch, migratable, accel->cpus))) {
        VIR_WARN("what CPU %s can give a guest is not known: %s", caps->binary, virGetLastErrorMessage());
        virResetLastError();
        g_clear_pointer(&accel->cpu, virCPUDefFree);
    } else {
        accel->features = qbjVmCapsParseNames(all, NULL);
        accel->migratableFeatures = qbjVmCapsParseNames(all, migratable);
    }
    accel->hyperv = qbjVmCapsParseHyperv(all);
    return g_steal_pointer(&accel);
}
