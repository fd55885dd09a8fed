/* What a guest's power-off, reboot and crash lead to: on_poweroff, on_reboot, on_crash (11.6, 11.7). */
#pragma once

#include "domain_private.h"

/* Presses the power button. @reboot: the guest's power-off that follows is a reboot. @vm is locked, running
 * and its job held. Returns 0 when QEMU has taken it (the guest may ignore it), -1 with an error reported. */
int qbjVmPowerButton(virDomainObj *vm, bool reboot);

/* A daemon that had reset a guest which stood still did not come to continue it: it goes on, and a reboot
 * that was asked for is done. @vm is locked and its job held; the lock is dropped. Returns false when QEMU
 * refuses; when it does not answer, true: to be called again. */
bool qbjVmPowerContinue(virDomainObj *vm);

/* Presses the reset button; a guest that sleeps is awake then. @vm is locked, running and its job held.
 * Returns 0, -1 with an error reported. */
int qbjVmPowerHardReset(virDomainObj *vm);

/* QEMU said that the guest has powered off (SHUTDOWN), and stays until it is told what follows: on_poweroff
 * or a reboot that was asked for. @vm is locked and its job held. */
void qbjVmPowerOff(virDomainObj *vm, bool byGuest);

/* Starts the guest anew when its power-off stands for a reboot: true; false: the power-off is the end. @vm as
 * above. */
bool qbjVmPowerRestart(virDomainObj *vm);

/* The run ends by the guest's or the host's wish: state, event, and the process is told. @vm as above. */
void qbjVmPowerEnd(virDomainObj *vm, bool byGuest);

/* The guest has panicked (GUEST_PANICKED): on_crash. @vm as above. */
void qbjVmPowerCrash(virDomainObj *vm);

/* A stop or resume that QEMU tells of belongs to a reboot of ours: nobody asked for it. @vm is locked. */
bool qbjVmPowerIsOwnStop(virDomainObj *vm);
bool qbjVmPowerIsOwnResume(virDomainObj *vm);
