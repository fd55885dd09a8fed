#include <config.h>

#include "internal.h"
#include "api_tune.h"
#include "api_tuneparts.h"
#include "vm_config.h"
#include "vm_tune.h"
#include "vircgroup.h"
#include "virnuma.h"
#include "virtypedparam.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

#define QBJ_API_TUNE_NUMA_COUNT 2

/* What a call asks for, and what a definition has. */
typedef struct _qbjApiTuneNuma qbjApiTuneNuma;
struct _qbjApiTuneNuma {
    int mode;               /* -1: not given */
    virBitmap *nodes;       /* NULL: not given */
};

static qbjApiTuneNuma
qbjApiTuneNumaOf(const virDomainDef *def)
{
    virDomainNumatuneMemMode mode = VIR_DOMAIN_NUMATUNE_MEM_STRICT;
    qbjApiTuneNuma numa;

    ignore_value(virDomainNumatuneGetMode(def->numa, -1, &mode));
    numa.mode = mode;
    numa.nodes = virDomainNumatuneGetNodeset(def->numa, NULL, -1);
    return numa;
}

/* --- asking ---------------------------------------------------------------------------------------- */

static int
qbjApiTuneGetNuma(virDomainObj *vm, virTypedParameterPtr params, int *nparams, unsigned int flags)
{
    qbjApiTuneNuma numa;
    virDomainDef *def;

    if (!(def = virDomainObjGetOneDef(vm, flags & QBJ_API_TUNE_AFFECT)))
        return -1;
    if (*nparams == 0) {
        *nparams = QBJ_API_TUNE_NUMA_COUNT;
        return 0;
    }
    numa = qbjApiTuneNumaOf(def);
    *nparams = MIN(*nparams, QBJ_API_TUNE_NUMA_COUNT);
    if (virTypedParameterAssign(&params[0], VIR_DOMAIN_NUMA_MODE, VIR_TYPED_PARAM_INT, numa.mode) < 0)
        return -1;
    if (*nparams > 1 &&
        virTypedParameterAssign(&params[1], VIR_DOMAIN_NUMA_NODESET, VIR_TYPED_PARAM_STRING,
                                numa.nodes ? virBitmapFormat(numa.nodes) : g_strdup("")) < 0)
        return -1;
    return 0;
}

int
qbjApiGetNumaParameters(virDomainPtr domain, virTypedParameterPtr params, int *nparams, unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(QBJ_API_TUNE_GET, -1);

    if (!(vm = qbjApiLook(domain, virDomainGetNumaParametersEnsureACL)))
        return -1;
    ret = qbjApiTuneGetNuma(vm, params, nparams, flags);
    virDomainObjEndAPI(&vm);
    return ret;
}

/* --- setting --------------------------------------------------------------------------------------- */

/* @wanted->nodes is the caller's to free. */
static int
qbjApiTuneParseNuma(virTypedParameterPtr params, int nparams, qbjApiTuneNuma *wanted)
{
    const char *text = NULL;
    int i;

    if (virTypedParamsValidate(params, nparams, VIR_DOMAIN_NUMA_MODE, VIR_TYPED_PARAM_INT,
                               VIR_DOMAIN_NUMA_NODESET, VIR_TYPED_PARAM_STRING, NULL) < 0)
        return -1;
    for (i = 0; i < nparams; i++) {
        if (params[i].type == VIR_TYPED_PARAM_STRING)
            text = params[i].value.s;
        else
            wanted->mode = params[i].value.i;
    }
    if (wanted->mode != -1 && !virDomainNumatuneMemModeTypeToString(wanted->mode)) {
        virReportError(VIR_ERR_INVALID_ARG, _("unsupported numatune mode: '%d'"), wanted->mode);
        return -1;
    }
    if (text && virBitmapParse(text, &wanted->nodes, VIR_DOMAIN_CPUMASK_LEN) < 0)
        return -1;
    if (text && virBitmapIsAllClear(wanted->nodes)) {
        virReportError(VIR_ERR_INVALID_ARG, _("Invalid nodeset of 'numatune': %s"), text);
        return -1;
    }
    return 0;
}

static int
qbjApiTuneStoreNuma(virDomainDef *def, const qbjApiTuneNuma *wanted)
{
    return virDomainNumatuneSet(def->numa, def->placement_mode == VIR_DOMAIN_CPU_PLACEMENT_MODE_STATIC, -1,
                                wanted->mode, wanted->nodes);
}

/* QEMU's memory has the policy that it began with: only what the control group does can be changed. */
static int
qbjApiTuneCheckLiveNuma(const virDomainDef *def, const qbjApiTuneNuma *wanted)
{
    qbjApiTuneNuma now = qbjApiTuneNumaOf(def);

    if (wanted->mode != -1 && wanted->mode != now.mode) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("can't change numatune mode for running domain"));
        return -1;
    }
    if (wanted->nodes && now.nodes && now.mode != VIR_DOMAIN_NUMATUNE_MEM_RESTRICTIVE &&
        !virBitmapEqual(wanted->nodes, now.nodes)) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s",
                       _("change of nodeset for running domain requires restrictive numa mode"));
        return -1;
    }
    return 0;
}

static int
qbjApiTuneSetLiveNuma(virDomainObj *vm, const qbjApiTuneNuma *wanted)
{
    if (!wanted->nodes)
        return 0;                               /* the mode that it has */
    if (!virNumaNodesetIsAvailable(wanted->nodes) || qbjVmTuneSetNodes(vm, wanted->nodes) < 0)
        return -1;
    return qbjApiTuneStoreNuma(vm->def, wanted);
}

static int
qbjApiTuneNextNuma(virDomainObj *vm G_GNUC_UNUSED, virDomainDef *next, const void *what)
{
    return qbjApiTuneStoreNuma(next, what);
}

static int
qbjApiTuneSetNuma(virDomainObj *vm, const qbjApiTuneNuma *wanted, unsigned int flags)
{
    g_auto(qbjVmConfig) config = { 0 };

    if (qbjVmConfigBegin(vm, flags, &config) < 0)
        return -1;
    if (config.live && (qbjApiTuneNotInSession(vm, VIR_ERR_OPERATION_UNSUPPORTED, "NUMA") < 0 ||
                        qbjApiTuneNeedsGroup(vm, VIR_CGROUP_CONTROLLER_CPUSET) < 0 ||
                        qbjApiTuneCheckLiveNuma(config.live, wanted) < 0))
        return -1;
    if (qbjVmConfigApply(vm, &config, qbjApiTuneNextNuma, wanted) < 0 || qbjVmConfigCheck(vm, &config) < 0 ||
        (config.live && qbjApiTuneSetLiveNuma(vm, wanted) < 0))
        return -1;
    return qbjVmConfigCommit(vm, &config);
}

int
qbjApiSetNumaParameters(virDomainPtr domain, virTypedParameterPtr params, int nparams, unsigned int flags)
{
    qbjApiTuneNuma wanted = { -1, NULL };
    virDomainObj *vm;
    int ret = -1;

    virCheckFlags(QBJ_API_TUNE_AFFECT, -1);

    if (!(vm = qbjApiBeginFlags(domain, virDomainSetNumaParametersEnsureACL, flags)))
        return -1;
    if (qbjApiTuneParseNuma(params, nparams, &wanted) == 0)
        ret = qbjApiTuneSetNuma(vm, &wanted, flags);
    virBitmapFree(wanted.nodes);
    qbjApiEnd(&vm);
    return ret;
}
