/* The order of the options of a QEMU command line (11.2), and those that are the same for every VM. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virqemu.h"
#include "viruuid.h"
#include "vm_args_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

void
qbjVmArgsSettings(qbjVmArgsInput *input, const virQbjConf *conf)
{
    input->home = conf->privileged ? NULL : g_get_home_dir();
    input->sandbox = conf->seccompSandbox != 0;
    input->processName = conf->setProcessName;
    input->dumpGuestCore = conf->dumpGuestCore;
    input->noTimestamp = !conf->logTimestamp;
    input->vncPassword = conf->vncPassword != NULL;
}

static void
qbjVmArgsAppendProcess(virBuffer *buf, const char *name)
{
    g_autofree char *process = g_strdup_printf("qemu:%s", name);

    qbjVmArgsAppendValue(buf, "process", process);
}

static int
qbjVmArgsAddName(virCommand *cmd, const qbjVmArgsInput *input)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;

    virBufferAddLit(&buf, "guest=");
    virQEMUBuildBufferEscapeComma(&buf, input->def->name);
    if (input->processName)
        qbjVmArgsAppendProcess(&buf, input->def->name);
    virBufferAddLit(&buf, ",debug-threads=on");
    virCommandAddArgList(cmd, "-name", virBufferCurrentContent(&buf), "-S", NULL);
    return 0;
}

/* Secrets are given to QEMU encrypted with this key; a stock daemon that takes the VM over asks for it
 * (05/X8). */
static int
qbjVmArgsAddMasterKey(virCommand *cmd, const qbjVmArgsInput *input)
{
    g_autoptr(virJSONValue) props = NULL;
    g_autofree char *path = g_strdup_printf("%s/" QBJ_HOST_KEY_NAME, input->libDir);

    if (virJSONValueObjectAdd(&props,
                              "s:qom-type", "secret",
                              "s:id", QBJ_HOST_KEY_OBJECT,
                              "s:format", "raw",
                              "s:file", path,
                              NULL) < 0)
        return -1;

    return qbjVmArgsAddJSON(cmd, "-object", props);
}

static int
qbjVmArgsAddUuid(virCommand *cmd, const qbjVmArgsInput *input)
{
    char uuid[VIR_UUID_STRING_BUFLEN];

    virUUIDFormat(input->def->uuid, uuid);
    virCommandAddArgList(cmd, "-uuid", uuid, NULL);
    return 0;
}

static int
qbjVmArgsAddNoDefaults(virCommand *cmd, const qbjVmArgsInput *input)
{
    virCommandAddArgList(cmd, "-no-user-config", "-nodefaults", NULL);
    return 0;
}

static int
qbjVmArgsAddSandbox(virCommand *cmd, const qbjVmArgsInput *input)
{
    if (input->sandbox) {
        virCommandAddArgList(cmd, "-sandbox",
                             "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny", NULL);
    }
    return 0;
}

static int
qbjVmArgsAddIncoming(virCommand *cmd, const qbjVmArgsInput *input)
{
    if (input->incoming)
        virCommandAddArgList(cmd, "-incoming", "defer", NULL);
    return 0;
}

static int
qbjVmArgsAddLast(virCommand *cmd, const qbjVmArgsInput *input)
{
    if (!input->noTimestamp)
        virCommandAddArgList(cmd, "-msg", "timestamp=on", NULL);
    return 0;
}

typedef int (*qbjVmArgsPart)(virCommand *cmd, const qbjVmArgsInput *input);

static const qbjVmArgsPart qbjVmArgsParts[] = {
    qbjVmArgsRefuse,
    qbjVmArgsAddName,
    qbjVmArgsAddMasterKey,
    qbjVmArgsAddFirmware,
    qbjVmArgsAddMachine,
    qbjVmArgsAddTseg,
    qbjVmArgsAddCpu,
    qbjVmArgsAddSecureFlash,
    qbjVmArgsAddRom,
    qbjVmArgsAddMemory,
    qbjVmArgsAddSmp,
    qbjVmArgsAddIOThreads,
    qbjVmArgsAddNuma,
    qbjVmArgsAddUuid,
    qbjVmArgsAddSmbios,
    qbjVmArgsAddNoDisplay,
    qbjVmArgsAddNoDefaults,
    qbjVmArgsAddMonitor,
    qbjVmArgsAddClock,
    qbjVmArgsAddPower,
    qbjVmArgsAddBoot,
    qbjVmArgsAddPCIRoots,
    qbjVmArgsAddControllers,
    qbjVmArgsAddDisks,
    qbjVmArgsAddNets,
    qbjVmArgsAddSerials,
    qbjVmArgsAddParallels,
    qbjVmArgsAddChannels,
    qbjVmArgsAddConsoles,
    qbjVmArgsAddTpm,
    qbjVmArgsAddInputs,
    qbjVmArgsAddAudio,
    qbjVmArgsAddGraphics,
    qbjVmArgsAddVideo,
    qbjVmArgsAddSounds,
    qbjVmArgsAddWatchdog,
    qbjVmArgsAddRedirdevs,
    qbjVmArgsAddBalloon,
    qbjVmArgsAddRngs,
    qbjVmArgsAddVmcoreinfo,
    qbjVmArgsAddIncoming,
    qbjVmArgsAddCustom,
    qbjVmArgsAddSandbox,
    qbjVmArgsAddPanics,
    qbjVmArgsAddVsock,
    qbjVmArgsAddLast,
};

/* Nothing else of the daemon's environment reaches QEMU: an LD_PRELOAD or a private PATH would stay in the VM
 * for its life. A user's home has what sound servers and ssh look for. */
static void
qbjVmArgsAddEnvironment(virCommand *cmd, const char *libDir, const char *home)
{
    virCommandAddEnvPair(cmd, "LC_ALL", "C");
    virCommandAddEnvPair(cmd, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    virCommandAddEnvPair(cmd, "HOME", home ? home : libDir);
    if (!home)
        virCommandAddEnvFormat(cmd, "XDG_DATA_HOME=%s/.local/share", libDir);
    virCommandAddEnvFormat(cmd, "XDG_CACHE_HOME=%s/.cache", libDir);
    if (!home)
        virCommandAddEnvFormat(cmd, "XDG_CONFIG_HOME=%s/.config", libDir);
}

virCommand *
qbjVmArgsBuild(const qbjVmArgsInput *input)
{
    g_autoptr(virCommand) cmd = virCommandNew(input->caps->binary);
    size_t i;

    qbjVmArgsAddEnvironment(cmd, input->libDir, input->home);

    for (i = 0; i < G_N_ELEMENTS(qbjVmArgsParts); i++) {
        if (qbjVmArgsParts[i](cmd, input) < 0)
            return NULL;
    }

    return g_steal_pointer(&cmd);
}
