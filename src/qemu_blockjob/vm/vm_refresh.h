/* What QEMU is asked when a connection to it is there again: all that events would have said meanwhile. */
#pragma once

#include "domain_private.h"

/* Sends the questions, with the one for what is plugged in or without it. @vm is locked, and was connected
 * just now. */
void qbjVmRefreshSend(virDomainObj *vm, bool devices);

/* Waits for the answers and has them tell: state, jobs without a record, channels, balloon, trays.
 * @panicked: the guest has panicked, and what follows from that was not done yet. @devices gets what is
 * plugged in, NULL: QEMU refused the question; the caller frees; a NULL pointer: that is not asked for. @vm
 * locked, job held; the lock is dropped meanwhile. Returns 0, -1 with an error reported. */
int qbjVmRefresh(virDomainObj *vm, bool *panicked, virJSONValue **devices);
