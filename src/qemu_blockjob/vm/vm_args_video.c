/* Display adapters. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_args_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static int
qbjVmArgsRefuseVideo(const virDomainVideoDef *video)
{
    virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Video type '%s' with these settings is not supported."),
                   virDomainVideoTypeToString(video->type));
    return -1;
}

static int
qbjVmArgsAddVideoQXL(virJSONValue **props, const virDomainVideoDef *video)
{
    return virJSONValueObjectAdd(props,
                                 "s:driver", video->primary ? "qxl-vga" : "qxl",
                                 "s:id", video->info.alias,
                                 "p:max_outputs", video->heads,
                                 "u:ram_size", video->ram * 1024,
                                 "u:vram_size", video->vram * 1024,
                                 "u:vram64_size_mb", video->vram64 / 1024,
                                 "u:vgamem_mb", video->vgamem / 1024,
                                 NULL);
}

/* Virtio has VGA compatibility in the primary adapter only. */
static int
qbjVmArgsAddVideoVirtio(virJSONValue **props, const virDomainVideoDef *video)
{
    if (virJSONValueObjectAdd(props, "s:driver", video->primary ? "virtio-vga" : "virtio-gpu-pci", NULL) < 0 ||
        qbjVmArgsAddVirtioOptions(props, video->virtio) < 0)
        return -1;

    return virJSONValueObjectAdd(props, "s:id", video->info.alias, "p:max_outputs", video->heads, NULL);
}

static int
qbjVmArgsAddVideoPlain(virJSONValue **props, const virDomainVideoDef *video, const char *driver, const char *memory,
                       unsigned int size)
{
    if (virJSONValueObjectAdd(props, "s:driver", driver, "s:id", video->info.alias, NULL) < 0)
        return -1;

    return memory && size > 0 ? virJSONValueObjectAdd(props, memory, size, NULL) : 0;
}

/* Driver and the memory or head count that it takes. */
static int
qbjVmArgsAddVideoModel(virJSONValue **props, const virDomainVideoDef *video)
{
    switch (video->type) {
    case VIR_DOMAIN_VIDEO_TYPE_VGA:
        return qbjVmArgsAddVideoPlain(props, video, "VGA", "u:vgamem_mb", video->vram / 1024);
    case VIR_DOMAIN_VIDEO_TYPE_VMVGA:
        return qbjVmArgsAddVideoPlain(props, video, "vmware-svga", "u:vgamem_mb", video->vram / 1024);
    case VIR_DOMAIN_VIDEO_TYPE_CIRRUS:
        return qbjVmArgsAddVideoPlain(props, video, "cirrus-vga", NULL, 0);
    case VIR_DOMAIN_VIDEO_TYPE_BOCHS:
        return qbjVmArgsAddVideoPlain(props, video, "bochs-display", "u:vgamem", video->vram * 1024);
    case VIR_DOMAIN_VIDEO_TYPE_RAMFB:
        return qbjVmArgsAddVideoPlain(props, video, "ramfb", NULL, 0);
    case VIR_DOMAIN_VIDEO_TYPE_QXL:
        return qbjVmArgsAddVideoQXL(props, video);
    case VIR_DOMAIN_VIDEO_TYPE_VIRTIO:
        return qbjVmArgsAddVideoVirtio(props, video);
    default:
        return qbjVmArgsRefuseVideo(video);
    }
}

static bool
qbjVmArgsVideoHasResolution(const virDomainVideoDef *video)
{
    return video->type == VIR_DOMAIN_VIDEO_TYPE_VGA || video->type == VIR_DOMAIN_VIDEO_TYPE_QXL ||
           video->type == VIR_DOMAIN_VIDEO_TYPE_VIRTIO || video->type == VIR_DOMAIN_VIDEO_TYPE_BOCHS;
}

static int
qbjVmArgsAddVideoAdapter(virCommand *cmd, const virDomainDef *def, const virDomainVideoDef *video)
{
    g_autoptr(virJSONValue) props = NULL;

    if (video->accel || (video->driver && (video->driver->vgaconf || video->driver->vhost_user_binary)) ||
        video->backend != VIR_DOMAIN_VIDEO_BACKEND_TYPE_DEFAULT)
        return qbjVmArgsRefuseVideo(video);
    if (video->res && !qbjVmArgsVideoHasResolution(video))
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
