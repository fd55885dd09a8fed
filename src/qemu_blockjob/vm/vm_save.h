/* Saving a guest into a file: the guest stands still, QEMU writes its state, the process ends.
 *
 * The status file has a record from before the first command to the end of QEMU, and the file has another
 * name until it is complete; the record says which file it is. So whoever finds the record knows: that file
 * has its name and QEMU has written all of it: the save is done. Else the guest goes on. */
#pragma once

#include "domain_private.h"
#include "virqbjsaveimage.h"

typedef struct _qbjVmSaveRequest qbjVmSaveRequest;
struct _qbjVmSaveRequest {
    const char *path;
    const char *xml;            /* the client's own definition; NULL: the domain's */
    virQbjSaveFormat format;
    bool bypass;                /* the host's cache */
    bool managed;
    int running;                /* what the guest is to be when it is restored; -1: what it is now */
};

/* Saves the running domain @vm, which is locked and its job held; the lock is dropped meanwhile. Emits the
 * events. Block jobs are the caller's to refuse. Returns 0: the process has ended, or will (vm_stop.h); -1
 * with an error reported: the guest goes on as before, and no file is left. */
int qbjVmSave(virDomainObj *vm, const qbjVmSaveRequest *request);

/* Takes the save or dump of the record back whose file has not got its name, or ends a dump: the guest goes
 * on, because of @reason, if it ran before, and the record goes. Gives false when that has to be tried again:
 * then the record stays. @vm is locked and its job held. */
bool qbjVmSaveBack(virDomainObj *vm, virDomainRunningReason reason);

/* What a daemon that has been restarted, or has got its connection to QEMU back, makes of the record: ends
 * what is saved, or has the guest go on. Nothing when there is no record, or the operation is under way in
 * this daemon. @vm is locked, its job held. Returns 0, -1 with an error reported when QEMU does not
 * answer: to be called again. */
int qbjVmSaveResume(virDomainObj *vm);

/* The process has ended with such a record: removes a file that is not complete. Gives whether the guest is
 * saved. @vm is locked, which is dropped meanwhile, and its job held. */
bool qbjVmSaveGone(virDomainObj *vm);

/* Sets what the list of domains says of managed save images, for all of @driver's. */
void qbjVmSaveFindManaged(qbjDriver *driver);

/* Where the managed save image of @vm is; the caller frees. */
char *qbjVmSaveManagedPath(virDomainObj *vm);
