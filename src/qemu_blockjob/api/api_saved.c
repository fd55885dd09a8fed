#include <config.h>

#include <dirent.h>

#include "internal.h"
#include "api_saved.h"
#include "api_domain.h"
#include "datatypes.h"
#include "domain_private.h"
#include "vm_save.h"
#include "virdomainsnapshotobjlist.h"
#include "virerror.h"
#include "virfile.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

bool
qbjApiSavedImageExists(virDomainObj *vm)
{
    g_autofree char *path = qbjVmSaveManagedPath(vm);

    return virFileExists(path);
}

/* Only .xml files count. A domain that is named "." or ".." has no folder of its own. */
static bool
qbjApiSavedFolderUsed(virDomainObj *vm, const char *folder)
{
    g_autofree char *path = g_build_filename(folder, vm->def->name, NULL);
    g_autoptr(DIR) dir = NULL;
    struct dirent *entry;

    if (STREQ(vm->def->name, ".") || STREQ(vm->def->name, "..") || virDirOpenQuiet(&dir, path) <= 0)
        return false;
    while (virDirRead(dir, &entry, path) > 0) {
        if (g_str_has_suffix(entry->d_name, ".xml"))
            return true;
    }
    return false;
}

int
qbjApiSavedRefuse(virDomainObj *vm)
{
    const virQbjConf *conf = QBJ_DOMAIN_PRIVATE(vm)->driver->conf;
    const char *what = NULL;

    if (qbjApiSavedFolderUsed(vm, conf->snapshotDir))
        what = "snapshot metadata";
    else if (qbjApiSavedFolderUsed(vm, conf->checkpointDir))
        what = "checkpoint metadata";
    if (!what)
        return 0;
    virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                   _("domain '%s' has a %s of another driver, which this driver does not support yet"),
                   vm->def->name, what);
    return -1;
}

int
qbjApiHasManagedSaveImage(virDomainPtr domain, unsigned int flags)
{
    virDomainObj *vm = NULL;
    int ret = -1;

    virCheckFlags(0, -1);

    if (!(vm = qbjApiDomain(domain)))
        return -1;
    if (virDomainHasManagedSaveImageEnsureACL(domain->conn, vm->def) == 0)
        ret = qbjApiSavedImageExists(vm);
    virDomainObjEndAPI(&vm);
    return ret;
}

/* 0 when there are none; an error when another driver's are there, for they cannot be listed. */
static int
qbjApiSavedNone(virDomainPtr domain, int (*ensureACL)(virConnectPtr conn, virDomainDef *def), const char *kind)
{
    virDomainObj *vm = qbjApiDomain(domain);
    int ret = -1;

    if (!vm)
        return -1;
    if (ensureACL(domain->conn, vm->def) < 0)
        ret = -1;
    else if (qbjApiSavedFolderUsed(vm, kind))
        ret = qbjApiSavedRefuse(vm);
    else
        ret = 0;
    virDomainObjEndAPI(&vm);
    return ret;
}

int
qbjApiSnapshotNum(virDomainPtr domain, unsigned int flags)
{
    virCheckFlags(VIR_DOMAIN_SNAPSHOT_LIST_ROOTS | VIR_DOMAIN_SNAPSHOT_LIST_TOPOLOGICAL |
                  VIR_DOMAIN_SNAPSHOT_FILTERS_ALL, -1);

    return qbjApiSavedNone(domain, virDomainSnapshotNumEnsureACL, "snapshot");
}

int
qbjApiListAllSnapshots(virDomainPtr domain, virDomainSnapshotPtr **snaps, unsigned int flags)
{
    virCheckFlags(VIR_DOMAIN_SNAPSHOT_LIST_ROOTS | VIR_DOMAIN_SNAPSHOT_LIST_TOPOLOGICAL |
                  VIR_DOMAIN_SNAPSHOT_FILTERS_ALL, -1);

    if (qbjApiSavedNone(domain, virDomainListAllSnapshotsEnsureACL, "snapshot") < 0)
        return -1;
    if (snaps)
        *snaps = g_new0(virDomainSnapshotPtr, 1);
    return 0;
}

int
qbjApiHasCurrentSnapshot(virDomainPtr domain, unsigned int flags)
{
    virCheckFlags(0, -1);

    return qbjApiSavedNone(domain, virDomainHasCurrentSnapshotEnsureACL, "snapshot");
}

int
qbjApiListAllCheckpoints(virDomainPtr domain, virDomainCheckpointPtr **checkpoints, unsigned int flags)
{
    virCheckFlags(VIR_DOMAIN_CHECKPOINT_LIST_ROOTS | VIR_DOMAIN_CHECKPOINT_LIST_DESCENDANTS |
                  VIR_DOMAIN_CHECKPOINT_LIST_TOPOLOGICAL | VIR_DOMAIN_CHECKPOINT_LIST_LEAVES |
                  VIR_DOMAIN_CHECKPOINT_LIST_NO_LEAVES, -1);

    if (qbjApiSavedNone(domain, virDomainListAllCheckpointsEnsureACL, "checkpoint") < 0)
        return -1;
    if (checkpoints)
        *checkpoints = g_new0(virDomainCheckpointPtr, 1);
    return 0;
}
