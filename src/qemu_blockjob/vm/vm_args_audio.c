/* -audiodev: where the sound of a guest goes on the host. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_args_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

char *
qbjVmArgsAudioId(const virDomainDef *def, unsigned int id)
{
    if (id == 0 && def->naudios > 0)
        id = def->audios[0]->id;

    return id == 0 ? NULL : g_strdup_printf("audio%u", id);
}

/* What each direction of every back-end has. */
static int
qbjVmArgsAddAudioCommon(virJSONValue **props, const virDomainAudioIOCommon *common)
{
    return virJSONValueObjectAdd(props,
                                 "T:mixing-engine", common->mixingEngine,
                                 "T:fixed-settings", common->fixedSettings,
                                 "p:voices", common->voices,
                                 "p:buffer-length", common->bufferLength,
                                 "p:frequency", common->frequency,
                                 "p:channels", common->channels,
                                 "S:format", common->format != VIR_DOMAIN_AUDIO_FORMAT_DEFAULT ?
                                             virDomainAudioFormatTypeToString(common->format) : NULL,
                                 NULL);
}

static int
qbjVmArgsAddAudioPulse(virJSONValue **props, const virDomainAudioIOPulseAudio *io)
{
    return virJSONValueObjectAdd(props,
                                 "S:name", io->name,
                                 "S:stream-name", io->streamName,
                                 "p:latency", io->latency,
                                 NULL);
}

static int
qbjVmArgsAddAudioOss(virJSONValue **props, const virDomainAudioIOOSS *io)
{
    return virJSONValueObjectAdd(props,
                                 "S:dev", io->dev,
                                 "p:buffer-count", io->bufferCount,
                                 "T:try-poll", io->tryPoll,
                                 NULL);
}

/* What one direction of @audio's own back-end has. */
static int
qbjVmArgsAddAudioOwn(virJSONValue **props, const virDomainAudioDef *audio, bool input)
{
    switch (audio->type) {
    case VIR_DOMAIN_AUDIO_TYPE_ALSA:
        return virJSONValueObjectAdd(props, "S:dev", input ? audio->backend.alsa.input.dev :
                                                             audio->backend.alsa.output.dev, NULL);
    case VIR_DOMAIN_AUDIO_TYPE_OSS:
        return qbjVmArgsAddAudioOss(props, input ? &audio->backend.oss.input : &audio->backend.oss.output);
    case VIR_DOMAIN_AUDIO_TYPE_PULSEAUDIO:
        return qbjVmArgsAddAudioPulse(props, input ? &audio->backend.pulseaudio.input :
                                                     &audio->backend.pulseaudio.output);
    default:
        return 0;
    }
}

/* One direction as an object; NULL when nothing is said about it. */
static int
qbjVmArgsMakeAudioIO(const virDomainAudioDef *audio, bool input, virJSONValue **io)
{
    g_autoptr(virJSONValue) props = virJSONValueNewObject();

    if (qbjVmArgsAddAudioCommon(&props, input ? &audio->input : &audio->output) < 0 ||
        qbjVmArgsAddAudioOwn(&props, audio, input) < 0)
        return -1;

    if (virJSONValueObjectKeysNumber(props) > 0)
        *io = g_steal_pointer(&props);
    return 0;
}

/* Driver, and what a back-end has that is no direction's. */
static int
qbjVmArgsAddAudioBackend(virJSONValue **props, const virDomainAudioDef *audio)
{
    switch (audio->type) {
    case VIR_DOMAIN_AUDIO_TYPE_NONE:
    case VIR_DOMAIN_AUDIO_TYPE_SPICE:
    case VIR_DOMAIN_AUDIO_TYPE_ALSA:
        return virJSONValueObjectAdd(props, "s:driver", virDomainAudioTypeTypeToString(audio->type), NULL);
    case VIR_DOMAIN_AUDIO_TYPE_FILE:
        return virJSONValueObjectAdd(props, "s:driver", "wav", NULL);
    case VIR_DOMAIN_AUDIO_TYPE_PULSEAUDIO:
        return virJSONValueObjectAdd(props, "s:driver", "pa", NULL);
    case VIR_DOMAIN_AUDIO_TYPE_OSS:
        return virJSONValueObjectAdd(props, "s:driver", "oss", NULL);
    default:
        break;
    }

    virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Audio type '%s' is not supported."),
                   virDomainAudioTypeTypeToString(audio->type));
    return -1;
}

static int
qbjVmArgsAddAudioSettings(virJSONValue **props, const virDomainAudioDef *audio)
{
    switch (audio->type) {
    case VIR_DOMAIN_AUDIO_TYPE_FILE:
        return virJSONValueObjectAdd(props, "S:path", audio->backend.file.path, NULL);
    case VIR_DOMAIN_AUDIO_TYPE_PULSEAUDIO:
        return virJSONValueObjectAdd(props, "S:server", audio->backend.pulseaudio.serverName, NULL);
    case VIR_DOMAIN_AUDIO_TYPE_OSS:
        if (virJSONValueObjectAdd(props,
                                  "T:try-mmap", audio->backend.oss.tryMMap,
                                  "T:exclusive", audio->backend.oss.exclusive,
                                  NULL) < 0)
            return -1;
        return audio->backend.oss.dspPolicySet ?
            virJSONValueObjectAdd(props, "i:dsp-policy", audio->backend.oss.dspPolicy, NULL) : 0;
    default:
        return 0;
    }
}

static int
qbjVmArgsAddAudioDevice(virCommand *cmd, const virDomainAudioDef *audio)
{
    g_autoptr(virJSONValue) props = NULL;
    g_autoptr(virJSONValue) in = NULL;
    g_autoptr(virJSONValue) out = NULL;
    g_autofree char *id = g_strdup_printf("audio%u", audio->id);

    if (virJSONValueObjectAdd(&props, "s:id", id, NULL) < 0 ||
        qbjVmArgsAddAudioBackend(&props, audio) < 0 ||
        virJSONValueObjectAdd(&props, "p:timer-period", audio->timerPeriod, NULL) < 0 ||
        qbjVmArgsAddAudioSettings(&props, audio) < 0 ||
        qbjVmArgsMakeAudioIO(audio, true, &in) < 0 ||
        qbjVmArgsMakeAudioIO(audio, false, &out) < 0 ||
        virJSONValueObjectAdd(&props, "A:in", &in, "A:out", &out, NULL) < 0)
        return -1;

    return qbjVmArgsAddJSON(cmd, "-audiodev", props);
}

int
qbjVmArgsAddAudio(virCommand *cmd, const qbjVmArgsInput *input)
{
    size_t i;

    for (i = 0; i < input->def->naudios; i++) {
        if (qbjVmArgsAddAudioDevice(cmd, input->def->audios[i]) < 0)
            return -1;
    }

    return 0;
}
