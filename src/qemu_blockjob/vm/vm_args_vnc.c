/* -vnc. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virqemu.h"
#include "vm_args_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

#define QBJ_VM_ARGS_VNC_FIRST_PORT 5900

/* An address with colons is an IPv6 address, which QEMU wants in brackets. */
static void
qbjVmArgsAppendVNCAddress(virBuffer *buf, const char *address)
{
    bool bracket = address && strchr(address, ':');

    if (bracket)
        virBufferAddChar(buf, '[');
    virQEMUBuildBufferEscapeComma(buf, address ? address : "127.0.0.1");
    if (bracket)
        virBufferAddChar(buf, ']');
}

static int
qbjVmArgsAppendVNCPort(virBuffer *buf, const qbjVmArgsInput *input, const virDomainGraphicsDef *graphics)
{
    int port = graphics->data.vnc.port;

    /* the text form is made without a start, so no port has been chosen yet */
    if (port <= 0 && input->monitorFd < 0)
        port = QBJ_VM_ARGS_VNC_FIRST_PORT;

    if (port < QBJ_VM_ARGS_VNC_FIRST_PORT) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("VNC port %d is not supported; ports start at %d."),
                       port, QBJ_VM_ARGS_VNC_FIRST_PORT);
        return -1;
    }

    virBufferAsprintf(buf, ":%d", port - QBJ_VM_ARGS_VNC_FIRST_PORT);
    return 0;
}

static int
qbjVmArgsAppendWebsocket(virBuffer *buf, const qbjVmArgsInput *input, const virDomainGraphicsDef *graphics)
{
    int port = graphics->data.vnc.websocket;

    if (port == 0)
        return 0;
    /* the text form keeps the wish for any port */
    if (port < 0 && input->monitorFd >= 0) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s", _("No port was chosen for the VNC websocket."));
        return -1;
    }

    virBufferAsprintf(buf, ",websocket=%d", port);
    return 0;
}

static int
qbjVmArgsAppendVNCListen(virBuffer *buf, const qbjVmArgsInput *input, const virDomainGraphicsDef *graphics)
{
    const virDomainGraphicsListenDef *listen = qbjVmArgsListen(graphics);
    g_autofree char *socket = NULL;

    if (!listen)
        return -1;

    switch (listen->type) {
    case VIR_DOMAIN_GRAPHICS_LISTEN_TYPE_SOCKET:
        socket = qbjVmArgsListenSocket(input, graphics);
        virBufferAddLit(buf, "vnc=unix:");
        virQEMUBuildBufferEscapeComma(buf, socket);
        return 0;
    case VIR_DOMAIN_GRAPHICS_LISTEN_TYPE_NONE:
        virBufferAddLit(buf, "none");
        return 0;
    default:
        qbjVmArgsAppendVNCAddress(buf, listen->address);
        if (qbjVmArgsAppendVNCPort(buf, input, graphics) < 0)
            return -1;
        return qbjVmArgsAppendWebsocket(buf, input, graphics);
    }
}

int
qbjVmArgsAddVNC(virCommand *cmd, const qbjVmArgsInput *input, const virDomainGraphicsDef *graphics)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    g_autofree char *audio = qbjVmArgsAudioId(input->def, graphics->data.vnc.audioId);

    if (qbjVmArgsAppendVNCListen(&buf, input, graphics) < 0)
        return -1;

    if (graphics->data.vnc.sharePolicy != VIR_DOMAIN_GRAPHICS_VNC_SHARE_DEFAULT) {
        qbjVmArgsAppendValue(&buf, "share",
                             virDomainGraphicsVNCSharePolicyTypeToString(graphics->data.vnc.sharePolicy));
    }
    /* the password itself is set through the monitor, after the start */
    if (graphics->data.vnc.auth.passwd || input->vncPassword)
        virBufferAddLit(&buf, ",password=on");
    if (graphics->data.vnc.powerControl != VIR_TRISTATE_BOOL_ABSENT) {
        qbjVmArgsAppendValue(&buf, "power-control",
                             graphics->data.vnc.powerControl == VIR_TRISTATE_BOOL_YES ? "on" : "off");
    }
    if (audio)
        qbjVmArgsAppendValue(&buf, "audiodev", audio);

    virCommandAddArgList(cmd, "-vnc", virBufferCurrentContent(&buf), NULL);
    if (graphics->data.vnc.keymap)
        virCommandAddArgList(cmd, "-k", graphics->data.vnc.keymap, NULL);
    return 0;
}
