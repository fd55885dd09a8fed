#include <config.h>

#include "internal.h"
#include "api_device.h"
#include "api_devicenext.h"
#include "api_deviceupdate.h"
#include "api_domain.h"
#include "api_guard.h"
#include "datatypes.h"
#include "domain_save.h"
#include "vm_config.h"
#include "vm_confignext.h"
#include "vm_plug.h"
#include "vm_unplug.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* A busy disk of the running domain is told by the guards of that one. */
int
qbjApiDevicePrepare(virDomainObj *vm, qbjVmConfig *config)
{
    if (config->next && !config->live && qbjApiGuardDefinition(vm, vm->newDef ? vm->newDef : vm->def, config->next) < 0)
        return -1;
    return qbjVmConfigPrepare(vm, config);
}

/* --- attach ---------------------------------------------------------------------------------------- */

static int
qbjApiDeviceAttachLive(virDomainObj *vm, const char *xml)
{
    g_autoptr(virDomainDeviceDef) dev =
        qbjApiDeviceParse(vm, vm->def, xml, VIR_DOMAIN_DEF_PARSE_INACTIVE | VIR_DOMAIN_DEF_PARSE_ABI_UPDATE);

    virDomainDiskDef *drive;

    if (!dev)
        return -1;
    if (dev->type == VIR_DOMAIN_DEVICE_DISK && dev->data.disk->device == VIR_DOMAIN_DISK_DEVICE_CDROM &&
        (drive = qbjApiUpdateFind(vm->def, dev->data.disk)))
        return qbjApiUpdateMedium(vm, drive, dev->data.disk, false);    /* 09/H3.11 */
    return qbjVmPlugAttach(vm, dev);
}

/* The definition's file is made before the running VM is touched; only its new name is left to do then. */
static int
qbjApiDeviceAttachNow(virDomainObj *vm, const char *xml, unsigned int flags)
{
    g_auto(qbjVmConfig) config = { 0 };

    if (qbjVmConfigBegin(vm, flags, &config) < 0 ||
        qbjVmConfigApply(vm, &config, qbjApiDeviceNextAttach, xml) < 0 ||
        qbjApiDevicePrepare(vm, &config) < 0 || qbjVmConfigNextNote(vm, &config, "attach", NULL) < 0)
        return -1;
    return qbjVmConfigNextEnd(vm, &config, config.live ? qbjApiDeviceAttachLive(vm, xml) : 0);
}

int
qbjApiAttachDeviceFlags(virDomainPtr domain, const char *xml, unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(QBJ_API_AFFECT, -1);

    if (!(vm = qbjApiBeginFlags(domain, virDomainAttachDeviceFlagsEnsureACL, flags)))
        return -1;
    ret = qbjApiDeviceAttachNow(vm, xml, flags);
    qbjApiEnd(&vm);
    return ret;
}

int
qbjApiAttachDevice(virDomainPtr domain, const char *xml)
{
    return qbjApiAttachDeviceFlags(domain, xml, VIR_DOMAIN_AFFECT_LIVE);
}

/* --- detach ---------------------------------------------------------------------------------------- */

static int
qbjApiDeviceCheckDisk(virDomainObj *vm, const virDomainDiskDef *disk)
{
    const char *const disks[] = { disk->dst, NULL };

    if (qbjApiGuard(vm, QBJ_OPERATION_DETACH, disks) < 0)
        return -1;
    if (disk->bus == VIR_DOMAIN_DISK_BUS_VIRTIO || disk->bus == VIR_DOMAIN_DISK_BUS_SCSI ||
        disk->bus == VIR_DOMAIN_DISK_BUS_USB)
        return 0;
    virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("This type of disk cannot be hot unplugged: bus '%s'"),
                   virDomainDiskBusTypeToString(disk->bus));
    return -1;
}

/* The disk on it would go, too. */
static int
qbjApiDeviceCheckController(const virDomainDef *def, const virDomainControllerDef *controller)
{
    size_t i;

    if (controller->type != VIR_DOMAIN_CONTROLLER_TYPE_SCSI) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("'%s' controller cannot be hot unplugged."),
                       virDomainControllerTypeToString(controller->type));
        return -1;
    }
    for (i = 0; i < def->ndisks; i++) {
        const virDomainDiskDef *disk = def->disks[i];

        if (disk->bus == VIR_DOMAIN_DISK_BUS_SCSI &&
            (int) disk->info.addr.drive.controller == controller->idx) {
            virReportError(VIR_ERR_OPERATION_FAILED, _("device cannot be detached: device is busy: disk '%s' is on it"),
                           disk->dst);
            return -1;
        }
    }
    return 0;
}

static int
qbjApiDeviceCheckInput(const virDomainInputDef *input)
{
    if (input->bus == VIR_DOMAIN_INPUT_BUS_USB || input->bus == VIR_DOMAIN_INPUT_BUS_VIRTIO)
        return 0;
    virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("input device on bus '%s' cannot be detached"),
                   virDomainInputBusTypeToString(input->bus));
    return -1;
}

/* What shares a slot with others cannot go alone. */
static int
qbjApiDeviceCheckSlot(const virDomainDeviceInfo *info)
{
    if (info->type != VIR_DOMAIN_DEVICE_ADDRESS_TYPE_PCI || info->addr.pci.multi != VIR_TRISTATE_SWITCH_ON)
        return 0;
    virReportError(VIR_ERR_OPERATION_FAILED, _("cannot hot unplug multifunction PCI device: '%s'"), info->alias);
    return -1;
}

/* Whether @found can be asked for. */
static int
qbjApiDeviceCheckDetach(virDomainObj *vm, virDomainDeviceDef *found)
{
    int rc = 0;

    if (found->type == VIR_DOMAIN_DEVICE_DISK)
        rc = qbjApiDeviceCheckDisk(vm, found->data.disk);
    else if (found->type == VIR_DOMAIN_DEVICE_CONTROLLER)
        rc = qbjApiDeviceCheckController(vm->def, found->data.controller);
    else if (found->type == VIR_DOMAIN_DEVICE_INPUT)
        rc = qbjApiDeviceCheckInput(found->data.input);
    return rc < 0 ? -1 : qbjApiDeviceCheckSlot(virDomainDeviceGetInfo(found));
}

/* For a call that changes both, there is something to save before the guest is asked. */
static int
qbjApiDeviceNote(virDomainObj *vm, const qbjVmConfig *config, const char *verb, const char *alias)
{
    if (qbjVmConfigNextNote(vm, config, verb, alias) < 0)
        return -1;
    return config->next ? qbjDomainSaveStatus(vm) : 0;
}

static int
qbjApiDeviceDetachLive(virDomainObj *vm, const char *xml, const qbjVmConfig *config)
{
    virDomainDeviceDef found = { .type = VIR_DOMAIN_DEVICE_NONE };
    const char *alias;
    g_autoptr(virDomainDeviceDef) dev =
        virDomainDeviceDefParse(xml, vm->def, QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt, NULL,
                                VIR_DOMAIN_DEF_PARSE_SKIP_VALIDATE);

    if (!dev || qbjApiDeviceFind(vm->def, dev, true, &found) < 0 || qbjApiDeviceCheckDetach(vm, &found) < 0)
        return -1;
    alias = virDomainDeviceGetInfo(&found)->alias;
    return qbjApiDeviceNote(vm, config, "detach", alias) < 0 ? -1 : qbjVmUnplug(vm, alias);
}

static int
qbjApiDeviceDetachNow(virDomainObj *vm, const char *xml, unsigned int flags)
{
    g_auto(qbjVmConfig) config = { 0 };

    if (qbjVmConfigBegin(vm, flags, &config) < 0 ||
        qbjVmConfigApply(vm, &config, qbjApiDeviceNextDetach, xml) < 0 ||
        qbjApiDevicePrepare(vm, &config) < 0)
        return -1;
    return qbjVmConfigNextEnd(vm, &config, config.live ? qbjApiDeviceDetachLive(vm, xml, &config) : 0);
}

int
qbjApiDetachDeviceFlags(virDomainPtr domain, const char *xml, unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(QBJ_API_AFFECT, -1);

    if (!(vm = qbjApiBeginFlags(domain, virDomainDetachDeviceFlagsEnsureACL, flags)))
        return -1;
    ret = qbjApiDeviceDetachNow(vm, xml, flags);
    qbjApiEnd(&vm);
    return ret;
}

int
qbjApiDetachDevice(virDomainPtr domain, const char *xml)
{
    return qbjApiDetachDeviceFlags(domain, xml, VIR_DOMAIN_AFFECT_LIVE);
}

/* --- by alias -------------------------------------------------------------------------------------- */

/* 09/H2.9: it does not wait for the guest. */
static int
qbjApiDeviceAliasLive(virDomainObj *vm, const char *alias, const qbjVmConfig *config)
{
    virDomainDeviceDef found = { .type = VIR_DOMAIN_DEVICE_NONE };
    virDomainDeviceDef same = { .type = VIR_DOMAIN_DEVICE_NONE };

    if (virDomainDefFindDevice(vm->def, alias, &found, true) < 0 ||
        qbjApiDeviceFind(vm->def, &found, true, &same) < 0 ||
        qbjApiDeviceCheckDetach(vm, &found) < 0 ||
        qbjApiDeviceNote(vm, config, "alias", alias) < 0)
        return -1;
    return qbjVmUnplugAsk(vm, alias);
}

static int
qbjApiDeviceAliasNext(virDomainObj *vm G_GNUC_UNUSED, virDomainDef *next, const void *alias)
{
    virDomainDeviceDef found = { .type = VIR_DOMAIN_DEVICE_NONE };

    if (virDomainDefFindDevice(next, alias, &found, true) < 0)
        return -1;
    return qbjApiDeviceNextRemove(next, &found);
}

static int
qbjApiDeviceAliasNow(virDomainObj *vm, const char *alias, unsigned int flags)
{
    g_auto(qbjVmConfig) config = { 0 };

    if (qbjVmConfigBegin(vm, flags, &config) < 0 ||
        qbjVmConfigApply(vm, &config, qbjApiDeviceAliasNext, alias) < 0 ||
        qbjApiDevicePrepare(vm, &config) < 0)
        return -1;
    return qbjVmConfigNextEnd(vm, &config, config.live ? qbjApiDeviceAliasLive(vm, alias, &config) : 0);
}

int
qbjApiDetachDeviceAlias(virDomainPtr domain, const char *alias, unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(QBJ_API_AFFECT, -1);

    if (!(vm = qbjApiBeginFlags(domain, virDomainDetachDeviceAliasEnsureACL, flags)))
        return -1;
    ret = qbjApiDeviceAliasNow(vm, alias, flags);
    qbjApiEnd(&vm);
    return ret;
}

/* --- a call that a daemon has not come to the end of ----------------------------------------------- */

int
qbjApiDeviceChangeNext(virDomainObj *vm, virDomainDef *next, const void *what)
{
    static const struct {
        const char *verb;
        qbjVmConfigChange change;
    } all[] = {
        { "attach", qbjApiDeviceNextAttach },
        { "detach", qbjApiDeviceNextDetach },
        { "alias", qbjApiDeviceAliasNext },
        { "update", qbjApiUpdateNext },
    };
    const virQbjStatusNext *wanted = what;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(all); i++) {
        if (STREQ(wanted->verb, all[i].verb))
            return all[i].change(vm, next, wanted->text);
    }
    virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("'%s' of a device"), wanted->verb);
    return -1;
}
