#include <config.h>

#include "internal.h"
#include "api_save.h"
#include "api_domain.h"
#include "api_guard.h"
#include "api_image.h"
#include "datatypes.h"
#include "domain_private.h"
#include "host_image.h"
#include "vm_save.h"
#include "vm_saveimage.h"
#include "virerror.h"
#include "virlog.h"
#include "virtypedparam.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.api_save");

#define QBJ_API_SAVE_FLAGS (VIR_DOMAIN_SAVE_BYPASS_CACHE | VIR_DOMAIN_SAVE_RUNNING | VIR_DOMAIN_SAVE_PAUSED)

/* @vm is locked, its job held. */
static int
qbjApiSaveNow(virDomainObj *vm, qbjVmSaveRequest *request, unsigned int flags)
{
    request->bypass = flags & VIR_DOMAIN_SAVE_BYPASS_CACHE;
    request->running = flags & VIR_DOMAIN_SAVE_RUNNING ? 1 : flags & VIR_DOMAIN_SAVE_PAUSED ? 0 : -1;
    if (qbjApiGuard(vm, request->managed ? QBJ_OPERATION_MANAGED_SAVE : QBJ_OPERATION_SAVE, NULL) < 0 ||
        qbjVmSaveImageFormat("save_image_format", QBJ_DOMAIN_PRIVATE(vm)->driver->conf->saveImageFormat,
                             &request->format) < 0)
        return -1;
    return qbjVmSave(vm, request);
}

static int
qbjApiSaveTo(virDomainPtr domain, const char *path, const char *xml, unsigned int flags, qbjApiMayCall may)
{
    qbjVmSaveRequest request = { .path = path, .xml = xml };
    virDomainObj *vm;
    int ret = -1;

    if (!(vm = qbjApiLook(domain, may)))
        return -1;
    if (virDomainObjCheckActive(vm) == 0 && qbjApiGuardEarly(vm, QBJ_OPERATION_SAVE, NULL) == 0 &&
        virDomainObjBeginJob(vm, VIR_JOB_MODIFY) == 0) {
        if (virDomainObjCheckActive(vm) == 0)
            ret = qbjApiSaveNow(vm, &request, flags);
        qbjApiEnd(&vm);
        return ret;
    }
    virDomainObjEndAPI(&vm);
    return ret;
}

int
qbjApiSaveFlags(virDomainPtr domain, const char *path, const char *xml, unsigned int flags)
{
    virCheckFlags(QBJ_API_SAVE_FLAGS, -1);

    return qbjApiSaveTo(domain, path, xml, flags, virDomainSaveFlagsEnsureACL);
}

int
qbjApiSave(virDomainPtr domain, const char *path)
{
    return qbjApiSaveTo(domain, path, NULL, 0, virDomainSaveEnsureACL);
}

int
qbjApiSaveReadParams(virTypedParameterPtr params, int nparams, const char **path, const char **xml)
{
    if (virTypedParamsValidate(params, nparams,
                               VIR_DOMAIN_SAVE_PARAM_FILE, VIR_TYPED_PARAM_STRING,
                               VIR_DOMAIN_SAVE_PARAM_DXML, VIR_TYPED_PARAM_STRING,
                               NULL) < 0 ||
        virTypedParamsGetString(params, nparams, VIR_DOMAIN_SAVE_PARAM_FILE, path) < 0 ||
        virTypedParamsGetString(params, nparams, VIR_DOMAIN_SAVE_PARAM_DXML, xml) < 0)
        return -1;
    if (!*path) {
        virReportError(VIR_ERR_INVALID_ARG, _("missing parameter '%s'"), VIR_DOMAIN_SAVE_PARAM_FILE);
        return -1;
    }
    /* libvirt.so makes it one in the other calls only */
    if (!g_path_is_absolute(*path)) {
        virReportError(VIR_ERR_INVALID_ARG, _("parameter '%s' is not an absolute path: '%s'"),
                       VIR_DOMAIN_SAVE_PARAM_FILE, *path);
        return -1;
    }
    return 0;
}

int
qbjApiSaveParams(virDomainPtr domain, virTypedParameterPtr params, int nparams, unsigned int flags)
{
    const char *path = NULL;
    const char *xml = NULL;

    virCheckFlags(QBJ_API_SAVE_FLAGS, -1);

    if (qbjApiSaveReadParams(params, nparams, &path, &xml) < 0)
        return -1;
    return qbjApiSaveTo(domain, path, xml, flags, virDomainSaveParamsEnsureACL);
}

/* --- managed save --- */

static int
qbjApiManagedSaveCheck(virDomainObj *vm)
{
    if (virDomainObjCheckActive(vm) < 0)
        return -1;
    if (!vm->persistent) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("cannot do managed save for transient domain"));
        return -1;
    }
    return 0;
}

int
qbjApiManagedSave(virDomainPtr domain, unsigned int flags)
{
    virDomainObj *vm;
    int ret = -1;

    virCheckFlags(QBJ_API_SAVE_FLAGS, -1);

    if (!(vm = qbjApiLook(domain, virDomainManagedSaveEnsureACL)))
        return -1;
    if (qbjApiManagedSaveCheck(vm) < 0 || qbjApiGuardEarly(vm, QBJ_OPERATION_MANAGED_SAVE, NULL) < 0 ||
        virDomainObjBeginJob(vm, VIR_JOB_MODIFY) < 0) {
        virDomainObjEndAPI(&vm);
        return -1;
    }
    if (qbjApiManagedSaveCheck(vm) == 0) {
        g_autofree char *path = qbjVmSaveManagedPath(vm);
        qbjVmSaveRequest request = { .path = path, .managed = true };

        ret = qbjApiSaveNow(vm, &request, flags);
    }
    qbjApiEnd(&vm);
    return ret;
}

int
qbjApiSaveForget(virDomainObj *vm)
{
    g_autofree char *path = qbjVmSaveManagedPath(vm);
    int error;
    int rc;

    virObjectUnlock(vm);
    rc = qbjHostImageRemove(path);
    error = errno;
    virObjectLock(vm);
    if (rc == 0 || error == ENOENT)
        vm->hasManagedSave = false;
    if (rc < 0)
        virReportSystemError(error, _("Failed to remove managed save file '%s'"), path);
    return rc;
}

int
qbjApiManagedSaveRemove(virDomainPtr domain, unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    virCheckFlags(0, -1);

    if (!(vm = qbjApiBegin(domain, virDomainManagedSaveRemoveEnsureACL)))
        return -1;
    ret = qbjApiSaveForget(vm);
    qbjApiEnd(&vm);
    return ret;
}

/* The path of the image of @vm; NULL with an error reported when there is none. */
static char *
qbjApiManagedSavePath(virDomainObj *vm)
{
    g_autofree char *path = qbjVmSaveManagedPath(vm);

    if (vm->hasManagedSave)
        return g_steal_pointer(&path);
    virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("domain does not have managed save image"));
    return NULL;
}

char *
qbjApiManagedSaveGetXMLDesc(virDomainPtr domain, unsigned int flags)
{
    virDomainObj *vm;
    g_autofree char *path = NULL;

    virCheckFlags(VIR_DOMAIN_SAVE_IMAGE_XML_SECURE, NULL);

    if (!(vm = qbjApiLookFlags(domain, virDomainManagedSaveGetXMLDescEnsureACL, flags)))
        return NULL;
    path = qbjApiManagedSavePath(vm);
    virDomainObjEndAPI(&vm);
    return path ? qbjApiImageXml(domain->conn->privateData, path, flags) : NULL;
}

int
qbjApiManagedSaveDefineXML(virDomainPtr domain, const char *xml, unsigned int flags)
{
    virDomainObj *vm;
    g_autofree char *path = NULL;
    int ret = -1;

    virCheckFlags(VIR_DOMAIN_SAVE_RUNNING | VIR_DOMAIN_SAVE_PAUSED, -1);

    if (!(vm = qbjApiBegin(domain, virDomainManagedSaveDefineXMLEnsureACL)))
        return -1;
    if ((path = qbjApiManagedSavePath(vm)))
        ret = qbjApiImageDefine(domain->conn, path, xml, flags, NULL);
    qbjApiEnd(&vm);
    return ret;
}
