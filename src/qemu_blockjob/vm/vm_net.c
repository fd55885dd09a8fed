#include <config.h>

#include <fcntl.h>

#include "internal.h"
#include "vm_net.h"
#include "datatypes.h"
#include "domain_qmp.h"
#include "driver.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virnetdev.h"
#include "virnetdevbandwidth.h"
#include "virnetdevtap.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_net");

#define QBJ_VM_NET_TUN "/dev/net/tun"
#define QBJ_VM_NET_VHOST "/dev/vhost-net"

static bool
qbjVmNetIsVirtio(const virDomainNetDef *net)
{
    return net->model == VIR_DOMAIN_NET_MODEL_VIRTIO || net->model == VIR_DOMAIN_NET_MODEL_VIRTIO_TRANSITIONAL ||
           net->model == VIR_DOMAIN_NET_MODEL_VIRTIO_NON_TRANSITIONAL;
}

/* --- networks --- */

static int
qbjVmNetAllocate(virDomainObj *vm, virDomainNetDef *net)
{
    g_autoptr(virConnect) conn = NULL;

    if (net->type != VIR_DOMAIN_NET_TYPE_NETWORK)
        return 0;

    if (!(conn = virGetConnectNetwork()))
        return -1;

    return virDomainNetAllocateActualDevice(conn, vm->def, net);
}

void
qbjVmNetRelease(virDomainObj *vm)
{
    g_autoptr(virConnect) conn = NULL;
    size_t i;

    for (i = 0; i < vm->def->nnets; i++) {
        virDomainNetDef *net = vm->def->nets[i];

        /* one that was never allocated, because the start failed before, has no port */
        if (net->type != VIR_DOMAIN_NET_TYPE_NETWORK || !net->data.network.actual)
            continue;
        if (!conn && !(conn = virGetConnectNetwork())) {
            VIR_WARN("Cannot give the networks of domain '%s' back: %s", vm->def->name, virGetLastErrorMessage());
            virResetLastError();
            return;
        }
        virDomainNetReleaseActualDevice(conn, vm->def, net);
    }
}

void
qbjVmNetReconnect(virDomainObj *vm)
{
    g_autoptr(virConnect) conn = NULL;
    size_t i;

    for (i = 0; i < vm->def->nnets; i++) {
        virDomainNetDef *net = vm->def->nets[i];

        if (net->ifname)
            virNetDevReserveName(net->ifname);
        if (net->type != VIR_DOMAIN_NET_TYPE_NETWORK)
            continue;
        if (!conn && !(conn = virGetConnectNetwork())) {
            VIR_WARN("Cannot tell the networks of domain '%s': %s", vm->def->name, virGetLastErrorMessage());
            virResetLastError();
            return;
        }
        virDomainNetNotifyActualDevice(conn, vm->def, net);
    }
}

/* --- tap and vhost --- */

/* Names that the kernel or an earlier start chose are chosen anew. */
static void
qbjVmNetChooseName(virDomainNetDef *net)
{
    if (net->ifname && !STRPREFIX(net->ifname, "vnet"))
        return;

    g_free(net->ifname);
    net->ifname = g_strdup("vnet%d");
}

static int
qbjVmNetLimit(const virDomainNetDef *net)
{
    const virNetDevBandwidth *bandwidth = virDomainNetGetActualBandwidth(net);

    if (!bandwidth)
        return 0;

    return virNetDevBandwidthSet(net->ifname, bandwidth, false, !virDomainNetTypeSharesHostView(net));
}

static int
qbjVmNetOpenTap(virDomainObj *vm, virDomainNetDef *net, qbjVmArgsNet *opened)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    unsigned int flags = VIR_NETDEV_TAP_CREATE_IFUP;
    unsigned int mtu = 0;
    size_t i;

    if (!priv->driver->conf->privileged) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("Network interface '%s' needs a tap device, which only a privileged driver can make"),
                       net->info.alias);
        return -1;
    }

    opened->ntap = MAX(net->driver.virtio.queues, 1);
    opened->tap = g_new(int, opened->ntap);
    for (i = 0; i < opened->ntap; i++)
        opened->tap[i] = -1;

    if (qbjVmNetIsVirtio(net))
        flags |= VIR_NETDEV_TAP_CREATE_VNET_HDR;
    qbjVmNetChooseName(net);
    if (virNetDevTapCreateInBridgePort(virDomainNetGetActualBridgeName(net), &net->ifname, &net->mac,
                                       vm->def->uuid, QBJ_VM_NET_TUN, opened->tap, opened->ntap,
                                       virDomainNetGetActualVirtPortProfile(net), virDomainNetGetActualVlan(net),
                                       virDomainNetGetActualPortOptionsIsolated(net), NULL, net->mtu, &mtu,
                                       flags) < 0)
        return -1;

    for (i = 0; i < opened->ntap; i++) {
        if (virSecurityManagerSetTapFDLabel(priv->driver->security, vm->def, opened->tap[i]) < 0)
            return -1;
    }

    return qbjVmNetLimit(net);
}

/* The kernel's own virtio back-end. Without a wish for it, QEMU's does where there is none. */
static int
qbjVmNetOpenVhost(const virDomainDef *def, const virDomainNetDef *net, qbjVmArgsNet *opened)
{
    bool demanded = net->driver.virtio.name == VIR_DOMAIN_NET_DRIVER_TYPE_VHOST;
    size_t wanted = opened->ntap;

    if (!qbjVmNetIsVirtio(net) || net->driver.virtio.name == VIR_DOMAIN_NET_DRIVER_TYPE_QEMU ||
        (!demanded && def->virtType != VIR_DOMAIN_VIRT_KVM))
        return 0;

    opened->vhost = g_new(int, wanted);
    while (opened->nvhost < wanted) {
        int fd = open(QBJ_VM_NET_VHOST, O_RDWR | O_CLOEXEC);

        if (fd < 0 && (demanded || opened->nvhost > 0)) {
            virReportSystemError(errno, _("unable to open '%s' for network interface '%s'"), QBJ_VM_NET_VHOST,
                                 net->info.alias);
            return -1;
        }
        if (fd < 0)
            return 0;
        opened->vhost[opened->nvhost++] = fd;
    }

    return 0;
}

static int
qbjVmNetOpenOne(virDomainObj *vm, virDomainNetDef *net, qbjVmArgsNet *opened)
{
    if (qbjVmNetAllocate(vm, net) < 0)
        return -1;

    switch (virDomainNetGetActualType(net)) {
    case VIR_DOMAIN_NET_TYPE_USER:
        return 0;
    case VIR_DOMAIN_NET_TYPE_BRIDGE:
    case VIR_DOMAIN_NET_TYPE_NETWORK:
        if (qbjVmNetOpenTap(vm, net, opened) < 0)
            return -1;
        return qbjVmNetOpenVhost(vm->def, net, opened);
    default:
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("Network interface '%s' of type '%s' is not supported by this driver"), net->info.alias,
                       virDomainNetTypeToString(virDomainNetGetActualType(net)));
        return -1;
    }
}

int
qbjVmNetOpen(virDomainObj *vm, qbjVmArgsNet **nets)
{
    size_t i;

    *nets = g_new0(qbjVmArgsNet, vm->def->nnets + 1);
    for (i = 0; i < vm->def->nnets; i++) {
        if (qbjVmNetOpenOne(vm, vm->def->nets[i], &(*nets)[i]) < 0)
            return -1;
    }

    return 0;
}

static void
qbjVmNetCloseAll(int *fds, size_t nfds)
{
    size_t i;

    for (i = 0; i < nfds; i++)
        VIR_FORCE_CLOSE(fds[i]);
    g_free(fds);
}

void
qbjVmNetClose(const virDomainDef *def, qbjVmArgsNet **nets)
{
    size_t i;

    for (i = 0; *nets && i < def->nnets; i++) {
        qbjVmNetCloseAll((*nets)[i].tap, (*nets)[i].ntap);
        qbjVmNetCloseAll((*nets)[i].vhost, (*nets)[i].nvhost);
    }
    g_clear_pointer(nets, g_free);
}

int
qbjVmNetSetup(virDomainObj *vm)
{
    size_t i;

    for (i = 0; i < vm->def->nnets; i++) {
        const virDomainNetDef *net = vm->def->nets[i];
        g_autoptr(virJSONValue) arguments = NULL;

        if (net->linkstate != VIR_DOMAIN_NET_INTERFACE_LINK_STATE_DOWN)
            continue;
        if (virJSONValueObjectAdd(&arguments, "s:name", net->info.alias, "b:up", false, NULL) < 0 ||
            qbjDomainQmpCall(vm, "set_link", arguments, NULL) < 0)
            return -1;
    }

    return 0;
}
