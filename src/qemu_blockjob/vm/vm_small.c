#include <config.h>

#include <fcntl.h>

#include "internal.h"
#include "vm_small.h"
#include "virerror.h"
#include "virfile.h"
#include "virvsock.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

#define QBJ_VM_VSOCK_DEVICE "/dev/vhost-vsock"

int
qbjVmVsockOpen(virDomainDef *def, int *fd)
{
    virDomainVsockDef *vsock = def->vsock;
    VIR_AUTOCLOSE opened = -1;

    *fd = -1;
    if (!vsock)
        return 0;

    if ((opened = open(QBJ_VM_VSOCK_DEVICE, O_RDWR | O_CLOEXEC)) < 0) {
        virReportSystemError(errno, _("unable to open '%s' for the vsock device"), QBJ_VM_VSOCK_DEVICE);
        return -1;
    }

    if (vsock->auto_cid == VIR_TRISTATE_BOOL_YES) {
        if (virVsockAcquireGuestCid(opened, &vsock->guest_cid) < 0)
            return -1;
    } else if (virVsockSetGuestCid(opened, vsock->guest_cid) < 0) {
        return -1;
    }

    *fd = opened;
    opened = -1;
    return 0;
}
