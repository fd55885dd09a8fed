/* -spice. Encryption is refused: the TLS settings of qemu.conf are not acted on. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virqemu.h"
#include "vm_args_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* what the stock driver prints when no port has been chosen */
#define QBJ_VM_ARGS_SPICE_EXAMPLE_PORT 5901

static int
qbjVmArgsCheckSpice(const virDomainGraphicsDef *graphics)
{
    size_t i;
    bool secure = graphics->data.spice.defaultMode == VIR_DOMAIN_GRAPHICS_SPICE_CHANNEL_MODE_SECURE;

    for (i = 0; i < VIR_DOMAIN_GRAPHICS_SPICE_CHANNEL_LAST; i++)
        secure |= graphics->data.spice.channels[i] == VIR_DOMAIN_GRAPHICS_SPICE_CHANNEL_MODE_SECURE;

    /* -1: "if there is TLS" */
    if (secure || graphics->data.spice.tlsPort > 0) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s", _("SPICE with TLS is not supported by this driver."));
        return -1;
    }

    if (graphics->data.spice.gl == VIR_TRISTATE_BOOL_YES || graphics->data.spice.rendernode) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s", _("SPICE with OpenGL is not supported by this driver."));
        return -1;
    }

    return 0;
}

static int
qbjVmArgsAppendSpiceListen(virBuffer *buf, const qbjVmArgsInput *input, const virDomainGraphicsDef *graphics)
{
    const virDomainGraphicsListenDef *listen = qbjVmArgsListen(graphics);
    int port = graphics->data.spice.port;
    g_autofree char *socket = NULL;

    if (!listen)
        return -1;

    switch (listen->type) {
    case VIR_DOMAIN_GRAPHICS_LISTEN_TYPE_SOCKET:
        socket = qbjVmArgsListenSocket(input, graphics);
        virBufferAddLit(buf, "unix");
        qbjVmArgsAppendValue(buf, "addr", socket);
        return 0;
    case VIR_DOMAIN_GRAPHICS_LISTEN_TYPE_NONE:
        virBufferAddLit(buf, "port=0");
        return 0;
    default:
        if (port <= 0 && input->monitorFd < 0)
            port = QBJ_VM_ARGS_SPICE_EXAMPLE_PORT;
        if (port <= 0) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s", _("SPICE graphics need a port, or autoport='yes'."));
            return -1;
        }
        virBufferAsprintf(buf, "port=%d", port);
        qbjVmArgsAppendValue(buf, "addr", listen->address ? listen->address : "127.0.0.1");
        return 0;
    }
}

static void
qbjVmArgsAppendSpiceChannels(virBuffer *buf, const virDomainGraphicsDef *graphics)
{
    size_t i;

    if (graphics->data.spice.defaultMode == VIR_DOMAIN_GRAPHICS_SPICE_CHANNEL_MODE_INSECURE)
        virBufferAddLit(buf, ",plaintext-channel=default");

    for (i = 0; i < VIR_DOMAIN_GRAPHICS_SPICE_CHANNEL_LAST; i++) {
        if (graphics->data.spice.channels[i] == VIR_DOMAIN_GRAPHICS_SPICE_CHANNEL_MODE_INSECURE)
            virBufferAsprintf(buf, ",plaintext-channel=%s", virDomainGraphicsSpiceChannelNameTypeToString(i));
    }
}

static void
qbjVmArgsAppendSpiceCompression(virBuffer *buf, const virDomainGraphicsDef *graphics)
{
    if (graphics->data.spice.image) {
        virBufferAsprintf(buf, ",image-compression=%s",
                          virDomainGraphicsSpiceImageCompressionTypeToString(graphics->data.spice.image));
    }
    if (graphics->data.spice.jpeg) {
        virBufferAsprintf(buf, ",jpeg-wan-compression=%s",
                          virDomainGraphicsSpiceJpegCompressionTypeToString(graphics->data.spice.jpeg));
    }
    if (graphics->data.spice.zlib) {
        virBufferAsprintf(buf, ",zlib-glz-wan-compression=%s",
                          virDomainGraphicsSpiceZlibCompressionTypeToString(graphics->data.spice.zlib));
    }
    if (graphics->data.spice.playback != VIR_TRISTATE_SWITCH_ABSENT) {
        virBufferAsprintf(buf, ",playback-compression=%s",
                          virTristateSwitchTypeToString(graphics->data.spice.playback));
    }
    if (graphics->data.spice.streaming) {
        virBufferAsprintf(buf, ",streaming-video=%s",
                          virDomainGraphicsSpiceStreamingModeTypeToString(graphics->data.spice.streaming));
    }
}

int
qbjVmArgsAddSpice(virCommand *cmd, const qbjVmArgsInput *input, const virDomainGraphicsDef *graphics)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;

    if (qbjVmArgsCheckSpice(graphics) < 0 ||
        qbjVmArgsAppendSpiceListen(&buf, input, graphics) < 0)
        return -1;

    if (graphics->data.spice.mousemode != VIR_DOMAIN_MOUSE_MODE_DEFAULT) {
        virBufferAsprintf(&buf, ",agent-mouse=%s",
                          graphics->data.spice.mousemode == VIR_DOMAIN_MOUSE_MODE_CLIENT ? "on" : "off");
    }
    /* the password itself is set through the monitor, after the start */
    if (!graphics->data.spice.auth.passwd)
        virBufferAddLit(&buf, ",disable-ticketing=on");

    qbjVmArgsAppendSpiceChannels(&buf, graphics);
    qbjVmArgsAppendSpiceCompression(&buf, graphics);
    if (graphics->data.spice.copypaste == VIR_TRISTATE_BOOL_NO)
        virBufferAddLit(&buf, ",disable-copy-paste=on");
    if (graphics->data.spice.filetransfer == VIR_TRISTATE_BOOL_NO)
        virBufferAddLit(&buf, ",disable-agent-file-xfer=on");
    virBufferAddLit(&buf, ",seamless-migration=on");

    virCommandAddArgList(cmd, "-spice", virBufferCurrentContent(&buf), NULL);
    if (graphics->data.spice.keymap)
        virCommandAddArgList(cmd, "-k", graphics->data.spice.keymap, NULL);
    return 0;
}
