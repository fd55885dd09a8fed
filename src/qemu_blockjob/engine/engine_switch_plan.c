#include <config.h>

#include "internal.h"
#include "engine_switch.h"
#include "engine_switch_plan.h"
#include "engine_group.h"
#include "engine_persistent.h"
#include "engine_step.h"
#include "domain_save.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

void
qbjEngineSwitchClearPlan(qbjEngineSwitch *sw)
{
    g_clear_pointer(&sw->statusText, g_free);
    g_clear_pointer(&sw->configText, g_free);
    g_clear_pointer(&sw->configFrom, g_free);
    g_clear_pointer(&sw->newDef, virDomainDefFree);
}

static void
qbjEngineSwitchClearPrepared(qbjEngineSwitch *sw)
{
    qbjEngineSwitchClearPlan(sw);
    g_clear_pointer(&sw->status, qbjHostSaveLetGo);
    g_clear_pointer(&sw->config, qbjHostSaveLetGo);
}

static void
qbjEngineSwitchedFree(void *opaque)
{
    qbjEngineSwitched *one = opaque;

    qbjEngineChangeSwapKeep(&one->swap);
    virObjectUnref(one->oldConfig);
    virObjectUnref(one->newConfig);
    g_free(one->job);
    g_free(one);
}

static void
qbjEngineSwitchFree(void *opaque)
{
    qbjEngineSwitch *sw = opaque;

    qbjEngineSwitchClearPrepared(sw);
    g_ptr_array_unref(sw->switched);
    g_free(sw);
}

qbjEngineSwitch *
qbjEngineSwitchFind(virDomainObj *vm, const virQbjJob *job)
{
    GHashTable *switches = QBJ_DOMAIN_PRIVATE(vm)->switches;

    return switches ? g_hash_table_lookup(switches, qbjEngineGroupName(job)) : NULL;
}

qbjEngineSwitch *
qbjEngineSwitchGet(virDomainObj *vm, const virQbjJob *job)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    qbjEngineSwitch *sw = qbjEngineSwitchFind(vm, job);

    if (sw)
        return sw;
    if (!priv->switches)
        priv->switches = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, qbjEngineSwitchFree);
    sw = g_new0(qbjEngineSwitch, 1);
    sw->switched = g_ptr_array_new_with_free_func(qbjEngineSwitchedFree);
    g_hash_table_insert(priv->switches, g_strdup(qbjEngineGroupName(job)), sw);
    return sw;
}

qbjEngineSwitched *
qbjEngineSwitchedFind(const qbjEngineSwitch *sw, const virQbjJob *job)
{
    size_t i;

    for (i = 0; sw && i < sw->switched->len; i++) {
        qbjEngineSwitched *one = g_ptr_array_index(sw->switched, i);

        if (STREQ(one->job, job->spec->job))
            return one;
    }
    return NULL;
}

void
qbjEngineSwitchForget(virDomainObj *vm, virQbjJob *job)
{
    qbjEngineSwitch *sw = qbjEngineSwitchFind(vm, job);
    qbjEngineSwitched *one = qbjEngineSwitchedFind(sw, job);
    g_autoptr(GPtrArray) members = NULL;

    if (!sw)
        return;
    if (one)
        g_ptr_array_remove(sw->switched, one);
    members = qbjEngineGroupMembers(vm, job);
    if (members->len == 1)
        g_hash_table_remove(QBJ_DOMAIN_PRIVATE(vm)->switches, qbjEngineGroupName(job));
}

char *
qbjEngineSwitchOldDisk(virDomainObj *vm, const virQbjJob *job)
{
    virDomainXMLOption *xmlopt = QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt;
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;

    if (!disk)
        return NULL;
    virBufferAsprintf(&buf, "<disk type='%s' device='disk'>\n", virStorageTypeToString(disk->src->type));
    virBufferAdjustIndent(&buf, 2);
    virBufferAsprintf(&buf, "<driver name='qemu' type='%s'/>\n", virStorageFileFormatTypeToString(disk->src->format));
    if (virDomainDiskSourceFormat(&buf, disk->src, "source", 0, true, QBJ_STATUS_FORMAT_FLAGS, false, false,
                                  xmlopt) < 0 ||
        virDomainDiskBackingStoreFormat(&buf, disk->src, xmlopt, QBJ_STATUS_FORMAT_FLAGS) < 0)
        return NULL;
    virBufferEscapeString(&buf, "<target dev='%s'/>\n", disk->dst);
    virBufferAdjustIndent(&buf, -2);
    virBufferAddLit(&buf, "</disk>\n");
    return virBufferContentAndReset(&buf);
}

/* The status file as it will be in COMMITTED: memory is changed for the moment of formatting only. */
static char *
qbjEngineSwitchStatusText(virDomainObj *vm, const GPtrArray *members)
{
    g_autofree qbjEngineSwap *swaps = g_new0(qbjEngineSwap, members->len);
    g_autofree char **now = g_new0(char *, members->len);
    g_auto(GStrv) old = g_new0(char *, members->len + 1);
    char *text = NULL;
    size_t done;
    size_t i;

    for (i = 0; i < members->len; i++) {
        if (!(old[i] = qbjEngineSwitchOldDisk(vm, g_ptr_array_index(members, i))))
            return NULL;
    }
    for (done = 0; done < members->len; done++) {
        virQbjJob *job = g_ptr_array_index(members, done);

        if (qbjEngineChangeSwap(vm, job, &swaps[done]) < 0)
            break;
        now[done] = job->oldDisk;
        job->oldDisk = old[done];
    }
    if (done == members->len)
        text = qbjEngineStepPreview(vm, members, QBJ_STATE_COMMITTED);
    for (i = done; i > 0; i--) {
        virQbjJob *job = g_ptr_array_index(members, i - 1);

        job->oldDisk = now[i - 1];
        qbjEngineChangeSwapUndo(&swaps[i - 1]);
    }
    return text;
}

/* What is to be saved, as memory says it now. */
static int
qbjEngineSwitchPlan(virDomainObj *vm, const GPtrArray *members, qbjEngineSwitch *sw)
{
    qbjEngineSwitchClearPlan(sw);
    if (!(sw->statusText = qbjEngineSwitchStatusText(vm, members)) ||
        (!(sw->configFrom = qbjEnginePersistentText(vm)) && vm->newDef))
        return -1;
    return qbjEnginePersistentPlan(vm, members, &sw->newDef, &sw->configText);
}

/* Whether the plan still says what memory says: the new persistent definition is made from the old one and
 * from the live disk, which is part of the status file. */
static bool
qbjEngineSwitchIsFresh(virDomainObj *vm, const GPtrArray *members, const qbjEngineSwitch *sw)
{
    g_autofree char *statusText = qbjEngineSwitchStatusText(vm, members);
    g_autofree char *configFrom = qbjEnginePersistentText(vm);

    if (!statusText || (vm->newDef && !configFrom))
        virResetLastError();
    return STREQ_NULLABLE(statusText, sw->statusText) && STREQ_NULLABLE(configFrom, sw->configFrom);
}

/* The files of the plan, all touched now. The domain's lock is dropped: its clients need not wait for a
 * disk. */
static int
qbjEngineSwitchWrite(virDomainObj *vm, qbjEngineSwitch *sw, unsigned int limitMs)
{
    g_autofree char *statusPath = qbjDomainStatusPath(vm);
    g_autofree char *configPath = qbjDomainConfigPath(vm);
    qbjHostSaveWish wishes[] = {
        { .path = statusPath, .text = sw->statusText, .save = g_steal_pointer(&sw->status) },
        { .path = configPath, .text = sw->configText, .save = g_steal_pointer(&sw->config) },
    };
    int rc;

    virObjectUnlock(vm);
    rc = qbjHostSaveWithin(wishes, G_N_ELEMENTS(wishes), limitMs);
    virObjectLock(vm);
    sw->status = wishes[0].save;
    sw->config = wishes[1].save;
    return rc;
}

/* What an earlier call has planned is written, or only touched, before it is compared with memory: formatting
 * everything for that takes its time, and in PENDING the guest waits for it. */
static int
qbjEngineSwitchTry(virDomainObj *vm, const GPtrArray *members, qbjEngineSwitch *sw, unsigned int limitMs)
{
    gint64 until = g_get_monotonic_time() / 1000 + limitMs;
    bool planned = sw->statusText;

    do {
        if (!planned && qbjEngineSwitchPlan(vm, members, sw) < 0)
            return -1;
        if (qbjEngineSwitchWrite(vm, sw, MAX(until - g_get_monotonic_time() / 1000, 0)) < 0)
            return -1;
        planned = qbjEngineSwitchIsFresh(vm, members, sw);
    } while (!planned);
    return 0;
}

int
qbjEngineSwitchPrepare(virDomainObj *vm, virQbjJob *job, unsigned int limitMs)
{
    qbjEngineSwitch *sw = qbjEngineSwitchGet(vm, job);
    g_autoptr(GPtrArray) members = qbjEngineGroupMembers(vm, job);

    if (qbjEngineSwitchTry(vm, members, sw, limitMs) < 0) {
        qbjEngineSwitchClearPrepared(sw);
        return -1;
    }
    return 0;
}
