/* Calls that change a running VM and its persistent definition: both have it in the end, or none, whatever
 * dies when. What the definition is to become is in the status file before the VM is changed, and goes when
 * it is there. */
#pragma once

#include "vm_config.h"

/* Notes that config->next is to become the definition: @verb and config->what as in virQbjStatusNext;
 * @alias: the device that the guest is to give up. Nothing is noted when the call does not change both.
 * Saved by whoever saves the status file next, before QEMU is told anything. @vm is locked and its job held.
 * Returns 0, -1 with VIR_ERR_OPERATION_INVALID reported: an earlier one is not settled. */
int qbjVmConfigNextNote(virDomainObj *vm, const qbjVmConfig *config, const char *verb, const char *alias);

/* The VM has been changed, @rc is 0, or has not, @rc is -1 with an error reported: then the definition stays
 * as it is. Else it is saved, and the note goes. As above. Returns 0, -1 with an error reported; a definition
 * that could not be saved is saved later. */
int qbjVmConfigNextEnd(virDomainObj *vm, qbjVmConfig *config, int rc);

/* The VM has not been changed, after all: the note goes; not saved. The second one: if it is of a device
 * that was to be plugged in. */
void qbjVmConfigNextForget(virDomainObj *vm);
void qbjVmConfigNextForgetAttach(virDomainObj *vm);

/* No call is at it any more: QEMU has the devices @names, and nothing is under way. The definition is saved
 * when the VM was changed. As above. */
void qbjVmConfigNextResume(virDomainObj *vm, const char *const *names);
