/* The control groups of a running VM: one for all of it, below that one for QEMU itself, for each vcpu and
 * for each I/O thread. They exist where the host has controllers and qemu.conf does not forbid them; without
 * them all functions but the checks succeed and do nothing. */
#pragma once

#include "domain_private.h"
#include "vircgroup.h"

/* A setting of qemu.conf that is not carried out: -1 with VIR_ERR_CONFIG_UNSUPPORTED reported. */
int qbjVmCgroupCheckSettings(const qbjDriver *driver);

/* Whether a VM of this driver gets groups at all. */
bool qbjVmCgroupWanted(const qbjDriver *driver);

/* Whether such a VM's threads can be bound to memory nodes by their groups. */
bool qbjVmCgroupWillBind(const qbjDriver *driver);

/* Whether the running VM's group has @controller (VIR_CGROUP_CONTROLLER_...). */
bool qbjVmCgroupHas(virDomainObj *vm, int controller);

/* What @def, of the domain @vm, wants to be limited and no group of it can: -1 with
 * VIR_ERR_CONFIG_UNSUPPORTED reported. Before qbjVmCgroupMake() only for a driver that wants none. */
int qbjVmCgroupCheck(virDomainObj *vm, const virDomainDef *def);

/* Makes the VM's group and QEMU's own, with the limits of the definition, and puts the process vm->pid into
 * them, which must not have started QEMU yet: its memory and its threads are counted from the first one on.
 * Returns 0, -1 with an error reported; qbjVmCgroupRemove() undoes what was done. */
int qbjVmCgroupMake(virDomainObj *vm);

/* After a restart of the daemon: finds the groups of the process vm->pid. A VM without them goes on without,
 * with a line in the log. */
void qbjVmCgroupConnect(virDomainObj *vm);

/* Removes all groups of a VM whose process has gone, also those that a daemon before this one has made. */
void qbjVmCgroupRemove(virDomainObj *vm);

/* Puts a thread into the group of @kind and @id, which is made when it is not there, with the limits of the
 * definition. Returns 0, -1 with an error reported. */
int qbjVmCgroupThread(virDomainObj *vm, virCgroupThreadName kind, int id, pid_t thread);

/* Binds QEMU's own group to the definition's memory nodes. Not before QEMU has made its vcpus: KVM takes some
 * of their memory from the lowest node, whichever one the guest is on. Returns 0, -1 with an error
 * reported. */
int qbjVmCgroupBindEmulator(virDomainObj *vm);

/* The CPUs of QEMU's own group. Returns 0, -1 with an error reported. */
int qbjVmCgroupPinEmulator(virDomainObj *vm, virBitmap *cpus);

/* Removes the group of a thread that has ended. */
void qbjVmCgroupThreadGone(virDomainObj *vm, virCgroupThreadName kind, int id);

/* The group of one thread; NULL with an error reported. */
virCgroup *qbjVmCgroupOfThread(virDomainObj *vm, virCgroupThreadName kind, int id);
