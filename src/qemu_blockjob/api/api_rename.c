#include <config.h>

#include <unistd.h>

#include "internal.h"
#include "api_rename.h"
#include "api_autostart.h"
#include "api_domain.h"
#include "api_saved.h"
#include "datatypes.h"
#include "domain_notify.h"
#include "domain_save.h"
#include "moment_list.h"
#include "virerror.h"
#include "virlog.h"
#include "virstring.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.api_rename");

static int
qbjApiRenameCheck(virDomainObj *vm, const char *name)
{
    if (virDomainObjIsActive(vm)) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("cannot rename active domain"));
        return -1;
    }
    if (!vm->persistent) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("cannot rename a transient domain"));
        return -1;
    }
    if (strchr(name, '/')) {
        virReportError(VIR_ERR_XML_ERROR, _("name %s cannot contain '%c'"), name, '/');
        return -1;
    }
    if (virXMLCheckIllegalChars("name", name, "\n") < 0)
        return -1;
    if (qbjApiSavedImageExists(vm)) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("domain with a managed saved state can't be renamed"));
        return -1;
    }
    return qbjApiSavedRefuse(vm);       /* those files have the name, too */
}

/* The persistent definition as it is to be, under the new name. */
static int
qbjApiRenameSaveConfig(virDomainObj *vm, const char *name, char **path)
{
    char *oldName = vm->def->name;
    int ret;

    vm->def->name = g_strdup(name);
    *path = qbjDomainConfigPath(vm);
    ret = qbjDomainSaveConfig(vm, vm->def);
    g_free(vm->def->name);
    vm->def->name = oldName;
    return ret;
}

/* What cannot follow leaves everything as it was. */
static int
qbjApiRenameMakeFiles(virDomainObj *vm, const char *name)
{
    g_autofree char *path = NULL;
    virErrorPtr reason;
    int moved = -1;

    if (qbjApiRenameSaveConfig(vm, name, &path) == 0 &&
        (moved = qbjMomentListRename(vm, vm->def->name, name)) >= 0 && qbjApiAutostartRename(vm, name) == 0)
        return 0;

    virErrorPreserveLast(&reason);
    if ((moved > 0 && qbjMomentListRename(vm, name, vm->def->name) < 0) || (unlink(path) < 0 && errno != ENOENT))
        VIR_WARN("Failed to take the rename of '%s' to '%s' back", vm->def->name, name);
    virErrorRestore(&reason);
    return -1;
}

/* The new file first: a daemon that dies between the two finds the domain under both names rather than under
 * none. It is called with the list locked, so that nobody else takes the name. */
static int
qbjApiRenameFiles(virDomainObj *vm, const char *name, unsigned int flags G_GNUC_UNUSED, void *opaque G_GNUC_UNUSED)
{
    g_autofree char *oldPath = qbjDomainConfigPath(vm);

    if (qbjApiRenameMakeFiles(vm, name) < 0)
        return -1;
    if (unlink(oldPath) < 0 && errno != ENOENT)
        VIR_WARN("Failed to remove '%s': %s", oldPath, g_strerror(errno));

    qbjDomainNotifyLifecycle(vm, VIR_DOMAIN_EVENT_UNDEFINED, VIR_DOMAIN_EVENT_UNDEFINED_RENAMED);
    g_free(vm->def->name);
    vm->def->name = g_strdup(name);
    qbjDomainNotifyLifecycle(vm, VIR_DOMAIN_EVENT_DEFINED, VIR_DOMAIN_EVENT_DEFINED_RENAMED);
    return 0;
}

int
qbjApiRename(virDomainPtr domain, const char *name, unsigned int flags)
{
    qbjDriver *driver = domain->conn->privateData;
    virDomainObj *vm;
    int ret = -1;

    virCheckFlags(0, -1);

    if (!(vm = qbjApiBegin(domain, virDomainRenameEnsureACL)))
        return -1;
    if (qbjApiRenameCheck(vm, name) == 0)
        ret = virDomainObjListRename(driver->domains, vm, name, flags, qbjApiRenameFiles, NULL);
    qbjApiEnd(&vm);
    return ret;
}
