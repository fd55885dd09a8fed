/* Calls about snapshots of a domain, denied. */
#include <config.h>

#include "aclfixture.h"

static void
testOfDomain(virConnectPtr conn, virDomainPtr domain)
{
    virDomainSnapshotPtr *snapshots = NULL;
    char *names[1];

    DENIED_NULL(conn, domainSnapshotCreateXML,
                virDomainSnapshotCreateXML(domain, "<domainsnapshot/>", VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY));
    DENIED(conn, domainSnapshotNum, virDomainSnapshotNum(domain, 0));
    DENIED(conn, domainSnapshotListNames, virDomainSnapshotListNames(domain, names, 1, 0));
    DENIED(conn, domainListAllSnapshots, virDomainListAllSnapshots(domain, &snapshots, 0));
    DENIED(conn, domainHasCurrentSnapshot, virDomainHasCurrentSnapshot(domain, 0));
    DENIED_NULL(conn, domainSnapshotCurrent, virDomainSnapshotCurrent(domain, 0));
    DENIED_NULL(conn, domainSnapshotLookupByName, virDomainSnapshotLookupByName(domain, "none", 0));
}

/* There is none of this name: it must not be told whether there is. */
static void
testOfSnapshot(virConnectPtr conn, virDomainPtr domain)
{
    virDomainSnapshotPtr snapshot = virGetDomainSnapshot(domain, "none");
    virDomainSnapshotPtr *snapshots = NULL;
    char *names[1];

    DENIED_NULL(conn, domainSnapshotGetXMLDesc, virDomainSnapshotGetXMLDesc(snapshot, 0));
    DENIED(conn, domainSnapshotNumChildren, virDomainSnapshotNumChildren(snapshot, 0));
    DENIED(conn, domainSnapshotListChildrenNames, virDomainSnapshotListChildrenNames(snapshot, names, 1, 0));
    DENIED(conn, domainSnapshotListAllChildren, virDomainSnapshotListAllChildren(snapshot, &snapshots, 0));
    DENIED_NULL(conn, domainSnapshotGetParent, virDomainSnapshotGetParent(snapshot, 0));
    DENIED(conn, domainSnapshotIsCurrent, virDomainSnapshotIsCurrent(snapshot, 0));
    DENIED(conn, domainSnapshotHasMetadata, virDomainSnapshotHasMetadata(snapshot, 0));
    DENIED(conn, domainSnapshotDelete, virDomainSnapshotDelete(snapshot, 0));
    DENIED(conn, domainRevertToSnapshot, virDomainRevertToSnapshot(snapshot, 0));
    virDomainSnapshotFree(snapshot);
}

void
aclTestSnapshots(virConnectPtr conn, virDomainPtr domain)
{
    testOfDomain(conn, domain);
    testOfSnapshot(conn, domain);
}
