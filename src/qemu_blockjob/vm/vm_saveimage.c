#include <config.h>

#include "internal.h"
#include "vm_saveimage.h"
#include "vm_def.h"
#include "virerror.h"
#include "virfile.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* --- where it may go --- */

/* The local images of all disks: pairs of the disk's target and a path. */
static GPtrArray *
qbjVmSaveImageOfDisks(const virDomainDef *def)
{
    GPtrArray *images = g_ptr_array_new_with_free_func(g_free);
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        const virDomainDiskDef *disk = def->disks[i];
        const virStorageSource *src;

        for (src = disk->src; src; src = src->backingStore) {
            if (!virStorageSourceIsLocalStorage(src) || !src->path)
                continue;
            g_ptr_array_add(images, g_strdup(disk->dst));
            g_ptr_array_add(images, g_strdup(src->path));
        }
    }
    return images;
}

int
qbjVmSaveImageNames(virDomainObj *vm, const char *wanted, char **path, char **part)
{
    g_autoptr(GPtrArray) images = qbjVmSaveImageOfDisks(vm->def);
    int rc;
    size_t i;

    virObjectUnlock(vm);
    rc = qbjHostImageNames(wanted, path, part);
    for (i = 0; rc == 0 && i < images->len; i += 2) {
        if (virFileLinkPointsTo(*path, g_ptr_array_index(images, i + 1))) {
            virReportError(VIR_ERR_OPERATION_INVALID, _("'%s' is an image of disk '%s' and cannot be saved into"),
                           wanted, (const char *) g_ptr_array_index(images, i));
            rc = -1;
        }
    }
    virObjectLock(vm);
    return rc;
}

/* --- what is saved --- */

int
qbjVmSaveImageFormat(const char *key, const char *word, virQbjSaveFormat *format)
{
    int value = word ? virQbjSaveFormatTypeFromString(word) : VIR_QBJ_SAVE_RAW;

    if (value < 0) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("the value '%s' of '%s' in qemu.conf is not known"), word, key);
        return -1;
    }
    *format = value;
    return 0;
}

/* The definition with which the guest is started again: with the CPU that its owner wrote. */
static virDomainDef *
qbjVmSaveImageDef(virDomainObj *vm)
{
    const virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;
    virDomainDef *def = virDomainDefCopy(vm->def, QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt, NULL, true);

    if (def && status->origCPU) {
        virCPUDefFree(def->cpu);
        def->cpu = virCPUDefCopy(status->origCPU);
    }
    return def;
}

static char *
qbjVmSaveImageXml(virDomainObj *vm, const char *wanted)
{
    virDomainXMLOption *xmlopt = QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt;
    g_autoptr(virDomainDef) def = qbjVmSaveImageDef(vm);
    g_autoptr(virDomainDef) other = NULL;

    if (!def)
        return NULL;
    if (wanted && (!(other = qbjVmDefParse(wanted, xmlopt, VIR_DOMAIN_DEF_PARSE_INACTIVE)) ||
                   !virDomainDefCheckABIStability(def, other, xmlopt)))
        return NULL;
    return virDomainDefFormat(other ? other : def, xmlopt, VIR_DOMAIN_DEF_FORMAT_SECURE |
                              VIR_DOMAIN_DEF_FORMAT_INACTIVE | VIR_DOMAIN_DEF_FORMAT_MIGRATABLE);
}

virQbjSaveImage *
qbjVmSaveImageNew(virDomainObj *vm, const char *xml, int running, virQbjSaveFormat format)
{
    g_autoptr(virQbjSaveImage) image = g_new0(virQbjSaveImage, 1);

    if (!(image->xml = qbjVmSaveImageXml(vm, xml)))
        return NULL;
    if (vm->def->cpu && !(image->cookie = virQbjSaveCookieFormat(vm->def->cpu)))
        return NULL;
    image->running = running >= 0 ? running : virDomainObjGetState(vm, NULL) == VIR_DOMAIN_RUNNING;
    image->format = format;
    return g_steal_pointer(&image);
}

qbjHostImage *
qbjVmSaveImageCreate(virDomainObj *vm, const char *path, const char *part, virQbjSaveImage *image, bool bypass)
{
    qbjHostImage *file;

    virObjectUnlock(vm);
    file = qbjHostImageCreate(path, part, image, bypass);
    virObjectLock(vm);
    return file;
}

qbjHostImage *
qbjVmSaveImageCreateBare(virDomainObj *vm, const char *path, const char *part, virQbjSaveFormat format, bool bypass)
{
    qbjHostImage *file;

    virObjectUnlock(vm);
    file = qbjHostImageCreateBare(path, part, format, bypass);
    virObjectLock(vm);
    return file;
}
