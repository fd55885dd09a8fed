#include <config.h>

#include <fcntl.h>

#include "internal.h"
#include "vm_chardevs.h"
#include "qmp_socket.h"
#include "virerror.h"
#include "virfile.h"
#include "virqbjjson.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

void
qbjVmChardevsSetPaths(virDomainDef *def, const char *dir)
{
    size_t i;

    for (i = 0; i < def->nchannels; i++) {
        virDomainChrDef *channel = def->channels[i];

        if (channel->source->type != VIR_DOMAIN_CHR_TYPE_UNIX || channel->source->data.nix.path)
            continue;
        channel->source->data.nix.path = g_strdup_printf("%s/%s", dir, channel->target.name ? channel->target.name :
                                                         channel->info.alias);
        channel->source->data.nix.listen = true;
    }
}

bool
qbjVmChardevsIsOwnPath(const char *path, const char *root)
{
    const char *rest = path ? STRSKIP(path, root) : NULL;

    return rest && STRPREFIX(rest, "/domain-") && strchr(rest + 1, '/');
}

/* The first console may be a serial port seen again. */
static bool
qbjVmChardevsIsAlias(const virDomainDef *def, const virDomainChrDef *chr)
{
    return def->nconsoles > 0 && def->consoles[0] == chr && def->nserials > 0 &&
           chr->targetType == VIR_DOMAIN_CHR_CONSOLE_TARGET_TYPE_SERIAL;
}

static int
qbjVmChardevsListenOne(virDomainDef *def, virDomainChrDef *chr, void *opaque)
{
    GHashTable *fds = opaque;
    int fd;

    if (chr->source->type != VIR_DOMAIN_CHR_TYPE_UNIX || !chr->source->data.nix.listen ||
        qbjVmChardevsIsAlias(def, chr))
        return 0;
    if ((fd = qbjQmpListenUnix(chr->source->data.nix.path, 0775)) < 0)
        return -1;

    g_hash_table_insert(fds, g_strdup(chr->info.alias), GINT_TO_POINTER(fd));
    return 0;
}

int
qbjVmChardevsListen(virDomainObj *vm, GHashTable **fds)
{
    *fds = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return virDomainChrDefForeach(vm->def, true, qbjVmChardevsListenOne, *fds);
}

static int
qbjVmChardevsMakeFile(virDomainDef *def G_GNUC_UNUSED, virDomainChrDef *chr, void *opaque G_GNUC_UNUSED)
{
    VIR_AUTOCLOSE fd = -1;

    if (chr->source->type != VIR_DOMAIN_CHR_TYPE_FILE)
        return 0;

    /* a FIFO that nobody reads is refused instead of waited for */
    fd = open(chr->source->data.file.path, O_CREAT | O_APPEND | O_WRONLY | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd < 0) {
        virReportSystemError(errno, _("Unable to create file '%s'"), chr->source->data.file.path);
        return -1;
    }
    return 0;
}

int
qbjVmChardevsMakeFiles(virDomainObj *vm)
{
    return virDomainChrDefForeach(vm->def, true, qbjVmChardevsMakeFile, NULL);
}

void
qbjVmChardevsClose(GHashTable **fds)
{
    GHashTableIter iter;
    gpointer value;

    if (!*fds)
        return;

    g_hash_table_iter_init(&iter, *fds);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        int fd = GPOINTER_TO_INT(value);

        VIR_FORCE_CLOSE(fd);
    }
    g_clear_pointer(fds, g_hash_table_unref);
}

static void
qbjVmChardevsSetPty(virDomainChrDef *chr, virJSONValue *entry)
{
    const char *name = virJSONValueObjectGetString(entry, "filename");
    const char *path = name ? STRSKIP(name, "pty:") : NULL;

    if (chr->source->type != VIR_DOMAIN_CHR_TYPE_PTY || !path)
        return;
    g_free(chr->source->data.file.path);
    chr->source->data.file.path = g_strdup(path);
}

static void
qbjVmChardevsSetState(virDomainChrDef *chr, virJSONValue *entry)
{
    bool open = false;

    if (chr->deviceType != VIR_DOMAIN_CHR_DEVICE_TYPE_CHANNEL ||
        chr->targetType != VIR_DOMAIN_CHR_CHANNEL_TARGET_TYPE_VIRTIO ||
        virJSONValueObjectGetBoolean(entry, "frontend-open", &open) < 0)
        return;
    chr->state = open ? VIR_DOMAIN_CHR_DEVICE_STATE_CONNECTED : VIR_DOMAIN_CHR_DEVICE_STATE_DISCONNECTED;
}

static int
qbjVmChardevsReadOne(virDomainDef *def G_GNUC_UNUSED, virDomainChrDef *chr, void *opaque)
{
    g_autofree char *id = g_strdup_printf("char%s", NULLSTR_EMPTY(chr->info.alias));
    virJSONValue *entry = virQbjJSONArrayFind(opaque, "label", id);

    if (entry) {
        qbjVmChardevsSetPty(chr, entry);
        qbjVmChardevsSetState(chr, entry);
    }
    return 0;
}

void
qbjVmChardevsRead(virDomainObj *vm, virJSONValue *reply)
{
    ignore_value(virDomainChrDefForeach(vm->def, false, qbjVmChardevsReadOne, reply));
    /* the first console is the first serial device seen from the other side */
    if (vm->def->nconsoles > 0 && qbjVmChardevsIsAlias(vm->def, vm->def->consoles[0]))
        virDomainChrSourceDefCopy(vm->def->consoles[0]->source, vm->def->serials[0]->source);
}
