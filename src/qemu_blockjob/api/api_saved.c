#include <config.h>

#include <dirent.h>

#include "internal.h"
#include "api_saved.h"
#include "api_domain.h"
#include "datatypes.h"
#include "domain_private.h"
#include "vm_save.h"
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
    if (!qbjApiSavedFolderUsed(vm, QBJ_DOMAIN_PRIVATE(vm)->driver->conf->checkpointDir))
        return 0;
    virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                   _("domain '%s' has checkpoint metadata of another driver, which this driver does not support yet"),
                   vm->def->name);
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

int
qbjApiListAllCheckpoints(virDomainPtr domain, virDomainCheckpointPtr **checkpoints, unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(VIR_DOMAIN_CHECKPOINT_LIST_ROOTS | VIR_DOMAIN_CHECKPOINT_LIST_DESCENDANTS |
                  VIR_DOMAIN_CHECKPOINT_LIST_TOPOLOGICAL | VIR_DOMAIN_CHECKPOINT_LIST_LEAVES |
                  VIR_DOMAIN_CHECKPOINT_LIST_NO_LEAVES, -1);

    if (!(vm = qbjApiLook(domain, virDomainListAllCheckpointsEnsureACL)))
        return -1;
    ret = qbjApiSavedRefuse(vm);
    virDomainObjEndAPI(&vm);
    if (ret == 0 && checkpoints)
        *checkpoints = g_new0(virDomainCheckpointPtr, 1);
    return ret;
}
