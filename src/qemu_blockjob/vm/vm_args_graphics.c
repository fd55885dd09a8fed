/* What the user sees and hears: VNC or nothing, video adapters, the audio back-end. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virqemu.h"
#include "vm_args_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

#define QBJ_VM_ARGS_VNC_FIRST_PORT 5900

int
qbjVmArgsAddNoDisplay(virCommand *cmd, const qbjVmArgsInput *input)
{
    /* without it QEMU would open a window */
    if (input->def->ngraphics == 0)
        virCommandAddArgList(cmd, "-display", "none", NULL);
    return 0;
}

int
qbjVmArgsAddAudio(virCommand *cmd, const qbjVmArgsInput *input)
{
    size_t i;

    for (i = 0; i < input->def->naudios; i++) {
        const virDomainAudioDef *audio = input->def->audios[i];
        g_autoptr(virJSONValue) props = NULL;
        g_autofree char *id = g_strdup_printf("audio%u", audio->id);

        if (audio->type != VIR_DOMAIN_AUDIO_TYPE_NONE || audio->timerPeriod != 0) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Audio type '%s' with these settings is not supported."),
                           virDomainAudioTypeTypeToString(audio->type));
            return -1;
        }

        if (virJSONValueObjectAdd(&props, "s:id", id, "s:driver", "none", NULL) < 0 ||
            qbjVmArgsAddJSON(cmd, "-audiodev", props) < 0)
            return -1;
    }

    return 0;
}

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

static unsigned int
qbjVmArgsVNCAudio(const virDomainDef *def, const virDomainGraphicsDef *graphics)
{
    if (graphics->data.vnc.audioId != 0)
        return graphics->data.vnc.audioId;

    return def->naudios > 0 ? def->audios[0]->id : 0;
}

static int
qbjVmArgsCheckVNC(const virDomainGraphicsDef *graphics)
{
    if (graphics->nListens > 1 ||
        (graphics->nListens == 1 && graphics->listens[0].type != VIR_DOMAIN_GRAPHICS_LISTEN_TYPE_ADDRESS)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s", _("VNC needs one listen element, of type address."));
        return -1;
    }

    if (graphics->data.vnc.websocket != 0) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s", _("VNC websocket is not supported."));
        return -1;
    }

    return 0;
}

static int
qbjVmArgsAddVNC(virCommand *cmd, const qbjVmArgsInput *input, const virDomainGraphicsDef *graphics)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    unsigned int audio = qbjVmArgsVNCAudio(input->def, graphics);

    if (qbjVmArgsCheckVNC(graphics) < 0)
        return -1;

    qbjVmArgsAppendVNCAddress(&buf, graphics->nListens > 0 ? graphics->listens[0].address : NULL);
    if (qbjVmArgsAppendVNCPort(&buf, input, graphics) < 0)
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
    if (audio != 0)
        virBufferAsprintf(&buf, ",audiodev=audio%u", audio);

    virCommandAddArgList(cmd, "-vnc", virBufferCurrentContent(&buf), NULL);
    if (graphics->data.vnc.keymap)
        virCommandAddArgList(cmd, "-k", graphics->data.vnc.keymap, NULL);
    return 0;
}

int
qbjVmArgsAddGraphics(virCommand *cmd, const qbjVmArgsInput *input)
{
    size_t i;

    for (i = 0; i < input->def->ngraphics; i++) {
        const virDomainGraphicsDef *graphics = input->def->graphics[i];

        if (graphics->type != VIR_DOMAIN_GRAPHICS_TYPE_VNC) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Graphics type '%s' is not supported."),
                           virDomainGraphicsTypeToString(graphics->type));
            return -1;
        }

        if (qbjVmArgsAddVNC(cmd, input, graphics) < 0)
            return -1;
    }

    return 0;
}

static int
qbjVmArgsRefuseVideo(const virDomainVideoDef *video)
{
    virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Video type '%s' with these settings is not supported."),
                   virDomainVideoTypeToString(video->type));
    return -1;
}

/* Driver and the memory or head count that it takes; virtio has VGA compatibility in the primary adapter
 * only. */
static int
qbjVmArgsAddVideoModel(virJSONValue **props, const virDomainVideoDef *video)
{
    switch (video->type) {
    case VIR_DOMAIN_VIDEO_TYPE_VGA:
        return virJSONValueObjectAdd(props,
                                     "s:driver", "VGA",
                                     "s:id", video->info.alias,
                                     "p:vgamem_mb", video->vram / 1024,
                                     NULL);
    case VIR_DOMAIN_VIDEO_TYPE_CIRRUS:
        return virJSONValueObjectAdd(props, "s:driver", "cirrus-vga", "s:id", video->info.alias, NULL);
    case VIR_DOMAIN_VIDEO_TYPE_VIRTIO:
        return virJSONValueObjectAdd(props,
                                     "s:driver", video->primary ? "virtio-vga" : "virtio-gpu-pci",
                                     "s:id", video->info.alias,
                                     "p:max_outputs", video->heads,
                                     NULL);
    default:
        return qbjVmArgsRefuseVideo(video);
    }
}

static int
qbjVmArgsAddVideoAdapter(virCommand *cmd, const virDomainDef *def, const virDomainVideoDef *video)
{
    g_autoptr(virJSONValue) props = NULL;

    if (video->accel || video->driver || qbjVmArgsHasVirtioOptions(video->virtio) ||
        video->backend != VIR_DOMAIN_VIDEO_BACKEND_TYPE_DEFAULT)
        return qbjVmArgsRefuseVideo(video);
    if (video->res && video->type == VIR_DOMAIN_VIDEO_TYPE_CIRRUS)
        return qbjVmArgsRefuseVideo(video);

    if (qbjVmArgsAddVideoModel(&props, video) < 0)
        return -1;
    if (video->res &&
        virJSONValueObjectAdd(&props, "p:xres", video->res->x, "p:yres", video->res->y, NULL) < 0)
        return -1;
    if (qbjVmArgsAddAddress(&props, def, &video->info) < 0)
        return -1;

    return qbjVmArgsAddJSON(cmd, "-device", props);
}

int
qbjVmArgsAddVideo(virCommand *cmd, const qbjVmArgsInput *input)
{
    size_t i;

    for (i = 0; i < input->def->nvideos; i++) {
        if (input->def->videos[i]->type != VIR_DOMAIN_VIDEO_TYPE_NONE &&
            qbjVmArgsAddVideoAdapter(cmd, input->def, input->def->videos[i]) < 0)
            return -1;
    }

    return 0;
}
