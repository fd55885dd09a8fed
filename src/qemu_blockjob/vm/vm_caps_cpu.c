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

/* QEMU's answers, until somebody asks what follows from them. */
struct _qbjVmCapsMost {
    virMutex lock;              /* guards all below */
    const char *binary;         /* borrowed */
    virArch arch;
    virJSONValue *all;          /* properties of the model "max"; NULL: QEMU does not tell them, or they were read */
    virJSONValue *migratable;   /* the same without what would keep a guest from being migrated */
    bool known;                 /* @cpu is filled */
    qbjVmCapsCpu cpu;
};

static void
qbjVmCapsMostFree(qbjVmCapsMost *most)
{
    if (!most)
        return;
    virJSONValueFree(most->all);
    virJSONValueFree(most->migratable);
    virCPUDefFree(most->cpu.cpu);
    virCPUDefFree(most->cpu.migratable);
    g_strfreev(most->cpu.features);
    g_strfreev(most->cpu.migratableFeatures);
    virMutexDestroy(&most->lock);
    g_free(most);
}

void
qbjVmCapsAccelFree(qbjVmCapsAccel *accel)
{
    if (!accel)
        return;

    virObjectUnref(accel->cpus);
    qbjVmCapsMostFree(accel->most);
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
qbjVmCapsParseModel(virDomainCapsCPUModels *cpus, virJSONValue *item)
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

    /* whose model it is says libvirt's map of CPUs, which nobody needs before he asks for it */
    virDomainCapsCPUModelsAdd(cpus, name, usable, blockers, deprecated, NULL);
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
        if (qbjVmCapsParseModel(cpus, virJSONValueArrayGet(data, i)) < 0) {
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

    if (!(data = virCPUDataNew(arch)))
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

/* @all, @migratable: NULL, or to be copied: they are in answers that are going to be written to a file. */
static qbjVmCapsMost *
qbjVmCapsMostNew(const qbjVmCaps *caps, virJSONValue *all, virJSONValue *migratable)
{
    g_autofree qbjVmCapsMost *most = g_new0(qbjVmCapsMost, 1);

    if (virMutexInit(&most->lock) < 0) {
        virReportSystemError(errno, "%s", _("Cannot create the lock of the capabilities cache"));
        return NULL;
    }
    most->binary = caps->binary;
    most->arch = caps->arch;
    most->all = virJSONValueCopy(all);
    most->migratable = virJSONValueCopy(migratable);
    return g_steal_pointer(&most);
}

qbjVmCapsAccel *
qbjVmCapsParseAccel(const qbjVmCaps *caps, GHashTable *replies, const char *prefix)
{
    g_autoptr(qbjVmCapsAccel) accel = g_new0(qbjVmCapsAccel, 1);
    g_autofree char *definitions = g_strconcat(prefix, "query-cpu-definitions", NULL);
    virJSONValue *all = qbjVmCapsMaxProps(replies, prefix, "cpu-all");
    virJSONValue *migratable = qbjVmCapsMaxProps(replies, prefix, "cpu-migratable");

    if (!(accel->cpus = qbjVmCapsParseModels(caps, replies, definitions)) ||
        !(accel->most = qbjVmCapsMostNew(caps, all, migratable)))
        return NULL;
    accel->hyperv = qbjVmCapsParseHyperv(all);
    return g_steal_pointer(&accel);
}

/* Called with the lock of @most held. */
static void
qbjVmCapsMostRead(qbjVmCapsMost *most, virDomainCapsCPUModels *models)
{
    g_autoptr(virJSONValue) all = g_steal_pointer(&most->all);
    g_autoptr(virJSONValue) migratable = g_steal_pointer(&most->migratable);

    if (!all || !migratable)
        return;
    if (!(most->cpu.cpu = qbjVmCapsParseMax(most->arch, all, models)) ||
        !(most->cpu.migratable = qbjVmCapsParseMax(most->arch, migratable, models))) {
        VIR_WARN("what CPU %s can give a guest is not known: %s", most->binary, virGetLastErrorMessage());
        virResetLastError();
        return;
    }
    most->cpu.features = qbjVmCapsParseNames(all, NULL);
    most->cpu.migratableFeatures = qbjVmCapsParseNames(all, migratable);
    most->known = true;
}

const qbjVmCapsCpu *
qbjVmCapsAccelCpu(const qbjVmCapsAccel *accel)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&accel->most->lock);

    qbjVmCapsMostRead(accel->most, accel->cpus);
    return accel->most->known ? &accel->most->cpu : NULL;
}
