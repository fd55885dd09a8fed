/* Refusals of pull and rebase that need nothing but the disk and the resolved request: 01/P3, P5. */
#include <config.h>

#include "internal.h"
#include "spec_pull.h"
#include "guard.h"

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

    /* QEMU alone has read the header of an image on a server, and cannot be told later what it has found */
    if (!virStorageSourceIsEmpty(disk->src) && !disk->src->backingStore &&
        disk->src->format >= VIR_STORAGE_FILE_BACKING) {
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_UNSUPPORTED,
                      _("what is below image '%s' of disk '%s' is not known: the definition of the domain must say it "
                        "with <backingStore>"), NULLSTR(disk->src->path), disk->dst);
        return -1;
    }

    return req->relative ? qbjPullRelativeName(disk, req, &relative, refusal) : 0;
}
