#include <config.h>

#include "internal.h"
#include "api_device.h"
#include "api_devicenext.h"
#include "api_deviceupdate.h"
#include "api_domain.h"
#include "api_guard.h"
#include "datatypes.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "storage_file/storage_source.h"
#include "vm_config.h"
#include "vm_confignext.h"
#include "vm_media.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

#define QBJ_API_UPDATE_PARSE (VIR_DOMAIN_DEF_PARSE_INACTIVE | VIR_DOMAIN_DEF_PARSE_ABI_UPDATE)

static virDomainDeviceDef *
qbjApiUpdateParse(virDomainObj *vm, virDomainDef *def, const char *xml)
{
    g_autoptr(virDomainDeviceDef) dev = qbjApiDeviceParse(vm, def, xml, QBJ_API_UPDATE_PARSE);

    if (!dev || dev->type == VIR_DOMAIN_DEVICE_DISK)
        return g_steal_pointer(&dev);
    virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("a device of type '%s' cannot be changed by this driver"),
                   virDomainDeviceTypeToString(dev->type));
    return NULL;
}

virDomainDiskDef *
qbjApiUpdateFind(virDomainDef *def, const virDomainDiskDef *wanted)
{
    virDomainDiskDef *disk = virDomainDiskByTarget(def, wanted->dst);

    return disk && disk->bus == wanted->bus ? disk : NULL;
}

/* As above, NULL with an error reported: with @missing as its code when there is no such target. */
static virDomainDiskDef *
qbjApiUpdateGet(virDomainDef *def, const virDomainDiskDef *wanted, int missing)
{
    virDomainDiskDef *disk = virDomainDiskByTarget(def, wanted->dst);

    if (!disk)
        virReportError(missing, _("disk '%s' not found"), wanted->dst);
    else if (disk->bus != wanted->bus)
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                       _("disk '%s' is on bus '%s', not on '%s', and cannot be moved to another one"), wanted->dst,
                       virDomainDiskBusTypeToString(disk->bus), virDomainDiskBusTypeToString(wanted->bus));
    else
        return disk;
    return NULL;
}

static bool
qbjApiUpdateSameImage(virStorageSource *a, virStorageSource *b)
{
    if (virStorageSourceIsEmpty(a) || virStorageSourceIsEmpty(b))
        return virStorageSourceIsEmpty(a) && virStorageSourceIsEmpty(b);
    return a->format == b->format && virStorageSourceIsSameLocation(a, b);
}

static bool
qbjApiUpdateIsRemovable(const virDomainDiskDef *disk)
{
    return disk->device == VIR_DOMAIN_DISK_DEVICE_CDROM || disk->device == VIR_DOMAIN_DISK_DEVICE_FLOPPY;
}

/* Whether @wanted is @disk but for its medium, or at the @next start its image, and what is to be done
 * without it. */
static int
qbjApiUpdateCheck(virDomainObj *vm, virDomainDiskDef *disk, virDomainDiskDef *wanted, bool next)
{
    if (!next && !qbjApiUpdateSameImage(disk->src, wanted->src) && !qbjApiUpdateIsRemovable(disk)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s", _("disk source can be changed only in removable drives"));
        return -1;
    }
    return qbjVmDefCheckSameDisk(disk, wanted, QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt);
}

int
qbjApiUpdateMedium(virDomainObj *vm, virDomainDiskDef *disk, virDomainDiskDef *wanted, bool force)
{
    const char *const disks[] = { disk->dst, NULL };

    if (qbjApiUpdateCheck(vm, disk, wanted, false) < 0)
        return -1;
    if (!qbjApiUpdateSameImage(disk->src, wanted->src)) {
        if (qbjApiGuard(vm, QBJ_OPERATION_MEDIA, disks) < 0)
            return -1;
        wanted->src->readonly = disk->src->readonly;
        if (qbjVmMediaChange(vm, disk, wanted, force) < 0)
            return -1;
    }
    if (disk->startupPolicy != wanted->startupPolicy) {
        disk->startupPolicy = wanted->startupPolicy;
        qbjDomainSaveStatusOrWarn(vm);
    }
    return 0;
}

static int
qbjApiUpdateLive(virDomainObj *vm, const char *xml, bool force)
{
    g_autoptr(virDomainDeviceDef) dev = qbjApiUpdateParse(vm, vm->def, xml);
    virDomainDiskDef *disk;

    if (!dev || !(disk = qbjApiUpdateGet(vm->def, dev->data.disk, VIR_ERR_DEVICE_MISSING)))
        return -1;
    return qbjApiUpdateMedium(vm, disk, dev->data.disk, force);
}

int
qbjApiUpdateNext(virDomainObj *vm, virDomainDef *next, const void *xml)
{
    g_autoptr(virDomainDeviceDef) dev = qbjApiUpdateParse(vm, next, xml);
    virDomainDiskDef *disk;

    if (!dev || !(disk = qbjApiUpdateGet(next, dev->data.disk, VIR_ERR_INVALID_ARG)) ||
        qbjApiUpdateCheck(vm, disk, dev->data.disk, true) < 0)
        return -1;
    dev->data.disk->src->readonly = disk->src->readonly;
    virObjectUnref(disk->src);
    disk->src = g_steal_pointer(&dev->data.disk->src);
    dev->data.disk->src = virStorageSourceNew();
    disk->startupPolicy = dev->data.disk->startupPolicy;
    return 0;
}

static int
qbjApiUpdateNow(virDomainObj *vm, const char *xml, unsigned int flags)
{
    g_auto(qbjVmConfig) config = { 0 };

    if (qbjVmConfigBegin(vm, flags & QBJ_API_AFFECT, &config) < 0 ||
        qbjVmConfigApply(vm, &config, qbjApiUpdateNext, xml) < 0 ||
        qbjApiDevicePrepare(vm, &config) < 0 || qbjVmConfigNextNote(vm, &config, "update", NULL) < 0)
        return -1;
    return qbjVmConfigNextEnd(vm, &config, config.live ?
                              qbjApiUpdateLive(vm, xml, flags & VIR_DOMAIN_DEVICE_MODIFY_FORCE) : 0);
}

int
qbjApiUpdateDeviceFlags(virDomainPtr domain, const char *xml, unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(QBJ_API_AFFECT | VIR_DOMAIN_DEVICE_MODIFY_FORCE, -1);

    if (!(vm = qbjApiBeginFlags(domain, virDomainUpdateDeviceFlagsEnsureACL, flags)))
        return -1;
    ret = qbjApiUpdateNow(vm, xml, flags);
    if (ret == 0)
        qbjDomainQueueDrain(vm);        /* that the tray is closed again: a client may ask for the XML at once */
    qbjApiEnd(&vm);
    return ret;
}
