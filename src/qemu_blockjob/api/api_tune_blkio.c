#include <config.h>

#include "internal.h"
#include "api_tune.h"
#include "api_tuneparts.h"
#include "hypervisor/domain_driver.h"
#include "vm_config.h"
#include "vm_tune.h"
#include "virbuffer.h"
#include "virtypedparam.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* After the weight, in the order of the answer. */
static const char *const qbjApiTuneDeviceNames[] = {
    VIR_DOMAIN_BLKIO_DEVICE_WEIGHT, VIR_DOMAIN_BLKIO_DEVICE_READ_IOPS, VIR_DOMAIN_BLKIO_DEVICE_WRITE_IOPS,
    VIR_DOMAIN_BLKIO_DEVICE_READ_BPS, VIR_DOMAIN_BLKIO_DEVICE_WRITE_BPS,
};
#define QBJ_API_TUNE_BLKIO_COUNT (1 + (int) G_N_ELEMENTS(qbjApiTuneDeviceNames))

static unsigned long long
qbjApiTuneDeviceValue(const virBlkioDevice *device, size_t which)
{
    const unsigned long long values[] = { device->weight, device->riops, device->wiops, device->rbps, device->wbps };

    return values[which];
}

/* "/dev/a,300,/dev/b,200": the devices that have such a limit. The caller frees. */
static char *
qbjApiTuneDevices(const virDomainBlkiotune *blkio, size_t which)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    char *text;
    size_t i;

    for (i = 0; i < blkio->ndevices; i++) {
        unsigned long long value = qbjApiTuneDeviceValue(&blkio->devices[i], which);

        if (value)
            virBufferAsprintf(&buf, "%s,%llu,", blkio->devices[i].path, value);
    }
    virBufferTrim(&buf, ",");
    text = virBufferContentAndReset(&buf);
    return text ? text : g_strdup("");
}

static int
qbjApiTuneFillBlkio(const virDomainBlkiotune *blkio, unsigned int weight, virTypedParameterPtr params, int *nparams)
{
    int i;

    if (*nparams == 0) {
        *nparams = QBJ_API_TUNE_BLKIO_COUNT;
        return 0;
    }
    *nparams = MIN(*nparams, QBJ_API_TUNE_BLKIO_COUNT);
    if (virTypedParameterAssign(&params[0], VIR_DOMAIN_BLKIO_WEIGHT, VIR_TYPED_PARAM_UINT, weight) < 0)
        return -1;
    for (i = 1; i < *nparams; i++) {
        if (virTypedParameterAssign(&params[i], qbjApiTuneDeviceNames[i - 1], VIR_TYPED_PARAM_STRING,
                                    qbjApiTuneDevices(blkio, i - 1)) < 0)
            return -1;
    }
    return 0;
}

static int
qbjApiTuneGetBlkio(virDomainObj *vm, virTypedParameterPtr params, int *nparams, unsigned int flags)
{
    unsigned int weight;
    virDomainDef *def;
    bool live = false;

    if (qbjApiTuneNotInSession(vm, VIR_ERR_CONFIG_UNSUPPORTED, "Block I/O") < 0 ||
        !(def = virDomainObjGetOneDefState(vm, flags & QBJ_API_TUNE_AFFECT, &live)) ||
        (live && qbjApiTuneNeedsGroup(vm, VIR_CGROUP_CONTROLLER_BLKIO) < 0))
        return -1;
    weight = def->blkio.weight;
    if (live && *nparams > 0 && virCgroupGetBlkioWeight(QBJ_DOMAIN_PRIVATE(vm)->cgroup, &weight) < 0)
        return -1;
    return qbjApiTuneFillBlkio(&def->blkio, weight, params, nparams);
}

int
qbjApiGetBlkioParameters(virDomainPtr domain, virTypedParameterPtr params, int *nparams, unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(QBJ_API_TUNE_GET, -1);

    if (!(vm = qbjApiLook(domain, virDomainGetBlkioParametersEnsureACL)))
        return -1;
    ret = qbjApiTuneGetBlkio(vm, params, nparams, flags);
    virDomainObjEndAPI(&vm);
    return ret;
}

static int
qbjApiTuneNextBlkio(virDomainObj *vm G_GNUC_UNUSED, virDomainDef *next, const void *what)
{
    const qbjApiTuneParams *wanted = what;

    return virDomainDriverSetupPersistentDefBlkioParams(next, wanted->params, wanted->nparams);
}

static int
qbjApiTuneSetBlkio(virDomainObj *vm, virTypedParameterPtr params, int nparams, unsigned int flags)
{
    const qbjApiTuneParams wanted = { params, nparams };
    g_auto(qbjVmConfig) config = { 0 };

    if (qbjApiTuneNotInSession(vm, VIR_ERR_CONFIG_UNSUPPORTED, "Block I/O") < 0 ||
        virTypedParamsValidate(params, nparams,
                               VIR_DOMAIN_BLKIO_WEIGHT, VIR_TYPED_PARAM_UINT,
                               VIR_DOMAIN_BLKIO_DEVICE_WEIGHT, VIR_TYPED_PARAM_STRING,
                               VIR_DOMAIN_BLKIO_DEVICE_READ_IOPS, VIR_TYPED_PARAM_STRING,
                               VIR_DOMAIN_BLKIO_DEVICE_WRITE_IOPS, VIR_TYPED_PARAM_STRING,
                               VIR_DOMAIN_BLKIO_DEVICE_READ_BPS, VIR_TYPED_PARAM_STRING,
                               VIR_DOMAIN_BLKIO_DEVICE_WRITE_BPS, VIR_TYPED_PARAM_STRING, NULL) < 0 ||
        qbjVmConfigBegin(vm, flags, &config) < 0 ||
        (config.live && qbjApiTuneNeedsGroup(vm, VIR_CGROUP_CONTROLLER_BLKIO) < 0) ||
        qbjVmConfigApply(vm, &config, qbjApiTuneNextBlkio, &wanted) < 0)
        return -1;
    if (qbjVmConfigCheck(vm, &config) < 0 || (config.live && qbjVmTuneSetBlkio(vm, params, nparams) < 0))
        return -1;
    return qbjVmConfigCommit(vm, &config);
}

int
qbjApiSetBlkioParameters(virDomainPtr domain, virTypedParameterPtr params, int nparams, unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(QBJ_API_TUNE_AFFECT, -1);

    if (!(vm = qbjApiBeginFlags(domain, virDomainSetBlkioParametersEnsureACL, flags)))
        return -1;
    ret = qbjApiTuneSetBlkio(vm, params, nparams, flags);
    qbjApiEnd(&vm);
    return ret;
}
