#include <config.h>

#include "internal.h"
#include "api_blockcopy.h"
#include "api_domain.h"
#include "api_guard.h"
#include "datatypes.h"
#include "domain_queue.h"
#include "engine_copy.h"
#include "engine_refuse.h"
#include "virdomainjob.h"
#include "virerror.h"
#include "virtypedparam.h"
#include "vm_def.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* Y1 */
int
qbjApiBlockCopyParams(virTypedParameterPtr params, int nparams, qbjCopyRequest *req)
{
    if (virTypedParamsValidate(params, nparams,
                               VIR_DOMAIN_BLOCK_COPY_BANDWIDTH, VIR_TYPED_PARAM_ULLONG,
                               VIR_DOMAIN_BLOCK_COPY_GRANULARITY, VIR_TYPED_PARAM_UINT,
                               VIR_DOMAIN_BLOCK_COPY_BUF_SIZE, VIR_TYPED_PARAM_ULLONG,
                               NULL) < 0 ||
        virTypedParamsGetULLong(params, nparams, VIR_DOMAIN_BLOCK_COPY_BANDWIDTH, &req->bandwidth) < 0 ||
        virTypedParamsGetUInt(params, nparams, VIR_DOMAIN_BLOCK_COPY_GRANULARITY, &req->granularity) < 0 ||
        virTypedParamsGetULLong(params, nparams, VIR_DOMAIN_BLOCK_COPY_BUF_SIZE, &req->bufSize) < 0)
        return -1;
    return 0;
}

/* Y6 and later. @vm is released. */
static int
qbjApiBlockCopyRun(virDomainObj *vm, const char *disk, qbjCopyRequest *req)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    int ret = -1;

    if (qbjGuardCopyRequest(req, &refusal) < 0) {
        qbjEngineRefuse(&refusal);
    } else if (qbjApiGuardEarly(vm, QBJ_OPERATION_NEW_JOB, NULL) == 0 &&
               virDomainObjBeginJob(vm, VIR_JOB_MODIFY) == 0) {
        ret = qbjEngineCopy(vm, disk, req);
        qbjDomainJobEnd(vm);
    }
    virDomainObjEndAPI(&vm);
    return ret;
}

/* Y4. The destination, to be unreferenced; NULL with an error reported. */
static virStorageSource *
qbjApiBlockCopyTarget(virDomainObj *vm, const char *destxml)
{
    virDomainXMLOption *xmlopt = QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt;
    g_autoptr(virStorageSource) target = virDomainDiskDefParseSource(destxml, xmlopt, VIR_DOMAIN_DEF_PARSE_INACTIVE);

    return target && qbjVmDefCheckDestination(destxml, target, xmlopt) == 0 ? g_steal_pointer(&target) : NULL;
}

int
qbjApiBlockCopy(virDomainPtr domain, const char *disk, const char *destxml, virTypedParameterPtr params,
                int nparams, unsigned int flags)
{
    qbjCopyRequest req = { .flags = flags };
    g_autoptr(virStorageSource) target = NULL;
    virDomainObj *vm = NULL;

    virCheckFlags(VIR_DOMAIN_BLOCK_COPY_SHALLOW | VIR_DOMAIN_BLOCK_COPY_REUSE_EXT |
                  VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB | VIR_DOMAIN_BLOCK_COPY_SYNCHRONOUS_WRITES, -1);

    if (qbjApiBlockCopyParams(params, nparams, &req) < 0 || !(vm = qbjApiDomain(domain)))
        return -1;
    if (virDomainBlockCopyEnsureACL(domain->conn, vm->def) < 0 || !(target = qbjApiBlockCopyTarget(vm, destxml))) {
        virDomainObjEndAPI(&vm);
        return -1;
    }
    req.target = target;
    return qbjApiBlockCopyRun(vm, disk, &req);
}

int
qbjApiBlockRebaseCopy(virDomainObj *vm, const char *disk, const char *path, unsigned long bandwidth,
                      unsigned int flags)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autoptr(virStorageSource) target = NULL;
    qbjCopyRequest req;

    if (!(target = qbjCopyRequestRebase(path, bandwidth, flags, &req, &refusal))) {
        virDomainObjEndAPI(&vm);
        return qbjEngineRefuse(&refusal);
    }
    return qbjApiBlockCopyRun(vm, disk, &req);
}
