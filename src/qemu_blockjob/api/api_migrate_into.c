#include <config.h>

#include "internal.h"
#include "api_migrate.h"
#include "api_define.h"
#include "api_domain.h"
#include "virerror.h"
#include "virtypedparam.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* Always -1, with an error reported. @xml: the domain that would come; @name: what it is called then, or
 * NULL. Who @may bring it can only be said of a definition. */
static int
qbjApiMigrateIntoRefuse(virConnectPtr conn, const char *name, const char *xml, qbjApiMayCall may)
{
    unsigned int parse = VIR_DOMAIN_DEF_PARSE_INACTIVE | VIR_DOMAIN_DEF_PARSE_SKIP_VALIDATE;
    g_autoptr(virDomainDef) def = NULL;

    if (!xml) {
        virReportError(VIR_ERR_INVALID_ARG, "%s", _("the XML of the domain to be migrated is missing"));
        return -1;
    }
    if (!(def = qbjApiParse(conn->privateData, xml, parse)))
        return -1;
    if (name) {
        g_free(def->name);
        def->name = g_strdup(name);
    }
    if (may(conn, def) == 0)
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, "%s", _("migration is not supported by this driver yet"));
    return -1;
}

/* The same with what is among @params. */
static int
qbjApiMigrateIntoRefuseParams(virConnectPtr conn, virTypedParameterPtr params, int nparams, qbjApiMayCall may)
{
    const char *name = NULL;
    const char *xml = NULL;

    if (qbjApiMigrateCheckParams(params, nparams) < 0 ||
        virTypedParamsGetString(params, nparams, VIR_MIGRATE_PARAM_DEST_NAME, &name) < 0 ||
        virTypedParamsGetString(params, nparams, VIR_MIGRATE_PARAM_DEST_XML, &xml) < 0)
        return -1;
    return qbjApiMigrateIntoRefuse(conn, name, xml, may);
}

int
qbjApiMigratePrepare2(virConnectPtr conn, char **cookie G_GNUC_UNUSED, int *cookieLen G_GNUC_UNUSED,
                      const char *uriIn G_GNUC_UNUSED, char **uriOut G_GNUC_UNUSED, unsigned long flags,
                      const char *name, unsigned long bandwidth G_GNUC_UNUSED, const char *xml)
{
    virCheckFlags(QBJ_API_MIGRATE_FLAGS, -1);

    return qbjApiMigrateIntoRefuse(conn, name, xml, virDomainMigratePrepare2EnsureACL);
}

int
qbjApiMigratePrepareTunnel(virConnectPtr conn, virStreamPtr stream G_GNUC_UNUSED, unsigned long flags,
                           const char *name, unsigned long bandwidth G_GNUC_UNUSED, const char *xml)
{
    virCheckFlags(QBJ_API_MIGRATE_FLAGS, -1);

    return qbjApiMigrateIntoRefuse(conn, name, xml, virDomainMigratePrepareTunnelEnsureACL);
}

int
qbjApiMigratePrepare3(virConnectPtr conn, const char *cookie G_GNUC_UNUSED, int cookieLen G_GNUC_UNUSED,
                      char **cookieOut G_GNUC_UNUSED, int *cookieOutLen G_GNUC_UNUSED,
                      const char *uriIn G_GNUC_UNUSED, char **uriOut G_GNUC_UNUSED, unsigned long flags,
                      const char *name, unsigned long bandwidth G_GNUC_UNUSED, const char *xml)
{
    virCheckFlags(QBJ_API_MIGRATE_FLAGS, -1);

    return qbjApiMigrateIntoRefuse(conn, name, xml, virDomainMigratePrepare3EnsureACL);
}

int
qbjApiMigratePrepare3Params(virConnectPtr conn, virTypedParameterPtr params, int nparams,
                            const char *cookie G_GNUC_UNUSED, int cookieLen G_GNUC_UNUSED,
                            char **cookieOut G_GNUC_UNUSED, int *cookieOutLen G_GNUC_UNUSED,
                            char **uriOut G_GNUC_UNUSED, unsigned int flags)
{
    virCheckFlags(QBJ_API_MIGRATE_FLAGS, -1);

    return qbjApiMigrateIntoRefuseParams(conn, params, nparams, virDomainMigratePrepare3ParamsEnsureACL);
}

int
qbjApiMigratePrepareTunnel3(virConnectPtr conn, virStreamPtr stream G_GNUC_UNUSED, const char *cookie G_GNUC_UNUSED,
                            int cookieLen G_GNUC_UNUSED, char **cookieOut G_GNUC_UNUSED,
                            int *cookieOutLen G_GNUC_UNUSED, unsigned long flags, const char *name,
                            unsigned long bandwidth G_GNUC_UNUSED, const char *xml)
{
    virCheckFlags(QBJ_API_MIGRATE_FLAGS, -1);

    return qbjApiMigrateIntoRefuse(conn, name, xml, virDomainMigratePrepareTunnel3EnsureACL);
}

int
qbjApiMigratePrepareTunnel3Params(virConnectPtr conn, virStreamPtr stream G_GNUC_UNUSED,
                                  virTypedParameterPtr params, int nparams, const char *cookie G_GNUC_UNUSED,
                                  int cookieLen G_GNUC_UNUSED, char **cookieOut G_GNUC_UNUSED,
                                  int *cookieOutLen G_GNUC_UNUSED, unsigned int flags)
{
    virCheckFlags(QBJ_API_MIGRATE_FLAGS, -1);

    return qbjApiMigrateIntoRefuseParams(conn, params, nparams, virDomainMigratePrepareTunnel3ParamsEnsureACL);
}

/* Always NULL, with an error reported: no domain is on its way to here. */
static virDomainPtr
qbjApiMigrateIntoNone(virConnectPtr conn, const char *name, qbjApiMayCall may)
{
    qbjDriver *driver = conn->privateData;
    virDomainObj *vm = name ? virDomainObjListFindByName(driver->domains, name) : NULL;

    if (!vm) {
        virReportError(VIR_ERR_NO_DOMAIN, _("no domain with matching name '%s'"), NULLSTR(name));
        return NULL;
    }
    if (may(conn, vm->def) == 0)
        virReportError(VIR_ERR_OPERATION_INVALID, _("domain '%s' is not being migrated"), vm->def->name);
    virDomainObjEndAPI(&vm);
    return NULL;
}

virDomainPtr
qbjApiMigrateFinish2(virConnectPtr conn, const char *name, const char *cookie G_GNUC_UNUSED,
                     int cookieLen G_GNUC_UNUSED, const char *uri G_GNUC_UNUSED, unsigned long flags,
                     int code G_GNUC_UNUSED)
{
    virCheckFlags(QBJ_API_MIGRATE_FLAGS, NULL);

    return qbjApiMigrateIntoNone(conn, name, virDomainMigrateFinish2EnsureACL);
}

virDomainPtr
qbjApiMigrateFinish3(virConnectPtr conn, const char *name, const char *cookie G_GNUC_UNUSED,
                     int cookieLen G_GNUC_UNUSED, char **cookieOut G_GNUC_UNUSED, int *cookieOutLen G_GNUC_UNUSED,
                     const char *connURI G_GNUC_UNUSED, const char *uri G_GNUC_UNUSED, unsigned long flags,
                     int cancelled G_GNUC_UNUSED)
{
    virCheckFlags(QBJ_API_MIGRATE_FLAGS, NULL);

    return qbjApiMigrateIntoNone(conn, name, virDomainMigrateFinish3EnsureACL);
}

virDomainPtr
qbjApiMigrateFinish3Params(virConnectPtr conn, virTypedParameterPtr params, int nparams,
                           const char *cookie G_GNUC_UNUSED, int cookieLen G_GNUC_UNUSED,
                           char **cookieOut G_GNUC_UNUSED, int *cookieOutLen G_GNUC_UNUSED, unsigned int flags,
                           int cancelled G_GNUC_UNUSED)
{
    const char *name = NULL;

    virCheckFlags(QBJ_API_MIGRATE_FLAGS, NULL);

    if (qbjApiMigrateCheckParams(params, nparams) < 0 ||
        virTypedParamsGetString(params, nparams, VIR_MIGRATE_PARAM_DEST_NAME, &name) < 0)
        return NULL;
    return qbjApiMigrateIntoNone(conn, name, virDomainMigrateFinish3ParamsEnsureACL);
}
