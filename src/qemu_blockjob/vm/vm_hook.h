/* The administrator's script, /etc/libvirt/hooks/qemu (11.19). */
#pragma once

#include "domain_private.h"
#include "virhook.h"

/* Runs the script, if there is one, with the live definition on its standard input. @vm is locked and its
 * job held; the lock is dropped while the script runs. After the process has gone (STOPPED, RELEASE) the
 * definition has no id. Returns 0; -1 with an error reported:
 *   VIR_ERR_HOOK_SCRIPT_FAILED   the script said no
 *   VIR_ERR_OPERATION_ABORTED    somebody destroyed the domain while the script of its start ran */
int qbjVmHookRun(virDomainObj *vm, virHookQemuOpType op);

/* The same where a script has no say: a failure is logged. */
void qbjVmHookTell(virDomainObj *vm, virHookQemuOpType op);

/* The same for a VM that was found running: does not wait for the script, and no VM waits for one that hangs.
 * It is not run for a VM that has ended before its turn. @vm is locked. */
void qbjVmHookTellLater(virDomainObj *vm, virHookQemuOpType op);
