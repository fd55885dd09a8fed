/* Refusals of pull and rebase that need nothing but the disk and the resolved request: 01/P3, P5. */
#include <config.h>

#include "internal.h"
#include "spec_pull.h"
#include "guard.h"
#include "storage_file/storage_source.h"

int
qbjGuardPullDisk(const virDomainDiskDef *disk, const qbjRefusal *busy, qbjRefusal *refusal)
{
    if (qbjGuardBusy(busy, refusal) < 0)
        return -1;

    return qbjGuardDiskKind(disk, refusal);
}

int
qbjGuardPull(const virDomainDiskDef *disk, const qbjPullRequest *req, qbjRefusal *refusal)
{
    g_autofree char *relative = NULL;

    if (!req->relative ||
        (virStorageSourceGetRelativeBackingPath(disk->src->backingStore, req->base, &relative) == 0 && relative))
        return 0;

    qbjRefusalSet(refusal, VIR_ERR_OPERATION_INVALID, "%s", _("can't keep relative backing relationship"));
    return -1;
}
