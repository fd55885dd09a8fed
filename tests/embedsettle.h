#pragma once

#include <libvirt/libvirt.h>

/* QEMU misses the command that deletes the nodes, and hears the dismissal. */
void embedSettleNodes(virConnectPtr conn);

/* QEMU dies while the status file cannot be written: what is to be removed is not forgotten. */
void embedSettleOffline(virConnectPtr conn);

/* The new image is flushed before the guest is held (protocol H11): one that cannot be leaves the
 * mirror ready. */
void embedSettleUnsynced(virConnectPtr conn);
