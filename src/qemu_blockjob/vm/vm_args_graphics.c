/* What the user sees: one server of each kind, or nothing. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_args_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

int
qbjVmArgsAddNoDisplay(virCommand *cmd, const qbjVmArgsInput *input)
{
    /* without it QEMU would open a window */
    if (input->def->ngraphics == 0)
        virCommandAddArgList(cmd, "-display", "none", NULL);
    return 0;
}

const virDomainGraphicsListenDef *
qbjVmArgsListen(const virDomainGraphicsDef *graphics)
{
    const char *type = virDomainGraphicsTypeToString(graphics->type);

    if (graphics->nListens != 1) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Graphics of type '%s' need one listen element."), type);
        return NULL;
    }

    if (graphics->listens[0].type == VIR_DOMAIN_GRAPHICS_LISTEN_TYPE_NETWORK) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Graphics of type '%s' cannot listen on a network."), type);
        return NULL;
    }

    return &graphics->listens[0];
}

char *
qbjVmArgsListenSocket(const qbjVmArgsInput *input, const virDomainGraphicsDef *graphics)
{
    if (graphics->listens[0].socket)
        return g_strdup(graphics->listens[0].socket);

    return g_strdup_printf("%s/%s.sock", input->libDir, virDomainGraphicsTypeToString(graphics->type));
}

/* QEMU has one server of each kind. */
static int
qbjVmArgsCheckGraphics(const virDomainDef *def)
{
    size_t i;
    size_t j;

    for (i = 0; i < def->ngraphics; i++) {
        for (j = 0; j < i; j++) {
            if (def->graphics[i]->type == def->graphics[j]->type) {
                virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("More than one graphics device of type '%s'."),
                               virDomainGraphicsTypeToString(def->graphics[i]->type));
                return -1;
            }
        }
    }

    return 0;
}

static int
qbjVmArgsAddGraphicsOf(virCommand *cmd, const qbjVmArgsInput *input, const virDomainGraphicsDef *graphics)
{
    switch (graphics->type) {
    case VIR_DOMAIN_GRAPHICS_TYPE_VNC:
        return qbjVmArgsAddVNC(cmd, input, graphics);
    case VIR_DOMAIN_GRAPHICS_TYPE_SPICE:
        return qbjVmArgsAddSpice(cmd, input, graphics);
    default:
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Graphics type '%s' is not supported."),
                       virDomainGraphicsTypeToString(graphics->type));
        return -1;
    }
}

int
qbjVmArgsAddGraphics(virCommand *cmd, const qbjVmArgsInput *input)
{
    size_t i;

    if (qbjVmArgsCheckGraphics(input->def) < 0)
        return -1;

    for (i = 0; i < input->def->ngraphics; i++) {
        if (qbjVmArgsAddGraphicsOf(cmd, input, input->def->graphics[i]) < 0)
            return -1;
    }

    return 0;
}
