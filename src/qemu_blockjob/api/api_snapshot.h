/* virDomainSnapshot*: what makes snapshots and what lists them. */
#pragma once

#include "driver.h"

virDomainSnapshotPtr qbjApiSnapshotCreateXML(virDomainPtr domain, const char *xml, unsigned int flags);

char *qbjApiSnapshotGetXMLDesc(virDomainSnapshotPtr snapshot, unsigned int flags);
int qbjApiSnapshotNum(virDomainPtr domain, unsigned int flags);
int qbjApiSnapshotListNames(virDomainPtr domain, char **names, int nameslen, unsigned int flags);
int qbjApiListAllSnapshots(virDomainPtr domain, virDomainSnapshotPtr **snaps, unsigned int flags);
int qbjApiSnapshotNumChildren(virDomainSnapshotPtr snapshot, unsigned int flags);
int qbjApiSnapshotListChildrenNames(virDomainSnapshotPtr snapshot, char **names, int nameslen, unsigned int flags);
int qbjApiSnapshotListAllChildren(virDomainSnapshotPtr snapshot, virDomainSnapshotPtr **snaps, unsigned int flags);
virDomainSnapshotPtr qbjApiSnapshotLookupByName(virDomainPtr domain, const char *name, unsigned int flags);
int qbjApiHasCurrentSnapshot(virDomainPtr domain, unsigned int flags);
virDomainSnapshotPtr qbjApiSnapshotGetParent(virDomainSnapshotPtr snapshot, unsigned int flags);
virDomainSnapshotPtr qbjApiSnapshotCurrent(virDomainPtr domain, unsigned int flags);
int qbjApiSnapshotIsCurrent(virDomainSnapshotPtr snapshot, unsigned int flags);
int qbjApiSnapshotHasMetadata(virDomainSnapshotPtr snapshot, unsigned int flags);
