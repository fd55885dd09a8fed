#include <config.h>

#include "internal.h"
#include "api_blockcopy.h"
#include "api_blockjob.h"
#include "api_domain.h"
#include "api_guard.h"
#include "datatypes.h"
#include "domain_queue.h"
#include "engine_commit.h"
#include "engine_control.h"
#include "engine_info.h"
#include "engine_pull.h"
#include "engine_request.h"
#include "virdomainjob.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

int
qbjApiBlockCommit(virDomainPtr domain, const char *disk, const char *base, const char *top, unsigned long bandwidth,
                  unsigned int flags)
{
    virDomainObj *vm = NULL;
    int ret = -1;

    virCheckFlags(VIR_DOMAIN_BLOCK_COMMIT_SHALLOW | VIR_DOMAIN_BLOCK_COMMIT_DELETE | VIR_DOMAIN_BLOCK_COMMIT_ACTIVE |
                  VIR_DOMAIN_BLOCK_COMMIT_RELATIVE | VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES, -1);

    if (!(vm = qbjApiDomain(domain)))
        return -1;
    if (virDomainBlockCommitEnsureACL(domain->conn, vm->def) == 0 &&
        qbjApiGuardEarly(vm, QBJ_OPERATION_NEW_JOB, NULL) == 0 &&
        virDomainObjBeginJob(vm, VIR_JOB_MODIFY) == 0) {
        ret = qbjEngineCommit(vm, disk, base, top, bandwidth, flags);
        qbjDomainJobEnd(vm);
    }
    virDomainObjEndAPI(&vm);
    return ret;
}

/* @vm is looked up for @domain and allowed to be written; unlocked and released here. */
static int
qbjApiBlockStream(virDomainObj *vm, const char *disk, const char *base, unsigned long bandwidth, unsigned int flags)
{
    int ret = -1;

    if (qbjApiGuardEarly(vm, QBJ_OPERATION_NEW_JOB, NULL) == 0 && virDomainObjBeginJob(vm, VIR_JOB_MODIFY) == 0) {
        ret = qbjEnginePull(vm, disk, base, bandwidth, flags);
        qbjDomainJobEnd(vm);
    }
    virDomainObjEndAPI(&vm);
    return ret;
}

int
qbjApiBlockPull(virDomainPtr domain, const char *disk, unsigned long bandwidth, unsigned int flags)
{
    virDomainObj *vm = NULL;

    virCheckFlags(VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES, -1);

    if (!(vm = qbjApiDomain(domain)))
        return -1;
    if (virDomainBlockPullEnsureACL(domain->conn, vm->def) < 0) {
        virDomainObjEndAPI(&vm);
        return -1;
    }
    return qbjApiBlockStream(vm, disk, NULL, bandwidth,
                             flags ? VIR_DOMAIN_BLOCK_REBASE_BANDWIDTH_BYTES : 0);
}

/* 01/P2; the public call has checked that flags of a copy come with COPY */
static int
qbjApiBlockRebaseCheck(const char *base, unsigned int flags)
{
    if ((flags & VIR_DOMAIN_BLOCK_REBASE_RELATIVE) && !base) {
        virReportError(VIR_ERR_INVALID_ARG, "%s",
                       _("flag VIR_DOMAIN_BLOCK_REBASE_RELATIVE is valid only with non-null base"));
        return -1;
    }
    return 0;
}

int
qbjApiBlockRebase(virDomainPtr domain, const char *disk, const char *base, unsigned long bandwidth,
                  unsigned int flags)
{
    virDomainObj *vm = NULL;

    virCheckFlags(VIR_DOMAIN_BLOCK_REBASE_SHALLOW | VIR_DOMAIN_BLOCK_REBASE_REUSE_EXT |
                  VIR_DOMAIN_BLOCK_REBASE_COPY_RAW | VIR_DOMAIN_BLOCK_REBASE_COPY | VIR_DOMAIN_BLOCK_REBASE_RELATIVE |
                  VIR_DOMAIN_BLOCK_REBASE_COPY_DEV | VIR_DOMAIN_BLOCK_REBASE_BANDWIDTH_BYTES, -1);

    if (!(vm = qbjApiDomain(domain)))
        return -1;
    if (virDomainBlockRebaseEnsureACL(domain->conn, vm->def) < 0 || qbjApiBlockRebaseCheck(base, flags) < 0) {
        virDomainObjEndAPI(&vm);
        return -1;
    }
    if (flags & VIR_DOMAIN_BLOCK_REBASE_COPY)
        return qbjApiBlockRebaseCopy(vm, disk, base, bandwidth, flags);
    return qbjApiBlockStream(vm, disk, base, bandwidth, flags);
}

int
qbjApiBlockJobAbort(virDomainPtr domain, const char *disk, unsigned int flags)
{
    virDomainObj *vm = NULL;
    int ret = -1;

    virCheckFlags(VIR_DOMAIN_BLOCK_JOB_ABORT_ASYNC | VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT, -1);

    if (!(vm = qbjApiDomain(domain)))
        return -1;
    if (virDomainBlockJobAbortEnsureACL(domain->conn, vm->def) == 0 &&
        virDomainObjBeginJob(vm, VIR_JOB_MODIFY) == 0) {
        ret = qbjEngineAbort(vm, disk, flags);
        qbjDomainJobEnd(vm);
    }
    virDomainObjEndAPI(&vm);
    return ret;
}

int
qbjApiGetBlockJobInfo(virDomainPtr domain, const char *disk, virDomainBlockJobInfoPtr info, unsigned int flags)
{
    virDomainObj *vm = NULL;
    int ret = -1;

    virCheckFlags(VIR_DOMAIN_BLOCK_JOB_INFO_BANDWIDTH_BYTES, -1);

    if (!(vm = qbjApiDomain(domain)))
        return -1;
    if (virDomainGetBlockJobInfoEnsureACL(domain->conn, vm->def) == 0)
        ret = qbjEngineInfo(vm, disk, info, flags);
    virDomainObjEndAPI(&vm);
    return ret;
}

int
qbjApiBlockJobSetSpeed(virDomainPtr domain, const char *disk, unsigned long bandwidth, unsigned int flags)
{
    unsigned long long speed;
    virDomainObj *vm = NULL;
    int ret = -1;

    virCheckFlags(VIR_DOMAIN_BLOCK_JOB_SPEED_BANDWIDTH_BYTES, -1);

    if (qbjEngineRequestSpeed(bandwidth, flags & VIR_DOMAIN_BLOCK_JOB_SPEED_BANDWIDTH_BYTES, &speed) < 0 ||
        !(vm = qbjApiDomain(domain)))
        return -1;
    if (virDomainBlockJobSetSpeedEnsureACL(domain->conn, vm->def) == 0 &&
        virDomainObjBeginJob(vm, VIR_JOB_MODIFY) == 0) {
        ret = qbjEngineSetSpeed(vm, disk, speed);
        qbjDomainJobEnd(vm);
    }
    virDomainObjEndAPI(&vm);
    return ret;
}
