#include <config.h>

#include "internal.h"
#include "guard.h"
#include "storage_file/storage_source.h"

int
qbjGuardDiskKind(const virDomainDiskDef *disk, qbjRefusal *refusal)
{
    const char *target = disk->dst;

    if (disk->bus == VIR_DOMAIN_DISK_BUS_SD)
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_UNSUPPORTED,
                      _("block jobs are not supported on disk '%s' using bus 'sd'"), target);
    else if (disk->transient)
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_UNSUPPORTED,
                      _("block jobs are not supported on transient disk '%s'"), target);
    else if (virStorageSourceGetActualType(disk->src) == VIR_STORAGE_TYPE_VHOST_USER)
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_UNSUPPORTED,
                      _("block jobs are not supported on vhostuser disk '%s'"), target);
    else
        return 0;

    return -1;
}

int
qbjGuardBusy(const qbjRefusal *busy, qbjRefusal *refusal)
{
    if (!busy || busy->code == VIR_ERR_OK)
        return 0;

    qbjRefusalSet(refusal, busy->code, "%s", busy->message);
    return -1;
}

int
qbjGuardBandwidth(unsigned long long bandwidth, qbjRefusal *refusal)
{
    if (bandwidth <= LLONG_MAX)
        return 0;

    qbjRefusalSet(refusal, VIR_ERR_OVERFLOW, _("bandwidth must be less than '%llu' bytes/s"),
                  (unsigned long long) LLONG_MAX);
    return -1;
}

int
qbjGuardSpeedMiB(unsigned long bandwidth, unsigned long long *bytes, qbjRefusal *refusal)
{
    const unsigned long long max = LLONG_MAX >> 20;

    if (bandwidth > max) {
        qbjRefusalSet(refusal, VIR_ERR_OVERFLOW, _("bandwidth must be less than %llu"), max);
        return -1;
    }
    *bytes = (unsigned long long) bandwidth << 20;
    return 0;
}
