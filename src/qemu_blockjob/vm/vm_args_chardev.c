/* Back-ends of character devices: "-chardev"; the monitor's, too. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virqemu.h"
#include "vm_args_chr.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

int
qbjVmArgsRefuseChr(const virDomainChrDef *chr, const char *what)
{
    virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("This %s of character device '%s' is not supported."),
                   what, NULLSTR(chr->info.alias));
    return -1;
}

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

static void
qbjVmArgsAppendReconnect(virBuffer *buf, const virDomainChrSourceReconnectDef *reconnect)
{
    if (reconnect->enabled == VIR_TRISTATE_BOOL_YES)
        virBufferAsprintf(buf, ",reconnect=%u", reconnect->timeout);
    else if (reconnect->enabled == VIR_TRISTATE_BOOL_NO)
        virBufferAddLit(buf, ",reconnect=0");
}

static int
qbjVmArgsAppendTcp(virBuffer *buf, const virDomainChrDef *chr)
{
    const virDomainChrSourceDef *source = chr->source;

    if (source->data.tcp.protocol != VIR_DOMAIN_CHR_TCP_PROTOCOL_RAW &&
        source->data.tcp.protocol != VIR_DOMAIN_CHR_TCP_PROTOCOL_TELNET)
        return qbjVmArgsRefuseChr(chr, "protocol");
    if (source->data.tcp.haveTLS == VIR_TRISTATE_BOOL_YES)
        return qbjVmArgsRefuseChr(chr, "tls");

    qbjVmArgsAppendValue(buf, "host", source->data.tcp.host);
    qbjVmArgsAppendValue(buf, "port", source->data.tcp.service);
    if (source->data.tcp.protocol == VIR_DOMAIN_CHR_TCP_PROTOCOL_TELNET)
        virBufferAddLit(buf, ",telnet=on");
    if (source->data.tcp.listen)
        virBufferAddLit(buf, ",server=on,wait=off");
    else
        qbjVmArgsAppendReconnect(buf, &source->data.tcp.reconnect);
    return 0;
}

/* The descriptor that was bound for @chr, or -1. */
static int
qbjVmArgsSocketOf(const qbjVmArgsInput *input, const virDomainChrDef *chr)
{
    gpointer fd = NULL;

    if (!input->chardevFds || !g_hash_table_lookup_extended(input->chardevFds, chr->info.alias, NULL, &fd))
        return -1;

    return GPOINTER_TO_INT(fd);
}

static void
qbjVmArgsAppendUnix(virCommand *cmd, virBuffer *buf, const qbjVmArgsInput *input, const virDomainChrDef *chr)
{
    const virDomainChrSourceDef *source = chr->source;

    if (source->data.nix.listen) {
        qbjVmArgsAppendSocket(cmd, buf, qbjVmArgsSocketOf(input, chr), source->data.nix.path);
    } else {
        qbjVmArgsAppendValue(buf, "path", source->data.nix.path);
        qbjVmArgsAppendReconnect(buf, &source->data.nix.reconnect);
    }
}

static void
qbjVmArgsStartBackend(virBuffer *buf, const char *type, const virDomainChrDef *chr)
{
    g_autofree char *id = g_strdup_printf("char%s", chr->info.alias);

    virBufferAdd(buf, type, -1);
    qbjVmArgsAppendValue(buf, "id", id);
}

/* The back-end's own part behind "-chardev". */
static int
qbjVmArgsAppendBackend(virCommand *cmd, virBuffer *buf, const qbjVmArgsInput *input, const virDomainChrDef *chr)
{
    const virDomainChrSourceDef *source = chr->source;

    switch (source->type) {
    case VIR_DOMAIN_CHR_TYPE_NULL:
        qbjVmArgsStartBackend(buf, "null", chr);
        return 0;

    case VIR_DOMAIN_CHR_TYPE_PTY:
        qbjVmArgsStartBackend(buf, "pty", chr);
        return 0;

    case VIR_DOMAIN_CHR_TYPE_FILE:
        qbjVmArgsStartBackend(buf, "file", chr);
        qbjVmArgsAppendValue(buf, "path", source->data.file.path);
        if (source->data.file.append != VIR_TRISTATE_SWITCH_ABSENT)
            virBufferAsprintf(buf, ",append=%s", virTristateSwitchTypeToString(source->data.file.append));
        return 0;

    case VIR_DOMAIN_CHR_TYPE_UNIX:
        qbjVmArgsStartBackend(buf, "socket", chr);
        qbjVmArgsAppendUnix(cmd, buf, input, chr);
        return 0;

    case VIR_DOMAIN_CHR_TYPE_TCP:
        qbjVmArgsStartBackend(buf, "socket", chr);
        return qbjVmArgsAppendTcp(buf, chr);

    case VIR_DOMAIN_CHR_TYPE_SPICEVMC:
        qbjVmArgsStartBackend(buf, "spicevmc", chr);
        qbjVmArgsAppendValue(buf, "name", virDomainChrSpicevmcTypeToString(source->data.spicevmc));
        return 0;

    default:
        return qbjVmArgsRefuseChr(chr, "type");
    }
}

int
qbjVmArgsAddChardev(virCommand *cmd, const qbjVmArgsInput *input, const virDomainChrDef *chr)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;

    if (chr->source->logfile)
        return qbjVmArgsRefuseChr(chr, "log file");
    if (qbjVmArgsAppendBackend(cmd, &buf, input, chr) < 0)
        return -1;

    virCommandAddArgList(cmd, "-chardev", virBufferCurrentContent(&buf), NULL);
    return 0;
}
