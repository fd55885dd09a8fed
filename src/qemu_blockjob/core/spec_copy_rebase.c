/* virDomainBlockRebase with COPY is a copy that can say less: 01/Y5. */
#include <config.h>

#include "internal.h"
#include "spec_copy.h"
#include "guard.h"

static int
qbjCopyRebaseSpeed(unsigned long bandwidth, unsigned int flags, unsigned long long *bytes, qbjRefusal *refusal)
{
    if (flags & VIR_DOMAIN_BLOCK_REBASE_BANDWIDTH_BYTES) {
        *bytes = bandwidth;
        return 0;
    }
    return qbjGuardSpeedMiB(bandwidth, bytes, refusal);
}

virStorageSource *
qbjCopyRequestRebase(const char *path, unsigned long bandwidth, unsigned int flags, qbjCopyRequest *req,
                     qbjRefusal *refusal)
{
    virStorageSource *target;
    unsigned long long bytes;

    if (qbjCopyRebaseSpeed(bandwidth, flags, &bytes, refusal) < 0)
        return NULL;
    if (flags & VIR_DOMAIN_BLOCK_REBASE_RELATIVE) {
        qbjRefusalSet(refusal, VIR_ERR_ARGUMENT_UNSUPPORTED, "%s",
                      _("Relative backing during copy not supported yet"));
        return NULL;
    }

    target = virStorageSourceNew();
    target->type = (flags & VIR_DOMAIN_BLOCK_REBASE_COPY_DEV) ? VIR_STORAGE_TYPE_BLOCK : VIR_STORAGE_TYPE_FILE;
    target->path = g_strdup(path);
    if (flags & VIR_DOMAIN_BLOCK_REBASE_COPY_RAW)
        target->format = VIR_STORAGE_FILE_RAW;

    *req = (qbjCopyRequest) { .target = target, .bandwidth = bytes };
    if (flags & VIR_DOMAIN_BLOCK_REBASE_SHALLOW)
        req->flags |= VIR_DOMAIN_BLOCK_COPY_SHALLOW;
    if (flags & VIR_DOMAIN_BLOCK_REBASE_REUSE_EXT)
        req->flags |= VIR_DOMAIN_BLOCK_COPY_REUSE_EXT;
    return target;
}
