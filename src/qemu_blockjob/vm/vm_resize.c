#include <config.h>

#include "internal.h"
#include "vm_resize.h"
#include "vm_block.h"
#include "domain_qmp.h"
#include "spec_parts.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

#define QBJ_VM_RESIZE_SECTOR 512

/* By query-block, for query-named-block-nodes must not be asked while a stream may have ended (protocol
 * H3). */
static int
qbjVmResizePresent(virDomainObj *vm, const virDomainDiskDef *disk, unsigned long long *bytes)
{
    g_autoptr(qbjVmAsk) ask = qbjVmAskNow(vm, QBJ_VM_ASK(BLOCK));
    virJSONValue *entry = ask ? qbjVmBlockEntry(qbjVmAskGet(ask, QBJ_VM_ASK_BLOCK), disk) : NULL;
    virJSONValue *inserted = entry ? virJSONValueObjectGetObject(entry, "inserted") : NULL;
    virJSONValue *image = inserted ? virJSONValueObjectGetObject(inserted, "image") : NULL;

    if (!ask)
        return -1;
    if (image && virJSONValueObjectGetNumberUlong(image, "virtual-size", bytes) == 0)
        return 0;
    virReportError(VIR_ERR_OPERATION_FAILED, _("QEMU does not tell the size of disk '%s'"), disk->dst);
    return -1;
}

static int
qbjVmResizeRefused(const qbjQmpCommand *command, const virDomainDiskDef *disk, unsigned long long bytes)
{
    if (command->errorClass)
        virReportError(VIR_ERR_OPERATION_FAILED, _("QEMU does not make disk '%s' %llu bytes large: %s"), disk->dst,
                       bytes, NULLSTR(command->errorText));
    else
        qbjQmpReportError(command);
    return -1;
}

int
qbjVmResize(virDomainObj *vm, const virDomainDiskDef *disk, unsigned long long bytes)
{
    unsigned long long wanted = VIR_ROUND_UP(bytes, QBJ_VM_RESIZE_SECTOR);
    g_autofree char *node = qbjSpecDevice(disk);
    g_auto(qbjQmpCommand) command = { .execute = "block_resize" };
    g_autoptr(virJSONValue) arguments = NULL;
    unsigned long long present;

    if (qbjVmResizePresent(vm, disk, &present) < 0)
        return -1;
    if (wanted < present) {
        virReportError(VIR_ERR_INVALID_ARG,
                       _("disk '%s' is %llu bytes large; it cannot be made smaller while the guest runs"),
                       disk->dst, present);
        return -1;
    }
    if (wanted == present)
        return 0;
    if (virJSONValueObjectAdd(&arguments, "s:node-name", node, "U:size", wanted, NULL) < 0)
        return -1;
    command.arguments = arguments;
    if (qbjDomainQmpTry(vm, &command) < 0)
        return -1;
    return command.failed ? qbjVmResizeRefused(&command, disk, wanted) : 0;
}
