#include <config.h>

#include <fcntl.h>
#include <unistd.h>

#include "internal.h"
#include "vm_firmware.h"
#include "vm_firmwarefile.h"
#include "virerror.h"
#include "virfile.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

char *
qbjVmFirmwareNvramPath(const char *nvramDir, const char *name)
{
    return g_strdup_printf("%s/%s_VARS.fd", nvramDir, name);
}

char *
qbjVmFirmwareNvram(const virDomainDef *def, const char *nvramDir)
{
    if (def->os.loader && def->os.loader->nvram)
        return g_strdup(def->os.loader->nvram->path);
    if (def->os.firmware == VIR_DOMAIN_OS_DEF_FIRMWARE_EFI)
        return qbjVmFirmwareNvramPath(nvramDir, def->name);

    return NULL;
}

static void
qbjVmFirmwareSetNvram(virDomainDef *def, const char *nvramDir)
{
    if (def->os.loader->nvram || def->os.loader->stateless == VIR_TRISTATE_BOOL_YES)
        return;

    def->os.loader->nvram = virStorageSourceNew();
    def->os.loader->nvram->type = VIR_STORAGE_TYPE_FILE;
    def->os.loader->nvram->format = VIR_STORAGE_FILE_RAW;
    def->os.loader->nvram->path = qbjVmFirmwareNvramPath(nvramDir, def->name);
}

static void
qbjVmFirmwareUse(virDomainDef *def, const qbjVmFirmwareFile *file, const char *nvramDir)
{
    if (!def->os.loader)
        def->os.loader = g_new0(virDomainLoaderDef, 1);

    def->os.loader->type = VIR_DOMAIN_LOADER_TYPE_PFLASH;
    def->os.loader->readonly = VIR_TRISTATE_BOOL_YES;
    def->os.loader->path = g_strdup(file->executable);
    if (!def->os.loader->nvramTemplate)
        def->os.loader->nvramTemplate = g_strdup(file->nvramTemplate);
    if (file->requiresSmm) {
        def->features[VIR_DOMAIN_FEATURE_SMM] = VIR_TRISTATE_SWITCH_ON;
        def->os.loader->secure = VIR_TRISTATE_BOOL_YES;
    }

    qbjVmFirmwareSetNvram(def, nvramDir);
    def->os.firmware = VIR_DOMAIN_OS_DEF_FIRMWARE_NONE;
}

/* The template that belongs to an image which is named without one. */
static void
qbjVmFirmwareFindTemplate(virDomainDef *def, const GPtrArray *files)
{
    size_t i;

    for (i = 0; i < files->len && !def->os.loader->nvramTemplate; i++) {
        const qbjVmFirmwareFile *file = g_ptr_array_index(files, i);

        if (STREQ(file->executable, def->os.loader->path))
            def->os.loader->nvramTemplate = g_strdup(file->nvramTemplate);
    }
}

int
qbjVmFirmwareSelect(virDomainDef *def, const char *nvramDir)
{
    bool wanted = def->os.firmware == VIR_DOMAIN_OS_DEF_FIRMWARE_EFI;
    bool template = def->os.loader && def->os.loader->nvram && !def->os.loader->nvramTemplate;
    g_autoptr(GPtrArray) files = NULL;
    size_t i;

    if (!wanted && !template)
        return 0;
    if (!(files = qbjVmFirmwareFiles()))
        return -1;

    for (i = 0; wanted && i < files->len; i++) {
        if (qbjVmFirmwareFileFits(g_ptr_array_index(files, i), def)) {
            qbjVmFirmwareUse(def, g_ptr_array_index(files, i), nvramDir);
            return 0;
        }
    }

    if (wanted) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("Unable to find any firmware to satisfy '%s'"),
                       virDomainOsDefFirmwareTypeToString(def->os.firmware));
        return -1;
    }

    qbjVmFirmwareFindTemplate(def, files);
    return 0;
}

int
qbjVmFirmwareImages(virArch arch, const char *machine, GPtrArray *images, bool *secure)
{
    g_autoptr(GPtrArray) files = qbjVmFirmwareFiles();
    size_t i;

    if (!files)
        return -1;

    *secure = false;
    for (i = 0; i < files->len; i++) {
        const qbjVmFirmwareFile *file = g_ptr_array_index(files, i);

        if (!qbjVmFirmwareFileFitsMachine(file, arch, machine))
            continue;
        if (!g_ptr_array_find_with_equal_func(images, file->executable, g_str_equal, NULL))
            g_ptr_array_add(images, g_strdup(file->executable));
        if (file->requiresSmm)
            *secure = true;
    }

    return 0;
}

/* --- the variables --- */

static int
qbjVmFirmwareCopy(int in, int out, const char *path)
{
    g_autofree char *data = g_new(char, 64 * 1024);
    ssize_t length;

    while ((length = saferead(in, data, 64 * 1024)) > 0) {
        if (safewrite(out, data, length) < 0) {
            length = -1;
            break;
        }
    }

    if (length < 0 || fsync(out) < 0) {
        virReportSystemError(errno, _("cannot write the variables to '%s'"), path);
        return -1;
    }

    return 0;
}

int
qbjVmFirmwareMakeNvram(const virDomainDef *def, uid_t user, gid_t group, bool reset)
{
    const virDomainLoaderDef *loader = def->os.loader;
    g_autofree char *new = NULL;
    VIR_AUTOCLOSE in = -1;
    VIR_AUTOCLOSE out = -1;

    if (!loader || !loader->nvram || (!reset && virFileExists(loader->nvram->path)))
        return 0;

    if (!loader->nvramTemplate) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("unable to find any master var store for loader: %s"),
                       loader->path);
        return -1;
    }

    new = g_strdup_printf("%s.new", loader->nvram->path);
    if ((in = open(loader->nvramTemplate, O_RDONLY | O_CLOEXEC)) < 0) {
        virReportSystemError(errno, _("cannot open the template '%s' of the variables"), loader->nvramTemplate);
        return -1;
    }
    /* left by a start that was interrupted */
    unlink(new);
    if ((out = open(new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)) < 0 ||
        fchown(out, user, group) < 0) {
        virReportSystemError(errno, _("cannot create '%s' for the variables of the firmware"), new);
        return -1;
    }

    if (qbjVmFirmwareCopy(in, out, new) < 0)
        return -1;
    if (rename(new, loader->nvram->path) < 0) {
        virReportSystemError(errno, _("cannot create '%s' for the variables of the firmware"), loader->nvram->path);
        return -1;
    }

    return 0;
}
