/* Files of save images. A new one has another name until it is complete, so that a save that fails, or a
 * daemon that dies, leaves what was there before. None of these may be called with a lock held, for
 * storage may hang. */
#pragma once

#include "internal.h"
#include "virqbjsaveimage.h"

typedef struct _qbjHostImage qbjHostImage;

/* Which file it is, by whatever name. All 0: none. */
typedef struct _qbjHostImageId qbjHostImageId;
struct _qbjHostImageId {
    unsigned long long device;
    unsigned long long inode;
};

/* Where an image that a client names as @path really goes: to where a link there leads. *@part is a name
 * for it in the same folder that nothing has yet. Both to be freed. Returns 0, -1 with an error reported:
 *   VIR_ERR_OPERATION_UNSUPPORTED   there is something that is no file, a block device for instance */
int qbjHostImageNames(const char *path, char **real, char **part);

/* Makes the file @part, 0600 and the daemon's, for an image at @path, and writes @image into it (whose
 * `complete` is false), by which its program runs from now on if it has one. @bypass: past the host's cache.
 * NULL with an error reported; nothing is left then:
 *   VIR_ERR_OPERATION_FAILED   the program of the format is not there */
qbjHostImage *qbjHostImageCreate(const char *path, const char *part, virQbjSaveImage *image, bool bypass);

/* The same for a file that is to hold the stream alone, in @format. */
qbjHostImage *qbjHostImageCreateBare(const char *path, const char *part, virQbjSaveFormat format, bool bypass);
qbjHostImageId qbjHostImageGetId(const qbjHostImage *file);

/* Where QEMU shall write; closed by qbjHostImageCloseStream(), to be called as soon as QEMU has it. */
int qbjHostImageStream(const qbjHostImage *file);
void qbjHostImageCloseStream(qbjHostImage *file);

/* QEMU has closed its end: waits for the program, makes the file complete, durable and gives it its name.
 * @keep: another name for what was there before, in the same folder; NULL: it goes. Returns 0, -1 with an
 * error reported; the name is not taken then, or, when *@named, may not be durable. */
int qbjHostImageFinish(qbjHostImage *file, const char *keep, bool *named);

/* Tries with the new file @part whether what is at @path could be kept as @keep: not all file systems have
 * hard links. Without locks. Returns 0, also when nothing is at @path; -1 with an error reported. */
int qbjHostImageTryKeep(const char *path, const char *part, const char *keep);

/* The opposite, whatever became of that: the file @id is removed, by whichever of the names @path and @part,
 * and what was at @path before, now at @keep, is there again. What cannot be done is a warning. */
void qbjHostImageTakeBack(const char *path, const char *part, const char *keep, qbjHostImageId id);

/* Ends what still runs, which takes as long as the storage hangs. A file that did not get its name stays: the
 * caller's to remove. NULL is fine. */
void qbjHostImageFree(qbjHostImage *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qbjHostImage, qbjHostImageFree);

/* Opens the image @path for reading and reads what stands before the stream; *@fd is at the stream then,
 * and the caller's. An image that is not complete is read as well. NULL with an error reported:
 *   VIR_ERR_OPERATION_UNSUPPORTED   there is something that is no file, a pipe for instance */
virQbjSaveImage *qbjHostImageOpen(const char *path, int *fd);

/* The stream of an image that was opened, as QEMU can read it. @fd is taken over. NULL with an error
 * reported:
 *   VIR_ERR_OPERATION_FAILED        a part of the file is missing */
typedef struct _qbjHostImageReader qbjHostImageReader;
qbjHostImageReader *qbjHostImageReaderNew(const char *path, const virQbjSaveImage *image, int *fd, bool bypass);
int qbjHostImageReaderStream(const qbjHostImageReader *reader);
void qbjHostImageReaderFree(qbjHostImageReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qbjHostImageReader, qbjHostImageReaderFree);

/* Writes @image, which was read from @path by @fd, over what stands before its stream. Returns 0, -1 with an
 * error reported: VIR_ERR_OPERATION_FAILED, it does not fit, or another file is there by now. */
int qbjHostImageRewrite(const char *path, int fd, virQbjSaveImage *image);

/* Removes the file, durably; that it is gone, but perhaps not durably, is a warning. Returns 0; -1 with errno
 * set: it is still there, or never was (ENOENT). */
int qbjHostImageRemove(const char *path);

/* Whether the file @id is at @path, and a complete image. Reports nothing. */
bool qbjHostImageIsComplete(const char *path, qbjHostImageId id);
