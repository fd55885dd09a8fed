/* The name of one device that is plugged into a running domain. */

#include <config.h>

#include "internal.h"
#include "vm_alias.h"
#include "vm_def.h"

/* The lowest that no device has. */
static void
qbjVmAliasPlugNumbered(virDomainDef *def, virDomainDeviceInfo *info, const char *prefix)
{
    size_t number;

    for (number = 0;; number++) {
        g_autofree char *alias = g_strdup_printf("%s%zu", prefix, number);
        virDomainDeviceDef other = { .type = VIR_DOMAIN_DEVICE_NONE };

        if (virDomainDefFindDevice(def, alias, &other, false) < 0) {
            qbjVmAliasSet(info, g_steal_pointer(&alias));
            return;
        }
    }
}

int
qbjVmDefAssignAlias(virDomainDef *def, virDomainDeviceDef *dev)
{
    switch (dev->type) {
    case VIR_DOMAIN_DEVICE_DISK:
        return qbjVmAliasSetDisk(def, dev->data.disk);
    case VIR_DOMAIN_DEVICE_CONTROLLER:
        qbjVmAliasSetController(def, dev->data.controller);
        return 0;
    case VIR_DOMAIN_DEVICE_RNG:
        qbjVmAliasPlugNumbered(def, &dev->data.rng->info, "rng");
        return 0;
    case VIR_DOMAIN_DEVICE_INPUT:
        qbjVmAliasPlugNumbered(def, &dev->data.input->info, "input");
        return 0;
    default:
        return 0;
    }
}
