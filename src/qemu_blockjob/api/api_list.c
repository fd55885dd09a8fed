#include <config.h>

#include "internal.h"
#include "api_list.h"
#include "api_domain.h"
#include "datatypes.h"
#include "virerror.h"
#include "viruuid.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

int
qbjApiListDomains(virConnectPtr conn, int *ids, int maxids)
{
    qbjDriver *driver = conn->privateData;

    if (virConnectListDomainsEnsureACL(conn) < 0)
        return -1;
    return virDomainObjListGetActiveIDs(driver->domains, ids, maxids, virConnectListDomainsCheckACL, conn);
}

int
qbjApiNumOfDomains(virConnectPtr conn)
{
    qbjDriver *driver = conn->privateData;

    if (virConnectNumOfDomainsEnsureACL(conn) < 0)
        return -1;
    return virDomainObjListNumOfDomains(driver->domains, true, virConnectNumOfDomainsCheckACL, conn);
}

int
qbjApiListDefinedDomains(virConnectPtr conn, char **const names, int maxnames)
{
    qbjDriver *driver = conn->privateData;

    if (virConnectListDefinedDomainsEnsureACL(conn) < 0)
        return -1;
    return virDomainObjListGetInactiveNames(driver->domains, names, maxnames,
                                            virConnectListDefinedDomainsCheckACL, conn);
}

int
qbjApiNumOfDefinedDomains(virConnectPtr conn)
{
    qbjDriver *driver = conn->privateData;

    if (virConnectNumOfDefinedDomainsEnsureACL(conn) < 0)
        return -1;
    return virDomainObjListNumOfDomains(driver->domains, false, virConnectNumOfDefinedDomainsCheckACL, conn);
}

int
qbjApiListAllDomains(virConnectPtr conn, virDomainPtr **domains, unsigned int flags)
{
    qbjDriver *driver = conn->privateData;

    virCheckFlags(VIR_CONNECT_LIST_DOMAINS_FILTERS_ALL, -1);

    if (virConnectListAllDomainsEnsureACL(conn) < 0)
        return -1;
    return virDomainObjListExport(driver->domains, conn, domains, virConnectListAllDomainsCheckACL, flags);
}

virDomainPtr
qbjApiLookupByID(virConnectPtr conn, int id)
{
    qbjDriver *driver = conn->privateData;
    virDomainObj *vm = virDomainObjListFindByID(driver->domains, id);
    virDomainPtr domain = NULL;

    if (!vm)
        virReportError(VIR_ERR_NO_DOMAIN, _("no domain with matching id %d"), id);
    else if (virDomainLookupByIDEnsureACL(conn, vm->def) == 0)
        domain = virGetDomain(conn, vm->def->name, vm->def->uuid, vm->def->id);
    virDomainObjEndAPI(&vm);
    return domain;
}

virDomainPtr
qbjApiLookupByUUID(virConnectPtr conn, const unsigned char *uuid)
{
    qbjDriver *driver = conn->privateData;
    virDomainObj *vm = virDomainObjListFindByUUID(driver->domains, uuid);
    virDomainPtr domain = NULL;
    char text[VIR_UUID_STRING_BUFLEN];

    if (!vm) {
        virUUIDFormat(uuid, text);
        virReportError(VIR_ERR_NO_DOMAIN, _("no domain with matching uuid '%s'"), text);
    } else if (virDomainLookupByUUIDEnsureACL(conn, vm->def) == 0) {
        domain = virGetDomain(conn, vm->def->name, vm->def->uuid, vm->def->id);
    }
    virDomainObjEndAPI(&vm);
    return domain;
}

virDomainPtr
qbjApiLookupByName(virConnectPtr conn, const char *name)
{
    qbjDriver *driver = conn->privateData;
    virDomainObj *vm = virDomainObjListFindByName(driver->domains, name);
    virDomainPtr domain = NULL;

    if (!vm)
        virReportError(VIR_ERR_NO_DOMAIN, _("no domain with matching name '%s'"), name);
    else if (virDomainLookupByNameEnsureACL(conn, vm->def) == 0)
        domain = virGetDomain(conn, vm->def->name, vm->def->uuid, vm->def->id);
    virDomainObjEndAPI(&vm);
    return domain;
}
