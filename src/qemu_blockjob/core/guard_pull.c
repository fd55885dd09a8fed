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

    return req->relative ? qbjPullRelativeName(disk, req, &relative, refusal) : 0;
}
