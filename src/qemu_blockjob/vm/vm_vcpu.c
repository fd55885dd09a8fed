#include <config.h>

#include "internal.h"
#include "vm_vcpu.h"
#include "vm_affinity.h"
#include "vm_cgroup.h"
#include "domain_audit.h"
#include "domain_qmp.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "hypervisor/domain_cgroup.h"
#include "virerror.h"
#include "virqbjjson.h"
#include "virstring.h"
#include "virtime.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* How long the guest has to give a CPU back before the call returns all the same. */
#define QBJ_VM_VCPU_UNPLUG_MS 5000

void
qbjVmVcpuRead(virDomainObj *vm, virJSONValue *reply)
{
    virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;
    size_t i;

    status->nvcpuPids = virDomainDefGetVcpusMax(vm->def);
    status->vcpuPids = g_renew(pid_t, status->vcpuPids, status->nvcpuPids);
    memset(status->vcpuPids, 0, status->nvcpuPids * sizeof(pid_t));
    for (i = 0; i < virQbjJSONArraySize(reply); i++) {
        virJSONValue *cpu = virJSONValueArrayGet(reply, i);
        int index;
        int thread;

        if (virJSONValueObjectGetNumberInt(cpu, "cpu-index", &index) == 0 && index >= 0 &&
            (size_t) index < status->nvcpuPids &&
            virJSONValueObjectGetNumberInt(cpu, "thread-id", &thread) == 0)
            status->vcpuPids[index] = thread;
    }
}

/* Where one of QEMU's CPU slots stands in the order of the vcpus. */
static unsigned long long
qbjVmVcpuSlotOrder(virJSONValue *slot)
{
    static const char *const keys[] = { "socket-id", "die-id", "core-id", "thread-id" };
    virJSONValue *props = virJSONValueObjectGetObject(slot, "props");
    unsigned long long order = 0;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(keys); i++) {
        unsigned int value = 0;

        if (props)
            ignore_value(virJSONValueObjectGetNumberUint(props, keys[i], &value));
        order = order << 16 | (value & 0xffff);
    }
    return order;
}

static int
qbjVmVcpuCompareSlots(const void *a, const void *b)
{
    unsigned long long left = qbjVmVcpuSlotOrder(*(virJSONValue *const *) a);
    unsigned long long right = qbjVmVcpuSlotOrder(*(virJSONValue *const *) b);

    return left < right ? -1 : left > right;
}

/* The slot of @vcpu in the answer of query-hotpluggable-cpus, borrowed; NULL with an error reported. */
static virJSONValue *
qbjVmVcpuSlot(virJSONValue *reply, unsigned int vcpu)
{
    size_t n = virQbjJSONArraySize(reply);
    g_autofree virJSONValue **slots = g_new0(virJSONValue *, n + 1);
    size_t i;

    for (i = 0; i < n; i++)
        slots[i] = virJSONValueArrayGet(reply, i);
    qsort(slots, n, sizeof(*slots), qbjVmVcpuCompareSlots);
    if (vcpu >= n || !virJSONValueObjectGetString(slots[vcpu], "type")) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("QEMU has no place for vcpu %u"), vcpu);
        return NULL;
    }
    return slots[vcpu];
}

/* Arguments of device_add for @vcpu. */
static virJSONValue *
qbjVmVcpuDevice(virJSONValue *slot, unsigned int vcpu)
{
    g_autoptr(virJSONValue) device = NULL;
    virJSONValue *props = virJSONValueObjectGetObject(slot, "props");
    g_autofree char *id = g_strdup_printf("vcpu%u", vcpu);
    size_t i;

    if (virJSONValueObjectAdd(&device, "s:driver", virJSONValueObjectGetString(slot, "type"), "s:id", id, NULL) < 0)
        return NULL;
    for (i = 0; props && i < (size_t) virJSONValueObjectKeysNumber(props); i++) {
        const char *key = virJSONValueObjectGetKey(props, i);
        unsigned int value;

        if (virJSONValueObjectGetNumberUint(props, key, &value) < 0 ||
            virJSONValueObjectAppendNumberUint(device, key, value) < 0)
            return NULL;
    }
    return g_steal_pointer(&device);
}

/* What each CPU is, and its place in the order of plugging, is shown as soon as one was plugged in or out. */
static void
qbjVmVcpuShowAll(virDomainDef *def)
{
    unsigned int order = 0;
    size_t i;

    if (def->individualvcpus)
        return;
    for (i = 0; i < def->maxvcpus; i++) {
        virDomainVcpuDef *vcpu = def->vcpus[i];

        vcpu->hotpluggable = vcpu->online ? VIR_TRISTATE_BOOL_NO : VIR_TRISTATE_BOOL_YES;
        vcpu->order = vcpu->online ? ++order : 0;
    }
    def->individualvcpus = true;
}

static void
qbjVmVcpuSetOnline(virDomainDef *def, unsigned int vcpu, bool online)
{
    unsigned int old;
    unsigned int last = 0;
    size_t i;

    qbjVmVcpuShowAll(def);
    old = def->vcpus[vcpu]->order;
    for (i = 0; i < def->maxvcpus; i++) {
        if (!online && def->vcpus[i]->order > old)
            def->vcpus[i]->order--;
        last = MAX(last, def->vcpus[i]->order);
    }
    def->vcpus[vcpu]->online = online;
    def->vcpus[vcpu]->hotpluggable = VIR_TRISTATE_BOOL_YES;
    def->vcpus[vcpu]->order = online ? last + 1 : 0;
}

/* QEMU gets it; the definition is not touched. */
static int
qbjVmVcpuAdd(virDomainObj *vm, unsigned int vcpu)
{
    virCgroupEmulatorAllNodesData *nodes = NULL;
    g_autoptr(virJSONValue) slots = NULL;
    g_autoptr(virJSONValue) device = NULL;
    virJSONValue *slot;
    int rc;

    if (qbjDomainQmpCall(vm, "query-hotpluggable-cpus", NULL, &slots) < 0 || !(slot = qbjVmVcpuSlot(slots, vcpu)) ||
        !(device = qbjVmVcpuDevice(slot, vcpu)))
        return -1;
    /* KVM takes some memory from the lowest node, see qbjVmCgroupBindEmulator() */
    if (qbjVmCgroupHas(vm, VIR_CGROUP_CONTROLLER_CPUSET) &&
        virDomainCgroupEmulatorAllNodesAllow(QBJ_DOMAIN_PRIVATE(vm)->cgroup, &nodes) < 0)
        return -1;
    rc = qbjDomainQmpCall(vm, "device_add", device, NULL);
    virDomainCgroupEmulatorAllNodesRestore(nodes);
    return rc;
}

static int
qbjVmVcpuReadThreads(virDomainObj *vm)
{
    g_autoptr(virJSONValue) threads = NULL;

    if (qbjDomainQmpCall(vm, "query-cpus-fast", NULL, &threads) < 0)
        return -1;
    qbjVmVcpuRead(vm, threads);
    return 0;
}

int
qbjVmVcpuPlug(virDomainObj *vm, unsigned int vcpu)
{
    unsigned int before = virDomainDefGetVcpus(vm->def);

    if (qbjVmVcpuAdd(vm, vcpu) < 0)
        return -1;
    qbjVmVcpuSetOnline(vm->def, vcpu, true);
    virDomainAuditVcpu(vm, before, before + 1, "update", true);
    if (qbjVmVcpuReadThreads(vm) < 0)
        return -1;
    return qbjVmAffinitySetVcpu(vm, vcpu);
}

void
qbjVmVcpuDeleted(virDomainObj *vm, virJSONValue *data)
{
    const char *device = data ? virJSONValueObjectGetString(data, "device") : NULL;
    const char *number = device ? STRSKIP(device, "vcpu") : NULL;
    unsigned int before = virDomainDefGetVcpus(vm->def);
    unsigned int vcpu;

    if (!number || virStrToLong_ui(number, NULL, 10, &vcpu) < 0 || vcpu >= vm->def->maxvcpus ||
        !vm->def->vcpus[vcpu]->online)
        return;
    qbjVmVcpuSetOnline(vm->def, vcpu, false);
    if (vcpu < QBJ_DOMAIN_PRIVATE(vm)->status->nvcpuPids)
        QBJ_DOMAIN_PRIVATE(vm)->status->vcpuPids[vcpu] = 0;
    qbjVmCgroupThreadGone(vm, VIR_CGROUP_THREAD_VCPU, vcpu);
    qbjDomainSaveStatusOrWarn(vm);
    virDomainAuditVcpu(vm, before, before - 1, "update", true);
}

int
qbjVmVcpuUnplug(virDomainObj *vm, unsigned int vcpu)
{
    g_autofree char *id = g_strdup_printf("vcpu%u", vcpu);
    g_autoptr(virJSONValue) arguments = NULL;
    int domainId = vm->def->id;
    unsigned long long until;

    if (virTimeMillisNow(&until) < 0 || virJSONValueObjectAdd(&arguments, "s:id", id, NULL) < 0 ||
        qbjDomainQmpCall(vm, "device_del", arguments, NULL) < 0)
        return -1;
    until += QBJ_VM_VCPU_UNPLUG_MS;
    qbjDomainQueueDrain(vm);
    while (vm->def->id == domainId && vm->def->vcpus[vcpu]->online && qbjDomainQueueWait(vm, until) == 0)
        ;
    if (vm->def->id != domainId) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("domain is not running"));
        return -1;
    }
    return 0;
}

/* The next one to plug in (the lowest) or out (the highest of those that can be); -1: none. */
static int
qbjVmVcpuNext(const virDomainDef *def, bool in)
{
    size_t i;

    for (i = 0; i < def->maxvcpus; i++) {
        size_t n = in ? i : def->maxvcpus - 1 - i;

        if (in ? !def->vcpus[n]->online
               : def->vcpus[n]->online && def->vcpus[n]->hotpluggable == VIR_TRISTATE_BOOL_YES)
            return n;
    }
    return -1;
}

static bool
qbjVmVcpuCanReach(const virDomainDef *def, unsigned int wanted)
{
    unsigned int fixed = 0;
    size_t i;

    for (i = 0; i < def->maxvcpus; i++) {
        if (def->vcpus[i]->online && def->vcpus[i]->hotpluggable != VIR_TRISTATE_BOOL_YES)
            fixed++;
    }
    return wanted >= fixed && wanted <= def->maxvcpus;
}

int
qbjVmVcpuSetCount(virDomainObj *vm, unsigned int wanted)
{
    unsigned int steps = wanted > virDomainDefGetVcpus(vm->def) ? wanted - virDomainDefGetVcpus(vm->def)
                                                                : virDomainDefGetVcpus(vm->def) - wanted;
    bool in = wanted > virDomainDefGetVcpus(vm->def);
    int next;

    if (!qbjVmVcpuCanReach(vm->def, wanted)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s",
                       _("failed to find appropriate hotpluggable vcpus to reach the desired target vcpu count"));
        return -1;
    }
    for (; steps > 0 && (next = qbjVmVcpuNext(vm->def, in)) >= 0; steps--) {
        if ((in ? qbjVmVcpuPlug(vm, next) : qbjVmVcpuUnplug(vm, next)) < 0)
            return -1;
    }
    return 0;
}

/* The next one to be plugged in at a start, by its place in the order; behind @vcpu unless
 * that is -1. -1: none. */
static int
qbjVmVcpuNextWanted(const virDomainDef *def, int vcpu)
{
    int found = -1;
    size_t i;

    for (i = 0; i < def->maxvcpus; i++) {
        const virDomainVcpuDef *one = def->vcpus[i];
        bool behind = vcpu < 0 || one->order > def->vcpus[vcpu]->order ||
                      (one->order == def->vcpus[vcpu]->order && (int) i > vcpu);

        if (one->online && one->hotpluggable == VIR_TRISTATE_BOOL_YES && behind &&
            (found < 0 || one->order < def->vcpus[found]->order))
            found = i;
    }
    return found;
}

/* By the daemon that began the start. */
static bool
qbjVmVcpuIsThere(virDomainObj *vm, size_t vcpu)
{
    const virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;

    return vcpu < status->nvcpuPids && status->vcpuPids[vcpu] > 0;
}

int
qbjVmVcpuPlugWanted(virDomainObj *vm)
{
    int vcpu = qbjVmVcpuNextWanted(vm->def, -1);

    if (vcpu < 0)
        return 0;
    for (; vcpu >= 0; vcpu = qbjVmVcpuNextWanted(vm->def, vcpu)) {
        if (!qbjVmVcpuIsThere(vm, vcpu) && qbjVmVcpuAdd(vm, vcpu) < 0)
            return -1;
    }
    return qbjVmVcpuReadThreads(vm);
}
