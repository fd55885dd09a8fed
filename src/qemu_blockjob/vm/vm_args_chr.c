/* Character devices: the monitor and the serial ports. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virqemu.h"
#include "vm_args_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* The socket is bound by the driver before the start, so that it can connect at once; QEMU gets the
 * descriptor. */
static void
qbjVmArgsAppendSocket(virCommand *cmd, virBuffer *buf, int fd, const char *path)
{
    if (fd >= 0) {
        virCommandPassFD(cmd, fd, 0);
        virBufferAsprintf(buf, ",fd=%d", fd);
    } else {
        qbjVmArgsAppendValue(buf, "path", path);
    }
    virBufferAddLit(buf, ",server=on,wait=off");
}

int
qbjVmArgsAddMonitor(virCommand *cmd, const qbjVmArgsInput *input)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;

    virBufferAddLit(&buf, "socket,id=charmonitor");
    qbjVmArgsAppendSocket(cmd, &buf, input->monitorFd, input->monitorPath);

    virCommandAddArgList(cmd, "-chardev", virBufferCurrentContent(&buf),
                         "-mon", "chardev=charmonitor,id=monitor,mode=control", NULL);
    return 0;
}

static int
qbjVmArgsRefuseChr(const virDomainChrDef *chr, const char *what)
{
    virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("This %s of character device '%s' is not supported."),
                   what, NULLSTR(chr->info.alias));
    return -1;
}

static void
qbjVmArgsAppendReconnect(virBuffer *buf, const virDomainChrSourceReconnectDef *reconnect)
{
    if (reconnect->enabled == VIR_TRISTATE_BOOL_YES)
        virBufferAsprintf(buf, ",reconnect=%u", reconnect->timeout);
    else if (reconnect->enabled == VIR_TRISTATE_BOOL_NO)
        virBufferAddLit(buf, ",reconnect=0");
}

/* The back-end's own part behind "-chardev". @fd: listening socket for a unix server, or -1. */
static int
qbjVmArgsAppendBackend(virCommand *cmd, virBuffer *buf, const virDomainChrDef *chr, int fd)
{
    const virDomainChrSourceDef *source = chr->source;
    g_autofree char *id = g_strdup_printf("char%s", chr->info.alias);

    switch (source->type) {
    case VIR_DOMAIN_CHR_TYPE_NULL:
        virBufferAddLit(buf, "null");
        qbjVmArgsAppendValue(buf, "id", id);
        return 0;

    case VIR_DOMAIN_CHR_TYPE_PTY:
        virBufferAddLit(buf, "pty");
        qbjVmArgsAppendValue(buf, "id", id);
        return 0;

    case VIR_DOMAIN_CHR_TYPE_FILE:
        virBufferAddLit(buf, "file");
        qbjVmArgsAppendValue(buf, "id", id);
        qbjVmArgsAppendValue(buf, "path", source->data.file.path);
        if (source->data.file.append != VIR_TRISTATE_SWITCH_ABSENT)
            virBufferAsprintf(buf, ",append=%s", virTristateSwitchTypeToString(source->data.file.append));
        return 0;

    case VIR_DOMAIN_CHR_TYPE_UNIX:
        virBufferAddLit(buf, "socket");
        qbjVmArgsAppendValue(buf, "id", id);
        if (source->data.nix.listen) {
            qbjVmArgsAppendSocket(cmd, buf, fd, source->data.nix.path);
        } else {
            qbjVmArgsAppendValue(buf, "path", source->data.nix.path);
            qbjVmArgsAppendReconnect(buf, &source->data.nix.reconnect);
        }
        return 0;

    default:
        return qbjVmArgsRefuseChr(chr, "type");
    }
}

static int
qbjVmArgsAddBackend(virCommand *cmd, const virDomainChrDef *chr, int fd)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;

    if (chr->source->logfile)
        return qbjVmArgsRefuseChr(chr, "log file");
    if (qbjVmArgsAppendBackend(cmd, &buf, chr, fd) < 0)
        return -1;

    virCommandAddArgList(cmd, "-chardev", virBufferCurrentContent(&buf), NULL);
    return 0;
}

static int
qbjVmArgsAddSerial(virCommand *cmd, const virDomainChrDef *serial, int fd)
{
    g_autoptr(virJSONValue) props = NULL;
    g_autofree char *chardev = g_strdup_printf("char%s", serial->info.alias);
    bool address = serial->info.type == VIR_DOMAIN_DEVICE_ADDRESS_TYPE_ISA;

    if (serial->targetModel != VIR_DOMAIN_CHR_SERIAL_TARGET_MODEL_ISA_SERIAL)
        return qbjVmArgsRefuseChr(serial, "target");
    if (!address && serial->info.type != VIR_DOMAIN_DEVICE_ADDRESS_TYPE_NONE)
        return qbjVmArgsRefuseChr(serial, "address");
    if (qbjVmArgsAddBackend(cmd, serial, fd) < 0)
        return -1;

    if (virJSONValueObjectAdd(&props,
                              "s:driver", "isa-serial",
                              "s:chardev", chardev,
                              "s:id", serial->info.alias,
                              "k:index", serial->target.port,
                              NULL) < 0)
        return -1;

    if (address &&
        virJSONValueObjectAdd(&props,
                              "p:iobase", serial->info.addr.isa.iobase,
                              "p:irq", serial->info.addr.isa.irq,
                              NULL) < 0)
        return -1;

    return qbjVmArgsAddJSON(cmd, "-device", props);
}

/* A console of type serial is the first serial port seen again and has no line of its own. */
static int
qbjVmArgsCheckConsoles(const virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->nconsoles; i++) {
        if (i > 0 || def->consoles[i]->targetType != VIR_DOMAIN_CHR_CONSOLE_TARGET_TYPE_SERIAL ||
            def->nserials == 0)
            return qbjVmArgsRefuseChr(def->consoles[i], "console target");
    }

    return 0;
}

int
qbjVmArgsAddSerials(virCommand *cmd, const qbjVmArgsInput *input)
{
    size_t i;

    if (qbjVmArgsCheckConsoles(input->def) < 0)
        return -1;

    for (i = 0; i < input->def->nserials; i++) {
        if (qbjVmArgsAddSerial(cmd, input->def->serials[i], input->serialFds ? input->serialFds[i] : -1) < 0)
            return -1;
    }

    return 0;
}
