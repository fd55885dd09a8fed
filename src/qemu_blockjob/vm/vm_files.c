#include <config.h>

#include <fcntl.h>
#include <unistd.h>

#include "internal.h"
#include "vm_files.h"
#include "host_folder.h"
#include "host_secret.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virpidfile.h"
#include "virrandom.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_files");

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

/* QEMU's user, -1: QEMU runs as ourselves */
static uid_t
qbjVmFilesUser(const virQbjConf *conf)
{
    return conf->privileged ? conf->user : (uid_t) -1;
}

/* The key that QEMU decrypts secrets with; new for each run. A stock daemon kills a VM without it (05/X8). */
static int
qbjVmFilesMakeKey(const virQbjConf *conf, int folder, const char *libDir, uint8_t *key)
{
    g_autofree char *path = g_strdup_printf("%s/" QBJ_HOST_KEY_NAME, libDir);
    VIR_AUTOCLOSE fd = -1;

    if (virRandomBytes(key, QBJ_HOST_KEY_LEN) < 0)
        return -1;
    if ((fd = qbjHostFolderWrite(folder, QBJ_HOST_KEY_NAME, key, QBJ_HOST_KEY_LEN)) < 0) {
        virReportSystemError(errno, _("unable to write '%s'"), path);
        return -1;
    }
    return qbjHostFolderGive(fd, qbjVmFilesUser(conf), conf->group, path);
}

/* The folders become QEMU's when what we have to put into them is there. */
int
qbjVmFilesMake(virDomainObj *vm, uint8_t *key)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    const virQbjConf *conf = priv->driver->conf;
    uid_t user = qbjVmFilesUser(conf);
    VIR_AUTOCLOSE lib = qbjHostFolderMake(priv->status->libDir, 0750);
    VIR_AUTOCLOSE channel = -1;

    if (lib < 0 ||
        qbjVmFilesMakeKey(conf, lib, priv->status->libDir, key) < 0 ||
        (channel = qbjHostFolderMake(priv->status->channelTargetDir, 0750)) < 0 ||
        qbjHostFolderGive(channel, user, conf->group, priv->status->channelTargetDir) < 0)
        return -1;
    return qbjHostFolderGive(lib, user, conf->group, priv->status->libDir);
}

static void
qbjVmFilesRemoveFolder(const char *path)
{
    if (path && qbjHostFolderRemove(path) < 0)
        VIR_WARN("cannot remove folder '%s': %s", path, g_strerror(errno));
}

void
qbjVmFilesRemove(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    qbjVmFilesRemoveFolder(priv->status->libDir);
    qbjVmFilesRemoveFolder(priv->status->channelTargetDir);
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
