/* Network interfaces: -netdev is the host's side, -device the guest's. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virsocketaddr.h"
#include "vm_args_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static bool
qbjVmArgsNetIsVirtio(const virDomainNetDef *net)
{
    return net->model == VIR_DOMAIN_NET_MODEL_VIRTIO || net->model == VIR_DOMAIN_NET_MODEL_VIRTIO_TRANSITIONAL ||
           net->model == VIR_DOMAIN_NET_MODEL_VIRTIO_NON_TRANSITIONAL;
}

static int
qbjVmArgsRefuseNet(const virDomainNetDef *net, const char *what)
{
    virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("This %s of network interface '%s' is not supported."), what,
                   NULLSTR(net->info.alias));
    return -1;
}

/* --- the host's side --- */

static int
qbjVmArgsAddUserAddress(virJSONValue **props, const virDomainNetDef *net, const virNetDevIPAddr *ip)
{
    g_autofree char *address = virSocketAddrFormat(&ip->address);
    g_autofree char *prefixed = NULL;

    if (!address)
        return -1;

    if (VIR_SOCKET_ADDR_IS_FAMILY(&ip->address, AF_INET)) {
        prefixed = ip->prefix ? g_strdup_printf("%s/%u", address, ip->prefix) : g_strdup(address);
        return virJSONValueObjectAdd(props, "s:net", prefixed, NULL);
    }
    if (VIR_SOCKET_ADDR_IS_FAMILY(&ip->address, AF_INET6)) {
        return virJSONValueObjectAdd(props, "s:ipv6-prefix", address, "p:ipv6-prefixlen", ip->prefix, NULL);
    }

    return qbjVmArgsRefuseNet(net, "address family");
}

static int
qbjVmArgsAddUserNet(virJSONValue **props, const virDomainNetDef *net)
{
    size_t i;

    if (virJSONValueObjectAdd(props, "s:type", "user", NULL) < 0)
        return -1;

    for (i = 0; i < net->guestIP.nips; i++) {
        if (qbjVmArgsAddUserAddress(props, net, net->guestIP.ips[i]) < 0)
            return -1;
    }

    return 0;
}

/* "5", or "5:6" for several queues. */
static char *
qbjVmArgsPassFds(virCommand *cmd, const int *fds, size_t nfds)
{
    g_autoptr(GString) text = g_string_new(NULL);
    size_t i;

    for (i = 0; i < nfds; i++) {
        virCommandPassFD(cmd, fds[i], 0);
        g_string_append_printf(text, "%s%d", i > 0 ? ":" : "", fds[i]);
    }

    return g_strdup(text->str);
}

static int
qbjVmArgsAddTapNet(virCommand *cmd, virJSONValue **props, const virDomainNetDef *net, const qbjVmArgsNet *host)
{
    const qbjVmArgsNet none = { 0 };
    const qbjVmArgsNet *opened = host ? host : &none;
    g_autofree char *tap = opened->ntap > 0 ? qbjVmArgsPassFds(cmd, opened->tap, opened->ntap) : g_strdup("-1");
    g_autofree char *vhost = opened->nvhost > 0 ? qbjVmArgsPassFds(cmd, opened->vhost, opened->nvhost) : NULL;

    if (virJSONValueObjectAdd(props, "s:type", "tap", opened->ntap > 1 ? "s:fds" : "s:fd", tap, NULL) < 0)
        return -1;
    if (vhost &&
        virJSONValueObjectAdd(props, "b:vhost", true, opened->nvhost > 1 ? "s:vhostfds" : "s:vhostfd", vhost,
                              NULL) < 0)
        return -1;

    return net->tune.sndbuf_specified ? virJSONValueObjectAdd(props, "U:sndbuf", net->tune.sndbuf, NULL) : 0;
}

static int
qbjVmArgsAddNetdev(virCommand *cmd, const virDomainNetDef *net, const qbjVmArgsNet *host, const char *id)
{
    g_autoptr(virJSONValue) props = NULL;

    switch (virDomainNetGetActualType(net)) {
    case VIR_DOMAIN_NET_TYPE_USER:
        if (qbjVmArgsAddUserNet(&props, net) < 0)
            return -1;
        break;
    case VIR_DOMAIN_NET_TYPE_BRIDGE:
    case VIR_DOMAIN_NET_TYPE_NETWORK:
        if (qbjVmArgsAddTapNet(cmd, &props, net, host) < 0)
            return -1;
        break;
    default:
        return qbjVmArgsRefuseNet(net, "type");
    }

    if (virJSONValueObjectAdd(&props, "s:id", id, NULL) < 0)
        return -1;

    return qbjVmArgsAddJSON(cmd, "-netdev", props);
}

/* --- the guest's side --- */

static int
qbjVmArgsAddNetOffloads(virJSONValue **props, const virDomainNetDef *net)
{
    return virJSONValueObjectAdd(props,
                                 "T:csum", net->driver.virtio.host.csum,
                                 "T:gso", net->driver.virtio.host.gso,
                                 "T:host_tso4", net->driver.virtio.host.tso4,
                                 "T:host_tso6", net->driver.virtio.host.tso6,
                                 "T:host_ecn", net->driver.virtio.host.ecn,
                                 "T:host_ufo", net->driver.virtio.host.ufo,
                                 "T:mrg_rxbuf", net->driver.virtio.host.mrg_rxbuf,
                                 "T:guest_csum", net->driver.virtio.guest.csum,
                                 "T:guest_tso4", net->driver.virtio.guest.tso4,
                                 "T:guest_tso6", net->driver.virtio.guest.tso6,
                                 "T:guest_ecn", net->driver.virtio.guest.ecn,
                                 "T:guest_ufo", net->driver.virtio.guest.ufo,
                                 NULL);
}

static const char *
qbjVmArgsNetTx(const virDomainNetDef *net)
{
    switch (net->driver.virtio.txmode) {
    case VIR_DOMAIN_NET_VIRTIO_TX_MODE_IOTHREAD:
        return "bh";
    case VIR_DOMAIN_NET_VIRTIO_TX_MODE_TIMER:
        return "timer";
    case VIR_DOMAIN_NET_VIRTIO_TX_MODE_DEFAULT:
    case VIR_DOMAIN_NET_VIRTIO_TX_MODE_LAST:
    default:
        return NULL;
    }
}

static int
qbjVmArgsStartVirtioNet(virJSONValue **props, const virDomainNetDef *net)
{
    qbjVmArgsVirtioForm form = QBJ_VM_ARGS_VIRTIO_BOTH;
    unsigned int queues = net->driver.virtio.queues;

    if (net->model == VIR_DOMAIN_NET_MODEL_VIRTIO_TRANSITIONAL)
        form = QBJ_VM_ARGS_VIRTIO_TRANSITIONAL;
    else if (net->model == VIR_DOMAIN_NET_MODEL_VIRTIO_NON_TRANSITIONAL)
        form = QBJ_VM_ARGS_VIRTIO_NON_TRANSITIONAL;

    if (net->driver.virtio.rss != VIR_TRISTATE_SWITCH_ABSENT ||
        net->driver.virtio.rss_hash_report != VIR_TRISTATE_SWITCH_ABSENT)
        return qbjVmArgsRefuseNet(net, "rss");

    if (qbjVmArgsStartVirtio(props, "virtio-net", form, net->virtio) < 0 ||
        virJSONValueObjectAdd(props,
                              "S:tx", qbjVmArgsNetTx(net),
                              "T:ioeventfd", net->driver.virtio.ioeventfd,
                              "T:event_idx", net->driver.virtio.event_idx,
                              NULL) < 0 ||
        qbjVmArgsAddNetOffloads(props, net) < 0)
        return -1;

    /* one vector for each direction of each queue, one for control, one for changes of the configuration */
    if (queues > 1 && virJSONValueObjectAdd(props, "b:mq", true, "u:vectors", 2 * queues + 2, NULL) < 0)
        return -1;

    return virJSONValueObjectAdd(props,
                                 "p:rx_queue_size", net->driver.virtio.rx_queue_size,
                                 "p:tx_queue_size", net->driver.virtio.tx_queue_size,
                                 "p:host_mtu", net->mtu,
                                 NULL);
}

static int
qbjVmArgsStartNet(virJSONValue **props, const virDomainNetDef *net)
{
    switch (net->model) {
    case VIR_DOMAIN_NET_MODEL_E1000:
    case VIR_DOMAIN_NET_MODEL_E1000E:
    case VIR_DOMAIN_NET_MODEL_RTL8139:
    case VIR_DOMAIN_NET_MODEL_VMXNET3:
        return virJSONValueObjectAdd(props, "s:driver", virDomainNetModelTypeToString(net->model), NULL);
    default:
        return qbjVmArgsNetIsVirtio(net) ? qbjVmArgsStartVirtioNet(props, net) : qbjVmArgsRefuseNet(net, "model");
    }
}

static int
qbjVmArgsCheckNet(const virDomainNetDef *net)
{
    if (net->filter)
        return qbjVmArgsRefuseNet(net, "filterref");
    if (net->backend.tap || net->backend.vhost)
        return qbjVmArgsRefuseNet(net, "backend");
    if (net->coalesce || net->script || net->downscript || net->teaming)
        return qbjVmArgsRefuseNet(net, "coalesce, script or teaming");
    if (net->hostIP.nips > 0 || net->hostIP.nroutes > 0 || net->guestIP.nroutes > 0)
        return qbjVmArgsRefuseNet(net, "address or route");
    if (net->guestIP.nips > 0 && net->type != VIR_DOMAIN_NET_TYPE_USER)
        return qbjVmArgsRefuseNet(net, "address");

    return 0;
}

static int
qbjVmArgsAddNet(virCommand *cmd, const qbjVmArgsInput *input, size_t number)
{
    const virDomainNetDef *net = input->def->nets[number];
    g_autoptr(virJSONValue) props = NULL;
    g_autofree char *netdev = g_strdup_printf("host%s", net->info.alias);
    char mac[VIR_MAC_STRING_BUFLEN];

    virMacAddrFormat(&net->mac, mac);
    if (qbjVmArgsCheckNet(net) < 0 ||
        qbjVmArgsAddNetdev(cmd, net, input->nets ? &input->nets[number] : NULL, netdev) < 0 ||
        qbjVmArgsStartNet(&props, net) < 0 ||
        virJSONValueObjectAdd(&props,
                              "s:netdev", netdev,
                              "s:id", net->info.alias,
                              "s:mac", mac,
                              "p:bootindex", qbjVmArgsNetBootIndex(input->def, net),
                              NULL) < 0 ||
        qbjVmArgsAddAddress(&props, input->def, &net->info) < 0)
        return -1;

    return qbjVmArgsAddJSON(cmd, "-device", props);
}

int
qbjVmArgsAddNets(virCommand *cmd, const qbjVmArgsInput *input)
{
    size_t i;

    for (i = 0; i < input->def->nnets; i++) {
        if (qbjVmArgsAddNet(cmd, input, i) < 0)
            return -1;
    }

    return 0;
}
