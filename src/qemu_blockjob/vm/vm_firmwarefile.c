#include <config.h>

#include <fnmatch.h>

#include "internal.h"
#include "vm_firmwarefile.h"
#include "virerror.h"
#include "virfile.h"
#include "virjson.h"
#include "virlog.h"
#include "virqbjjson.h"
#include "virstring.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_firmware");

#define QBJ_VM_FIRMWARE_FILE_BYTES (1024 * 1024)

/* The later one masks files of the same name in the earlier one; an empty file is one that is left out. */
static const char *const qbjVmFirmwareDirs[] = { "/usr/share/qemu/firmware", "/etc/qemu/firmware" };

static void
qbjVmFirmwareFileFree(void *opaque)
{
    qbjVmFirmwareFile *file = opaque;

    g_free(file->executable);
    g_free(file->nvramTemplate);
    g_strfreev(file->targets);
    g_free(file);
}

static void
qbjVmFirmwareAddTarget(GPtrArray *targets, virJSONValue *target)
{
    const char *arch = virJSONValueObjectGetString(target, "architecture");
    virJSONValue *machines = virJSONValueObjectGetArray(target, "machines");
    size_t i;

    for (i = 0; arch && machines && i < virJSONValueArraySize(machines); i++) {
        const char *machine = virJSONValueGetString(virJSONValueArrayGet(machines, i));

        if (machine)
            g_ptr_array_add(targets, g_strdup_printf("%s %s", arch, machine));
    }
}

static char **
qbjVmFirmwareTargets(virJSONValue *array)
{
    GPtrArray *targets = g_ptr_array_new();
    size_t i;

    for (i = 0; array && i < virJSONValueArraySize(array); i++)
        qbjVmFirmwareAddTarget(targets, virJSONValueArrayGet(array, i));
    g_ptr_array_add(targets, NULL);
    return (char **) g_ptr_array_free(targets, FALSE);
}

/* The file name of one image of @mapping, which must be raw. */
static const char *
qbjVmFirmwareImage(virJSONValue *mapping, const char *key)
{
    virJSONValue *image = mapping ? virJSONValueObjectGetObject(mapping, key) : NULL;

    if (!image || STRNEQ_NULLABLE(virJSONValueObjectGetString(image, "format"), "raw"))
        return NULL;

    return virJSONValueObjectGetString(image, "filename");
}

/* NULL for other firmware than UEFI in a read-only flash chip with its variables in another one. */
static qbjVmFirmwareFile *
qbjVmFirmwareParse(const char *text)
{
    g_autoptr(virJSONValue) json = virJSONValueFromString(text);
    virJSONValue *mapping = json ? virJSONValueObjectGetObject(json, "mapping") : NULL;
    virJSONValue *features = json ? virJSONValueObjectGetArray(json, "features") : NULL;
    const char *executable = qbjVmFirmwareImage(mapping, "executable");
    const char *nvram = qbjVmFirmwareImage(mapping, "nvram-template");
    const char *mode = mapping ? virJSONValueObjectGetString(mapping, "mode") : NULL;
    qbjVmFirmwareFile *file;

    if (!executable || !nvram || (mode && STRNEQ(mode, "split")) ||
        STRNEQ_NULLABLE(virJSONValueObjectGetString(mapping, "device"), "flash") ||
        !virQbjJSONArrayHas(virJSONValueObjectGetArray(json, "interface-types"), "uefi"))
        return NULL;

    file = g_new0(qbjVmFirmwareFile, 1);
    file->executable = g_strdup(executable);
    file->nvramTemplate = g_strdup(nvram);
    file->targets = qbjVmFirmwareTargets(virJSONValueObjectGetArray(json, "targets"));
    file->secureBoot = virQbjJSONArrayHas(features, "secure-boot");
    file->enrolledKeys = virQbjJSONArrayHas(features, "enrolled-keys");
    file->requiresSmm = virQbjJSONArrayHas(features, "requires-smm");
    return file;
}

static int
qbjVmFirmwareList(const char *path, GHashTable *names)
{
    g_autoptr(DIR) dir = NULL;
    struct dirent *entry;
    int rc = virDirOpenIfExists(&dir, path);

    while (rc > 0 && (rc = virDirRead(dir, &entry, path)) > 0) {
        if (*entry->d_name != '.' && g_str_has_suffix(entry->d_name, ".json"))
            g_hash_table_insert(names, g_strdup(entry->d_name), g_strdup_printf("%s/%s", path, entry->d_name));
    }

    return rc;
}

static void
qbjVmFirmwareAdd(GPtrArray *files, const char *path)
{
    g_autofree char *text = NULL;
    qbjVmFirmwareFile *file;

    if (virFileReadAll(path, QBJ_VM_FIRMWARE_FILE_BYTES, &text) < 0) {
        VIR_WARN("firmware descriptor left out: %s", virGetLastErrorMessage());
        virResetLastError();
    } else if (*text) {
        if ((file = qbjVmFirmwareParse(text)))
            g_ptr_array_add(files, file);
        virResetLastError();
    }
}

GPtrArray *
qbjVmFirmwareFiles(void)
{
    g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(qbjVmFirmwareFileFree);
    g_autoptr(GList) sorted = NULL;
    GList *one;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(qbjVmFirmwareDirs); i++) {
        if (qbjVmFirmwareList(qbjVmFirmwareDirs[i], names) < 0)
            return NULL;
    }

    sorted = g_list_sort(g_hash_table_get_keys(names), (GCompareFunc) strcmp);
    for (one = sorted; one; one = one->next)
        qbjVmFirmwareAdd(files, g_hash_table_lookup(names, one->data));

    return g_steal_pointer(&files);
}

bool
qbjVmFirmwareFileFitsMachine(const qbjVmFirmwareFile *file, virArch arch, const char *machine)
{
    g_autofree char *wanted = g_strdup_printf("%s %s", virArchToString(arch), machine);
    size_t i;

    for (i = 0; file->targets[i]; i++) {
        if (fnmatch(file->targets[i], wanted, 0) == 0)
            return true;
    }

    return false;
}

static bool
qbjVmFirmwareFeatureFits(const virDomainDef *def, virDomainOsDefFirmwareFeature feature, bool has)
{
    int wanted = def->os.firmwareFeatures ? def->os.firmwareFeatures[feature] : VIR_TRISTATE_BOOL_ABSENT;

    return wanted == VIR_TRISTATE_BOOL_ABSENT || (wanted == VIR_TRISTATE_BOOL_YES) == has;
}

bool
qbjVmFirmwareFileFits(const qbjVmFirmwareFile *file, const virDomainDef *def)
{
    if (!qbjVmFirmwareFileFitsMachine(file, def->os.arch, def->os.machine) ||
        !qbjVmFirmwareFeatureFits(def, VIR_DOMAIN_OS_DEF_FIRMWARE_FEATURE_SECURE_BOOT, file->secureBoot) ||
        !qbjVmFirmwareFeatureFits(def, VIR_DOMAIN_OS_DEF_FIRMWARE_FEATURE_ENROLLED_KEYS, file->enrolledKeys))
        return false;

    if (def->os.loader && def->os.loader->secure == VIR_TRISTATE_BOOL_YES && !file->requiresSmm)
        return false;

    return !file->requiresSmm || def->features[VIR_DOMAIN_FEATURE_SMM] != VIR_TRISTATE_SWITCH_OFF;
}
