#include <config.h>

#include "internal.h"
#include "api_agent.h"
#include "domain_agent.h"
#include "domain_freeze.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

int
qbjApiFSFreeze(virDomainPtr domain, const char **mountpoints, unsigned int n, unsigned int flags)
{
    virDomainObj *vm;
    int count;

    virCheckFlags(0, -1);

    if (!(vm = qbjApiAgentBegin(domain, virDomainFSFreezeEnsureACL)))
        return -1;
    count = qbjDomainFreezeKeep(vm, mountpoints, n);
    qbjApiAgentEnd(vm);
    return count;
}

int
qbjApiFSThaw(virDomainPtr domain, const char **mountpoints, unsigned int n, unsigned int flags)
{
    virDomainObj *vm;
    int count;

    virCheckFlags(0, -1);

    if (mountpoints || n > 0) {
        virReportError(VIR_ERR_ARGUMENT_UNSUPPORTED, "%s",
                       _("specifying mountpoints is not supported: the guest agent thaws all file systems"));
        return -1;
    }
    if (!(vm = qbjApiAgentBeginFrozen(domain, virDomainFSThawEnsureACL)))
        return -1;
    count = qbjDomainFreezeUndo(vm);
    qbjApiAgentEnd(vm);
    return count;
}

int
qbjApiFSTrim(virDomainPtr domain, const char *mountpoint, unsigned long long minimum, unsigned int flags)
{
    g_autoptr(virJSONValue) arguments = NULL;
    virDomainObj *vm;
    int ret;

    virCheckFlags(0, -1);

    if (mountpoint) {
        virReportError(VIR_ERR_ARGUMENT_UNSUPPORTED, "%s",
                       _("specifying a mount point is not supported: the guest agent trims all file systems"));
        return -1;
    }
    if (virJSONValueObjectAdd(&arguments, "U:minimum", minimum, NULL) < 0 ||
        !(vm = qbjApiAgentBegin(domain, virDomainFSTrimEnsureACL)))
        return -1;
    ret = qbjDomainAgentCall(vm, "guest-fstrim", arguments, NULL);
    qbjApiAgentEnd(vm);
    return ret;
}

/* The target of the disk that a device of the guest is, by its address; NULL: it is none of ours. */
static const char *
qbjApiFSTarget(virDomainDef *def, virJSONValue *device)
{
    virJSONValue *pci = virJSONValueObjectGetObject(device, "pci-controller");
    virPCIDeviceAddress address = { 0 };
    unsigned int bus;
    unsigned int target;
    unsigned int unit;
    virDomainDiskDef *disk;

    if (!pci ||
        virJSONValueObjectGetNumberUint(pci, "domain", &address.domain) < 0 ||
        virJSONValueObjectGetNumberUint(pci, "bus", &address.bus) < 0 ||
        virJSONValueObjectGetNumberUint(pci, "slot", &address.slot) < 0 ||
        virJSONValueObjectGetNumberUint(pci, "function", &address.function) < 0 ||
        virJSONValueObjectGetNumberUint(device, "bus", &bus) < 0 ||
        virJSONValueObjectGetNumberUint(device, "target", &target) < 0 ||
        virJSONValueObjectGetNumberUint(device, "unit", &unit) < 0)
        return NULL;
    disk = virDomainDiskByAddress(def, &address, NULL, bus, target, unit);
    return disk ? disk->dst : NULL;
}

static int
qbjApiFSFill(virDomainDef *def, virJSONValue *entry, virDomainFSInfo *info)
{
    virJSONValue *devices = virJSONValueObjectGetArray(entry, "disk");
    const char *mountpoint = virJSONValueObjectGetString(entry, "mountpoint");
    const char *name = virJSONValueObjectGetString(entry, "name");
    const char *type = virJSONValueObjectGetString(entry, "type");
    size_t i;

    if (!mountpoint || !name || !type) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s", _("the guest agent's list of file systems is not complete"));
        return -1;
    }
    info->mountpoint = g_strdup(mountpoint);
    info->name = g_strdup(name);
    info->fstype = g_strdup(type);
    info->devAlias = g_new0(char *, devices ? virJSONValueArraySize(devices) + 1 : 1);
    for (i = 0; devices && i < virJSONValueArraySize(devices); i++) {
        const char *target = qbjApiFSTarget(def, virJSONValueArrayGet(devices, i));

        if (target)
            info->devAlias[info->ndevAlias++] = g_strdup(target);
    }
    return 0;
}

int
qbjApiFSRead(virDomainDef *def, virJSONValue *reply, virDomainFSInfoPtr **info)
{
    g_autofree virDomainFSInfoPtr *list = NULL;
    size_t n;
    size_t i;

    if (!virJSONValueIsArray(reply)) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s", _("the guest agent's list of file systems is not complete"));
        return -1;
    }
    n = virJSONValueArraySize(reply);
    list = g_new0(virDomainFSInfoPtr, n + 1);
    for (i = 0; i < n; i++) {
        list[i] = g_new0(virDomainFSInfo, 1);
        if (qbjApiFSFill(def, virJSONValueArrayGet(reply, i), list[i]) < 0) {
            for (n = 0; n <= i; n++)
                virDomainFSInfoFree(list[n]);
            return -1;
        }
    }
    *info = g_steal_pointer(&list);
    return n;
}

int
qbjApiGetFSInfo(virDomainPtr domain, virDomainFSInfoPtr **info, unsigned int flags)
{
    g_autoptr(virJSONValue) reply = NULL;
    virDomainObj *vm;
    int ret = -1;

    virCheckFlags(0, -1);

    if (!(vm = qbjApiAgentBegin(domain, virDomainGetFSInfoEnsureACL)))
        return -1;
    if (qbjDomainAgentCall(vm, "guest-get-fsinfo", NULL, &reply) == 0)
        ret = qbjApiFSRead(vm->def, reply, info);
    qbjApiAgentEnd(vm);
    return ret;
}
