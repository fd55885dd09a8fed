/* Small devices: inputs, memory balloon, random numbers, watchdog, panic notifier, vsock, USB redirection. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_args_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static int
qbjVmArgsRefuseModel(const char *element, const char *model)
{
    virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Model '%s' of element '%s' is not supported."), NULLSTR(model),
                   element);
    return -1;
}

static int
qbjVmArgsBalloonForm(const virDomainMemballoonDef *balloon, qbjVmArgsVirtioForm *form)
{
    switch (balloon->model) {
    case VIR_DOMAIN_MEMBALLOON_MODEL_VIRTIO:
        *form = QBJ_VM_ARGS_VIRTIO_BOTH;
        return 0;
    case VIR_DOMAIN_MEMBALLOON_MODEL_VIRTIO_TRANSITIONAL:
        *form = QBJ_VM_ARGS_VIRTIO_TRANSITIONAL;
        return 0;
    case VIR_DOMAIN_MEMBALLOON_MODEL_VIRTIO_NON_TRANSITIONAL:
        *form = QBJ_VM_ARGS_VIRTIO_NON_TRANSITIONAL;
        return 0;
    case VIR_DOMAIN_MEMBALLOON_MODEL_XEN:
    case VIR_DOMAIN_MEMBALLOON_MODEL_NONE:
    case VIR_DOMAIN_MEMBALLOON_MODEL_LAST:
        break;
    }

    return qbjVmArgsRefuseModel("memballoon", virDomainMemballoonModelTypeToString(balloon->model));
}

int
qbjVmArgsAddBalloon(virCommand *cmd, const qbjVmArgsInput *input)
{
    const virDomainMemballoonDef *balloon = input->def->memballoon;
    g_autoptr(virJSONValue) props = NULL;
    qbjVmArgsVirtioForm form;

    if (!balloon || balloon->model == VIR_DOMAIN_MEMBALLOON_MODEL_NONE)
        return 0;

    if (qbjVmArgsBalloonForm(balloon, &form) < 0 ||
        qbjVmArgsStartVirtio(&props, "virtio-balloon", form, balloon->virtio) < 0 ||
        virJSONValueObjectAdd(&props,
                              "s:id", balloon->info.alias,
                              "T:deflate-on-oom", balloon->autodeflate,
                              "T:free-page-reporting", balloon->free_page_reporting,
                              NULL) < 0 ||
        qbjVmArgsAddAddress(&props, input->def, &balloon->info) < 0)
        return -1;

    return qbjVmArgsAddJSON(cmd, "-device", props);
}

static int
qbjVmArgsAddRngBackend(virCommand *cmd, const virDomainRNGDef *rng, const char *id)
{
    g_autoptr(virJSONValue) props = NULL;

    switch (rng->backend) {
    case VIR_DOMAIN_RNG_BACKEND_RANDOM:
        if (virJSONValueObjectAdd(&props, "s:qom-type", "rng-random", "s:id", id, "s:filename", rng->source.file,
                                  NULL) < 0)
            return -1;
        break;
    case VIR_DOMAIN_RNG_BACKEND_BUILTIN:
        if (virJSONValueObjectAdd(&props, "s:qom-type", "rng-builtin", "s:id", id, NULL) < 0)
            return -1;
        break;
    default:
        return qbjVmArgsRefuseModel("rng/backend", virDomainRNGBackendTypeToString(rng->backend));
    }

    return qbjVmArgsAddJSON(cmd, "-object", props);
}

static qbjVmArgsVirtioForm
qbjVmArgsRngForm(const virDomainRNGDef *rng)
{
    switch (rng->model) {
    case VIR_DOMAIN_RNG_MODEL_VIRTIO_TRANSITIONAL:
        return QBJ_VM_ARGS_VIRTIO_TRANSITIONAL;
    case VIR_DOMAIN_RNG_MODEL_VIRTIO_NON_TRANSITIONAL:
        return QBJ_VM_ARGS_VIRTIO_NON_TRANSITIONAL;
    default:
        return QBJ_VM_ARGS_VIRTIO_BOTH;
    }
}

int
qbjVmArgsAddRng(virCommand *cmd, const virDomainDef *def, const virDomainRNGDef *rng)
{
    g_autoptr(virJSONValue) props = NULL;
    g_autofree char *object = g_strdup_printf("obj%s", rng->info.alias);

    if (qbjVmArgsAddRngBackend(cmd, rng, object) < 0 ||
        qbjVmArgsStartVirtio(&props, "virtio-rng", qbjVmArgsRngForm(rng), rng->virtio) < 0 ||
        virJSONValueObjectAdd(&props, "s:rng", object, "s:id", rng->info.alias, "p:max-bytes", rng->rate, NULL) < 0)
        return -1;

    /* without a period of its own, a rate is one for each second */
    if (rng->rate > 0 &&
        virJSONValueObjectAdd(&props, "u:period", rng->period ? rng->period : 1000, NULL) < 0)
        return -1;
    if (qbjVmArgsAddAddress(&props, def, &rng->info) < 0)
        return -1;

    return qbjVmArgsAddJSON(cmd, "-device", props);
}

int
qbjVmArgsAddRngs(virCommand *cmd, const qbjVmArgsInput *input)
{
    size_t i;

    for (i = 0; i < input->def->nrngs; i++) {
        if (qbjVmArgsAddRng(cmd, input->def, input->def->rngs[i]) < 0)
            return -1;
    }

    return 0;
}

int
qbjVmArgsAddWatchdog(virCommand *cmd, const qbjVmArgsInput *input)
{
    const virDomainWatchdogDef *watchdog = input->def->watchdog;
    g_autoptr(virJSONValue) props = NULL;

    if (!watchdog)
        return 0;

    if (watchdog->model != VIR_DOMAIN_WATCHDOG_MODEL_I6300ESB && watchdog->model != VIR_DOMAIN_WATCHDOG_MODEL_IB700)
        return qbjVmArgsRefuseModel("watchdog", virDomainWatchdogModelTypeToString(watchdog->model));
    if (watchdog->action == VIR_DOMAIN_WATCHDOG_ACTION_DUMP) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s", _("Watchdog action 'dump' is not supported."));
        return -1;
    }

    if (virJSONValueObjectAdd(&props,
                              "s:driver", virDomainWatchdogModelTypeToString(watchdog->model),
                              "s:id", watchdog->info.alias,
                              NULL) < 0 ||
        qbjVmArgsAddAddress(&props, input->def, &watchdog->info) < 0 ||
        qbjVmArgsAddJSON(cmd, "-device", props) < 0)
        return -1;

    virCommandAddArgList(cmd, "-watchdog-action", virDomainWatchdogActionTypeToString(watchdog->action), NULL);
    return 0;
}

static int
qbjVmArgsAddPanic(virCommand *cmd, const virDomainPanicDef *panic)
{
    g_autoptr(virJSONValue) props = NULL;

    /* the other one is a feature of the CPU (vm_args_cpufeature.c) */
    if (panic->model == VIR_DOMAIN_PANIC_MODEL_HYPERV)
        return 0;
    if (panic->model != VIR_DOMAIN_PANIC_MODEL_ISA) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Panic model number %d is not supported."), panic->model);
        return -1;
    }

    if (virJSONValueObjectAdd(&props, "s:driver", "pvpanic", NULL) < 0)
        return -1;
    if (panic->info.type == VIR_DOMAIN_DEVICE_ADDRESS_TYPE_ISA &&
        virJSONValueObjectAdd(&props, "u:ioport", panic->info.addr.isa.iobase, NULL) < 0)
        return -1;

    return qbjVmArgsAddJSON(cmd, "-device", props);
}

int
qbjVmArgsAddPanics(virCommand *cmd, const qbjVmArgsInput *input)
{
    size_t i;

    for (i = 0; i < input->def->npanics; i++) {
        if (qbjVmArgsAddPanic(cmd, input->def->panics[i]) < 0)
            return -1;
    }

    return 0;
}

static qbjVmArgsVirtioForm
qbjVmArgsVsockForm(const virDomainVsockDef *vsock)
{
    switch (vsock->model) {
    case VIR_DOMAIN_VSOCK_MODEL_VIRTIO_TRANSITIONAL:
        return QBJ_VM_ARGS_VIRTIO_TRANSITIONAL;
    case VIR_DOMAIN_VSOCK_MODEL_VIRTIO_NON_TRANSITIONAL:
        return QBJ_VM_ARGS_VIRTIO_NON_TRANSITIONAL;
    default:
        return QBJ_VM_ARGS_VIRTIO_BOTH;
    }
}

int
qbjVmArgsAddVsock(virCommand *cmd, const qbjVmArgsInput *input)
{
    const virDomainVsockDef *vsock = input->def->vsock;
    int fd = input->vsockFd ? *input->vsockFd : -1;
    g_autofree char *fdText = g_strdup_printf("%d", fd);
    g_autoptr(virJSONValue) props = NULL;

    if (!vsock)
        return 0;

    if (qbjVmArgsStartVirtio(&props, "vhost-vsock", qbjVmArgsVsockForm(vsock), vsock->virtio) < 0 ||
        virJSONValueObjectAdd(&props,
                              "s:id", vsock->info.alias,
                              "u:guest-cid", vsock->guest_cid,
                              "s:vhostfd", fdText,
                              NULL) < 0 ||
        qbjVmArgsAddAddress(&props, input->def, &vsock->info) < 0)
        return -1;

    if (fd >= 0)
        virCommandPassFD(cmd, fd, 0);
    return qbjVmArgsAddJSON(cmd, "-device", props);
}

static int
qbjVmArgsAddRedirdev(virCommand *cmd, const virDomainDef *def, const virDomainRedirdevDef *redirdev)
{
    g_autoptr(virJSONValue) props = NULL;
    g_autofree char *chardev = g_strdup_printf("char%s", redirdev->info.alias);

    if (redirdev->source->type != VIR_DOMAIN_CHR_TYPE_SPICEVMC) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("The type of USB redirection '%s' is not supported."),
                       redirdev->info.alias);
        return -1;
    }

    virCommandAddArg(cmd, "-chardev");
    virCommandAddArgFormat(cmd, "spicevmc,id=%s,name=usbredir", chardev);

    if (virJSONValueObjectAdd(&props,
                              "s:driver", "usb-redir",
                              "s:chardev", chardev,
                              "s:id", redirdev->info.alias,
                              "p:bootindex", redirdev->info.bootIndex,
                              NULL) < 0 ||
        qbjVmArgsAddAddress(&props, def, &redirdev->info) < 0)
        return -1;

    return qbjVmArgsAddJSON(cmd, "-device", props);
}

int
qbjVmArgsAddRedirdevs(virCommand *cmd, const qbjVmArgsInput *input)
{
    size_t i;

    for (i = 0; i < input->def->nredirdevs; i++) {
        if (qbjVmArgsAddRedirdev(cmd, input->def, input->def->redirdevs[i]) < 0)
            return -1;
    }

    return 0;
}
