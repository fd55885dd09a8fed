#include <config.h>

#include "internal.h"
#include "api_native.h"
#include "api_domain.h"
#include "virerror.h"
#include "vm_native.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

char *
qbjApiConnectDomainXMLToNative(virConnectPtr conn, const char *format, const char *xml, unsigned int flags)
{
    virCheckFlags(0, NULL);

    if (virConnectDomainXMLToNativeEnsureACL(conn) < 0)
        return NULL;

    if (STRNEQ(format, "qemu-argv")) {
        virReportError(VIR_ERR_INVALID_ARG, _("unsupported config type %s"), format);
        return NULL;
    }

    return qbjVmNativeFormat(qbjApiDriver, xml);
}
