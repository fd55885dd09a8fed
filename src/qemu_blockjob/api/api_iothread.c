#include <config.h>

#include "internal.h"
#include "api_iothread.h"
#include "api_domain.h"
#include "datatypes.h"
#include "domain_notify.h"
#include "hypervisor/domain_driver.h"
#include "vm_affinity.h"
#include "vm_config.h"
#include "vm_iothread.h"
#include "virerror.h"
#include "virhostcpu.h"
#include "virprocess.h"
#include "virtypedparam.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static void
qbjApiIOThreadInfosFree(virDomainIOThreadInfoPtr *infos, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        virDomainIOThreadInfoFree(infos[i]);
    g_free(infos);
}

/* The newest first, as QEMU has them. */
static int
qbjApiIOThreadInfoLive(virDomainObj *vm, virDomainIOThreadInfoPtr **info)
{
    size_t n = vm->def->niothreadids;
    virDomainIOThreadInfoPtr *infos = g_new0(virDomainIOThreadInfoPtr, n + 1);
    size_t i;

    for (i = 0; i < n; i++) {
        virDomainIOThreadIDDef *thread = vm->def->iothreadids[n - 1 - i];
        g_autoptr(virBitmap) map = virProcessGetAffinity(thread->thread_id);

        if (!map) {
            qbjApiIOThreadInfosFree(infos, i);
            return -1;
        }
        infos[i] = g_new0(virDomainIOThreadInfo, 1);
        infos[i]->iothread_id = thread->iothread_id;
        virBitmapToData(map, &infos[i]->cpumap, &infos[i]->cpumaplen);
    }
    *info = infos;
    return n;
}

int
qbjApiGetIOThreadInfo(virDomainPtr domain, virDomainIOThreadInfoPtr **info, unsigned int flags)
{
    virDomainObj *vm;
    virDomainDef *live = NULL;
    virDomainDef *next = NULL;
    int ret = -1;

    virCheckFlags(QBJ_API_AFFECT, -1);

    if (!(vm = qbjApiLook(domain, virDomainGetIOThreadInfoEnsureACL)))
        return -1;
    if (virDomainObjGetDefs(vm, flags, &live, &next) == 0)
        ret = live ? qbjApiIOThreadInfoLive(vm, info)
                   : virDomainDriverGetIOThreadsConfig(next, info, virHostCPUGetCount());
    virDomainObjEndAPI(&vm);
    return ret;
}

static int
qbjApiIOThreadAddNext(virDomainObj *vm G_GNUC_UNUSED, virDomainDef *next, const void *what)
{
    const unsigned int *id = what;

    if (virDomainDriverAddIOThreadCheck(next, *id) < 0)
        return -1;
    virDomainIOThreadIDAdd(next, *id);
    return 0;
}

static int
qbjApiIOThreadAddNow(virDomainObj *vm, unsigned int id, unsigned int flags)
{
    g_auto(qbjVmConfig) config = { 0 };

    if (id == 0) {
        virReportError(VIR_ERR_INVALID_ARG, "%s", _("invalid value of 0 for iothread_id"));
        return -1;
    }
    if (qbjVmConfigBegin(vm, flags, &config) < 0 ||
        (config.live && virDomainDriverAddIOThreadCheck(config.live, id) < 0) ||
        qbjVmConfigApply(vm, &config, qbjApiIOThreadAddNext, &id) < 0 || qbjVmConfigCheck(vm, &config) < 0 ||
        (config.live && qbjVmIOThreadAdd(vm, id) < 0))
        return -1;
    return qbjVmConfigCommit(vm, &config);
}

int
qbjApiAddIOThread(virDomainPtr domain, unsigned int id, unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(QBJ_API_AFFECT, -1);

    if (!(vm = qbjApiBeginFlags(domain, virDomainAddIOThreadEnsureACL, flags)))
        return -1;
    ret = qbjApiIOThreadAddNow(vm, id, flags);
    qbjApiEnd(&vm);
    return ret;
}

static int
qbjApiIOThreadDelNext(virDomainObj *vm G_GNUC_UNUSED, virDomainDef *next, const void *what)
{
    const unsigned int *id = what;

    if (virDomainDriverDelIOThreadCheck(next, *id) < 0)
        return -1;
    virDomainIOThreadIDDel(next, *id);
    return 0;
}

static int
qbjApiIOThreadDelNow(virDomainObj *vm, unsigned int id, unsigned int flags)
{
    g_auto(qbjVmConfig) config = { 0 };

    if (qbjVmConfigBegin(vm, flags, &config) < 0 ||
        (config.live && virDomainDriverDelIOThreadCheck(config.live, id) < 0) ||
        qbjVmConfigApply(vm, &config, qbjApiIOThreadDelNext, &id) < 0 || qbjVmConfigCheck(vm, &config) < 0 ||
        (config.live && qbjVmIOThreadDelete(vm, id) < 0))
        return -1;
    return qbjVmConfigCommit(vm, &config);
}

int
qbjApiDelIOThread(virDomainPtr domain, unsigned int id, unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(QBJ_API_AFFECT, -1);

    if (!(vm = qbjApiBeginFlags(domain, virDomainDelIOThreadEnsureACL, flags)))
        return -1;
    ret = qbjApiIOThreadDelNow(vm, id, flags);
    qbjApiEnd(&vm);
    return ret;
}

/* Without success the old map is in force again, as far as the host allows it. */
static int
qbjApiIOThreadPinLive(virDomainObj *vm, virDomainIOThreadIDDef *iothread, virBitmap *map)
{
    g_autoptr(virBitmap) before = NULL;

    if (qbjVmIOThreadRead(vm) < 0)          /* after a restart of the daemon nobody has asked yet */
        return -1;
    before = g_steal_pointer(&iothread->cpumask);
    iothread->cpumask = virBitmapNewCopy(map);
    if (qbjVmAffinitySetIOThread(vm, iothread) == 0) {
        g_autofree char *name = g_strdup_printf(VIR_DOMAIN_TUNABLE_CPU_IOTHREADSPIN, iothread->iothread_id);

        qbjDomainNotifyPin(vm, name, map);
        return 0;
    }
    virBitmapFree(iothread->cpumask);
    iothread->cpumask = g_steal_pointer(&before);
    return -1;
}

/* Where a call wants a thread to run. */
typedef struct _qbjApiIOThreadPin qbjApiIOThreadPin;
struct _qbjApiIOThreadPin {
    unsigned int id;
    virBitmap *map;
};

static int
qbjApiIOThreadPinNext(virDomainObj *vm G_GNUC_UNUSED, virDomainDef *next, const void *what)
{
    const qbjApiIOThreadPin *pin = what;
    virDomainIOThreadIDDef *thread = virDomainIOThreadIDFind(next, pin->id);

    if (!thread) {
        virReportError(VIR_ERR_INVALID_ARG, _("iothreadid %u not found"), pin->id);
        return -1;
    }
    virBitmapFree(thread->cpumask);
    thread->cpumask = virBitmapNewCopy(pin->map);
    thread->autofill = false;
    return 0;
}

static int
qbjApiIOThreadPinNow(virDomainObj *vm, unsigned int id, virBitmap *map, unsigned int flags)
{
    const qbjApiIOThreadPin pin = { id, map };
    g_auto(qbjVmConfig) config = { 0 };
    virDomainIOThreadIDDef *live = NULL;

    if (qbjVmConfigBegin(vm, flags, &config) < 0)
        return -1;
    if (config.live && !(live = virDomainIOThreadIDFind(config.live, id))) {
        virReportError(VIR_ERR_INVALID_ARG, _("iothread %u not found"), id);
        return -1;
    }
    if (qbjVmConfigApply(vm, &config, qbjApiIOThreadPinNext, &pin) < 0 || qbjVmConfigCheck(vm, &config) < 0 ||
        (live && qbjApiIOThreadPinLive(vm, live, map) < 0))
        return -1;
    return qbjVmConfigCommit(vm, &config);
}

int
qbjApiPinIOThread(virDomainPtr domain, unsigned int id, unsigned char *cpumap, int maplen, unsigned int flags)
{
    g_autoptr(virBitmap) map = virBitmapNewData(cpumap, maplen);
    virDomainObj *vm;
    int ret = -1;

    virCheckFlags(QBJ_API_AFFECT, -1);

    if (!(vm = qbjApiBeginFlags(domain, virDomainPinIOThreadEnsureACL, flags)))
        return -1;
    if (virBitmapIsAllClear(map))
        virReportError(VIR_ERR_INVALID_ARG, "%s", _("Empty cpu list for pinning"));
    else
        ret = qbjApiIOThreadPinNow(vm, id, map, flags);
    qbjApiEnd(&vm);
    return ret;
}

/* --- numbers of one thread ------------------------------------------------------------------------- */

static int
qbjApiIOThreadParamsCheck(virTypedParameterPtr params, int nparams)
{
    static const char *const small[] = { VIR_DOMAIN_IOTHREAD_POLL_GROW, VIR_DOMAIN_IOTHREAD_POLL_SHRINK };
    unsigned int value;
    size_t i;

    if (virTypedParamsValidate(params, nparams, VIR_DOMAIN_IOTHREAD_POLL_MAX_NS, VIR_TYPED_PARAM_ULLONG,
                               VIR_DOMAIN_IOTHREAD_POLL_GROW, VIR_TYPED_PARAM_UINT,
                               VIR_DOMAIN_IOTHREAD_POLL_SHRINK, VIR_TYPED_PARAM_UINT,
                               VIR_DOMAIN_IOTHREAD_THREAD_POOL_MIN, VIR_TYPED_PARAM_INT,
                               VIR_DOMAIN_IOTHREAD_THREAD_POOL_MAX, VIR_TYPED_PARAM_INT, NULL) < 0)
        return -1;
    for (i = 0; i < G_N_ELEMENTS(small); i++) {
        if (virTypedParamsGetUInt(params, nparams, small[i], &value) == 1 && value > INT_MAX) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("%s (%u) must be less than or equal to %d"),
                           i == 0 ? "poll-grow" : "poll-shrink", value, INT_MAX);
            return -1;
        }
    }
    return 0;
}

static int
qbjApiIOThreadPoolCheck(int min, int max)
{
    if (min >= 0 && max >= 0 && min > max) {
        virReportError(VIR_ERR_OPERATION_INVALID, _("%s (%d) can't be greater than %s (%d)"),
                       "thread_pool_min", min, "thread_pool_max", max);
        return -1;
    }
    return 0;
}

static virDomainIOThreadIDDef *
qbjApiIOThreadParamsFind(virDomainDef *def, unsigned int id)
{
    virDomainIOThreadIDDef *found = virDomainIOThreadIDFind(def, id);

    if (!found)
        virReportError(VIR_ERR_INVALID_ARG, _("cannot find IOThread '%u' in iothreadids"), id);
    return found;
}

/* What a call wants of a thread's numbers. */
typedef struct _qbjApiIOThreadParams qbjApiIOThreadParams;
struct _qbjApiIOThreadParams {
    unsigned int id;
    virTypedParameterPtr params;
    int nparams;
    int min;
    int max;
};

static int
qbjApiIOThreadParamsNext(virDomainObj *vm G_GNUC_UNUSED, virDomainDef *next, const void *what)
{
    const qbjApiIOThreadParams *wanted = what;
    virTypedParameterPtr params = wanted->params;
    int nparams = wanted->nparams;
    virDomainIOThreadIDDef *thread = qbjApiIOThreadParamsFind(next, wanted->id);

    if (!thread)
        return -1;
    if (virTypedParamsGet(params, nparams, VIR_DOMAIN_IOTHREAD_POLL_MAX_NS) ||
        virTypedParamsGet(params, nparams, VIR_DOMAIN_IOTHREAD_POLL_GROW) ||
        virTypedParamsGet(params, nparams, VIR_DOMAIN_IOTHREAD_POLL_SHRINK)) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, "%s",
                       _("configuring persistent polling values is not supported"));
        return -1;
    }
    thread->thread_pool_min = virTypedParamsGet(params, nparams, VIR_DOMAIN_IOTHREAD_THREAD_POOL_MIN)
                                  ? wanted->min : thread->thread_pool_min;
    thread->thread_pool_max = virTypedParamsGet(params, nparams, VIR_DOMAIN_IOTHREAD_THREAD_POOL_MAX)
                                  ? wanted->max : thread->thread_pool_max;
    return 0;
}

/* QEMU's names are the public ones with dashes. */
static int
qbjApiIOThreadParamsLive(virDomainObj *vm, unsigned int id, virTypedParameterPtr params, int nparams)
{
    int i;

    for (i = nparams - 1; i >= 0; i--) {
        g_autofree char *name = g_strdelimit(g_strdup(params[i].field), "_", '-');
        unsigned long long value = params[i].type == VIR_TYPED_PARAM_ULLONG ? params[i].value.ul
                                   : params[i].type == VIR_TYPED_PARAM_UINT ? params[i].value.ui
                                                                            : (unsigned int) params[i].value.i;

        if (qbjVmIOThreadSet(vm, id, name, value) < 0)
            return -1;
    }
    return 0;
}

static int
qbjApiIOThreadParamsSet(virDomainObj *vm, unsigned int id, virTypedParameterPtr params, int nparams,
                        unsigned int flags)
{
    qbjApiIOThreadParams wanted = { id, params, nparams, -1, -1 };
    g_auto(qbjVmConfig) config = { 0 };
    virDomainIOThreadIDDef *live = NULL;

    ignore_value(virTypedParamsGetInt(params, nparams, VIR_DOMAIN_IOTHREAD_THREAD_POOL_MIN, &wanted.min));
    ignore_value(virTypedParamsGetInt(params, nparams, VIR_DOMAIN_IOTHREAD_THREAD_POOL_MAX, &wanted.max));
    if (qbjApiIOThreadParamsCheck(params, nparams) < 0 || qbjVmConfigBegin(vm, flags, &config) < 0 ||
        (config.live && !(live = qbjApiIOThreadParamsFind(config.live, id))) ||
        qbjApiIOThreadPoolCheck(wanted.min, wanted.max) < 0 ||
        qbjVmConfigApply(vm, &config, qbjApiIOThreadParamsNext, &wanted) < 0 || qbjVmConfigCheck(vm, &config) < 0)
        return -1;
    if (live) {
        if (qbjApiIOThreadParamsLive(vm, id, params, nparams) < 0)
            return -1;
        live->thread_pool_min = wanted.min >= 0 ? wanted.min : live->thread_pool_min;
        live->thread_pool_max = wanted.max >= 0 ? wanted.max : live->thread_pool_max;
    }
    return qbjVmConfigCommit(vm, &config);
}

int
qbjApiSetIOThreadParams(virDomainPtr domain, unsigned int id, virTypedParameterPtr params, int nparams,
                        unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(QBJ_API_AFFECT, -1);

    if (!(vm = qbjApiBeginFlags(domain, virDomainSetIOThreadParamsEnsureACL, flags)))
        return -1;
    ret = qbjApiIOThreadParamsSet(vm, id, params, nparams, flags);
    qbjApiEnd(&vm);
    return ret;
}
