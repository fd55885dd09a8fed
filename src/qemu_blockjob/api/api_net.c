#include <config.h>

#include "internal.h"
#include "api_net.h"
#include "api_domain.h"
#include "datatypes.h"
#include "virerror.h"
#include "virnetdevtap.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static int
qbjApiNetStats(virDomainObj *vm, const char *device, virDomainInterfaceStatsPtr stats)
{
    virDomainNetDef *net;

    if (virDomainObjCheckActive(vm) < 0 || !(net = virDomainNetFind(vm->def, device)))
        return -1;
    if (!net->ifname) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("the host has no device for interface '%s'"), device);
        return -1;
    }
    return virNetDevTapInterfaceStats(net->ifname, stats, !virDomainNetTypeSharesHostView(net));
}

int
qbjApiInterfaceStats(virDomainPtr domain, const char *device, virDomainInterfaceStatsPtr stats)
{
    virDomainObj *vm = qbjApiLook(domain, virDomainInterfaceStatsEnsureACL);
    int ret;

    if (!vm)
        return -1;
    ret = qbjApiNetStats(vm, device, stats);
    virDomainObjEndAPI(&vm);
    return ret;
}

int
qbjApiNetHostAddresses(virDomainPtr domain, virDomainInterfacePtr **ifaces, unsigned int source)
{
    virDomainObj *vm = qbjApiLookFlags(domain, virDomainInterfaceAddressesEnsureACL, source);
    int ret = -1;

    if (!vm)
        return -1;
    if (virDomainObjCheckActive(vm) < 0)
        ret = -1;
    else if (source == VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE)
        ret = virDomainNetDHCPInterfaces(vm->def, ifaces);
    else if (source == VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP)
        ret = virDomainNetARPInterfaces(vm->def, ifaces);
    else
        virReportError(VIR_ERR_ARGUMENT_UNSUPPORTED, _("Unknown IP address data source %u"), source);
    virDomainObjEndAPI(&vm);
    return ret;
}

/* The name that the guest gave when it asked for an address of @net; NULL: none. */
static char *
qbjApiNetLeaseName(virConnectPtr conn, const virDomainNetDef *net)
{
    g_autoptr(virNetwork) network = virNetworkLookupByName(conn, net->data.network.name);
    virNetworkDHCPLeasePtr *leases = NULL;
    char mac[VIR_MAC_STRING_BUFLEN];
    char *name = NULL;
    int n;
    int i;

    virMacAddrFormat(&net->mac, mac);
    n = network ? virNetworkGetDHCPLeases(network, mac, &leases, 0) : 0;
    for (i = 0; i < n; i++) {
        if (!name)
            name = g_strdup(leases[i]->hostname);
        virNetworkDHCPLeaseFree(leases[i]);
    }
    g_free(leases);
    return name;
}

static char *
qbjApiNetLeaseNames(const virDomainDef *def)
{
    g_autoptr(virConnect) conn = NULL;
    char *name = NULL;
    size_t i;

    for (i = 0; i < def->nnets && !name; i++) {
        if (def->nets[i]->type != VIR_DOMAIN_NET_TYPE_NETWORK)
            continue;
        if (!conn && !(conn = virGetConnectNetwork()))
            return NULL;
        name = qbjApiNetLeaseName(conn, def->nets[i]);
    }
    if (!name)
        virReportError(VIR_ERR_NO_HOSTNAME, _("no hostname found for domain %s"), def->name);
    return name;
}

char *
qbjApiNetLeaseHostname(virDomainPtr domain)
{
    virDomainObj *vm = qbjApiLook(domain, virDomainGetHostnameEnsureACL);
    char *name = NULL;

    if (!vm)
        return NULL;
    if (virDomainObjCheckActive(vm) == 0)
        name = qbjApiNetLeaseNames(vm->def);
    virDomainObjEndAPI(&vm);
    return name;
}
