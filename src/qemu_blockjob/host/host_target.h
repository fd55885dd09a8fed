/* The file that a copy is made into: what is there, and making it. None of these may be called with a lock
 * held, for storage may hang. */
#pragma once

#include "domain_conf.h"
#include "host_fresh.h"
#include "spec_copy.h"

typedef struct _qbjHostTarget qbjHostTarget;
struct _qbjHostTarget {
    bool exists;
    bool device;                /* a block device */
    bool regular;
    bool empty;                 /* regular, without content */
    char *identity;             /* of an empty one: tells it from another file of the same path */
};
void qbjHostTargetClear(qbjHostTarget *target);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(qbjHostTarget, qbjHostTargetClear);

/* What is at @path, or where a link there leads to. Nothing there is no error. Returns 0, -1 with
 * VIR_ERR_SYSTEM_ERROR reported. */
int qbjHostTargetLook(const char *path, qbjHostTarget *target);

/* The format that the header of the regular file or block device @path tells (virStorageFileFormat), RAW when
 * it tells none; -1 with an error reported. */
int qbjHostTargetProbe(const char *path);

/* The size of the image @src, of its stated format and encryption, as a guest would see it. @src is changed:
 * pass a copy. Returns 0, -1 with an error reported: cannot be read, its header does not tell, or is
 * encrypted when @src is not, or the other way round (VIR_ERR_INVALID_ARG). */
int qbjHostTargetCapacity(virStorageSource *src, unsigned long long *capacity);

/* The same of the image @src of a disk that is in use, with what a qcow2 header says besides: QEMU's answer
 * to query-block, without QEMU. It writes a new size before the guest sees it. Returns 0, -1 with an error
 * reported: QEMU has to be asked. */
int qbjHostTargetGeometry(virStorageSource *src, qbjCopySize *size);

/* Makes an empty file of mode 0600 where there is none, or where the link @path leads to (04/V182).
 * @fd, to be closed: the file has no name yet, and goes away with the descriptor; -1: the file system has no
 * such files, it is at its place already. @identity: to be freed. Returns 0, -1 with VIR_ERR_SYSTEM_ERROR
 * reported: also when there is one by now. */
int qbjHostTargetCreate(const char *path, char **identity, int *fd);

/* Gives the file without a name its place. Returns 0, -1 with VIR_ERR_SYSTEM_ERROR reported: also when there
 * is another file by now. */
int qbjHostTargetPlace(const char *path, int fd);

/* Tells the regular file at @path from any other file that ever had this path, or that a link there led
 * to; to be freed. NULL, without an error, when it is none, or when its file system does not say when a
 * file was made: then it cannot be told. */
char *qbjHostTargetIdentify(const char *path);

/* Whether a process has a lock on the file at @path, as QEMU has on each image that it has open. True,
 * too, when that cannot be found out. */
bool qbjHostTargetIsInUse(const char *path);

/* Whether the file at @path has been written to since the host was started. True, too, when that cannot be
 * found out. */
bool qbjHostTargetWrittenSinceBoot(const char *path);

/* Whether the file at @path is the one of @identity. */
bool qbjHostTargetIsThere(const char *path, const char *identity);

/* The same, and still empty. */
bool qbjHostTargetIsEmpty(const char *path, const char *identity);

/* Removes the file at @path if it is the one of @identity; anything else stays as it is. Returns 0, also when
 * there was nothing to do; -1 with VIR_ERR_SYSTEM_ERROR reported. */
int qbjHostTargetRemove(const char *path, const char *identity);

/* The same, only if nothing can be lost with it: it is the image @made, or an earlier state of its making.
 * Another one stays as it is: -1 with VIR_ERR_OPERATION_FAILED reported. */
int qbjHostTargetRemoveFresh(const char *path, const char *identity, const qbjHostFresh *made);

/* The same file, which was there before we began to make the image @made of it, becomes empty again. One that
 * holds anything else stays as it is: -1 with VIR_ERR_OPERATION_FAILED reported. @made NULL: whatever it
 * holds is ours. */
int qbjHostTargetEmpty(const char *path, const char *identity, const qbjHostFresh *made);
