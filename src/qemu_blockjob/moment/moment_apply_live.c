#include <config.h>

#include "internal.h"
#include "moment_apply_live.h"
#include "moment_settle.h"
#include "domain_operation.h"
#include "domain_qmp.h"
#include "domain_queue.h"
#include "spec_parts.h"
#include "storage_source_conf.h"
#include "virerror.h"
#include "virlog.h"
#include "virqbjjson.h"
#include "vm_inside.h"
#include "vm_savestream.h"

#define VIR_FROM_THIS VIR_FROM_DOMAIN_SNAPSHOT
VIR_LOG_INIT("qbj.moment_apply_live");

#define QBJ_MOMENT_APPLY_MIN_MS 1000

/* The disks of the record's images; NULL with an error reported: not all are there any more. Borrowed. */
static GPtrArray *
qbjMomentApplyDisks(virDomainObj *vm, const qbjMomentApply *apply)
{
    g_autoptr(GPtrArray) disks = g_ptr_array_new();
    size_t i;
    size_t j;

    for (i = 0; i < apply->images->len; i++) {
        for (j = 0; j < vm->def->ndisks; j++) {
            virStorageSource *src = vm->def->disks[j]->src;

            if (src->nodeformat && virStorageSourceIsSameLocation(src, g_ptr_array_index(apply->images, i))) {
                g_ptr_array_add(disks, vm->def->disks[j]);
                break;
            }
        }
    }
    if (disks->len == apply->images->len)
        return g_steal_pointer(&disks);
    virReportError(VIR_ERR_OPERATION_FAILED, _("the domain has other images since the revert to snapshot '%s'"),
                   apply->name);
    return NULL;
}

/* --- keep --- */

static int
qbjMomentApplyAddAction(virJSONValue *actions, const char *device, const char *name)
{
    g_autoptr(virJSONValue) data = NULL;

    if (virJSONValueObjectAdd(&data, "s:device", device, "s:name", name, NULL) < 0)
        return -1;
    return virQbjJSONAppendAction(actions, "blockdev-snapshot-internal-sync", &data);
}

/* One transaction: QEMU takes back what it has made when one image has no room. */
static int
qbjMomentApplyAsk(virDomainObj *vm, const qbjMomentApply *apply)
{
    g_autoptr(GPtrArray) disks = qbjMomentApplyDisks(vm, apply);
    g_autoptr(virJSONValue) actions = virJSONValueNewArray();
    g_autoptr(virJSONValue) arguments = NULL;
    size_t i;

    for (i = 0; disks && i < disks->len; i++) {
        g_autofree char *device = qbjSpecDevice(g_ptr_array_index(disks, i));

        if (qbjMomentApplyAddAction(actions, device, apply->keep) < 0)
            return -1;
    }
    if (!disks || virJSONValueObjectAdd(&arguments, "a:actions", &actions, NULL) < 0)
        return -1;
    return qbjDomainQmpCall(vm, "transaction", arguments, NULL);
}

int
qbjMomentApplyKeepLive(virDomainObj *vm, const qbjMomentApply *apply)
{
    int rc;

    qbjDomainOperationBegin(vm, VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_REVERT);
    QBJ_DOMAIN_PRIVATE(vm)->operation->endless = true;
    rc = qbjVmSaveStreamStop(vm, VIR_DOMAIN_PAUSED_SNAPSHOT);
    if (rc == 0)
        rc = qbjMomentApplyAsk(vm, apply);
    qbjDomainOperationEnd(vm, false);
    return rc;
}

/* --- forget --- */

int
qbjMomentApplyForgetLive(virDomainObj *vm, const qbjMomentApply *apply)
{
    g_autoptr(GPtrArray) disks = qbjMomentApplyDisks(vm, apply);
    g_auto(GStrv) nodes = NULL;
    size_t i;

    if (!disks)
        return -1;
    nodes = g_new0(char *, disks->len + 1);
    for (i = 0; i < disks->len; i++)
        nodes[i] = g_strdup(((virDomainDiskDef *) g_ptr_array_index(disks, i))->src->nodeformat);
    return qbjVmInsideRun(vm, QBJ_VM_INSIDE_DELETE, apply->keep, (const char *const *) nodes, NULL);
}

/* @maxMs: how long it may be until the next try. A guest that is to go on does not wait for long. */
static int
qbjMomentApplyTryBackLive(virDomainObj *vm, const qbjMomentApply *apply, unsigned int *maxMs)
{
    g_autofree char *path = qbjMomentApplyPath(vm);
    int rc;

    *maxMs = QBJ_MOMENT_APPLY_MIN_MS;
    if (qbjMomentSettleGoOn(vm, apply->running) < 0)
        return -1;
    *maxMs = QBJ_MOMENT_APPLY_MAX_MS;
    if (qbjMomentApplyForgetLive(vm, apply) < 0)
        return -1;
    virObjectUnlock(vm);
    rc = qbjMomentApplyDrop(path);
    virObjectLock(vm);
    return rc;
}

void
qbjMomentApplyAgain(virDomainObj *vm, unsigned int maxMs)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    gint64 now = g_get_monotonic_time() / 1000;

    if (!virDomainObjIsActive(vm) || now < priv->applyAgainFrom)
        return;
    priv->applyAgainMs = CLAMP(priv->applyAgainMs * 2, QBJ_MOMENT_APPLY_MIN_MS, maxMs);
    priv->applyAgainFrom = now + priv->applyAgainMs / 2;
    qbjDomainTimerStart(vm, NULL, QBJ_DOMAIN_TIMER_MOMENT, priv->applyAgainMs);
}

void
qbjMomentApplyLater(virDomainObj *vm, unsigned int maxMs, const char *what)
{
    if (QBJ_DOMAIN_PRIVATE(vm)->applyAgainMs == 0)
        VIR_WARN("Domain '%s': %s: %s", vm->def->name, what, virGetLastErrorMessage());
    virResetLastError();
    qbjMomentApplyAgain(vm, maxMs);
}

void
qbjMomentApplyNoMore(virDomainObj *vm)
{
    QBJ_DOMAIN_PRIVATE(vm)->applyAgainMs = 0;
    QBJ_DOMAIN_PRIVATE(vm)->applyAgainFrom = 0;
}

/* The images were not touched: what they keep is not put back whatever follows, so the guest may go on
 * first. */
int
qbjMomentApplyBackLive(virDomainObj *vm, const qbjMomentApply *apply)
{
    unsigned int maxMs;

    if (qbjMomentApplyTryBackLive(vm, apply, &maxMs) < 0) {
        qbjMomentApplyLater(vm, maxMs, "a revert that failed cannot be taken back, tried again");
        return -1;
    }
    qbjMomentApplyNoMore(vm);
    return 0;
}
