#include <config.h>

#include "internal.h"
#include "api_agent.h"
#include "api_net.h"
#include "domain_agent.h"
#include "virerror.h"
#include "virsocketaddr.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static int
qbjApiNetReport(void)
{
    virReportError(VIR_ERR_INTERNAL_ERROR, "%s", _("the guest agent's list of network interfaces cannot be read"));
    return -1;
}

static int
qbjApiNetAddress(virJSONValue *entry, virDomainIPAddress *address)
{
    const char *type = virJSONValueObjectGetString(entry, "ip-address-type");
    const char *text = virJSONValueObjectGetString(entry, "ip-address");

    if (!text || !type || virJSONValueObjectGetNumberUint(entry, "prefix", &address->prefix) < 0)
        return qbjApiNetReport();
    if (STREQ(type, "ipv4"))
        address->type = VIR_IP_ADDR_TYPE_IPV4;
    else if (STREQ(type, "ipv6"))
        address->type = VIR_IP_ADDR_TYPE_IPV6;
    else
        return qbjApiNetReport();
    address->addr = g_strdup(text);
    return 0;
}

static int
qbjApiNetAddresses(virJSONValue *list, virDomainInterface *iface)
{
    size_t n = list ? virJSONValueArraySize(list) : 0;
    size_t i;

    iface->addrs = g_renew(virDomainIPAddress, iface->addrs, iface->naddrs + n);
    for (i = 0; i < n; i++) {
        virDomainIPAddress address = { 0 };

        if (qbjApiNetAddress(virJSONValueArrayGet(list, i), &address) < 0)
            return -1;
        iface->addrs[iface->naddrs++] = address;
    }
    return 0;
}

/* An alias, eth0:1, has one more address of eth0. */
static virDomainInterface *
qbjApiNetFind(GPtrArray *ifaces, const char *name, const char *hwaddr)
{
    g_autofree char *plain = g_strndup(name, strcspn(name, ":"));
    virDomainInterface *iface;
    size_t i;

    for (i = 0; i < ifaces->len; i++) {
        iface = ifaces->pdata[i];
        if (STREQ(iface->name, plain))
            return iface;
    }
    iface = g_new0(virDomainInterface, 1);
    iface->name = g_steal_pointer(&plain);
    iface->hwaddr = g_strdup(hwaddr);
    g_ptr_array_add(ifaces, iface);
    return iface;
}

static void
qbjApiNetFree(void *iface)
{
    virDomainInterfaceFree(iface);
}

int
qbjApiNetRead(virJSONValue *reply, virDomainInterfacePtr **ifaces)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(qbjApiNetFree);
    size_t n;
    size_t i;

    if (!virJSONValueIsArray(reply))
        return qbjApiNetReport();
    for (i = 0; i < virJSONValueArraySize(reply); i++) {
        virJSONValue *entry = virJSONValueArrayGet(reply, i);
        const char *name = virJSONValueObjectGetString(entry, "name");

        if (!name)
            return qbjApiNetReport();
        if (qbjApiNetAddresses(virJSONValueObjectGetArray(entry, "ip-addresses"),
                               qbjApiNetFind(list, name, virJSONValueObjectGetString(entry, "hardware-address"))) < 0)
            return -1;
    }
    n = list->len;
    *ifaces = g_new0(virDomainInterfacePtr, n + 1);
    for (i = 0; i < n; i++)
        (*ifaces)[i] = g_steal_pointer(&list->pdata[i]);
    return n;
}

int
qbjApiInterfaceAddresses(virDomainPtr domain, virDomainInterfacePtr **ifaces, unsigned int source,
                         unsigned int flags)
{
    g_autoptr(virJSONValue) reply = NULL;
    virDomainObj *vm;
    int ret = -1;

    virCheckFlags(0, -1);

    if (source != VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT)
        return qbjApiNetHostAddresses(domain, ifaces, source);
    if (!(vm = qbjApiAgentBeginFlags(domain, virDomainInterfaceAddressesEnsureACL, source)))
        return -1;
    if (qbjDomainAgentCall(vm, "guest-network-get-interfaces", NULL, &reply) == 0)
        ret = qbjApiNetRead(reply, ifaces);
    qbjApiAgentEnd(vm);
    return ret;
}
