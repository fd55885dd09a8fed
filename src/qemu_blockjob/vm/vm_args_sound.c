/* Sound cards. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_args_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

typedef struct _qbjVmArgsSoundModel qbjVmArgsSoundModel;
struct _qbjVmArgsSoundModel {
    int model;
    const char *driver;
    bool codecs;                /* sound comes out of devices on a bus of its own */
};

static const qbjVmArgsSoundModel qbjVmArgsSoundModels[] = {
    { VIR_DOMAIN_SOUND_MODEL_ICH6, "intel-hda", true },
    { VIR_DOMAIN_SOUND_MODEL_ICH9, "ich9-intel-hda", true },
    { VIR_DOMAIN_SOUND_MODEL_AC97, "AC97", false },
    { VIR_DOMAIN_SOUND_MODEL_ES1370, "ES1370", false },
    { VIR_DOMAIN_SOUND_MODEL_SB16, "sb16", false },
    { VIR_DOMAIN_SOUND_MODEL_USB, "usb-audio", false },
};

static const char *
qbjVmArgsCodecDriver(int type)
{
    switch (type) {
    case VIR_DOMAIN_SOUND_CODEC_TYPE_MICRO:
        return "hda-micro";
    case VIR_DOMAIN_SOUND_CODEC_TYPE_OUTPUT:
        return "hda-output";
    default:
        return "hda-duplex";
    }
}

static int
qbjVmArgsAddCodec(virCommand *cmd, const virDomainSoundDef *sound, int type, int cad, const char *audiodev)
{
    g_autoptr(virJSONValue) props = NULL;
    g_autofree char *id = g_strdup_printf("%s-codec%d", sound->info.alias, cad);
    g_autofree char *bus = g_strdup_printf("%s.0", sound->info.alias);

    if (virJSONValueObjectAdd(&props,
                              "s:driver", qbjVmArgsCodecDriver(type),
                              "s:id", id,
                              "s:bus", bus,
                              "i:cad", cad,
                              "S:audiodev", audiodev,
                              NULL) < 0)
        return -1;

    return qbjVmArgsAddJSON(cmd, "-device", props);
}

static int
qbjVmArgsAddCodecs(virCommand *cmd, const virDomainSoundDef *sound, const char *audiodev)
{
    size_t i;

    if (sound->ncodecs == 0)
        return qbjVmArgsAddCodec(cmd, sound, VIR_DOMAIN_SOUND_CODEC_TYPE_DUPLEX, 0, audiodev);

    for (i = 0; i < sound->ncodecs; i++) {
        if (qbjVmArgsAddCodec(cmd, sound, sound->codecs[i]->type, sound->codecs[i]->cad, audiodev) < 0)
            return -1;
    }

    return 0;
}

static const qbjVmArgsSoundModel *
qbjVmArgsFindSoundModel(const virDomainSoundDef *sound)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(qbjVmArgsSoundModels); i++) {
        if (qbjVmArgsSoundModels[i].model == (int) sound->model)
            return &qbjVmArgsSoundModels[i];
    }

    virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Sound model '%s' is not supported."),
                   virDomainSoundModelTypeToString(sound->model));
    return NULL;
}

static int
qbjVmArgsAddSound(virCommand *cmd, const virDomainDef *def, const virDomainSoundDef *sound)
{
    const qbjVmArgsSoundModel *model = qbjVmArgsFindSoundModel(sound);
    g_autofree char *audiodev = qbjVmArgsAudioId(def, sound->audioId);
    g_autoptr(virJSONValue) props = NULL;

    if (!model ||
        virJSONValueObjectAdd(&props,
                              "s:driver", model->driver,
                              "s:id", sound->info.alias,
                              "S:audiodev", model->codecs ? NULL : audiodev,
                              NULL) < 0 ||
        qbjVmArgsAddAddress(&props, def, &sound->info) < 0 ||
        qbjVmArgsAddJSON(cmd, "-device", props) < 0)
        return -1;

    return model->codecs ? qbjVmArgsAddCodecs(cmd, sound, audiodev) : 0;
}

int
qbjVmArgsAddSounds(virCommand *cmd, const qbjVmArgsInput *input)
{
    size_t i;

    for (i = 0; i < input->def->nsounds; i++) {
        if (qbjVmArgsAddSound(cmd, input->def, input->def->sounds[i]) < 0)
            return -1;
    }

    return 0;
}
