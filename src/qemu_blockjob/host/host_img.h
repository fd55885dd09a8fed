/* Images that no QEMU has open, through qemu-img: run without a shell, with a list of arguments and a limit
 * in time. None of these may be called with a lock held, for storage may hang. Only files and block devices.
 *
 * Each returns 0, -1 with an error reported:
 *   VIR_ERR_OPERATION_FAILED        what qemu-img says
 *   VIR_ERR_OPERATION_TIMEOUT       it did not end in time, or did not let itself be ended
 *   that of qbjHostImgGoOn          the caller does not want to wait any longer
 *   VIR_ERR_CONFIG_UNSUPPORTED      no local image, or an encrypted one */
#pragma once

#include "storage_source_conf.h"

/* Asked a few times in a second while a long command runs. Returns 0; -1 with an error reported ends it. */
typedef int (*qbjHostImgGoOn)(void *opaque);

typedef struct _qbjHostImgBitmap qbjHostImgBitmap;
struct _qbjHostImgBitmap {
    char *name;
    unsigned long long granularity;
    bool usable;                /* records, and is not marked as in use */
};

typedef struct _qbjHostImgInfo qbjHostImgInfo;
struct _qbjHostImgInfo {
    unsigned long long size;    /* bytes, as the guest sees it */
    char *backing;              /* full name of what the header says is below, or NULL */
    char *backingFormat;        /* what it says of its format, or NULL */
    char **snapshots;           /* names of internal snapshots, NULL terminated, or NULL: none */
    char **ids;                 /* their ids, in the same order */
    GArray *states;             /* unsigned long long: how many bytes of a guest's memory each has; NULL as
                                 * well */
    GPtrArray *bitmaps;         /* of qbjHostImgBitmap; NULL: none */
};
void qbjHostImgInfoClear(qbjHostImgInfo *info);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(qbjHostImgInfo, qbjHostImgInfoClear);

/* What the header of @image says, also when somebody has it open. */
int qbjHostImgRead(virStorageSource *image, qbjHostImgInfo *info);

/* Only the internal snapshots: of a qcow2 image without qemu-img, which takes longer to start than the
 * snapshot of a small guest takes. */
int qbjHostImgReadInside(virStorageSource *image, qbjHostImgInfo *info);

/* As qbjHostTargetCreate(), for an overlay; the error names @path. */
int qbjHostImgCreate(const char *path, char **identity, int *fd);

/* Makes the file @fd that qbjHostImgCreate() has given for @path, or the one of that name, a qcow2 overlay
 * over @base. After a failure it may be there. */
int qbjHostImgFill(const char *path, int fd, virStorageSource *base);

/* Whether qbjHostImgCommit() may be asked for: the header of @overlay names @base, which is not larger, and
 * all headers down to the end state formats, for nothing is to be opened that a guest may have written as a
 * header (-1 with VIR_ERR_OPERATION_UNSUPPORTED reported). */
int qbjHostImgMayCommit(virStorageSource *overlay, virStorageSource *base);

/* Merges @overlay into @base, after qbjHostImgMayCommit(), and has it on the disk when it returns. The
 * overlay keeps all that it has: both of them, read one above the other, are the same at any time. */
int qbjHostImgCommit(virStorageSource *overlay, virStorageSource *base, qbjHostImgGoOn goOn, void *opaque);

/* Whether both read the same, as after a commit; reads all of them. -1 with VIR_ERR_OPERATION_FAILED reported
 * when they do not. Nobody may write to them. */
int qbjHostImgIsSame(virStorageSource *overlay, virStorageSource *base, qbjHostImgGoOn goOn, void *opaque);

/* Only the header of @image: @base is below it from now on. */
int qbjHostImgRebase(virStorageSource *image, virStorageSource *base);

/* Whether @image, whose header names @from, may be put onto @to: all headers down to the end state formats.
 * @data: with what is in @from, which @image is not larger than, for qemu-img does not come to an end else.
 * @begun: an earlier call may have done it; else one that is on @to has never been on @from. Returns 1 when
 * it has, 0, -1 with an error reported:
 *   VIR_ERR_OPERATION_UNSUPPORTED   another name, no format, a larger image */
int qbjHostImgMayMove(virStorageSource *image, virStorageSource *from, virStorageSource *to, bool data, bool begun);

/* @image stands on @to, which is below what it stands on, from now on, and has the data that were in between:
 * it reads the same at any moment, also after a power cut. After qbjHostImgMayMove(). */
int qbjHostImgMove(virStorageSource *image, virStorageSource *to, qbjHostImgGoOn goOn, void *opaque);

/* The bitmap @bitmap of @overlay is merged into the one of @base, which is made if @add. */
int qbjHostImgMergeBitmap(virStorageSource *overlay, virStorageSource *base, const qbjHostImgBitmap *bitmap, bool add);

/* Makes an empty bitmap like @bitmap in @image, which records from the first write on. */
int qbjHostImgAddBitmap(virStorageSource *image, const qbjHostImgBitmap *bitmap);

/* All bitmaps that @info says @image has go, those that were not closed as well. */
int qbjHostImgRemoveBitmaps(virStorageSource *image, const qbjHostImgInfo *info);

/* Internal snapshots: @option is "-c" (create) or "-d" (delete). */
int qbjHostImgSnapshot(virStorageSource *image, const char *option, const char *name);

/* The place of the internal snapshot @name in @info, of the image @path. -1 with VIR_ERR_OPERATION_FAILED
 * reported: it has none of that name, or several. */
int qbjHostImgFindSnapshot(const char *path, const qbjHostImgInfo *info, const char *name);

/* The id that the next internal snapshot gets; to be freed. */
char *qbjHostImgNextId(const qbjHostImgInfo *info);

/* @image holds from now on what it held at the internal snapshot @name, @info->snapshots being what it has.
 * By its id: qemu-img takes what it is given for an id first.
 *   VIR_ERR_OPERATION_FAILED        it has none of that name, or several */
int qbjHostImgApply(virStorageSource *image, const qbjHostImgInfo *info, const char *name);
