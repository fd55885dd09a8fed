#include <config.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "vm_files.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virpidfile.h"
#include "virrandom.h"
#include "virtime.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_files");

#define QBJ_VM_KEY_LEN 32
#define QBJ_VM_LOG_TAIL 1024

int
qbjVmFilesNames(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    g_autofree char *name = virDomainDefGetShortName(vm->def);

    if (!name)
        return -1;
    g_free(priv->status->libDir);
    priv->status->libDir = g_strdup_printf("%s/domain-%s", priv->driver->conf->libDir, name);
    g_free(priv->status->channelTargetDir);
    priv->status->channelTargetDir = g_strdup_printf("%s/domain-%s", priv->driver->conf->channelTargetDir, name);
    g_free(priv->status->monitorPath);
    priv->status->monitorPath = g_strdup_printf("%s/monitor.sock", priv->status->libDir);
    return 0;
}

static int
qbjVmFilesGiveToQemu(const virQbjConf *conf, const char *path)
{
    if (!conf->privileged || conf->user == (uid_t) -1)
        return 0;
    if (chown(path, conf->user, conf->group) < 0) {
        virReportSystemError(errno, _("unable to set ownership of '%s'"), path);
        return -1;
    }
    return 0;
}

static int
qbjVmFilesMakeDir(const virQbjConf *conf, const char *path)
{
    if (g_mkdir_with_parents(path, 0750) < 0 || chmod(path, 0750) < 0) {
        virReportSystemError(errno, _("unable to create folder '%s'"), path);
        return -1;
    }
    return qbjVmFilesGiveToQemu(conf, path);
}

/* The key that QEMU decrypts secrets with; new for each run. A stock daemon kills a VM without it (05/X8). */
static int
qbjVmFilesMakeKey(const virQbjConf *conf, const char *libDir)
{
    g_autofree char *path = g_strdup_printf("%s/master-key.aes", libDir);
    unsigned char key[QBJ_VM_KEY_LEN];
    VIR_AUTOCLOSE fd = -1;

    if (virRandomBytes(key, sizeof(key)) < 0)
        return -1;
    if ((fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0 ||
        safewrite(fd, key, sizeof(key)) != sizeof(key)) {
        virReportSystemError(errno, _("unable to write '%s'"), path);
        return -1;
    }
    return qbjVmFilesGiveToQemu(conf, path);
}

int
qbjVmFilesMake(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (qbjVmFilesMakeDir(priv->driver->conf, priv->status->libDir) < 0 ||
        qbjVmFilesMakeDir(priv->driver->conf, priv->status->channelTargetDir) < 0)
        return -1;
    return qbjVmFilesMakeKey(priv->driver->conf, priv->status->libDir);
}

void
qbjVmFilesRemove(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (priv->status->libDir)
        virFileDeleteTree(priv->status->libDir);
    if (priv->status->channelTargetDir)
        virFileDeleteTree(priv->status->channelTargetDir);
}

void
qbjVmFilesRemovePid(virDomainObj *vm)
{
    g_autofree char *pidPath = qbjVmFilesPidPath(vm);

    unlink(pidPath);
}

char *
qbjVmFilesPidPath(virDomainObj *vm)
{
    return virPidFileBuildPath(QBJ_DOMAIN_PRIVATE(vm)->driver->conf->stateDir, vm->def->name);
}

static char *
qbjVmFilesLogPath(virDomainObj *vm)
{
    return g_strdup_printf("%s/%s.log", QBJ_DOMAIN_PRIVATE(vm)->driver->conf->logDir, vm->def->name);
}

int
qbjVmFilesLogOpen(virDomainObj *vm)
{
    g_autofree char *path = qbjVmFilesLogPath(vm);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    if (fd < 0)
        virReportSystemError(errno, _("failed to open log file '%s'"), path);
    return fd;
}

void
qbjVmFilesLogLine(virDomainObj *vm, const char *fmt, ...)
{
    VIR_AUTOCLOSE fd = qbjVmFilesLogOpen(vm);
    g_autofree char *when = virTimeStringNow();
    g_autofree char *what = NULL;
    g_autofree char *line = NULL;
    va_list args;

    va_start(args, fmt);
    what = g_strdup_vprintf(fmt, args);
    va_end(args);

    line = g_strdup_printf("%s: %s\n", NULLSTR_EMPTY(when), what);
    if (fd < 0 || safewrite(fd, line, strlen(line)) < 0) {
        VIR_WARN("cannot write to the log of domain '%s'", vm->def->name);
        virResetLastError();
    }
}

char *
qbjVmFilesLogTail(virDomainObj *vm, off_t offset)
{
    g_autofree char *path = qbjVmFilesLogPath(vm);
    VIR_AUTOCLOSE fd = open(path, O_RDONLY | O_CLOEXEC);
    g_autofree char *text = g_new0(char, QBJ_VM_LOG_TAIL + 1);
    off_t end;

    if (fd < 0 || (end = lseek(fd, 0, SEEK_END)) < 0 ||
        lseek(fd, MAX(offset, end - QBJ_VM_LOG_TAIL), SEEK_SET) < 0 ||
        saferead(fd, text, QBJ_VM_LOG_TAIL) < 0)
        return g_strdup("");
    return g_strdup(g_strstrip(text));
}
