#include <config.h>

#include "internal.h"
#include "vm_iothread.h"
#include "vm_affinity.h"
#include "vm_cgroup.h"
#include "domain_audit.h"
#include "domain_qmp.h"
#include "virqbjjson.h"
#include "virstring.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static void
qbjVmIOThreadNote(virDomainDef *def, virJSONValue *thread)
{
    const char *name = virJSONValueObjectGetString(thread, "id");
    const char *number = name ? STRSKIP(name, "iothread") : NULL;
    virDomainIOThreadIDDef *found;
    unsigned int id;
    int tid;

    if (number && virStrToLong_ui(number, NULL, 10, &id) == 0 && (found = virDomainIOThreadIDFind(def, id)) &&
        virJSONValueObjectGetNumberInt(thread, "thread-id", &tid) == 0)
        found->thread_id = tid;
}

int
qbjVmIOThreadRead(virDomainObj *vm)
{
    g_autoptr(virJSONValue) reply = NULL;
    size_t i;

    if (vm->def->niothreadids == 0)
        return 0;
    if (qbjDomainQmpCall(vm, "query-iothreads", NULL, &reply) < 0)
        return -1;
    for (i = 0; i < virQbjJSONArraySize(reply); i++)
        qbjVmIOThreadNote(vm->def, virJSONValueArrayGet(reply, i));
    return 0;
}

int
qbjVmIOThreadAdd(virDomainObj *vm, unsigned int id)
{
    g_autofree char *name = g_strdup_printf("iothread%u", id);
    g_autoptr(virJSONValue) arguments = NULL;
    size_t before = vm->def->niothreadids;
    virDomainIOThreadIDDef *added;

    if (virJSONValueObjectAdd(&arguments, "s:qom-type", "iothread", "s:id", name, NULL) < 0 ||
        qbjDomainQmpCall(vm, "object-add", arguments, NULL) < 0)
        return -1;
    virDomainIOThreadIDAdd(vm->def, id);
    virDomainAuditIOThread(vm, before, vm->def->niothreadids, "update", true);
    if (qbjVmIOThreadRead(vm) < 0 || !(added = virDomainIOThreadIDFind(vm->def, id)))
        return -1;
    return qbjVmAffinitySetIOThread(vm, added);
}

int
qbjVmIOThreadDelete(virDomainObj *vm, unsigned int id)
{
    g_autofree char *name = g_strdup_printf("iothread%u", id);
    g_autoptr(virJSONValue) arguments = NULL;
    size_t before = vm->def->niothreadids;

    if (virJSONValueObjectAdd(&arguments, "s:id", name, NULL) < 0 ||
        qbjDomainQmpCall(vm, "object-del", arguments, NULL) < 0)
        return -1;
    virDomainIOThreadIDDel(vm->def, id);
    qbjVmCgroupThreadGone(vm, VIR_CGROUP_THREAD_IOTHREAD, id);
    virDomainAuditIOThread(vm, before, vm->def->niothreadids, "update", true);
    return 0;
}

int
qbjVmIOThreadSet(virDomainObj *vm, unsigned int id, const char *name, unsigned long long value)
{
    g_autofree char *path = g_strdup_printf("/objects/iothread%u", id);
    g_autoptr(virJSONValue) arguments = NULL;

    if (virJSONValueObjectAdd(&arguments, "s:path", path, "s:property", name, "U:value", value, NULL) < 0)
        return -1;
    return qbjDomainQmpCall(vm, "qom-set", arguments, NULL);
}
