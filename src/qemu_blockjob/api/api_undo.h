/* Back to a snapshot, and its end. */
#pragma once

#include "driver.h"

int qbjApiSnapshotDelete(virDomainSnapshotPtr snapshot, unsigned int flags);
int qbjApiRevertToSnapshot(virDomainSnapshotPtr snapshot, unsigned int flags);
