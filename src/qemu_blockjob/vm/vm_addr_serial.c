/* Ports of virtio-serial controllers. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_addr.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomainVirtioSerialAddrSet, virDomainVirtioSerialAddrSetFree);

static bool
qbjVmAddrIsSerialChannel(const virDomainChrDef *channel)
{
    return channel->targetType == VIR_DOMAIN_CHR_CHANNEL_TARGET_TYPE_VIRTIO;
}

/* Consoles have no address: QEMU gives them what is left. */
int
qbjVmAddrAssignSerial(virDomainDef *def)
{
    g_autoptr(virDomainVirtioSerialAddrSet) addrs = virDomainVirtioSerialAddrSetCreateFromDomain(def);
    size_t i;

    if (!addrs)
        return -1;

    for (i = 0; i < def->nchannels; i++) {
        virDomainChrDef *channel = def->channels[i];

        if (qbjVmAddrIsSerialChannel(channel) && !virDomainVirtioSerialAddrIsComplete(&channel->info) &&
            virDomainVirtioSerialAddrAutoAssignFromCache(def, addrs, &channel->info, false) < 0)
            return -1;
    }

    return 0;
}
