#include <config.h>

#include "internal.h"
#include "api_snapshot.h"
#include "api_domain.h"
#include "datatypes.h"
#include "moment_list.h"
#include "moment_redefine.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

#define QBJ_API_SNAPSHOT_FLAGS \
    (VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE | VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT | \
     VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA | VIR_DOMAIN_SNAPSHOT_CREATE_HALT | \
     VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY | VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT | \
     VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE | VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC | \
     VIR_DOMAIN_SNAPSHOT_CREATE_LIVE | VIR_DOMAIN_SNAPSHOT_CREATE_VALIDATE)

/* @vm is locked, its job held. */
static virDomainMomentObj *
qbjApiSnapshotRedefine(virDomainObj *vm, const char *xml, unsigned int flags)
{
    unsigned int parseFlags = VIR_DOMAIN_SNAPSHOT_PARSE_REDEFINE;
    g_autoptr(virDomainSnapshotDef) def = NULL;

    if (flags & VIR_DOMAIN_SNAPSHOT_CREATE_VALIDATE)
        parseFlags |= VIR_DOMAIN_SNAPSHOT_PARSE_VALIDATE;
    def = virDomainSnapshotDefParseString(xml, QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt, NULL, NULL, parseFlags);
    return def ? qbjMomentRedefine(vm, &def, flags) : NULL;
}

virDomainSnapshotPtr
qbjApiSnapshotCreateXML(virDomainPtr domain, const char *xml, unsigned int flags)
{
    virDomainSnapshotPtr ret = NULL;
    virDomainMomentObj *snap;
    virDomainObj *vm;

    virCheckFlags(QBJ_API_SNAPSHOT_FLAGS, NULL);

    VIR_REQUIRE_FLAG_RET(VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE, VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY, NULL);
    VIR_EXCLUSIVE_FLAGS_RET(VIR_DOMAIN_SNAPSHOT_CREATE_LIVE, VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE, NULL);
    if (!(vm = qbjApiBeginFlags(domain, virDomainSnapshotCreateXMLEnsureACL, flags)))
        return NULL;
    if (!(flags & VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE))
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, "%s",
                       _("this driver cannot create snapshots yet, only redefine them"));
    else if ((snap = qbjApiSnapshotRedefine(vm, xml, flags)))
        ret = virGetDomainSnapshot(domain, snap->def->name);
    qbjApiEnd(&vm);
    return ret;
}
