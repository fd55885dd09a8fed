#include <config.h>

#include "internal.h"
#include "api_save.h"
#include "api_domain.h"
#include "api_image.h"
#include "api_run.h"
#include "api_saved.h"
#include "datatypes.h"
#include "domain_private.h"
#include "domain_queue.h"
#include "host_image.h"
#include "vm_save.h"
#include "vm_start.h"
#include "virerror.h"
#include "virhook.h"
#include "virlog.h"
#include "virstring.h"
#include "virtypedparam.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.api_restore");

#define QBJ_API_RESTORE_FLAGS (VIR_DOMAIN_SAVE_BYPASS_CACHE | VIR_DOMAIN_SAVE_RUNNING | VIR_DOMAIN_SAVE_PAUSED | \
                               VIR_DOMAIN_SAVE_RESET_NVRAM)

/* What the administrator's script makes of the definition. */
static int
qbjApiRestoreHook(qbjDriver *driver, qbjApiImage *image)
{
    g_autofree char *before = NULL;
    g_autofree char *after = NULL;

    if (!virHookPresent(VIR_HOOK_DRIVER_QEMU))
        return 0;
    if (!(before = virDomainDefFormat(image->def, driver->xmlopt, VIR_DOMAIN_DEF_FORMAT_SECURE)) ||
        virHookCall(VIR_HOOK_DRIVER_QEMU, image->def->name, VIR_HOOK_QEMU_OP_RESTORE, VIR_HOOK_SUBOP_BEGIN, NULL,
                    before, &after) < 0)
        return -1;
    return virStringIsEmpty(after) ? 0 : qbjApiImageReplace(driver, image, after);
}

/* What of a restore is the same for both kinds of image. */
typedef struct _qbjApiRestoreHow qbjApiRestoreHow;
struct _qbjApiRestoreHow {
    const char *path;
    bool managed;
    bool bypass;
    bool resetNvram;
    bool running;
    int suspended;
};

/* The stream as QEMU can read it. No lock is held: the image's storage may hang. */
static qbjHostImageReader *
qbjApiRestoreReader(const qbjApiRestoreHow *how, qbjApiImage *image)
{
    return qbjHostImageReaderNew(how->path, image->image, &image->fd, how->bypass);
}

/* @vm is locked, its job held; image->def is its definition by now, and the lock was not dropped since. */
static int
qbjApiRestoreStart(virDomainObj *vm, const qbjApiImage *image, const qbjHostImageReader *reader,
                   const qbjApiRestoreHow *how)
{
    qbjVmRestore restore = {
        .path = how->path,
        .cookie = image->image->cookie,
        .managed = how->managed,
        .running = how->running,
        .suspended = how->suspended,
        .fd = qbjHostImageReaderStream(reader),
    };
    qbjVmStartHow start = { .paused = !how->running, .resetNvram = how->resetNvram, .restore = &restore };

    return qbjVmStart(vm, &start);
}

/* While the job was waited for another client may have started the domain, or taken it for his definition. */
static int
qbjApiRestoreCheck(virDomainObj *vm, const virDomainDef *def)
{
    if (virDomainObjIsActive(vm) || vm->def != def) {
        virReportError(VIR_ERR_OPERATION_INVALID, _("domain '%s' is already active"), vm->def->name);
        return -1;
    }
    if (vm->persistent && qbjApiSavedImageExists(vm)) {
        virReportError(VIR_ERR_OPERATION_INVALID,
                       _("domain '%s' has a managed save image, which would be older than its disks then"),
                       vm->def->name);
        return -1;
    }
    return 0;
}

static int
qbjApiRestoreFrom(virConnectPtr conn, const char *path, const char *xml, unsigned int flags, qbjApiMayCall may)
{
    qbjDriver *driver = conn->privateData;
    g_auto(qbjApiImage) image = QBJ_API_IMAGE_INIT;
    g_autoptr(qbjHostImageReader) reader = NULL;
    qbjApiRestoreHow how = {
        .path = path,
        .bypass = flags & VIR_DOMAIN_SAVE_BYPASS_CACHE,
        .resetNvram = flags & VIR_DOMAIN_SAVE_RESET_NVRAM,
        .suspended = VIR_DOMAIN_EVENT_SUSPENDED_RESTORED,
    };
    const virDomainDef *def;
    virDomainObj *vm;
    int ret = -1;

    if (qbjApiImageOpen(driver, path, false, &image) < 0 || may(conn, image.def) < 0 ||
        qbjApiRestoreHook(driver, &image) < 0 || (xml && qbjApiImageReplace(driver, &image, xml) < 0))
        return -1;
    how.running = flags & VIR_DOMAIN_SAVE_RUNNING || (!(flags & VIR_DOMAIN_SAVE_PAUSED) && image.image->running);
    def = image.def;
    if (!(reader = qbjApiRestoreReader(&how, &image)) ||
        !(vm = virDomainObjListAdd(driver->domains, &image.def, driver->xmlopt,
                                   VIR_DOMAIN_OBJ_LIST_ADD_LIVE | VIR_DOMAIN_OBJ_LIST_ADD_CHECK_LIVE, NULL)))
        return -1;
    if (virDomainObjBeginJob(vm, VIR_JOB_MODIFY) == 0) {
        if (qbjApiRestoreCheck(vm, def) == 0)
            ret = qbjApiRestoreStart(vm, &image, reader, &how);
        if (ret < 0 && vm->def == def)
            qbjApiCreateUndo(driver, vm);
        qbjDomainJobEnd(vm);
    } else {
        qbjApiCreateUndo(driver, vm);
    }
    virDomainObjEndAPI(&vm);
    return ret;
}

int
qbjApiRestoreFlags(virConnectPtr conn, const char *path, const char *xml, unsigned int flags)
{
    virCheckFlags(QBJ_API_RESTORE_FLAGS, -1);

    return qbjApiRestoreFrom(conn, path, xml, flags, virDomainRestoreFlagsEnsureACL);
}

int
qbjApiRestore(virConnectPtr conn, const char *path)
{
    return qbjApiRestoreFrom(conn, path, NULL, 0, virDomainRestoreEnsureACL);
}

int
qbjApiRestoreParams(virConnectPtr conn, virTypedParameterPtr params, int nparams, unsigned int flags)
{
    const char *path = NULL;
    const char *xml = NULL;

    virCheckFlags(QBJ_API_RESTORE_FLAGS, -1);

    if (qbjApiSaveReadParams(params, nparams, &path, &xml) < 0)
        return -1;
    return qbjApiRestoreFrom(conn, path, xml, flags, virDomainRestoreParamsEnsureACL);
}

/* --- managed save --- */

/* The image is of the domain that it is there for. */
static int
qbjApiSaveCheckOwner(virDomainObj *vm, const virDomainDef *def)
{
    if (STREQ(vm->def->name, def->name) && memcmp(vm->def->uuid, def->uuid, VIR_UUID_BUFLEN) == 0)
        return 0;
    virReportError(VIR_ERR_OPERATION_FAILED, _("the managed save image of domain '%s' is of domain '%s'"),
                   vm->def->name, def->name);
    return -1;
}

/* A definition that did not come to run gives way to the persistent one again. */
static int
qbjApiSaveStartWith(virDomainObj *vm, qbjApiImage *image, const qbjHostImageReader *reader,
                    const qbjApiRestoreHow *how)
{
    virErrorPtr reason;

    virDomainObjAssignDef(vm, &image->def, true, NULL);
    if (qbjApiRestoreStart(vm, image, reader, how) == 0)
        return 0;
    virErrorPreserveLast(&reason);
    if (!virDomainObjIsActive(vm))
        virDomainObjRemoveTransientDef(vm);
    virErrorRestore(&reason);
    VIR_WARN("Domain '%s' cannot be started with its managed save image '%s'; \"virsh managedsave-remove\" or "
             "\"virsh start --force-boot\" give it up", vm->def->name, how->path);
    return -1;
}

int
qbjApiSaveStart(virDomainObj *vm, unsigned int flags)
{
    qbjDriver *driver = QBJ_DOMAIN_PRIVATE(vm)->driver;
    g_autofree char *path = qbjVmSaveManagedPath(vm);
    g_auto(qbjApiImage) image = QBJ_API_IMAGE_INIT;
    qbjApiRestoreHow how = {
        .path = path,
        .managed = true,
        .bypass = flags & VIR_DOMAIN_START_BYPASS_CACHE,
        .resetNvram = flags & VIR_DOMAIN_START_RESET_NVRAM,
        .suspended = VIR_DOMAIN_EVENT_SUSPENDED_PAUSED,
    };
    qbjHostImageReader *reader = NULL;
    int rc;

    virObjectUnlock(vm);
    rc = qbjApiImageOpen(driver, path, true, &image);
    if (rc == 0)
        rc = qbjApiRestoreHook(driver, &image);
    if (rc == 0 && !(reader = qbjApiRestoreReader(&how, &image)))
        rc = -1;
    virObjectLock(vm);
    if (rc == 1) {
        VIR_WARN("Domain '%s' is booted, because its managed save image '%s' is not complete", vm->def->name, path);
        return qbjApiSaveForget(vm) < 0 ? -1 : 1;
    }
    if (rc == 0) {
        how.running = image.image->running && !(flags & VIR_DOMAIN_START_PAUSED);
        if ((rc = qbjApiSaveCheckOwner(vm, image.def)) == 0)
            rc = qbjApiSaveStartWith(vm, &image, reader, &how);
        virObjectUnlock(vm);
        qbjHostImageReaderFree(reader);
        virObjectLock(vm);
    }
    return rc;
}
