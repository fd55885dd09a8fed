#include <config.h>

#include "internal.h"
#include "api_domain.h"
#include "datatypes.h"
#include "domain_qmp.h"
#include "domain_queue.h"
#include "viruuid.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

virDomainObj *
qbjApiDomain(virDomainPtr domain)
{
    qbjDriver *driver = domain->conn->privateData;
    virDomainObj *vm = virDomainObjListFindByUUID(driver->domains, domain->uuid);
    char uuid[VIR_UUID_STRING_BUFLEN];

    if (!vm) {
        virUUIDFormat(domain->uuid, uuid);
        virReportError(VIR_ERR_NO_DOMAIN, _("no domain with matching uuid '%s' (%s)"), uuid, domain->name);
        return NULL;
    }
    /* libvirt.so 9.0.0 counts the calls that wait, and looks at this number, but sets it nowhere */
    vm->job->maxQueuedJobs = driver->conf->maxQueued;
    qbjDomainReach(vm);
    return vm;
}

virDomainObj *
qbjApiLook(virDomainPtr domain, qbjApiMayCall may)
{
    virDomainObj *vm = qbjApiDomain(domain);

    if (vm && may(domain->conn, vm->def) < 0)
        virDomainObjEndAPI(&vm);
    return vm;
}

virDomainObj *
qbjApiLookFlags(virDomainPtr domain, qbjApiMayCallFlags may, unsigned int flags)
{
    virDomainObj *vm = qbjApiDomain(domain);

    if (vm && may(domain->conn, vm->def, flags) < 0)
        virDomainObjEndAPI(&vm);
    return vm;
}

static virDomainObj *
qbjApiWithJob(virDomainObj *vm)
{
    if (vm && virDomainObjBeginJob(vm, VIR_JOB_MODIFY) < 0)
        virDomainObjEndAPI(&vm);
    return vm;
}

virDomainObj *
qbjApiBegin(virDomainPtr domain, qbjApiMayCall may)
{
    return qbjApiWithJob(qbjApiLook(domain, may));
}

virDomainObj *
qbjApiBeginFlags(virDomainPtr domain, qbjApiMayCallFlags may, unsigned int flags)
{
    return qbjApiWithJob(qbjApiLookFlags(domain, may, flags));
}

void
qbjApiEnd(virDomainObj **vm)
{
    qbjDomainJobEnd(*vm);
    virDomainObjEndAPI(vm);
}
