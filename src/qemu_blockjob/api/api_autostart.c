#include <config.h>

#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "api_autostart.h"
#include "api_domain.h"
#include "api_run.h"
#include "datatypes.h"
#include "domain_queue.h"
#include "virerror.h"
#include "virfile.h"
#include "viridentity.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.api_autostart");

static virThread qbjApiAutostartThread;
static bool qbjApiAutostartRuns;        /* begun and not yet joined; the daemon's main thread only */

static char *
qbjApiAutostartPath(const virQbjConf *conf, const char *name)
{
    return g_strdup_printf("%s/%s.xml", conf->autostartDir, name);
}

static int
qbjApiAutostartLink(const virQbjConf *conf, const char *name)
{
    g_autofree char *path = qbjApiAutostartPath(conf, name);
    g_autofree char *target = g_strdup_printf("%s/%s.xml", conf->configDir, name);

    if (g_mkdir_with_parents(conf->autostartDir, 0777) < 0) {
        virReportSystemError(errno, _("cannot create autostart directory %s"), conf->autostartDir);
        return -1;
    }
    if ((unlink(path) < 0 && errno != ENOENT) || symlink(target, path) < 0) {
        virReportSystemError(errno, _("Failed to create symlink '%s' to '%s'"), path, target);
        return -1;
    }
    return 0;
}

static int
qbjApiAutostartUnlink(const virQbjConf *conf, const char *name)
{
    g_autofree char *path = qbjApiAutostartPath(conf, name);

    if (unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR) {
        virReportSystemError(errno, _("Failed to delete symlink '%s'"), path);
        return -1;
    }
    return 0;
}

int
qbjApiAutostartRename(virDomainObj *vm, const char *name)
{
    const virQbjConf *conf = QBJ_DOMAIN_PRIVATE(vm)->driver->conf;

    if (!vm->autostart)
        return 0;
    if (qbjApiAutostartLink(conf, name) < 0)
        return -1;
    return qbjApiAutostartUnlink(conf, vm->def->name);
}

int
qbjApiGetAutostart(virDomainPtr domain, int *autostart)
{
    virDomainObj *vm = qbjApiLook(domain, virDomainGetAutostartEnsureACL);

    if (!vm)
        return -1;
    *autostart = vm->autostart;
    virDomainObjEndAPI(&vm);
    return 0;
}

static int
qbjApiAutostartSet(virDomainObj *vm, bool wanted)
{
    const virQbjConf *conf = QBJ_DOMAIN_PRIVATE(vm)->driver->conf;

    if (!vm->persistent) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("cannot set autostart for transient domain"));
        return -1;
    }
    if (vm->autostart == wanted)
        return 0;
    if ((wanted ? qbjApiAutostartLink(conf, vm->def->name) : qbjApiAutostartUnlink(conf, vm->def->name)) < 0)
        return -1;
    vm->autostart = wanted;
    return 0;
}

int
qbjApiSetAutostart(virDomainPtr domain, int autostart)
{
    virDomainObj *vm;
    int ret;

    if (!(vm = qbjApiBegin(domain, virDomainSetAutostartEnsureACL)))
        return -1;
    ret = qbjApiAutostartSet(vm, autostart != 0);
    qbjApiEnd(&vm);
    return ret;
}

static void
qbjApiAutostartOne(virDomainObj *vm)
{
    const virQbjConf *conf = QBJ_DOMAIN_PRIVATE(vm)->driver->conf;
    VIR_LOCK_GUARD lock = virObjectLockGuard(vm);

    if (!vm->autostart || virDomainObjIsActive(vm) || vm->removing)
        return;
    if (virDomainObjBeginJob(vm, VIR_JOB_MODIFY) < 0) {
        VIR_WARN("Failed to autostart domain '%s': %s", vm->def->name, virGetLastErrorMessage());
        return;
    }
    /* a client may have been faster */
    if (!virDomainObjIsActive(vm) &&
        qbjApiStart(vm, conf->autoStartBypassCache ? VIR_DOMAIN_START_BYPASS_CACHE : 0, NULL) < 0)
        VIR_ERROR(_("Failed to autostart domain '%s': %s"), vm->def->name, virGetLastErrorMessage());
    qbjDomainJobEnd(vm);
}

static void
qbjApiAutostartRun(void *opaque)
{
    qbjDriver *driver = opaque;
    g_autoptr(virIdentity) identity = virIdentityGetSystem();
    virDomainObj **vms = NULL;
    size_t nvms = 0;
    size_t i;

    /* networks and secrets are looked up in other drivers, which ask who wants to know */
    virIdentitySetCurrent(identity);
    virDomainObjListCollectAll(driver->domains, &vms, &nvms);
    for (i = 0; i < nvms && !qbjDriverIsShuttingDown(driver); i++) {
        qbjApiAutostartOne(vms[i]);
        virResetLastError();
    }
    virObjectListFreeCount(vms, nvms);
    virIdentitySetCurrent(NULL);
}

void
qbjApiAutostartBegin(qbjDriver *driver)
{
    bool wanted = false;

    if (virDriverShouldAutostart(driver->conf->stateDir, &wanted) < 0 || !wanted) {
        virResetLastError();
        return;
    }
    qbjApiAutostartRuns = virThreadCreateFull(&qbjApiAutostartThread, true, qbjApiAutostartRun, "qbj-autostart", false,
                                              driver) == 0;
    if (!qbjApiAutostartRuns)
        VIR_ERROR(_("Failed to create a thread that starts domains: %s"), virGetLastErrorMessage());
}

void
qbjApiAutostartEnd(void)
{
    if (qbjApiAutostartRuns)
        virThreadJoin(&qbjApiAutostartThread);
    qbjApiAutostartRuns = false;
}
