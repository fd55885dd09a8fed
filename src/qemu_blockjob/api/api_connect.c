#include <config.h>

#include "internal.h"
#include "api_connect.h"
#include "api_domain.h"
#include "api_state.h"
#include "datatypes.h"
#include "virerror.h"
#include "virhostcpu.h"
#include "virstring.h"
#include "viruri.h"
#include "virutil.h"
#include "vm_caps.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

int
qbjApiConnectURIProbe(char **uri)
{
    if (qbjApiDriver)
        *uri = g_strdup(qbjApiDriver->conf->privileged ? "qemu:///system" : "qemu:///session");
    return 0;
}

/* libvirt.so does not check that a second root in one process is the first one's (10.0a). */
static int
qbjApiConnectCheckRoot(virConnectPtr conn, const char *root)
{
    const char *wanted = NULL;
    size_t i;

    for (i = 0; i < conn->uri->paramsCount; i++) {
        if (STREQ(conn->uri->params[i].name, "root"))
            wanted = conn->uri->params[i].value;
    }
    if (STRNEQ(conn->uri->path, "/embed")) {
        virReportError(VIR_ERR_INTERNAL_ERROR, _("unexpected path '%s' in URI: this process has an embedded driver"),
                       conn->uri->path);
        return -1;
    }
    if (STRNEQ_NULLABLE(wanted, root)) {
        virReportError(VIR_ERR_INVALID_ARG, _("root '%s' is not the one that this process has opened: '%s'"),
                       NULLSTR(wanted), root);
        return -1;
    }
    return 0;
}

virDrvOpenStatus
qbjApiConnectOpen(virConnectPtr conn, virConnectAuthPtr auth G_GNUC_UNUSED, virConf *conf G_GNUC_UNUSED,
                  unsigned int flags)
{
    virCheckFlags(VIR_CONNECT_RO, VIR_DRV_OPEN_ERROR);

    if (!qbjApiDriver) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s", _("qemu state driver is not active"));
        return VIR_DRV_OPEN_ERROR;
    }
    if (qbjApiDriver->conf->root ? qbjApiConnectCheckRoot(conn, qbjApiDriver->conf->root) < 0
                                 : !virConnectValidateURIPath(conn->uri->path, "qemu", qbjApiDriver->conf->privileged))
        return VIR_DRV_OPEN_ERROR;
    if (virConnectOpenEnsureACL(conn) < 0)
        return VIR_DRV_OPEN_ERROR;

    conn->privateData = qbjApiDriver;
    return VIR_DRV_OPEN_SUCCESS;
}

int
qbjApiConnectClose(virConnectPtr conn)
{
    qbjApiStateForget(conn);
    conn->privateData = NULL;
    return 0;
}

int
qbjApiConnectSupportsFeature(virConnectPtr conn, int feature)
{
    int supported;

    if (virConnectSupportsFeatureEnsureACL(conn) < 0)
        return -1;
    if (virDriverFeatureIsGlobal(feature, &supported))
        return supported;
    switch (feature) {
    /* these calls exist, and say themselves that there is no migration yet: a client that found none of them
     * would say something about a protocol */
    case VIR_DRV_FEATURE_MIGRATION_V2:
    case VIR_DRV_FEATURE_MIGRATION_V3:
    case VIR_DRV_FEATURE_MIGRATION_P2P:
    case VIR_DRV_FEATURE_MIGRATION_OFFLINE:
    case VIR_DRV_FEATURE_MIGRATION_PARAMS:
    case VIR_DRV_FEATURE_MIGRATE_CHANGE_PROTECTION:
        return 1;
    default:
        return 0;
    }
}

const char *
qbjApiConnectGetType(virConnectPtr conn)
{
    return virConnectGetTypeEnsureACL(conn) < 0 ? NULL : "QEMU";
}

static const qbjVmCaps *
qbjApiDefaultCaps(qbjDriver *driver)
{
    g_autofree char *binary = qbjVmCapsFindBinary(virArchFromHost());

    if (!binary) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, "%s", _("no QEMU binary for this host's architecture was found"));
        return NULL;
    }
    return qbjVmCapsGet(driver->caps, binary);
}

int
qbjApiConnectGetVersion(virConnectPtr conn, unsigned long *version)
{
    const qbjVmCaps *caps;

    if (virConnectGetVersionEnsureACL(conn) < 0 || !(caps = qbjApiDefaultCaps(conn->privateData)))
        return -1;
    *version = caps->version;
    return 0;
}

char *
qbjApiConnectGetHostname(virConnectPtr conn)
{
    return virConnectGetHostnameEnsureACL(conn) < 0 ? NULL : virGetHostname();
}

int
qbjApiConnectGetMaxVcpus(virConnectPtr conn, const char *type)
{
    if (virConnectGetMaxVcpusEnsureACL(conn) < 0)
        return -1;
    if (!type || STRCASEEQ(type, "qemu"))
        return 16;
    if (STRCASEEQ(type, "kvm"))
        return virHostCPUGetKVMMaxVCPUs();
    virReportError(VIR_ERR_INVALID_ARG, _("unknown type '%s'"), type);
    return -1;
}

char *
qbjApiConnectGetCapabilities(virConnectPtr conn)
{
    qbjDriver *driver = conn->privateData;
    g_autoptr(virCaps) caps = NULL;

    if (virConnectGetCapabilitiesEnsureACL(conn) < 0 || !(caps = qbjVmCapsHost(driver->caps)))
        return NULL;
    return virCapabilitiesFormatXML(caps);
}

char *
qbjApiConnectGetDomainCapabilities(virConnectPtr conn, const char *binary, const char *arch, const char *machine,
                                   const char *virttype, unsigned int flags)
{
    qbjDriver *driver = conn->privateData;

    virCheckFlags(0, NULL);

    if (virConnectGetDomainCapabilitiesEnsureACL(conn) < 0)
        return NULL;
    return qbjVmCapsDomain(driver->caps, binary, arch, machine, virttype);
}

int
qbjApiConnectIsEncrypted(virConnectPtr conn G_GNUC_UNUSED)
{
    return 0;                           /* nothing leaves this process */
}

int
qbjApiConnectIsSecure(virConnectPtr conn G_GNUC_UNUSED)
{
    return 1;
}

int
qbjApiConnectIsAlive(virConnectPtr conn G_GNUC_UNUSED)
{
    return 1;
}

int
qbjApiNodeGetSecurityModel(virConnectPtr conn, virSecurityModelPtr model)
{
    qbjDriver *driver = conn->privateData;

    memset(model, 0, sizeof(*model));
    if (virNodeGetSecurityModelEnsureACL(conn) < 0)
        return -1;
    if (virStrcpyStatic(model->model, NULLSTR_EMPTY(virSecurityManagerGetModel(driver->security))) < 0 ||
        virStrcpyStatic(model->doi, NULLSTR_EMPTY(virSecurityManagerGetDOI(driver->security))) < 0) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s", _("the name of the security model is too long"));
        return -1;
    }
    return 0;
}
