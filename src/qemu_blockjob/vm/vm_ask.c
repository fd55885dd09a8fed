#include <config.h>

#include "internal.h"
#include "vm_ask.h"
#include "domain_qmp.h"
#include "engine_job.h"
#include "virerror.h"
#include "virqbjjson.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

struct _qbjVmAsk {
    qbjQmpCommand commands[QBJ_VM_ASK_LAST];    /* those that are asked, closed up */
    int place[QBJ_VM_ASK_LAST];                 /* of each question in it, -1: not asked */
    size_t n;
    qbjQmpBegun *begun;
    GHashTable *nodes;                          /* name -> its entry in DEVICES or TARGETS; or NULL */
};

static const char *const qbjVmAskCommands[QBJ_VM_ASK_LAST] = {
    [QBJ_VM_ASK_BALLOON] = "query-balloon",
    [QBJ_VM_ASK_GUEST_MEMORY] = "qom-get",
    [QBJ_VM_ASK_DEVICES] = "query-blockstats",
    [QBJ_VM_ASK_NODES] = "query-named-block-nodes",
    [QBJ_VM_ASK_TARGETS] = "query-blockstats",
    [QBJ_VM_ASK_BLOCK] = "query-block",
    [QBJ_VM_ASK_IOTHREADS] = "query-iothreads",
    [QBJ_VM_ASK_HALT_POLL] = "query-stats",
    [QBJ_VM_ASK_DIRTY_RATE] = "query-dirty-rate",
};

static virJSONValue *
qbjVmAskHaltPoll(void)
{
    return virJSONValueFromString("{\"target\":\"vcpu\",\"providers\":[{\"provider\":\"kvm\","
                                  "\"names\":[\"halt_poll_success_ns\",\"halt_poll_fail_ns\"]}]}");
}

static virJSONValue *
qbjVmAskArguments(const virDomainDef *def, qbjVmAskWhat what)
{
    g_autofree char *path = NULL;
    virJSONValue *arguments = NULL;

    switch (what) {
    case QBJ_VM_ASK_GUEST_MEMORY:
        path = g_strdup_printf("/machine/peripheral/%s", def->memballoon->info.alias);
        virJSONValueObjectAdd(&arguments, "s:path", path, "s:property", "guest-stats", NULL);
        break;
    case QBJ_VM_ASK_NODES:
        virJSONValueObjectAdd(&arguments, "b:flat", true, NULL);
        break;
    case QBJ_VM_ASK_TARGETS:
        virJSONValueObjectAdd(&arguments, "b:query-nodes", true, NULL);
        break;
    case QBJ_VM_ASK_HALT_POLL:
        return qbjVmAskHaltPoll();
    case QBJ_VM_ASK_BALLOON:
    case QBJ_VM_ASK_DEVICES:
    case QBJ_VM_ASK_BLOCK:
    case QBJ_VM_ASK_IOTHREADS:
    case QBJ_VM_ASK_DIRTY_RATE:
    case QBJ_VM_ASK_LAST:
    default:
        break;
    }
    return arguments;
}

static bool
qbjVmAskHasTarget(const virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        if (def->disks[i]->mirrorJob == VIR_DOMAIN_BLOCK_JOB_TYPE_COPY)
            return true;
    }
    return false;
}

/* Whether an answer could say anything that the definition does not. */
static bool
qbjVmAskHas(virDomainObj *vm, qbjVmAskWhat what)
{
    const virDomainDef *def = vm->def;

    if (what == QBJ_VM_ASK_NODES)
        return !qbjEngineJobPulls(vm);        /* it could kill QEMU */
    if (what == QBJ_VM_ASK_TARGETS)
        return qbjVmAskHasTarget(def) && !qbjEngineJobPulls(vm);
    if (what == QBJ_VM_ASK_HALT_POLL)
        return def->virtType == VIR_DOMAIN_VIRT_KVM;
    if (what == QBJ_VM_ASK_IOTHREADS)
        return def->niothreadids > 0 || def->namespaceData;
    if (what == QBJ_VM_ASK_BALLOON || what == QBJ_VM_ASK_GUEST_MEMORY)
        return virDomainDefHasMemballoon(def) && def->memballoon->info.alias;
    return true;
}

qbjVmAsk *
qbjVmAskBegin(virDomainObj *vm, unsigned int what)
{
    qbjVmAsk *ask = g_new0(qbjVmAsk, 1);
    qbjQmp *qmp;
    size_t i;

    qbjDomainReach(vm);
    qmp = QBJ_DOMAIN_PRIVATE(vm)->qmp;
    for (i = 0; i < QBJ_VM_ASK_LAST; i++) {
        ask->place[i] = -1;
        if (!(what & (1u << i)) || !qmp || !virDomainObjIsActive(vm) || !qbjVmAskHas(vm, i))
            continue;
        ask->place[i] = ask->n;
        ask->commands[ask->n].execute = qbjVmAskCommands[i];
        ask->commands[ask->n++].arguments = qbjVmAskArguments(vm->def, i);
    }
    if (ask->n > 0 && !(ask->begun = qbjQmpBegin(qmp, ask->commands, ask->n)))
        virResetLastError();            /* as one that does not answer */
    return ask;
}

static void
qbjVmAskIndexNode(GHashTable *nodes, virJSONValue *entry)
{
    const char *name = virJSONValueObjectGetString(entry, "node-name");

    if (name)
        g_hash_table_replace(nodes, g_strdup(name), entry);
}

/* The entry of a node has that of its file in "parent" and that of its backing node in "backing". Under
 * a filter both are the same node. */
static void
qbjVmAskIndexChain(GHashTable *nodes, virJSONValue *entry)
{
    for (; entry; entry = virJSONValueObjectGetObject(entry, "backing")) {
        virJSONValue *file = virJSONValueObjectGetObject(entry, "parent");

        qbjVmAskIndexNode(nodes, entry);
        if (file)
            qbjVmAskIndexNode(nodes, file);
    }
}

static void
qbjVmAskIndex(qbjVmAsk *ask)
{
    virJSONValue *devices = qbjVmAskGet(ask, QBJ_VM_ASK_DEVICES);
    virJSONValue *targets = qbjVmAskGet(ask, QBJ_VM_ASK_TARGETS);
    size_t i;

    ask->nodes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (i = 0; i < virQbjJSONArraySize(targets); i++)
        qbjVmAskIndexNode(ask->nodes, virJSONValueArrayGet(targets, i));
    for (i = 0; i < virQbjJSONArraySize(devices); i++)
        qbjVmAskIndexChain(ask->nodes, virJSONValueArrayGet(devices, i));
}

int
qbjVmAskCollect(qbjVmAsk *ask, unsigned int deadlineMs)
{
    if (ask->n == 0)
        return 0;
    if (!ask->begun) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("QEMU's monitor could not be asked"));
        return -1;
    }
    if (qbjQmpCollect(g_steal_pointer(&ask->begun), deadlineMs) < 0)
        return -1;
    qbjVmAskIndex(ask);
    return 0;
}

virJSONValue *
qbjVmAskGet(const qbjVmAsk *ask, qbjVmAskWhat what)
{
    return ask->place[what] < 0 ? NULL : ask->commands[ask->place[what]].reply;
}

virJSONValue *
qbjVmAskGetNode(const qbjVmAsk *ask, const char *node)
{
    virJSONValue *entry = ask->nodes && node ? g_hash_table_lookup(ask->nodes, node) : NULL;

    return entry ? virJSONValueObjectGetObject(entry, "stats") : NULL;
}

void
qbjVmAskFree(qbjVmAsk *ask)
{
    size_t i;

    if (!ask)
        return;
    if (ask->begun && qbjQmpCollect(ask->begun, 0) < 0)
        virResetLastError();
    g_clear_pointer(&ask->nodes, g_hash_table_unref);
    for (i = 0; i < ask->n; i++) {
        virJSONValueFree(ask->commands[i].arguments);
        qbjQmpCommandClear(&ask->commands[i]);
    }
    g_free(ask);
}

qbjVmAsk *
qbjVmAskNow(virDomainObj *vm, unsigned int what)
{
    g_autoptr(qbjVmAsk) ask = NULL;
    int domainId = vm->def->id;
    int rc;

    if (virDomainObjCheckActive(vm) < 0 || qbjDomainCheckRead(vm) < 0)
        return NULL;
    ask = qbjVmAskBegin(vm, what);
    if (qbjDomainQmpCheck(vm) < 0)
        return NULL;
    virObjectUnlock(vm);
    rc = qbjVmAskCollect(ask, QBJ_QMP_DEADLINE_MS);
    virObjectLock(vm);

    if (rc < 0)
        return NULL;
    if (vm->def->id != domainId) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("domain is not running"));
        return NULL;
    }
    return g_steal_pointer(&ask);
}
