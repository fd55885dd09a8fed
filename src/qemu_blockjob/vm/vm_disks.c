#include <config.h>

#include <unistd.h>

#include "internal.h"
#include "vm_disks.h"
#include "vm_bitmaps.h"
#include "vm_missing.h"
#include "blocknode.h"
#include "host_chain.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static void
qbjVmDisksNumberChain(virQbjStatus *status, virStorageSource *chain)
{
    virStorageSource *next;

    for (next = chain; virStorageSourceIsBacking(next) && !virStorageSourceIsEmpty(next); next = next->backingStore) {
        if (!next->nodeformat)
            virQbjStatusNumberImage(status, next);
        if (next != chain)
            next->readonly = true;      /* no writer below the active layer until a job asks for it */
    }
}

static int
qbjVmDisksCheckSource(const virDomainDiskDef *disk)
{
    if (virStorageSourceIsLocalStorage(disk->src) && disk->src->path && access(disk->src->path, F_OK) < 0) {
        virReportSystemError(errno, _("Cannot access storage file '%s'"), disk->src->path);
        return -1;
    }
    return 0;
}

int
qbjVmDisksProbe(virDomainDiskDef *disk, const virQbjConf *conf)
{
    int rc;

    if (virStorageSourceIsEmpty(disk->src))
        return 0;
    if ((rc = qbjHostChainProbe(disk->src, disk->dst, conf->user, conf->group)) < 0)
        return -1;
    return rc == 0 ? qbjVmDisksCheckSource(disk) : 0;
}

void
qbjVmDisksNumberStated(virDomainDef *def, virQbjStatus *status)
{
    size_t i;

    for (i = def->ndisks; i > 0; i--) {
        if (virStorageSourceIsEmpty(def->disks[i - 1]->src))
            status->nodeIndex++;        /* kept for a medium, as the stock driver does */
        else
            qbjVmDisksNumberChain(status, def->disks[i - 1]->src);
    }
}

void
qbjVmDisksNumber(virDomainDiskDef *disk, virQbjStatus *status)
{
    qbjVmDisksNumberChain(status, disk->src);
    qbjBlockNodeInheritModes(disk);
}

int
qbjVmDisksPrepare(virDomainObj *vm, bool restored)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    size_t i;

    qbjVmDisksNumberStated(vm->def, priv->status);
    for (i = vm->def->ndisks; i > 0; i--) {
        virDomainDiskDef *disk = vm->def->disks[i - 1];

        if (qbjVmDisksProbe(disk, priv->driver->conf) < 0) {
            if (!qbjVmMissingMay(disk, restored) || qbjVmMissingLeaveOut(vm, i - 1) < 0)
                return -1;
            continue;
        }
        qbjVmDisksNumber(disk, priv->status);
        if (qbjVmBitmapsPossible(disk->src))
            priv->status->mayHaveBitmaps = true;
    }
    return 0;
}
