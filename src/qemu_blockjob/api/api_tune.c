#include <config.h>

#include "internal.h"
#include "api_tune.h"
#include "api_tuneparts.h"
#include "vm_cgroup.h"
#include "virtypedparam.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

int
qbjApiTuneNotInSession(virDomainObj *vm, int code, const char *what)
{
    if (QBJ_DOMAIN_PRIVATE(vm)->driver->conf->privileged)
        return 0;
    virReportError(code, _("%s tuning is not available in session mode"), what);
    return -1;
}

int
qbjApiTuneNeedsGroup(virDomainObj *vm, int controller)
{
    if (qbjVmCgroupHas(vm, controller))
        return 0;
    virReportError(VIR_ERR_OPERATION_INVALID, _("the domain is in no control group of the controller '%s'"),
                   virCgroupControllerTypeToString(controller));
    return -1;
}

/* --- how long its threads have run ----------------------------------------------------------------- */

static int
qbjApiCPUStatsOf(virDomainObj *vm, virTypedParameterPtr params, unsigned int nparams, int start_cpu,
                 unsigned int ncpus)
{
    virCgroup *cgroup = QBJ_DOMAIN_PRIVATE(vm)->cgroup;
    g_autoptr(virBitmap) vcpus = NULL;

    if (virDomainObjCheckActive(vm) < 0 || qbjApiTuneNeedsGroup(vm, VIR_CGROUP_CONTROLLER_CPUACCT) < 0)
        return -1;
    if (start_cpu == -1)
        return virCgroupGetDomainTotalCpuStats(cgroup, params, nparams);
    vcpus = virDomainDefGetOnlineVcpumap(vm->def);
    return virCgroupGetPercpuStats(cgroup, params, nparams, start_cpu, ncpus, vcpus);
}

int
qbjApiGetCPUStats(virDomainPtr domain, virTypedParameterPtr params, unsigned int nparams, int start_cpu,
                  unsigned int ncpus, unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(VIR_TYPED_PARAM_STRING_OKAY, -1);

    if (!(vm = qbjApiLook(domain, virDomainGetCPUStatsEnsureACL)))
        return -1;
    ret = qbjApiCPUStatsOf(vm, params, nparams, start_cpu, ncpus);
    virDomainObjEndAPI(&vm);
    return ret;
}
