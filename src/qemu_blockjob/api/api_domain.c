#include <config.h>

#include "internal.h"
#include "api_domain.h"
#include "datatypes.h"
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
    return vm;
}
