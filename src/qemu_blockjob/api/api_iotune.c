#include <config.h>

#include "internal.h"
#include "api_iotune.h"
#include "api_domain.h"
#include "datatypes.h"
#include "domain_event.h"
#include "vm_config.h"
#include "vm_iotune.h"
#include "virerror.h"
#include "virtypedparam.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

#define QBJ_API_IOTUNE_MAX 1000000000000000ULL
#define QBJ_API_IOTUNE_COUNT 20         /* limits, and the name of the group */

static virDomainDiskDef *
qbjApiIoTuneDisk(virDomainDef *def, const char *path, bool live)
{
    virDomainDiskDef *disk = virDomainDiskByName(def, path, true);

    if (!disk && live)
        virReportError(VIR_ERR_INVALID_ARG, _("disk '%s' not found in domain"), path);
    else if (!disk)
        virReportError(VIR_ERR_INVALID_ARG, _("disk '%s' was not found in the domain config"), path);
    return disk;
}

/* --- asking ---------------------------------------------------------------------------------------- */

static int
qbjApiIoTuneRead(virDomainObj *vm, const char *path, virDomainBlockIoTuneInfo *info)
{
    g_autoptr(qbjVmAsk) ask = NULL;
    virDomainDiskDef *disk;

    if (!qbjApiIoTuneDisk(vm->def, path, true) || !(ask = qbjVmAskNow(vm, QBJ_VM_ASK(BLOCK))) ||
        !(disk = qbjApiIoTuneDisk(vm->def, path, true)))
        return -1;
    return qbjVmIoTuneRead(ask, disk, info);
}

static int
qbjApiIoTuneGet(virDomainObj *vm, const char *path, virDomainBlockIoTuneInfo *info, unsigned int flags)
{
    virDomainDef *live = NULL;
    virDomainDef *next = NULL;
    virDomainDiskDef *disk;

    if (virDomainObjGetDefs(vm, flags, &live, &next) < 0)
        return -1;
    if (live)
        return qbjApiIoTuneRead(vm, path, info);
    if (!(disk = qbjApiIoTuneDisk(next, path, false)))
        return -1;
    *info = disk->blkdeviotune;
    info->group_name = g_strdup(info->group_name);
    return 0;
}

static int
qbjApiIoTuneFill(virDomainBlockIoTuneInfo *info, virTypedParameterPtr params, int *nparams)
{
    const qbjVmIoTuneLimit *limit;
    int n = 0;

    for (limit = qbjVmIoTuneLimits; limit->name && n < *nparams; limit++) {
        if (virTypedParameterAssign(&params[n++], limit->name, VIR_TYPED_PARAM_ULLONG,
                                    *qbjVmIoTuneValue(info, limit)) < 0)
            return -1;
    }
    if (n < *nparams && virTypedParameterAssign(&params[n++], VIR_DOMAIN_BLOCK_IOTUNE_GROUP_NAME,
                                                VIR_TYPED_PARAM_STRING,
                                                g_strdup(NULLSTR_EMPTY(info->group_name))) < 0)
        return -1;
    *nparams = n;
    return 0;
}

int
qbjApiGetBlockIoTune(virDomainPtr domain, const char *path, virTypedParameterPtr params, int *nparams,
                     unsigned int flags)
{
    virDomainBlockIoTuneInfo info = { 0 };
    virDomainObj *vm;
    int ret = 0;

    virCheckFlags(QBJ_API_AFFECT | VIR_TYPED_PARAM_STRING_OKAY, -1);

    if (!(vm = qbjApiLook(domain, virDomainGetBlockIoTuneEnsureACL)))
        return -1;
    if (*nparams == 0)
        *nparams = QBJ_API_IOTUNE_COUNT;
    else if ((ret = qbjApiIoTuneGet(vm, path, &info, flags & ~VIR_TYPED_PARAM_STRING_OKAY)) == 0)
        ret = qbjApiIoTuneFill(&info, params, nparams);
    g_free(info.group_name);
    virDomainObjEndAPI(&vm);
    return ret;
}

/* --- setting --------------------------------------------------------------------------------------- */

static const qbjVmIoTuneLimit *
qbjApiIoTuneLimit(const char *name)
{
    const qbjVmIoTuneLimit *limit = qbjVmIoTuneLimits;

    while (limit->name && STRNEQ(limit->name, name))
        limit++;
    return limit->name ? limit : NULL;
}

static int
qbjApiIoTuneParse(virTypedParameterPtr params, int nparams, virDomainBlockIoTuneInfo *wanted)
{
    int i;

    for (i = 0; i < nparams; i++) {
        const qbjVmIoTuneLimit *limit = qbjApiIoTuneLimit(params[i].field);

        if (STREQ(params[i].field, VIR_DOMAIN_BLOCK_IOTUNE_GROUP_NAME) && params[i].type == VIR_TYPED_PARAM_STRING) {
            wanted->group_name = params[i].value.s;
        } else if (!limit || params[i].type != VIR_TYPED_PARAM_ULLONG) {
            virReportError(VIR_ERR_ARGUMENT_UNSUPPORTED, _("parameter '%s' not supported"), params[i].field);
            return -1;
        } else if (params[i].value.ul > QBJ_API_IOTUNE_MAX) {
            virReportError(VIR_ERR_ARGUMENT_UNSUPPORTED,
                           _("block I/O throttle limit value must be no more than %llu"), QBJ_API_IOTUNE_MAX);
            return -1;
        } else {
            *qbjVmIoTuneValue(wanted, limit) = params[i].value.ul;
        }
    }
    return 0;
}

/* A limit of all together and one of reads or writes exclude each other. */
static int
qbjApiIoTuneCheckTotals(virDomainBlockIoTuneInfo *wanted)
{
    static const char *const kinds[] = { "bytes_sec", "iops_sec", "bytes_sec_max", "iops_sec_max" };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autofree char *total = g_strdup_printf("total_%s", kinds[i]);
        g_autofree char *reads = g_strdup_printf("read_%s", kinds[i]);
        g_autofree char *writes = g_strdup_printf("write_%s", kinds[i]);

        if (*qbjVmIoTuneValue(wanted, qbjApiIoTuneLimit(total)) &&
            (*qbjVmIoTuneValue(wanted, qbjApiIoTuneLimit(reads)) ||
             *qbjVmIoTuneValue(wanted, qbjApiIoTuneLimit(writes)))) {
            virReportError(VIR_ERR_INVALID_ARG, _("total and read/write of %s cannot be set at the same time"),
                           kinds[i]);
            return -1;
        }
    }
    return 0;
}

/* "bytes_sec", "iops_sec", "bytes_sec_max", ..., "size_iops_sec": limits that are given together. */
static const char *
qbjApiIoTuneKind(const char *name)
{
    const char *kind = STRSKIP(name, "total_");

    if (!kind && !(kind = STRSKIP(name, "read_")))
        kind = STRSKIP(name, "write_");
    return kind ? kind : name;
}

/* What is asked for, and of the kinds that were not named what is in force. */
static void
qbjApiIoTuneMerge(virDomainBlockIoTuneInfo *merged, const virDomainBlockIoTuneInfo *before,
                  virDomainBlockIoTuneInfo *wanted, virTypedParameterPtr params, int nparams)
{
    const qbjVmIoTuneLimit *limit;
    int i;

    *merged = *before;
    for (limit = qbjVmIoTuneLimits; limit->name; limit++) {
        for (i = 0; i < nparams; i++) {
            if (STREQ(qbjApiIoTuneKind(limit->name), qbjApiIoTuneKind(params[i].field)))
                *qbjVmIoTuneValue(merged, limit) = *qbjVmIoTuneValue(wanted, limit);
        }
    }
    if (wanted->group_name)
        merged->group_name = wanted->group_name;
}

/* A burst needs a limit that it goes beyond; without a length it lasts a second. */
static int
qbjApiIoTuneCheckBursts(virDomainBlockIoTuneInfo *info)
{
    const qbjVmIoTuneLimit *limit;

    for (limit = qbjVmIoTuneLimits; limit->name; limit++) {
        g_autofree char *maxName = g_strdup_printf("%s_max", limit->name);
        g_autofree char *lengthName = g_strdup_printf("%s_max_length", limit->name);
        const qbjVmIoTuneLimit *max = qbjApiIoTuneLimit(maxName);
        unsigned long long value = *qbjVmIoTuneValue(info, limit);
        unsigned long long burst = max ? *qbjVmIoTuneValue(info, max) : 0;

        if (!burst)
            continue;
        if (!value) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("cannot reset '%s' when '%s' is set"), limit->name, maxName);
            return -1;
        }
        if (burst < value) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("value '%s' cannot be smaller than '%s'"), maxName,
                           limit->name);
            return -1;
        }
        if (*qbjVmIoTuneValue(info, qbjApiIoTuneLimit(lengthName)) == 0)
            *qbjVmIoTuneValue(info, qbjApiIoTuneLimit(lengthName)) = 1;
    }
    return 0;
}

/* QEMU refuses a length without a burst: a definition that cannot be started is not stored. */
static int
qbjApiIoTuneCheckLengths(virDomainBlockIoTuneInfo *info)
{
    const qbjVmIoTuneLimit *limit;

    for (limit = qbjVmIoTuneLimits; limit->name; limit++) {
        g_autofree char *maxName = NULL;

        if (!limit->length || !*qbjVmIoTuneValue(info, limit))
            continue;
        maxName = g_strndup(limit->name, strlen(limit->name) - strlen("_length"));
        if (!*qbjVmIoTuneValue(info, qbjApiIoTuneLimit(maxName))) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("'%s' needs '%s'"), limit->name, maxName);
            return -1;
        }
    }
    return 0;
}

/* The members of a group have one set of limits. */
static void
qbjApiIoTuneStore(virDomainDef *def, virDomainDiskDef *disk, virDomainBlockIoTuneInfo *info)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        if (def->disks[i] == disk ||
            (info->group_name && STREQ_NULLABLE(def->disks[i]->blkdeviotune.group_name, info->group_name)))
            virDomainDiskSetBlockIOTune(def->disks[i], info);
    }
}

static void
qbjApiIoTuneNotify(virDomainObj *vm, const virDomainDiskDef *disk, virTypedParameterPtr params, int nparams)
{
    virTypedParameterPtr told = NULL;
    int max = 0;
    int n = 0;
    int i;

    if (virTypedParamsAddString(&told, &n, &max, VIR_DOMAIN_TUNABLE_BLKDEV_DISK, disk->dst) < 0)
        return;
    for (i = 0; i < nparams; i++) {
        g_autofree char *name = g_strdup_printf("blkdeviotune.%s", params[i].field);

        if (params[i].type == VIR_TYPED_PARAM_STRING)
            ignore_value(virTypedParamsAddString(&told, &n, &max, name, params[i].value.s));
        else
            ignore_value(virTypedParamsAddULLong(&told, &n, &max, name, params[i].value.ul));
    }
    virObjectEventStateQueue(QBJ_DOMAIN_PRIVATE(vm)->driver->events, virDomainEventTunableNewFromObj(vm, &told, n));
}

/* What a call wants of a disk's limits. */
typedef struct _qbjApiIoTuneWanted qbjApiIoTuneWanted;
struct _qbjApiIoTuneWanted {
    const char *path;
    virDomainBlockIoTuneInfo *info;
    virTypedParameterPtr params;
    int nparams;
};

static int
qbjApiIoTuneNext(virDomainObj *vm G_GNUC_UNUSED, virDomainDef *next, const void *what)
{
    const qbjApiIoTuneWanted *wanted = what;
    virDomainDiskDef *disk = qbjApiIoTuneDisk(next, wanted->path, false);
    virDomainBlockIoTuneInfo merged;

    if (!disk)
        return -1;
    qbjApiIoTuneMerge(&merged, &disk->blkdeviotune, wanted->info, wanted->params, wanted->nparams);
    if (qbjApiIoTuneCheckBursts(&merged) < 0 || qbjApiIoTuneCheckLengths(&merged) < 0)
        return -1;
    qbjApiIoTuneStore(next, disk, &merged);
    return 0;
}

static int
qbjApiIoTuneLive(virDomainObj *vm, qbjVmConfig *config, const char *path, virDomainBlockIoTuneInfo *wanted,
                 virTypedParameterPtr params, int nparams)
{
    virDomainBlockIoTuneInfo merged;
    virDomainDiskDef *disk;

    if (!config->live)
        return 0;
    if (!(disk = qbjApiIoTuneDisk(config->live, path, true)))
        return -1;
    if (virStorageSourceIsEmpty(disk->src)) {
        virReportError(VIR_ERR_OPERATION_INVALID, _("disk '%s' does not currently have a source assigned"), path);
        return -1;
    }
    qbjApiIoTuneMerge(&merged, &disk->blkdeviotune, wanted, params, nparams);
    if (qbjApiIoTuneCheckBursts(&merged) < 0 || qbjVmIoTuneSet(vm, disk, &merged) < 0)
        return -1;
    qbjApiIoTuneStore(config->live, disk, &merged);
    qbjApiIoTuneNotify(vm, disk, params, nparams);
    return 0;
}

static int
qbjApiIoTuneChange(virDomainObj *vm, const char *path, virTypedParameterPtr params, int nparams, unsigned int flags)
{
    g_auto(qbjVmConfig) config = { 0 };
    virDomainBlockIoTuneInfo wanted = { 0 };
    const qbjApiIoTuneWanted all = { path, &wanted, params, nparams };

    if (qbjApiIoTuneParse(params, nparams, &wanted) < 0 || qbjApiIoTuneCheckTotals(&wanted) < 0 ||
        qbjVmConfigBegin(vm, flags, &config) < 0 ||
        qbjVmConfigApply(vm, &config, qbjApiIoTuneNext, &all) < 0 || qbjVmConfigCheck(vm, &config) < 0 ||
        qbjApiIoTuneLive(vm, &config, path, &wanted, params, nparams) < 0)
        return -1;
    return qbjVmConfigCommit(vm, &config);
}

int
qbjApiSetBlockIoTune(virDomainPtr domain, const char *path, virTypedParameterPtr params, int nparams,
                     unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(QBJ_API_AFFECT, -1);

    if (!(vm = qbjApiBeginFlags(domain, virDomainSetBlockIoTuneEnsureACL, flags)))
        return -1;
    ret = qbjApiIoTuneChange(vm, path, params, nparams, flags);
    qbjApiEnd(&vm);
    return ret;
}
