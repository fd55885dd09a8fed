/* Network interfaces on the host: networks, tap devices, vhost. */
#pragma once

#include "domain_private.h"
#include "vm_args.h"

/* Allocates the networks that @vm's interfaces name, makes a tap device for each that needs one and opens
 * vhost where the kernel has it. @nets gets one entry for each interface; the caller frees it with
 * qbjVmNetClose(), also after a failure. Returns 0, -1 with an error reported. */
int qbjVmNetOpen(virDomainObj *vm, qbjVmArgsNet **nets);

/* Closes the descriptors: a tap device lives as long as QEMU has it. @nets: of qbjVmNetOpen(), may point to
 * NULL. */
void qbjVmNetClose(const virDomainDef *def, qbjVmArgsNet **nets);

/* Pulls the cables that are out, by QMP. Returns 0, -1 with an error reported. */
int qbjVmNetSetup(virDomainObj *vm);

/* A daemon that has restarted: tells the networks that the VM still uses them. */
void qbjVmNetReconnect(virDomainObj *vm);

/* Gives the networks back. */
void qbjVmNetRelease(virDomainObj *vm);
