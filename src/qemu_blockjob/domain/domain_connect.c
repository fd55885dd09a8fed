#include <config.h>

#include <unistd.h>

#include "internal.h"
#include "domain_connect.h"
#include "qmp_socket.h"
#include "virerror.h"
#include "virfile.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* While the VM starts, QEMU may not have come to listen to the socket that we gave it: then it is ours. */
static int
qbjDomainCheckPeer(virDomainObj *vm, const char *path, int fd)
{
    pid_t peer = qbjQmpSocketPeer(fd);

    if (peer < 0)
        return -1;
    if (peer == vm->pid || (QBJ_DOMAIN_PRIVATE(vm)->starting && peer == getpid()))
        return 0;
    virReportError(VIR_ERR_OPERATION_FAILED,
                   _("process %lld listens on '%s', but QEMU of domain '%s' is process %lld"),
                   (long long) peer, path, vm->def->name, (long long) vm->pid);
    return -1;
}

int
qbjDomainConnect(virDomainObj *vm, const char *path)
{
    VIR_AUTOCLOSE fd = qbjQmpConnectUnix(path);
    int connected;

    if (fd < 0 || qbjDomainCheckPeer(vm, path, fd) < 0)
        return -1;
    connected = fd;
    fd = -1;
    return connected;
}
