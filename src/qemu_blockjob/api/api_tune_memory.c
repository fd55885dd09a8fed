#include <config.h>

#include "internal.h"
#include "api_tune.h"
#include "api_tuneparts.h"
#include "hypervisor/domain_cgroup.h"
#include "vm_config.h"
#include "vm_tune.h"
#include "virtypedparam.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

#define QBJ_API_TUNE_MEMORY_COUNT 3

/* A kernel that does not count swap has no limit of it. */
static int
qbjApiTuneReadSwap(virCgroup *cgroup, unsigned long long *limit)
{
    if (virCgroupGetMemSwapHardLimit(cgroup, limit) == 0)
        return 0;
    if (!virLastErrorIsSystemErrno(ENOENT))
        return -1;
    virResetLastError();
    *limit = VIR_DOMAIN_MEMORY_PARAM_UNLIMITED;
    return 0;
}

static int
qbjApiTuneGetMemory(virDomainObj *vm, virTypedParameterPtr params, int *nparams, unsigned int flags)
{
    virCgroup *cgroup = QBJ_DOMAIN_PRIVATE(vm)->cgroup;
    static const char *const names[QBJ_API_TUNE_MEMORY_COUNT] = {
        VIR_DOMAIN_MEMORY_HARD_LIMIT, VIR_DOMAIN_MEMORY_SOFT_LIMIT, VIR_DOMAIN_MEMORY_SWAP_HARD_LIMIT,
    };
    unsigned long long limits[QBJ_API_TUNE_MEMORY_COUNT];
    virDomainDef *def;
    bool live = false;
    int i;

    if (qbjApiTuneNotInSession(vm, VIR_ERR_OPERATION_UNSUPPORTED, "Memory") < 0 ||
        !(def = virDomainObjGetOneDefState(vm, flags & QBJ_API_TUNE_AFFECT, &live)) ||
        (live && qbjApiTuneNeedsGroup(vm, VIR_CGROUP_CONTROLLER_MEMORY) < 0))
        return -1;
    limits[0] = def->mem.hard_limit;
    limits[1] = def->mem.soft_limit;
    limits[2] = def->mem.swap_hard_limit;
    if (live && *nparams > 0 &&
        (virCgroupGetMemoryHardLimit(cgroup, &limits[0]) < 0 || virCgroupGetMemorySoftLimit(cgroup, &limits[1]) < 0 ||
         qbjApiTuneReadSwap(cgroup, &limits[2]) < 0))
        return -1;
    for (i = 0; i < MIN(*nparams, QBJ_API_TUNE_MEMORY_COUNT); i++) {
        if (virTypedParameterAssign(&params[i], names[i], VIR_TYPED_PARAM_ULLONG, limits[i]) < 0)
            return -1;
    }
    *nparams = *nparams > 0 ? i : QBJ_API_TUNE_MEMORY_COUNT;
    return 0;
}

int
qbjApiGetMemoryParameters(virDomainPtr domain, virTypedParameterPtr params, int *nparams, unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(QBJ_API_TUNE_GET, -1);

    if (!(vm = qbjApiLook(domain, virDomainGetMemoryParametersEnsureACL)))
        return -1;
    ret = qbjApiTuneGetMemory(vm, params, nparams, flags);
    virDomainObjEndAPI(&vm);
    return ret;
}

/* Without a live definition the group is not looked at. */
static int
qbjApiTuneNextMemory(virDomainObj *vm, virDomainDef *next, const void *what)
{
    const qbjApiTuneParams *wanted = what;

    return virDomainCgroupSetMemoryLimitParameters(NULL, vm, NULL, next, wanted->params, wanted->nparams);
}

static int
qbjApiTuneSetMemory(virDomainObj *vm, virTypedParameterPtr params, int nparams, unsigned int flags)
{
    const qbjApiTuneParams wanted = { params, nparams };
    g_auto(qbjVmConfig) config = { 0 };

    if (qbjApiTuneNotInSession(vm, VIR_ERR_OPERATION_UNSUPPORTED, "Memory") < 0 ||
        virTypedParamsValidate(params, nparams,
                               VIR_DOMAIN_MEMORY_HARD_LIMIT, VIR_TYPED_PARAM_ULLONG,
                               VIR_DOMAIN_MEMORY_SOFT_LIMIT, VIR_TYPED_PARAM_ULLONG,
                               VIR_DOMAIN_MEMORY_SWAP_HARD_LIMIT, VIR_TYPED_PARAM_ULLONG, NULL) < 0 ||
        qbjVmConfigBegin(vm, flags, &config) < 0 ||
        (config.live && qbjApiTuneNeedsGroup(vm, VIR_CGROUP_CONTROLLER_MEMORY) < 0))
        return -1;
    if (qbjVmConfigApply(vm, &config, qbjApiTuneNextMemory, &wanted) < 0 || qbjVmConfigCheck(vm, &config) < 0 ||
        (config.live && qbjVmTuneSetMemory(vm, params, nparams) < 0))
        return -1;
    return qbjVmConfigCommit(vm, &config);
}

int
qbjApiSetMemoryParameters(virDomainPtr domain, virTypedParameterPtr params, int nparams, unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(QBJ_API_TUNE_AFFECT, -1);

    if (!(vm = qbjApiBeginFlags(domain, virDomainSetMemoryParametersEnsureACL, flags)))
        return -1;
    ret = qbjApiTuneSetMemory(vm, params, nparams, flags);
    qbjApiEnd(&vm);
    return ret;
}
