/* Parts of moment_offline.c: the disks of a snapshot of a domain that is shut off, and the record of what is
 * being made. None of these may be called with a lock held, but those that get a domain. */
#pragma once

#include "domain_private.h"
#include "host_target.h"
#include "snapshot_conf.h"

/* One overlay. */
typedef struct _qbjMomentOffline qbjMomentOfflineDisk;
struct _qbjMomentOffline {
    char *target;
    virStorageSource *overlay;
    virStorageSource *base;
    bool reuse;
    qbjHostTarget there;        /* what was at its path before */
    bool found;                 /* an empty file that was there becomes the image */
    bool begun;                 /* which it does now: before that it holds nothing of ours */
    unsigned long long capacity; /* of that image, in bytes; 0: not begun */
    bool bitmaps;               /* it gets some */
    char *identity;             /* of a file that we made, or of that one */
    char *stamp;                /* tells whether it has been written to since */
    int fd;                     /* of a file of ours that has no name yet, else -1 */
};

/* A list of them; to be freed with g_ptr_array_unref(). */
GPtrArray *qbjMomentOfflineDisksNew(void);

/* Those of @def, which is planned. NULL with VIR_ERR_CONFIG_UNSUPPORTED reported. @vm is locked. */
GPtrArray *qbjMomentOfflineDisks(virDomainObj *vm, const virDomainSnapshotDef *def, bool reuse);

/* What is there may become the image, or there is nothing. Returns 0, -1 with an error reported: S2.6,
 * S2.7. */
int qbjMomentOfflineLook(GPtrArray *disks);

/* Makes them, after qbjMomentOfflineLook(), with the record at @record of snapshot @name (NULL: without
 * metadata). Returns 0; -1 with an error reported: some are made. */
int qbjMomentOfflineMake(const char *record, const char *name, GPtrArray *disks);

/* All is as it was before they were made. What cannot be done is a warning, and so is a file that was there
 * and holds what we have not written. */
void qbjMomentOfflineRemove(GPtrArray *disks);

/* Whether the file @path has been written to; to be freed. NULL: it cannot be told. */
char *qbjMomentOfflineStamp(const char *path);

/* The path of the record; to be freed. NULL for a domain that can have no metadata. @vm is locked. */
char *qbjMomentOfflineRecordPath(virDomainObj *vm);

/* Saves it. Returns 0, -1 with an error reported. */
int qbjMomentOfflineWriteRecord(const char *path, const char *name, const GPtrArray *disks);

/* Removes it, and the folder, too, when nothing else is in it. One that stays does no harm: another daemon
 * looks whether all is as it was before. */
void qbjMomentOfflineDropRecord(const char *path);
