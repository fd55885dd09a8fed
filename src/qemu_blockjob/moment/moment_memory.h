/* The memory of a snapshot of a running domain: a save image in a file of its own (08/S6). */
#pragma once

#include "domain_private.h"
#include "host_image.h"
#include "snapshot_conf.h"

/* What is needed until it is written. */
typedef struct _qbjMomentMemory qbjMomentMemory;
struct _qbjMomentMemory {
    bool live;                  /* the guest runs until QEMU stops it at the end */
    virQbjSaveImage *image;
    qbjHostImage *file;
};

/* Checks what the planned @def says of the memory, and fills @record; nothing has changed yet. @overlays: the
 * paths of local images that the same snapshot makes. *@memory is NULL for a snapshot without memory. @vm is
 * locked and its job held, by all of these; the lock is dropped meanwhile. Returns 0, -1 with an error
 * reported:
 *   VIR_ERR_CONFIG_UNSUPPORTED      there is a file with something in it, and no REUSE_EXT; it is one of the
 *                                   overlays, or the memory of another snapshot
 *   VIR_ERR_OPERATION_INVALID       it is an image of a disk
 *   VIR_ERR_OPERATION_UNSUPPORTED   it is no file; QEMU cannot save this guest
 *   VIR_ERR_OPERATION_FAILED        snapshot_image_format of qemu.conf is not known */
int qbjMomentMemoryPlan(virDomainObj *vm, const virDomainSnapshotDef *def, const GPtrArray *overlays,
                        unsigned int flags, virQbjStatusSnapshot *record, qbjMomentMemory **memory);

/* The record is saved: writes all of it. The guest stands still afterwards, and the file has its name,
 * complete and durable. @memory may be NULL. Returns 0, -1 with an error reported, VIR_ERR_OPERATION_ABORTED
 * when a client has called it off: what is there is for the record to undo. */
int qbjMomentMemoryWrite(virDomainObj *vm, qbjMomentMemory *memory);

/* Ends what still runs. @memory may be NULL. */
void qbjMomentMemoryFree(virDomainObj *vm, qbjMomentMemory *memory);

/* What is left of @record's file goes, and what was there before is there again; or that goes. Either may be
 * called whatever there is. */
void qbjMomentMemoryTakeBack(virDomainObj *vm, const virQbjStatusMemory *record);
void qbjMomentMemoryKeep(virDomainObj *vm, const virQbjStatusMemory *record);
