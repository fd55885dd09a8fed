#include <config.h>

#include "internal.h"
#include "vm_graphics.h"
#include "domain_qmp.h"
#include "virerror.h"
#include "virportallocator.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static virDomainGraphicsDef *
qbjVmGraphicsVnc(virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->ngraphics; i++) {
        if (def->graphics[i]->type == VIR_DOMAIN_GRAPHICS_TYPE_VNC)
            return def->graphics[i];
    }
    return NULL;
}

int
qbjVmGraphicsPrepare(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    virDomainGraphicsDef *vnc = qbjVmGraphicsVnc(vm->def);
    virDomainGraphicsListenDef *listen;

    if (!vnc)
        return 0;
    if (vnc->nListens == 0)
        virDomainGraphicsListenAppendAddress(vnc, priv->driver->conf->vncListen);
    listen = &vnc->listens[0];
    if (listen->type == VIR_DOMAIN_GRAPHICS_LISTEN_TYPE_ADDRESS && !listen->address)
        listen->address = g_strdup(priv->driver->conf->vncListen);
    if (listen->type != VIR_DOMAIN_GRAPHICS_LISTEN_TYPE_ADDRESS)
        return 0;

    if (vnc->data.vnc.autoport) {
        unsigned short port;

        if (virPortAllocatorAcquire(priv->driver->vncPorts, &port) < 0)
            return -1;
        priv->vncPort = port;
        vnc->data.vnc.port = port;
        vnc->data.vnc.portReserved = true;
    }
    return 0;
}

int
qbjVmGraphicsSetup(virDomainObj *vm)
{
    virDomainGraphicsDef *vnc = qbjVmGraphicsVnc(vm->def);
    const char *password = QBJ_DOMAIN_PRIVATE(vm)->driver->conf->vncPassword;
    g_autoptr(virJSONValue) arguments = NULL;

    if (!vnc)
        return 0;
    if (vnc->data.vnc.auth.passwd)
        password = vnc->data.vnc.auth.passwd;
    if (!password)
        return 0;
    if (virJSONValueObjectAdd(&arguments, "s:protocol", "vnc", "s:password", password, NULL) < 0)
        return -1;
    return qbjDomainQmpCall(vm, "set_password", arguments, NULL);
}
