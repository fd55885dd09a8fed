#include <config.h>

#include <fcntl.h>

#include "internal.h"
#include "vm_chardevs.h"
#include "qmp_socket.h"
#include "virerror.h"
#include "virfile.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

int
qbjVmChardevsListen(virDomainObj *vm, int **fds)
{
    size_t i;

    *fds = g_new0(int, vm->def->nserials + 1);
    for (i = 0; i < vm->def->nserials; i++)
        (*fds)[i] = -1;

    for (i = 0; i < vm->def->nserials; i++) {
        virDomainChrSourceDef *source = vm->def->serials[i]->source;

        if (source->type != VIR_DOMAIN_CHR_TYPE_UNIX || !source->data.nix.listen)
            continue;
        if (((*fds)[i] = qbjQmpListenUnix(source->data.nix.path, 0775)) < 0)
            return -1;
    }
    return 0;
}

int
qbjVmChardevsMakeFiles(virDomainObj *vm)
{
    size_t i;

    for (i = 0; i < vm->def->nserials; i++) {
        virDomainChrSourceDef *source = vm->def->serials[i]->source;
        VIR_AUTOCLOSE fd = -1;

        if (source->type != VIR_DOMAIN_CHR_TYPE_FILE)
            continue;
        /* a FIFO that nobody reads is refused instead of waited for */
        fd = open(source->data.file.path, O_CREAT | O_APPEND | O_WRONLY | O_NONBLOCK | O_CLOEXEC, 0600);
        if (fd < 0) {
            virReportSystemError(errno, _("Unable to create file '%s'"), source->data.file.path);
            return -1;
        }
    }
    return 0;
}

void
qbjVmChardevsClose(virDomainObj *vm, int **fds)
{
    size_t i;

    for (i = 0; *fds && i < vm->def->nserials; i++)
        VIR_FORCE_CLOSE((*fds)[i]);
    g_clear_pointer(fds, g_free);
}

static const char *
qbjVmChardevsPty(virJSONValue *reply, const char *id)
{
    size_t i;

    for (i = 0; virJSONValueIsArray(reply) && i < virJSONValueArraySize(reply); i++) {
        virJSONValue *entry = virJSONValueArrayGet(reply, i);
        const char *path = virJSONValueObjectGetString(entry, "filename");

        if (STREQ_NULLABLE(virJSONValueObjectGetString(entry, "label"), id) && path)
            return STRSKIP(path, "pty:");
    }
    return NULL;
}

static void
qbjVmChardevsSet(virDomainChrDef *chr, virJSONValue *reply)
{
    g_autofree char *id = NULL;
    const char *path;

    if (chr->source->type != VIR_DOMAIN_CHR_TYPE_PTY || !chr->info.alias)
        return;
    id = g_strdup_printf("char%s", chr->info.alias);
    if (!(path = qbjVmChardevsPty(reply, id)))
        return;
    g_free(chr->source->data.file.path);
    chr->source->data.file.path = g_strdup(path);
}

void
qbjVmChardevsRead(virDomainObj *vm, virJSONValue *reply)
{
    size_t i;

    for (i = 0; i < vm->def->nserials; i++)
        qbjVmChardevsSet(vm->def->serials[i], reply);
    /* the first console is the first serial device seen from the other side */
    if (vm->def->nconsoles > 0 && vm->def->nserials > 0 &&
        vm->def->consoles[0]->targetType == VIR_DOMAIN_CHR_CONSOLE_TARGET_TYPE_SERIAL)
        virDomainChrSourceDefCopy(vm->def->consoles[0]->source, vm->def->serials[0]->source);
}
