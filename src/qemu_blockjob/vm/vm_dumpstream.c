#include <config.h>

#include "internal.h"
#include "vm_dumpstream.h"
#include "domain_operation.h"
#include "domain_qmp.h"
#include "domain_queue.h"
#include "virenum.h"
#include "virerror.h"
#include "virqbjjson.h"
#include "virtime.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

#define QBJ_VM_DUMP_FD "qbj-dump"
/* How often QEMU is asked how far it is; that it has ended is told by an event. */
#define QBJ_VM_DUMP_POLL_MS 100
#define QBJ_VM_DUMP_REASON_MS 2000

VIR_ENUM_DECL(qbjVmDumpFormat);
VIR_ENUM_IMPL(qbjVmDumpFormat, VIR_DOMAIN_CORE_DUMP_FORMAT_LAST,
              "elf", "kdump-zlib", "kdump-lzo", "kdump-snappy", "win-dmp");

int
qbjVmDumpStreamCheck(virDomainObj *vm, unsigned int format)
{
    const char *word = qbjVmDumpFormatTypeToString(format);
    g_autoptr(virJSONValue) reply = NULL;

    if (qbjDomainQmpCall(vm, "query-dump-guest-memory-capability", NULL, &reply) < 0)
        return -1;
    if (virQbjJSONArrayHas(virJSONValueObjectGetArray(reply, "formats"), word))
        return 0;
    virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("dump format '%s' is not supported by this QEMU"), word);
    return -1;
}

int
qbjVmDumpStreamBegin(virDomainObj *vm, qbjHostImage *file, unsigned int format)
{
    g_autoptr(virJSONValue) arguments = NULL;

    if (virJSONValueObjectAdd(&arguments, "b:paging", false, "s:protocol", "fd:" QBJ_VM_DUMP_FD, "b:detach", true,
                              "s:format", qbjVmDumpFormatTypeToString(format), NULL) < 0 ||
        qbjDomainQmpPassFd(vm, QBJ_VM_DUMP_FD, qbjHostImageStream(file)) < 0)
        return -1;
    qbjHostImageCloseStream(file);
    if (qbjDomainQmpCall(vm, "dump-guest-memory", arguments, NULL) == 0)
        return 0;
    qbjDomainQmpTakeFdBack(vm, QBJ_VM_DUMP_FD);
    return -1;
}

int
qbjVmDumpStreamDrop(virDomainObj *vm)
{
    return qbjDomainQmpDropFd(vm, QBJ_VM_DUMP_FD);
}

/* QEMU says why by its event, which follows at once. */
static void
qbjVmDumpStreamAwaitReason(virDomainObj *vm)
{
    const qbjDomainOperation *operation = QBJ_DOMAIN_PRIVATE(vm)->operation;
    unsigned long long until = 0;
    int rc = 0;

    ignore_value(virTimeMillisNow(&until));
    until += QBJ_VM_DUMP_REASON_MS;
    qbjDomainQueueDrain(vm);
    while (rc == 0 && !operation->failure[0] && virDomainObjIsActive(vm))
        rc = qbjDomainQueueWait(vm, until);
}

/* Returns 1 while it runs, 0 when all is written, -1 with an error reported. */
static int
qbjVmDumpStreamLook(virDomainObj *vm)
{
    qbjDomainOperation *operation = QBJ_DOMAIN_PRIVATE(vm)->operation;
    g_autoptr(virJSONValue) reply = NULL;
    const char *status;

    if (qbjDomainQmpCall(vm, "query-dump", NULL, &reply) < 0)
        return -1;
    ignore_value(virJSONValueObjectGetNumberUlong(reply, "total", &operation->total));
    ignore_value(virJSONValueObjectGetNumberUlong(reply, "completed", &operation->processed));
    operation->remaining = operation->total - MIN(operation->total, operation->processed);
    status = virJSONValueObjectGetString(reply, "status");
    if (STREQ_NULLABLE(status, "completed"))
        return 0;
    if (STREQ_NULLABLE(status, "active"))
        return 1;
    qbjVmDumpStreamAwaitReason(vm);
    virReportError(VIR_ERR_OPERATION_FAILED, _("QEMU could not write the memory of the guest: %s"),
                   operation->failure[0] ? operation->failure : _("it does not say why"));
    return -1;
}

void
qbjVmDumpStreamCompleted(virDomainObj *vm, virJSONValue *data)
{
    qbjDomainOperation *operation = QBJ_DOMAIN_PRIVATE(vm)->operation;
    const char *error = data ? virJSONValueObjectGetString(data, "error") : NULL;

    if (operation && error)
        g_strlcpy(operation->failure, error, sizeof(operation->failure));
}

int
qbjVmDumpStreamWait(virDomainObj *vm)
{
    unsigned long long now = 0;
    int rc;

    while ((rc = qbjVmDumpStreamLook(vm)) > 0) {
        ignore_value(virTimeMillisNow(&now));
        qbjDomainQueueWait(vm, now + QBJ_VM_DUMP_POLL_MS);
        if (virDomainObjCheckActive(vm) < 0)
            return -1;
    }
    return rc;
}
