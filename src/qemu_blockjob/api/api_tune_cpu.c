#include <config.h>

#include "internal.h"
#include "api_tune.h"
#include "api_tuneparts.h"
#include "domain_event.h"
#include "vm_config.h"
#include "vm_tune.h"
#include "vircgroup.h"
#include "virtypedparam.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* In the order of the answer. */
typedef struct _qbjApiSchedParam qbjApiSchedParam;
struct _qbjApiSchedParam {
    const char *name;
    virTypedParameterType type;     /* ULLONG for a period or the shares, LLONG for a quota */
    size_t offset;
};
static const qbjApiSchedParam qbjApiSchedParams[] = {
    { VIR_DOMAIN_SCHEDULER_CPU_SHARES, VIR_TYPED_PARAM_ULLONG, offsetof(virDomainCputune, shares) },
    { VIR_DOMAIN_SCHEDULER_VCPU_PERIOD, VIR_TYPED_PARAM_ULLONG, offsetof(virDomainCputune, period) },
    { VIR_DOMAIN_SCHEDULER_VCPU_QUOTA, VIR_TYPED_PARAM_LLONG, offsetof(virDomainCputune, quota) },
    { VIR_DOMAIN_SCHEDULER_EMULATOR_PERIOD, VIR_TYPED_PARAM_ULLONG, offsetof(virDomainCputune, emulator_period) },
    { VIR_DOMAIN_SCHEDULER_EMULATOR_QUOTA, VIR_TYPED_PARAM_LLONG, offsetof(virDomainCputune, emulator_quota) },
    { VIR_DOMAIN_SCHEDULER_GLOBAL_PERIOD, VIR_TYPED_PARAM_ULLONG, offsetof(virDomainCputune, global_period) },
    { VIR_DOMAIN_SCHEDULER_GLOBAL_QUOTA, VIR_TYPED_PARAM_LLONG, offsetof(virDomainCputune, global_quota) },
    { VIR_DOMAIN_SCHEDULER_IOTHREAD_PERIOD, VIR_TYPED_PARAM_ULLONG, offsetof(virDomainCputune, iothread_period) },
    { VIR_DOMAIN_SCHEDULER_IOTHREAD_QUOTA, VIR_TYPED_PARAM_LLONG, offsetof(virDomainCputune, iothread_quota) },
};

/* All are 64 bits wide; a period's sign bit is never set. */
static unsigned long long *
qbjApiSchedValue(virDomainCputune *tune, const qbjApiSchedParam *param)
{
    return (unsigned long long *) (void *) ((char *) tune + param->offset);
}

static const qbjApiSchedParam *
qbjApiSchedFind(const char *name)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(qbjApiSchedParams); i++) {
        if (STREQ(qbjApiSchedParams[i].name, name))
            return &qbjApiSchedParams[i];
    }
    return NULL;
}

/* --- asking ---------------------------------------------------------------------------------------- */

char *
qbjApiGetSchedulerType(virDomainPtr domain, int *nparams)
{
    virDomainObj *vm;
    char *ret = NULL;

    if (!(vm = qbjApiLook(domain, virDomainGetSchedulerTypeEnsureACL)))
        return NULL;
    if (qbjApiTuneNotInSession(vm, VIR_ERR_OPERATION_UNSUPPORTED, "CPU") == 0) {
        if (nparams)
            *nparams = G_N_ELEMENTS(qbjApiSchedParams);
        ret = g_strdup("posix");
    }
    virDomainObjEndAPI(&vm);
    return ret;
}

static int
qbjApiSchedGet(virDomainObj *vm, virTypedParameterPtr params, int *nparams, unsigned int flags)
{
    virDomainCputune tune;
    virDomainDef *def;
    bool live = false;
    int n = MIN(*nparams, (int) G_N_ELEMENTS(qbjApiSchedParams));
    int i;

    if (qbjApiTuneNotInSession(vm, VIR_ERR_OPERATION_UNSUPPORTED, "CPU") < 0 ||
        !(def = virDomainObjGetOneDefState(vm, flags & QBJ_API_TUNE_AFFECT, &live)))
        return -1;
    tune = def->cputune;
    if (live && (qbjApiTuneNeedsGroup(vm, VIR_CGROUP_CONTROLLER_CPU) < 0 || qbjVmTuneReadCpu(vm, &tune) < 0))
        return -1;
    for (i = 0; i < n; i++) {
        const qbjApiSchedParam *param = &qbjApiSchedParams[i];

        if (virTypedParameterAssign(&params[i], param->name, param->type, *qbjApiSchedValue(&tune, param)) < 0)
            return -1;
    }
    *nparams = n;
    return 0;
}

int
qbjApiGetSchedulerParametersFlags(virDomainPtr domain, virTypedParameterPtr params, int *nparams, unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(QBJ_API_TUNE_GET, -1);

    if (!(vm = qbjApiLook(domain, virDomainGetSchedulerParametersFlagsEnsureACL)))
        return -1;
    ret = qbjApiSchedGet(vm, params, nparams, flags);
    virDomainObjEndAPI(&vm);
    return ret;
}

int
qbjApiGetSchedulerParameters(virDomainPtr domain, virTypedParameterPtr params, int *nparams)
{
    virDomainObj *vm;
    int ret;

    if (!(vm = qbjApiLook(domain, virDomainGetSchedulerParametersEnsureACL)))
        return -1;
    ret = qbjApiSchedGet(vm, params, nparams, VIR_DOMAIN_AFFECT_CURRENT);
    virDomainObjEndAPI(&vm);
    return ret;
}

/* --- setting --------------------------------------------------------------------------------------- */

static int
qbjApiSchedCheckRange(const qbjApiSchedParam *param, virTypedParameterPtr given)
{
    long long value = given->value.l;
    long long min = VIR_CGROUP_CPU_QUOTA_MIN;
    long long max = VIR_CGROUP_CPU_QUOTA_MAX;
    bool none = value <= 0;                     /* of a quota, whatever is below 0 is no limit */

    if (STREQ(param->name, VIR_DOMAIN_SCHEDULER_CPU_SHARES)) {
        min = VIR_CGROUP_CPU_SHARES_MIN;
        max = VIR_CGROUP_CPU_SHARES_MAX;
        none = false;
    } else if (param->type == VIR_TYPED_PARAM_ULLONG) {
        min = VIR_CGROUP_CPU_PERIOD_MIN;
        max = VIR_CGROUP_CPU_PERIOD_MAX;
        none = value == 0;
    }
    if (none || (value >= min && value <= max))
        return 0;
    virReportError(VIR_ERR_INVALID_ARG, _("value of '%s' is out of range [%lld, %lld]"), param->name, min, max);
    return -1;
}

static int
qbjApiSchedCheck(virTypedParameterPtr params, int nparams)
{
    int i;

    for (i = 0; i < nparams; i++) {
        const qbjApiSchedParam *param = qbjApiSchedFind(params[i].field);
        int j;

        if (!param || params[i].type != (int) param->type) {
            virReportError(VIR_ERR_ARGUMENT_UNSUPPORTED, _("parameter '%s' not supported"), params[i].field);
            return -1;
        }
        for (j = 0; j < i; j++) {
            if (STREQ(params[i].field, params[j].field)) {
                virReportError(VIR_ERR_INVALID_ARG, _("parameter '%s' occurs multiple times"), params[i].field);
                return -1;
            }
        }
        if (qbjApiSchedCheckRange(param, &params[i]) < 0)
            return -1;
    }
    return 0;
}

/* 0 takes a limit out of a definition, and leaves one that is in force as it is. */
static virDomainCputune
qbjApiSchedMerge(const virDomainCputune *before, virTypedParameterPtr params, int nparams, bool live)
{
    virDomainCputune tune = *before;
    int i;

    for (i = 0; i < nparams; i++) {
        const qbjApiSchedParam *param = qbjApiSchedFind(params[i].field);

        if (live && params[i].value.ul == 0)
            continue;
        *qbjApiSchedValue(&tune, param) = params[i].value.ul;
        if (STREQ(param->name, VIR_DOMAIN_SCHEDULER_CPU_SHARES))
            tune.sharesSpecified = true;
    }
    return tune;
}

static void
qbjApiSchedNotify(virDomainObj *vm, virTypedParameterPtr params, int nparams)
{
    virTypedParameterPtr told = NULL;
    int max = 0;
    int n = 0;
    int i;

    for (i = 0; i < nparams; i++) {
        g_autofree char *name = g_strdup_printf("cputune.%s", params[i].field);

        if (params[i].value.ul == 0)
            continue;
        if (params[i].type == VIR_TYPED_PARAM_LLONG)
            ignore_value(virTypedParamsAddLLong(&told, &n, &max, name, params[i].value.l));
        else
            ignore_value(virTypedParamsAddULLong(&told, &n, &max, name, params[i].value.ul));
    }
    if (n > 0)
        virObjectEventStateQueue(QBJ_DOMAIN_PRIVATE(vm)->driver->events, virDomainEventTunableNewFromObj(vm, &told, n));
}

static int
qbjApiSchedSetLive(virDomainObj *vm, virTypedParameterPtr params, int nparams)
{
    virDomainCputune wanted = qbjApiSchedMerge(&vm->def->cputune, params, nparams, true);

    if (qbjVmTuneSetCpu(vm, &wanted) < 0)
        return -1;
    vm->def->cputune = wanted;
    qbjApiSchedNotify(vm, params, nparams);
    return 0;
}

static int
qbjApiSchedNext(virDomainObj *vm G_GNUC_UNUSED, virDomainDef *next, const void *what)
{
    const qbjApiTuneParams *wanted = what;

    next->cputune = qbjApiSchedMerge(&next->cputune, wanted->params, wanted->nparams, false);
    return 0;
}

static int
qbjApiSchedSet(virDomainObj *vm, virTypedParameterPtr params, int nparams, unsigned int flags)
{
    const qbjApiTuneParams wanted = { params, nparams };
    g_auto(qbjVmConfig) config = { 0 };

    if (qbjApiTuneNotInSession(vm, VIR_ERR_OPERATION_UNSUPPORTED, "CPU") < 0 ||
        qbjVmConfigBegin(vm, flags, &config) < 0 ||
        (config.live && qbjApiTuneNeedsGroup(vm, VIR_CGROUP_CONTROLLER_CPU) < 0) ||
        qbjApiSchedCheck(params, nparams) < 0)
        return -1;
    if (qbjVmConfigApply(vm, &config, qbjApiSchedNext, &wanted) < 0 || qbjVmConfigCheck(vm, &config) < 0 ||
        (config.live && qbjApiSchedSetLive(vm, params, nparams) < 0))
        return -1;
    return qbjVmConfigCommit(vm, &config);
}

int
qbjApiSetSchedulerParametersFlags(virDomainPtr domain, virTypedParameterPtr params, int nparams, unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(QBJ_API_TUNE_AFFECT, -1);

    if (!(vm = qbjApiBeginFlags(domain, virDomainSetSchedulerParametersFlagsEnsureACL, flags)))
        return -1;
    ret = qbjApiSchedSet(vm, params, nparams, flags);
    qbjApiEnd(&vm);
    return ret;
}

int
qbjApiSetSchedulerParameters(virDomainPtr domain, virTypedParameterPtr params, int nparams)
{
    virDomainObj *vm;
    int ret;

    if (!(vm = qbjApiBegin(domain, virDomainSetSchedulerParametersEnsureACL)))
        return -1;
    ret = qbjApiSchedSet(vm, params, nparams, VIR_DOMAIN_AFFECT_CURRENT);
    qbjApiEnd(&vm);
    return ret;
}
