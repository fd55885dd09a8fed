#include <config.h>

#include <fcntl.h>
#include <unistd.h>

#include "internal.h"
#include "api_console.h"
#include "api_domain.h"
#include "conf/virchrdev.h"
#include "datatypes.h"
#include "domain_qmp.h"
#include "virerror.h"
#include "virfdstream.h"
#include "virfile.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.api_console");

static virDomainChrDef *
qbjApiChrByAlias(virDomainChrDef **chrs, size_t n, const char *alias)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (STREQ_NULLABLE(chrs[i]->info.alias, alias))
            return chrs[i];
    }
    return NULL;
}

/* Without a name: the first console, else the first serial port. */
static virDomainChrDef *
qbjApiConsoleFind(const virDomainDef *def, const char *name)
{
    virDomainChrDef *chr;

    if (!name) {
        if (def->nconsoles > 0)
            return def->consoles[0];
        return def->nserials > 0 ? def->serials[0] : NULL;
    }
    if (!(chr = qbjApiChrByAlias(def->consoles, def->nconsoles, name)) &&
        !(chr = qbjApiChrByAlias(def->serials, def->nserials, name)))
        chr = qbjApiChrByAlias(def->parallels, def->nparallels, name);
    return chr;
}

/* Without a name: the first one. */
static virDomainChrDef *
qbjApiChannelFind(const virDomainDef *def, const char *name)
{
    size_t i;

    for (i = 0; i < def->nchannels; i++) {
        if (!name || STREQ_NULLABLE(def->channels[i]->target.name, name))
            return def->channels[i];
    }
    return NULL;
}

/* @taken: what to say when somebody else is connected */
static int
qbjApiChrOpen(virDomainObj *vm, virDomainChrDef *chr, virStreamPtr stream, bool force, const char *taken)
{
    int rc;

    if (chr->source->type != VIR_DOMAIN_CHR_TYPE_PTY && chr->source->type != VIR_DOMAIN_CHR_TYPE_UNIX) {
        virReportError(VIR_ERR_INTERNAL_ERROR, _("character device %s is not using a PTY or UNIX socket"),
                       NULLSTR(chr->info.alias));
        return -1;
    }
    rc = virChrdevOpen(QBJ_DOMAIN_PRIVATE(vm)->chrdevs, chr->source, stream, force);
    if (rc == 1)
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", taken);
    return rc == 0 ? 0 : -1;
}

int
qbjApiOpenConsole(virDomainPtr domain, const char *name, virStreamPtr stream, unsigned int flags)
{
    virDomainObj *vm;
    virDomainChrDef *chr;
    int ret = -1;

    virCheckFlags(VIR_DOMAIN_CONSOLE_SAFE | VIR_DOMAIN_CONSOLE_FORCE, -1);

    if (!(vm = qbjApiLook(domain, virDomainOpenConsoleEnsureACL)))
        return -1;
    if (virDomainObjCheckActive(vm) == 0) {
        if ((chr = qbjApiConsoleFind(vm->def, name)))
            ret = qbjApiChrOpen(vm, chr, stream, flags & VIR_DOMAIN_CONSOLE_FORCE,
                                _("Active console session exists for this domain"));
        else
            virReportError(VIR_ERR_INTERNAL_ERROR, _("cannot find character device %s"), NULLSTR(name));
    }
    virDomainObjEndAPI(&vm);
    return ret;
}

int
qbjApiOpenChannel(virDomainPtr domain, const char *name, virStreamPtr stream, unsigned int flags)
{
    virDomainObj *vm;
    virDomainChrDef *chr;
    int ret = -1;

    virCheckFlags(VIR_DOMAIN_CHANNEL_FORCE, -1);

    if (!(vm = qbjApiLook(domain, virDomainOpenChannelEnsureACL)))
        return -1;
    if (virDomainObjCheckActive(vm) == 0) {
        if ((chr = qbjApiChannelFind(vm->def, name)))
            ret = qbjApiChrOpen(vm, chr, stream, flags & VIR_DOMAIN_CHANNEL_FORCE,
                                _("Active channel stream exists for this domain"));
        else
            virReportError(VIR_ERR_INTERNAL_ERROR, _("cannot find channel %s"), NULLSTR(name));
    }
    virDomainObjEndAPI(&vm);
    return ret;
}

static int
qbjApiScreenCheck(const virDomainDef *def, unsigned int screen)
{
    if (def->nvideos == 0) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("no screens to take screenshot from"));
        return -1;
    }
    if (screen >= MAX(def->videos[0]->heads, 1)) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("no such screen ID"));
        return -1;
    }
    return 0;
}

static int
qbjApiScreenDump(virDomainObj *vm, unsigned int screen, const char *path)
{
    g_autoptr(virJSONValue) arguments = NULL;

    if (virSecurityManagerDomainSetPathLabel(QBJ_DOMAIN_PRIVATE(vm)->driver->security, vm->def, path, false) < 0 ||
        virJSONValueObjectAdd(&arguments, "s:filename", path, "s:format", "png", NULL) < 0)
        return -1;
    if (screen > 0 && virJSONValueObjectAdd(&arguments, "s:device", vm->def->videos[0]->info.alias,
                                            "u:head", screen, NULL) < 0)
        return -1;
    return qbjDomainQmpCall(vm, "screendump", arguments, NULL);
}

/* QEMU writes a file of ours; it is gone from its folder before the client reads it. */
static int
qbjApiScreenStream(virDomainObj *vm, virStreamPtr stream, unsigned int screen)
{
    g_autofree char *path = g_strdup_printf("%s/qemu.screendump.XXXXXX",
                                            QBJ_DOMAIN_PRIVATE(vm)->driver->conf->libDir);
    VIR_AUTOCLOSE fd = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);
    int ret = -1;

    if (fd < 0) {
        virReportSystemError(errno, _("Failed to create file '%s'"), path);
        return -1;
    }
    if (qbjApiScreenDump(vm, screen, path) == 0)
        ret = virFDStreamOpenFile(stream, path, 0, 0, O_RDONLY);
    if (unlink(path) < 0)
        VIR_WARN("Failed to remove '%s': %s", path, g_strerror(errno));
    return ret;
}

char *
qbjApiScreenshot(virDomainPtr domain, virStreamPtr stream, unsigned int screen, unsigned int flags)
{
    virDomainObj *vm;
    char *type = NULL;

    virCheckFlags(0, NULL);

    if (!(vm = qbjApiBegin(domain, virDomainScreenshotEnsureACL)))
        return NULL;
    if (virDomainObjCheckActive(vm) == 0 && qbjApiScreenCheck(vm->def, screen) == 0 &&
        qbjApiScreenStream(vm, stream, screen) == 0)
        type = g_strdup("image/png");
    qbjApiEnd(&vm);
    return type;
}
