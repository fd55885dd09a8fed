#include <config.h>

#include "internal.h"
#include "api_migrate.h"
#include "api_domain.h"
#include "api_guard.h"
#include "virdomainsnapshotobjlist.h"
#include "virerror.h"
#include "virtypedparam.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

int
qbjApiMigrateCheckParams(virTypedParameterPtr params, int nparams)
{
    return virTypedParamsValidate(params, nparams,
                                  VIR_MIGRATE_PARAM_URI, VIR_TYPED_PARAM_STRING,
                                  VIR_MIGRATE_PARAM_DEST_NAME, VIR_TYPED_PARAM_STRING,
                                  VIR_MIGRATE_PARAM_DEST_XML, VIR_TYPED_PARAM_STRING,
                                  VIR_MIGRATE_PARAM_PERSIST_XML, VIR_TYPED_PARAM_STRING,
                                  VIR_MIGRATE_PARAM_BANDWIDTH, VIR_TYPED_PARAM_ULLONG,
                                  VIR_MIGRATE_PARAM_BANDWIDTH_POSTCOPY, VIR_TYPED_PARAM_ULLONG,
                                  VIR_MIGRATE_PARAM_GRAPHICS_URI, VIR_TYPED_PARAM_STRING,
                                  VIR_MIGRATE_PARAM_LISTEN_ADDRESS, VIR_TYPED_PARAM_STRING,
                                  VIR_MIGRATE_PARAM_MIGRATE_DISKS,
                                  VIR_TYPED_PARAM_STRING | VIR_TYPED_PARAM_MULTIPLE,
                                  VIR_MIGRATE_PARAM_DISKS_PORT, VIR_TYPED_PARAM_INT,
                                  VIR_MIGRATE_PARAM_DISKS_URI, VIR_TYPED_PARAM_STRING,
                                  VIR_MIGRATE_PARAM_COMPRESSION, VIR_TYPED_PARAM_STRING | VIR_TYPED_PARAM_MULTIPLE,
                                  VIR_MIGRATE_PARAM_COMPRESSION_MT_LEVEL, VIR_TYPED_PARAM_INT,
                                  VIR_MIGRATE_PARAM_COMPRESSION_MT_THREADS, VIR_TYPED_PARAM_INT,
                                  VIR_MIGRATE_PARAM_COMPRESSION_MT_DTHREADS, VIR_TYPED_PARAM_INT,
                                  VIR_MIGRATE_PARAM_COMPRESSION_XBZRLE_CACHE, VIR_TYPED_PARAM_ULLONG,
                                  VIR_MIGRATE_PARAM_AUTO_CONVERGE_INITIAL, VIR_TYPED_PARAM_INT,
                                  VIR_MIGRATE_PARAM_AUTO_CONVERGE_INCREMENT, VIR_TYPED_PARAM_INT,
                                  VIR_MIGRATE_PARAM_PARALLEL_CONNECTIONS, VIR_TYPED_PARAM_INT,
                                  VIR_MIGRATE_PARAM_TLS_DESTINATION, VIR_TYPED_PARAM_STRING,
                                  NULL);
}

/* What forbids a migration of @vm (22/3), in the order that clients know. Returns 0, -1 with an error
 * reported. */
static int
qbjApiMigrateCheck(virDomainObj *vm, bool offline)
{
    int snapshots;

    if (!offline && virDomainObjCheckActive(vm) < 0)
        return -1;
    if ((snapshots = virDomainSnapshotObjListNum(vm->snapshots, NULL, 0)) > 0) {
        virReportError(VIR_ERR_OPERATION_INVALID, _("cannot migrate domain with %d snapshots"), snapshots);
        return -1;
    }
    return qbjApiGuardEarly(vm, offline ? QBJ_OPERATION_MIGRATE_OFFLINE : QBJ_OPERATION_MIGRATE, NULL);
}

/* Always -1, with an error reported. */
static int
qbjApiMigrateRefuse(virDomainPtr domain, unsigned long flags, qbjApiMayCall may)
{
    virDomainObj *vm = qbjApiLook(domain, may);

    if (!vm)
        return -1;
    if (qbjApiMigrateCheck(vm, flags & VIR_MIGRATE_OFFLINE) == 0)
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, "%s", _("migration is not supported by this driver yet"));
    virDomainObjEndAPI(&vm);
    return -1;
}

/* The same for what can only be asked while a domain is migrated. @running: else it need not run. */
static int
qbjApiMigrateNone(virDomainPtr domain, bool running, qbjApiMayCall may)
{
    virDomainObj *vm = qbjApiLook(domain, may);

    if (!vm)
        return -1;
    if (!running || virDomainObjCheckActive(vm) == 0)
        virReportError(VIR_ERR_OPERATION_INVALID, _("domain '%s' is not being migrated"), vm->def->name);
    virDomainObjEndAPI(&vm);
    return -1;
}

char *
qbjApiMigrateBegin3(virDomainPtr domain, const char *xml G_GNUC_UNUSED, char **cookieOut G_GNUC_UNUSED,
                    int *cookieOutLen G_GNUC_UNUSED, unsigned long flags, const char *name G_GNUC_UNUSED,
                    unsigned long bandwidth G_GNUC_UNUSED)
{
    virCheckFlags(QBJ_API_MIGRATE_FLAGS, NULL);

    ignore_value(qbjApiMigrateRefuse(domain, flags, virDomainMigrateBegin3EnsureACL));
    return NULL;
}

char *
qbjApiMigrateBegin3Params(virDomainPtr domain, virTypedParameterPtr params, int nparams,
                          char **cookieOut G_GNUC_UNUSED, int *cookieOutLen G_GNUC_UNUSED, unsigned int flags)
{
    virCheckFlags(QBJ_API_MIGRATE_FLAGS, NULL);

    if (qbjApiMigrateCheckParams(params, nparams) == 0)
        ignore_value(qbjApiMigrateRefuse(domain, flags, virDomainMigrateBegin3ParamsEnsureACL));
    return NULL;
}

int
qbjApiMigratePerform(virDomainPtr domain, const char *cookie G_GNUC_UNUSED, int cookieLen G_GNUC_UNUSED,
                     const char *uri G_GNUC_UNUSED, unsigned long flags, const char *name G_GNUC_UNUSED,
                     unsigned long bandwidth G_GNUC_UNUSED)
{
    virCheckFlags(QBJ_API_MIGRATE_FLAGS, -1);

    return qbjApiMigrateRefuse(domain, flags, virDomainMigratePerformEnsureACL);
}

int
qbjApiMigratePerform3(virDomainPtr domain, const char *xml G_GNUC_UNUSED, const char *cookie G_GNUC_UNUSED,
                      int cookieLen G_GNUC_UNUSED, char **cookieOut G_GNUC_UNUSED, int *cookieOutLen G_GNUC_UNUSED,
                      const char *connURI G_GNUC_UNUSED, const char *uri G_GNUC_UNUSED, unsigned long flags,
                      const char *name G_GNUC_UNUSED, unsigned long bandwidth G_GNUC_UNUSED)
{
    virCheckFlags(QBJ_API_MIGRATE_FLAGS, -1);

    return qbjApiMigrateRefuse(domain, flags, virDomainMigratePerform3EnsureACL);
}

int
qbjApiMigratePerform3Params(virDomainPtr domain, const char *connURI G_GNUC_UNUSED, virTypedParameterPtr params,
                            int nparams, const char *cookie G_GNUC_UNUSED, int cookieLen G_GNUC_UNUSED,
                            char **cookieOut G_GNUC_UNUSED, int *cookieOutLen G_GNUC_UNUSED, unsigned int flags)
{
    virCheckFlags(QBJ_API_MIGRATE_FLAGS, -1);

    if (qbjApiMigrateCheckParams(params, nparams) < 0)
        return -1;
    return qbjApiMigrateRefuse(domain, flags, virDomainMigratePerform3ParamsEnsureACL);
}

int
qbjApiMigrateConfirm3(virDomainPtr domain, const char *cookie G_GNUC_UNUSED, int cookieLen G_GNUC_UNUSED,
                      unsigned long flags, int cancelled G_GNUC_UNUSED)
{
    virCheckFlags(QBJ_API_MIGRATE_FLAGS, -1);

    return qbjApiMigrateNone(domain, false, virDomainMigrateConfirm3EnsureACL);
}

int
qbjApiMigrateConfirm3Params(virDomainPtr domain, virTypedParameterPtr params, int nparams,
                            const char *cookie G_GNUC_UNUSED, int cookieLen G_GNUC_UNUSED, unsigned int flags,
                            int cancelled G_GNUC_UNUSED)
{
    virCheckFlags(QBJ_API_MIGRATE_FLAGS, -1);

    if (qbjApiMigrateCheckParams(params, nparams) < 0)
        return -1;
    return qbjApiMigrateNone(domain, false, virDomainMigrateConfirm3ParamsEnsureACL);
}

/* --- what a migration is told while it runs --- */

int
qbjApiMigrateGetMaxDowntime(virDomainPtr domain, unsigned long long *downtime G_GNUC_UNUSED, unsigned int flags)
{
    virCheckFlags(0, -1);

    return qbjApiMigrateNone(domain, true, virDomainMigrateGetMaxDowntimeEnsureACL);
}

int
qbjApiMigrateSetMaxDowntime(virDomainPtr domain, unsigned long long downtime G_GNUC_UNUSED, unsigned int flags)
{
    virCheckFlags(0, -1);

    return qbjApiMigrateNone(domain, true, virDomainMigrateSetMaxDowntimeEnsureACL);
}

int
qbjApiMigrateGetCompressionCache(virDomainPtr domain, unsigned long long *size G_GNUC_UNUSED, unsigned int flags)
{
    virCheckFlags(0, -1);

    return qbjApiMigrateNone(domain, true, virDomainMigrateGetCompressionCacheEnsureACL);
}

int
qbjApiMigrateSetCompressionCache(virDomainPtr domain, unsigned long long size G_GNUC_UNUSED, unsigned int flags)
{
    virCheckFlags(0, -1);

    return qbjApiMigrateNone(domain, true, virDomainMigrateSetCompressionCacheEnsureACL);
}

int
qbjApiMigrateGetMaxSpeed(virDomainPtr domain, unsigned long *bandwidth G_GNUC_UNUSED, unsigned int flags)
{
    virCheckFlags(VIR_DOMAIN_MIGRATE_MAX_SPEED_POSTCOPY, -1);

    return qbjApiMigrateNone(domain, false, virDomainMigrateGetMaxSpeedEnsureACL);
}

int
qbjApiMigrateSetMaxSpeed(virDomainPtr domain, unsigned long bandwidth G_GNUC_UNUSED, unsigned int flags)
{
    virCheckFlags(VIR_DOMAIN_MIGRATE_MAX_SPEED_POSTCOPY, -1);

    return qbjApiMigrateNone(domain, false, virDomainMigrateSetMaxSpeedEnsureACL);
}

int
qbjApiMigrateStartPostCopy(virDomainPtr domain, unsigned int flags)
{
    virCheckFlags(0, -1);

    return qbjApiMigrateNone(domain, true, virDomainMigrateStartPostCopyEnsureACL);
}
