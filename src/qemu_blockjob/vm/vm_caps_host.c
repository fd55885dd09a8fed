/* The answer to virConnectGetCapabilities: this host, and the guests that the installed binaries can run. */

#include <config.h>

#include "internal.h"
#include "cpu/cpu.h"
#include "virerror.h"
#include "virlog.h"
#include "virnodesuspend.h"
#include "virutil.h"
#include "viruuid.h"
#include "vm_caps.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

VIR_LOG_INIT("qemu_blockjob.vm_caps_host");

/* What cannot be found out about the host is left out: it is no reason to refuse the rest. */
static virCaps *
qbjVmCapsHostNew(void)
{
    /* no migration yet */
    g_autoptr(virCaps) caps = virCapabilitiesNew(virArchFromHost(), false, false);

    caps->host.numa = virCapabilitiesHostNUMANewHost();
    if (virCapabilitiesInitCaches(caps) < 0)
        VIR_WARN("Cannot get the cache sizes of the host CPU");
    if (!(caps->host.cpu = virCPUProbeHost(caps->host.arch)))
        VIR_WARN("Cannot get the model of the host CPU");
    if (virNodeSuspendGetTargetMask(&caps->host.powerMgmt) < 0)
        VIR_WARN("Cannot get the power management of the host");
    if (virCapabilitiesInitPages(caps) < 0)
        VIR_WARN("Cannot get the page sizes of the host");
    if (virGetHostUUID(caps->host.host_uuid) < 0) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s", _("Cannot get the host UUID."));
        return NULL;
    }
    virCapabilitiesHostInitIOMMU(caps);
    virCapabilitiesSetNetPrefix(caps, "vnet");

    return g_steal_pointer(&caps);
}

/* Families that this driver can run; the binary has others. */
static bool
qbjVmCapsMachineWanted(const qbjVmMachine *machine)
{
    return qbjVmMachineIsQ35(machine->name) || qbjVmMachineIsI440fx(machine->name);
}

static virCapsGuestMachine *
qbjVmCapsGuestMachine(const char *name, const char *canonical, const qbjVmMachine *machine)
{
    virCapsGuestMachine *guest = g_new0(virCapsGuestMachine, 1);

    guest->name = g_strdup(name);
    guest->canonical = g_strdup(canonical);
    guest->maxCpus = machine->maxCpus;
    guest->deprecated = machine->deprecated;
    return guest;
}

/* An array as virCapabilitiesAddGuest takes it; each alias stands behind its machine. */
static virCapsGuestMachine **
qbjVmCapsGuestMachines(const qbjVmCaps *caps, int *count)
{
    virCapsGuestMachine **machines = g_new0(virCapsGuestMachine *, 2 * caps->machines->len + 1);
    size_t i;

    *count = 0;
    for (i = 0; i < caps->machines->len; i++) {
        const qbjVmMachine *machine = g_ptr_array_index(caps->machines, i);

        if (!qbjVmCapsMachineWanted(machine))
            continue;

        machines[(*count)++] = qbjVmCapsGuestMachine(machine->name, NULL, machine);
        if (machine->alias)
            machines[(*count)++] = qbjVmCapsGuestMachine(machine->alias, machine->name, machine);
    }

    return machines;
}

static void
qbjVmCapsAddGuestDomains(virCapsGuest *guest, bool kvm)
{
    virCapabilitiesAddGuestFeatureWithToggle(guest, VIR_CAPS_GUEST_FEATURE_TYPE_ACPI, true, true);
    virCapabilitiesAddGuestFeatureWithToggle(guest, VIR_CAPS_GUEST_FEATURE_TYPE_APIC, true, false);
    virCapabilitiesAddGuestFeature(guest, VIR_CAPS_GUEST_FEATURE_TYPE_CPUSELECTION);
    virCapabilitiesAddGuestFeature(guest, VIR_CAPS_GUEST_FEATURE_TYPE_DEVICEBOOT);

    virCapabilitiesAddGuestDomain(guest, VIR_DOMAIN_VIRT_QEMU, NULL, NULL, 0, NULL);
    if (kvm)
        virCapabilitiesAddGuestDomain(guest, VIR_DOMAIN_VIRT_KVM, NULL, NULL, 0, NULL);
}

static void
qbjVmCapsAddGuest64(virCaps *host, const qbjVmCaps *caps)
{
    int count;
    virCapsGuestMachine **machines = qbjVmCapsGuestMachines(caps, &count);
    virCapsGuest *guest = virCapabilitiesAddGuest(host, VIR_DOMAIN_OSTYPE_HVM, VIR_ARCH_X86_64, caps->binary, NULL,
                                                  count, machines);

    qbjVmCapsAddGuestDomains(guest, caps->kvm);
}

/* By its file name alone: hardly anybody uses it, and a second probe would double the time of the first call.
 * So there is no machine list; a definition for it has its machine looked up all the same. */
static void
qbjVmCapsAddGuest32(virCaps *host, const char *binary, bool kvm)
{
    virCapsGuest *guest = virCapabilitiesAddGuest(host, VIR_DOMAIN_OSTYPE_HVM, VIR_ARCH_I686, binary, NULL, 0, NULL);

    virCapabilitiesAddGuestFeature(guest, VIR_CAPS_GUEST_FEATURE_TYPE_PAE);
    virCapabilitiesAddGuestFeature(guest, VIR_CAPS_GUEST_FEATURE_TYPE_NONPAE);
    qbjVmCapsAddGuestDomains(guest, kvm);
}

virCaps *
qbjVmCapsHost(qbjVmCapsCache *cache)
{
    g_autoptr(virCaps) host = qbjVmCapsHostNew();
    g_autofree char *binary32 = qbjVmCapsFindBinary(VIR_ARCH_I686);
    g_autofree char *binary64 = qbjVmCapsFindBinary(VIR_ARCH_X86_64);
    const qbjVmCaps *caps = NULL;

    if (!host)
        return NULL;

    if (binary64 && !(caps = qbjVmCapsGet(cache, binary64))) {
        VIR_WARN("Leaving %s out of the host capabilities: %s", binary64, virGetLastErrorMessage());
        virResetLastError();
    }

    if (binary32)
        qbjVmCapsAddGuest32(host, binary32, caps && caps->kvm);
    if (caps)
        qbjVmCapsAddGuest64(host, caps);
    return g_steal_pointer(&host);
}
