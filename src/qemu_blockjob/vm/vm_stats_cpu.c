#include <config.h>

#include "internal.h"
#include "vm_stats_parts.h"
#include "vm_thread.h"
#include "virfile.h"
#include "virprocess.h"
#include "virqbjjson.h"
#include "virstring.h"

/* One figure of KVM's, over all vcpus of the answer. */
static unsigned long long
qbjVmStatsSum(virJSONValue *vcpus, const char *name)
{
    unsigned long long sum = 0;
    size_t i;
    size_t j;

    for (i = 0; i < virQbjJSONArraySize(vcpus); i++) {
        virJSONValue *figures = virJSONValueObjectGetArray(virJSONValueArrayGet(vcpus, i), "stats");

        for (j = 0; figures && j < virJSONValueArraySize(figures); j++) {
            virJSONValue *figure = virJSONValueArrayGet(figures, j);
            unsigned long long value;

            if (STREQ_NULLABLE(virJSONValueObjectGetString(figure, "name"), name) &&
                virJSONValueObjectGetNumberUlong(figure, "value", &value) == 0)
                sum += value;
        }
    }
    return sum;
}

int
qbjVmStatsCpu(const qbjVmStats *stats, virTypedParamList *list)
{
    virJSONValue *polled = qbjVmAskGet(stats->ask, QBJ_VM_ASK_HALT_POLL);
    unsigned long long all = 0;
    unsigned long long user = 0;
    unsigned long long kernel = 0;

    if (!qbjVmStatsIsLive(stats))
        return virTypedParamListAddULLong(list, 0, "cpu.time") < 0 ? -1 : 0;
    if (virProcessGetStatInfo(&all, &user, &kernel, NULL, NULL, stats->vm->pid, 0) == 0 &&
        (virTypedParamListAddULLong(list, all, "cpu.time") < 0 ||
         virTypedParamListAddULLong(list, user, "cpu.user") < 0 ||
         virTypedParamListAddULLong(list, kernel, "cpu.system") < 0))
        return -1;
    if (!polled && stats->vm->def->virtType == VIR_DOMAIN_VIRT_KVM)
        return 0;
    /* nothing but KVM polls, and of a VM without it QEMU is not asked (vm_ask.c) */
    if (virTypedParamListAddULLong(list, polled ? qbjVmStatsSum(polled, "halt_poll_success_ns") : 0,
                                   "cpu.haltpoll.success.time") < 0 ||
        virTypedParamListAddULLong(list, polled ? qbjVmStatsSum(polled, "halt_poll_fail_ns") : 0,
                                   "cpu.haltpoll.fail.time") < 0)
        return -1;
    return 0;
}

/* How long a thread has waited for a host CPU, nanoseconds: the second figure of the file. */
static bool
qbjVmStatsDelay(pid_t pid, pid_t thread, unsigned long long *delay)
{
    g_autofree char *path = g_strdup_printf("/proc/%lld/task/%lld/schedstat", (long long) pid, (long long) thread);
    g_autofree char *text = NULL;
    g_auto(GStrv) words = NULL;

    if (virFileReadAllQuiet(path, 256, &text) < 0)
        return false;
    words = g_strsplit(text, " ", 3);
    return words[0] && words[1] && virStrToLong_ullp(words[1], NULL, 10, delay) == 0;
}

static int
qbjVmStatsVcpuOne(virDomainObj *vm, unsigned int vcpu, virTypedParamList *list)
{
    pid_t thread = qbjVmThreadOfVcpu(vm, vcpu);
    unsigned long long value;

    if (virTypedParamListAddInt(list, VIR_VCPU_RUNNING, "vcpu.%u.state", vcpu) < 0)
        return -1;
    if (thread == 0)
        return 0;
    if (virProcessGetStatInfo(&value, NULL, NULL, NULL, NULL, vm->pid, thread) == 0 &&
        virTypedParamListAddULLong(list, value, "vcpu.%u.time", vcpu) < 0)
        return -1;
    if (virProcessGetSchedInfo(&value, vm->pid, thread) == 0 &&
        virTypedParamListAddULLong(list, value, "vcpu.%u.wait", vcpu) < 0)
        return -1;
    if (qbjVmStatsDelay(vm->pid, thread, &value) &&
        virTypedParamListAddULLong(list, value, "vcpu.%u.delay", vcpu) < 0)
        return -1;
    return 0;
}

int
qbjVmStatsVcpu(const qbjVmStats *stats, virTypedParamList *list)
{
    const virDomainDef *def = stats->vm->def;
    size_t i;

    if (virTypedParamListAddUInt(list, virDomainDefGetVcpus(def), "vcpu.current") < 0 ||
        virTypedParamListAddUInt(list, virDomainDefGetVcpusMax(def), "vcpu.maximum") < 0)
        return -1;
    for (i = 0; qbjVmStatsIsLive(stats) && i < def->maxvcpus; i++) {
        if (def->vcpus[i]->online && qbjVmStatsVcpuOne(stats->vm, i, list) < 0)
            return -1;
    }
    return 0;
}
