#include <config.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "host_image.h"
#include "host_imagelength.h"
#include "vircommand.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virqbjfault.h"
#include "virrandom.h"
#include "virutil.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.host_image");

struct _qbjHostImage {
    char *path;
    char *part;                 /* NULL: it has its name */
    qbjHostImageId id;
    bool bare;                  /* without a head */
    int stream;                 /* where QEMU writes */
    virFileWrapperFd *wrapper;  /* the program that writes past the cache; NULL: none */
    virCommand *program;        /* that compresses; NULL: none */
    char *errors;               /* what it said */
};

int
qbjHostImageNames(const char *path, char **real, char **part)
{
    g_autofree char *to = NULL;
    struct stat st;

    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("'%s' is no file, and only files can be saved into"), path);
        return -1;
    }
    if (virFileIsLink(path) == 1 && virFileResolveLink(path, &to) < 0) {
        virReportSystemError(errno, _("Failed to create file '%s'"), path);
        return -1;
    }
    *real = to ? g_steal_pointer(&to) : g_strdup(path);
    *part = g_strdup_printf("%s.%016llx", *real, (unsigned long long) virRandomBits(64));
    return 0;
}

/* --- programs --- */

/* @option: -c or -dc. NULL with an error reported. */
static virCommand *
qbjHostImageProgram(virQbjSaveFormat format, const char *option)
{
    const char *name = virQbjSaveFormatTypeToString(format);
    g_autofree char *path = virFindFileInPath(name);

    if (!path) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("the program '%s' that the format of the save image needs is not there"), name);
        return NULL;
    }
    return virCommandNewArgList(path, option, NULL);
}

static int
qbjHostImagePipe(int *ends)
{
    if (pipe2(ends, O_CLOEXEC) == 0)
        return 0;
    virReportSystemError(errno, "%s", _("unable to create pipe"));
    return -1;
}

/* Puts the program between QEMU and the file. */
static int
qbjHostImageCompress(qbjHostImage *file, virQbjSaveFormat format)
{
    VIR_AUTOCLOSE to = file->stream;
    int ends[2];

    file->stream = -1;
    if (!(file->program = qbjHostImageProgram(format, "-c")) || qbjHostImagePipe(ends) < 0)
        return -1;
    file->stream = ends[1];
    virCommandSetInputFD(file->program, ends[0]);
    virCommandSetOutputFD(file->program, &to);
    virCommandSetErrorBuffer(file->program, &file->errors);
    virCommandDoAsyncIO(file->program);
    if (virCommandRunAsync(file->program, NULL) < 0) {
        VIR_FORCE_CLOSE(ends[0]);
        return -1;
    }
    VIR_FORCE_CLOSE(ends[0]);
    return 0;
}

static int
qbjHostImageBypass(int *fd, const char *path, virFileWrapperFd **wrapper)
{
    return (*wrapper = virFileWrapperFdNew(fd, path, VIR_FILE_WRAPPER_BYPASS_CACHE)) ? 0 : -1;
}

/* --- writing --- */

static qbjHostImageId
qbjHostImageIdOf(const struct stat *st)
{
    return (qbjHostImageId) { .device = st->st_dev, .inode = st->st_ino };
}

static bool
qbjHostImageIdEqual(qbjHostImageId a, qbjHostImageId b)
{
    return a.device == b.device && a.inode == b.inode;
}

static int
qbjHostImageIdentify(qbjHostImage *file)
{
    struct stat st;

    if (fstat(file->stream, &st) < 0) {
        virReportSystemError(errno, _("Failed to create file '%s'"), file->path);
        return -1;
    }
    file->id = qbjHostImageIdOf(&st);
    return 0;
}

static int
qbjHostImageOpenNew(qbjHostImage *file, bool bypass)
{
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

    if (bypass && virFileDirectFdFlag() < 0) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("bypass cache unsupported by this system"));
        return -1;
    }
    if (bypass)
        flags |= virFileDirectFdFlag();
    if (virQbjFaultHit("image-create")) {
        errno = ENOSPC;
    } else if ((file->stream = open(file->part, flags, 0600)) >= 0) {
        if (qbjHostImageIdentify(file) < 0)
            return -1;
        return bypass ? qbjHostImageBypass(&file->stream, file->part, &file->wrapper) : 0;
    }
    virReportSystemError(errno, _("Failed to create file '%s'"), file->path);
    g_clear_pointer(&file->part, g_free);       /* it is not ours to remove */
    return -1;
}

static int
qbjHostImageWriteHead(qbjHostImage *file, virQbjSaveImage *image)
{
    g_autoptr(GByteArray) bytes = virQbjSaveImageFormat(image, 0);

    if (!bytes)
        return -1;
    if (safewrite(file->stream, bytes->data, bytes->len) < 0) {
        virReportSystemError(errno, _("failed to write header to domain save file '%s'"), file->path);
        return -1;
    }
    return 0;
}

/* @image: NULL for a file without a head */
static qbjHostImage *
qbjHostImageNew(const char *path, const char *part, virQbjSaveImage *image, virQbjSaveFormat format, bool bypass)
{
    g_autoptr(qbjHostImage) file = g_new0(qbjHostImage, 1);

    file->path = g_strdup(path);
    file->part = g_strdup(part);
    file->stream = -1;
    file->bare = !image;
    if (qbjHostImageOpenNew(file, bypass) < 0 || (image && qbjHostImageWriteHead(file, image) < 0) ||
        (format != VIR_QBJ_SAVE_RAW && qbjHostImageCompress(file, format) < 0)) {
        if (file->part && unlink(file->part) < 0)
            VIR_WARN("Failed to remove '%s': %s", file->part, g_strerror(errno));
        return NULL;
    }
    return g_steal_pointer(&file);
}

qbjHostImage *
qbjHostImageCreate(const char *path, const char *part, virQbjSaveImage *image, bool bypass)
{
    return qbjHostImageNew(path, part, image, image->format, bypass);
}

qbjHostImage *
qbjHostImageCreateBare(const char *path, const char *part, virQbjSaveFormat format, bool bypass)
{
    return qbjHostImageNew(path, part, NULL, format, bypass);
}

qbjHostImageId
qbjHostImageGetId(const qbjHostImage *file)
{
    return file->id;
}

int
qbjHostImageStream(const qbjHostImage *file)
{
    return file->stream;
}

void
qbjHostImageCloseStream(qbjHostImage *file)
{
    VIR_FORCE_CLOSE(file->stream);
}

/* All that QEMU has written is in the file. */
static int
qbjHostImageWait(qbjHostImage *file)
{
    int status = 0;

    if (file->program && (virCommandWait(file->program, &status) < 0 || status != 0)) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("the program that compresses '%s' has failed: %s"), file->path,
                       NULLSTR_EMPTY(file->errors));
        return -1;
    }
    return file->wrapper ? virFileWrapperFdClose(file->wrapper) : 0;
}

/* The data before the magic that says that they are there. */
static int
qbjHostImageSeal(int fd, bool bare)
{
    if (virQbjFaultHit("image-seal")) {
        errno = ENOSPC;
        return -1;
    }
    if (bare)
        return fsync(fd);
    if (qbjHostImageNoteLength(fd) < 0 || fdatasync(fd) < 0 ||
        pwrite(fd, virQbjSaveImageMagic(), VIR_QBJ_SAVE_MAGIC_SIZE, 0) != VIR_QBJ_SAVE_MAGIC_SIZE)
        return -1;
    return fsync(fd);
}

static int
qbjHostImageOpenFolder(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);

    return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int
qbjHostImageSyncFolder(int fd)
{
    if (virQbjFaultHit("image-sync")) {
        errno = EIO;
        return -1;
    }
    return fsync(fd);
}

/* A second name, so that no moment is without the first one. */
static int
qbjHostImageKeep(const char *path, const char *keep)
{
    return !keep || link(path, keep) == 0 || errno == ENOENT ? 0 : -1;
}

int
qbjHostImageFinish(qbjHostImage *file, const char *keep, bool *named)
{
    VIR_AUTOCLOSE fd = -1;
    VIR_AUTOCLOSE folder = -1;

    *named = false;
    qbjHostImageCloseStream(file);
    if (qbjHostImageWait(file) < 0)
        return -1;
    if ((fd = open(file->part, O_WRONLY | O_NOFOLLOW | O_CLOEXEC)) < 0 || qbjHostImageSeal(fd, file->bare) < 0 ||
        qbjHostImageKeep(file->path, keep) < 0 || rename(file->part, file->path) < 0) {
        virReportSystemError(errno, _("unable to write %s"), file->path);
        return -1;
    }
    *named = true;
    g_clear_pointer(&file->part, g_free);
    if ((folder = qbjHostImageOpenFolder(file->path)) < 0 || qbjHostImageSyncFolder(folder) < 0) {
        virReportSystemError(errno, _("unable to write %s"), file->path);
        return -1;
    }
    return 0;
}

void
qbjHostImageFree(qbjHostImage *file)
{
    if (!file)
        return;
    VIR_FORCE_CLOSE(file->stream);
    virCommandAbort(file->program);     /* else its end would be waited for, as long as QEMU holds the stream */
    virCommandFree(file->program);
    virFileWrapperFdFree(file->wrapper);
    g_free(file->path);
    g_free(file->part);
    g_free(file->errors);
    g_free(file);
}

/* --- reading --- */

static virQbjSaveImage *
qbjHostImageRead(int fd)
{
    char header[VIR_QBJ_SAVE_HEADER_SIZE];
    g_autofree char *data = NULL;
    ssize_t n = saferead(fd, header, sizeof(header));
    g_autoptr(virQbjSaveImage) image = virQbjSaveImageParse(header, MAX(n, 0));

    if (!image)
        return NULL;
    data = g_new(char, image->length);
    n = saferead(fd, data, image->length);
    if (virQbjSaveImageParseData(image, data, MAX(n, 0)) < 0)
        return NULL;
    return g_steal_pointer(&image);
}

virQbjSaveImage *
qbjHostImageOpen(const char *path, int *fd)
{
    VIR_AUTOCLOSE file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);     /* a pipe would wait for its writer */
    virQbjSaveImage *image;
    struct stat st;

    if (file < 0 || fstat(file, &st) < 0 || virSetBlocking(file, true) < 0) {
        virReportSystemError(errno, _("Failed to open file '%s'"), path);
        return NULL;
    }
    if (!S_ISREG(st.st_mode)) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("'%s' is no file, and only files can be restored from"), path);
        return NULL;
    }
    if ((image = qbjHostImageRead(file))) {
        *fd = file;
        file = -1;
    }
    return image;
}

/* Opens the file that was read from @path by @old once more. -1 with an error reported, also when there is
 * another one by now. */
static int
qbjHostImageReopen(const char *path, int flags, int old)
{
    g_autofree char *to = NULL;
    VIR_AUTOCLOSE fd = -1;
    struct stat before;
    struct stat now;
    int ret;

    if ((virFileIsLink(path) == 1 && virFileResolveLink(path, &to) < 0) ||
        (fd = open(to ? to : path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)) < 0 ||
        fstat(old, &before) < 0 || fstat(fd, &now) < 0) {
        virReportSystemError(errno, _("Failed to open file '%s'"), path);
        return -1;
    }
    if (!qbjHostImageIdEqual(qbjHostImageIdOf(&before), qbjHostImageIdOf(&now))) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("another file has taken the place of '%s' meanwhile"), path);
        return -1;
    }
    ret = fd;
    fd = -1;
    return ret;
}

struct _qbjHostImageReader {
    int stream;
    virFileWrapperFd *wrapper;
    virCommand *program;
};

/* Reads past the cache from the start, up to the stream. */
static int
qbjHostImageReaderBypass(qbjHostImageReader *reader, const char *path, size_t length)
{
    size_t left = VIR_QBJ_SAVE_HEADER_SIZE + length;
    char bytes[4096];

    VIR_AUTOCLOSE old = reader->stream;

    reader->stream = -1;
    if (virFileDirectFdFlag() < 0) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("bypass cache unsupported by this system"));
        return -1;
    }
    if ((reader->stream = qbjHostImageReopen(path, O_RDONLY | virFileDirectFdFlag(), old)) < 0)
        return -1;
    if (qbjHostImageBypass(&reader->stream, path, &reader->wrapper) < 0)
        return -1;
    while (left > 0) {
        ssize_t n = saferead(reader->stream, bytes, MIN(left, sizeof(bytes)));

        if (n <= 0) {
            virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("failed to read qemu header"));
            return -1;
        }
        left -= n;
    }
    return 0;
}

static int
qbjHostImageReaderExpand(qbjHostImageReader *reader, virQbjSaveFormat format)
{
    VIR_AUTOCLOSE from = reader->stream;
    int ends[2];

    reader->stream = -1;
    if (!(reader->program = qbjHostImageProgram(format, "-dc")) || qbjHostImagePipe(ends) < 0)
        return -1;
    reader->stream = ends[0];
    virCommandSetInputFD(reader->program, from);
    virCommandSetOutputFD(reader->program, &ends[1]);
    if (virCommandRunAsync(reader->program, NULL) < 0) {
        VIR_FORCE_CLOSE(ends[1]);
        return -1;
    }
    VIR_FORCE_CLOSE(ends[1]);
    return 0;
}

qbjHostImageReader *
qbjHostImageReaderNew(const char *path, const virQbjSaveImage *image, int *fd, bool bypass)
{
    g_autoptr(qbjHostImageReader) reader = g_new0(qbjHostImageReader, 1);

    reader->stream = *fd;
    *fd = -1;
    if (qbjHostImageCheckLength(path, image, reader->stream) < 0 ||
        (bypass && qbjHostImageReaderBypass(reader, path, image->length) < 0))
        return NULL;
    if (image->format != VIR_QBJ_SAVE_RAW && qbjHostImageReaderExpand(reader, image->format) < 0)
        return NULL;
    return g_steal_pointer(&reader);
}

int
qbjHostImageReaderStream(const qbjHostImageReader *reader)
{
    return reader->stream;
}

void
qbjHostImageReaderFree(qbjHostImageReader *reader)
{
    if (!reader)
        return;
    VIR_FORCE_CLOSE(reader->stream);
    virCommandFree(reader->program);    /* one that still writes is ended */
    virFileWrapperFdFree(reader->wrapper);
    g_free(reader);
}

/* --- what is there --- */

int
qbjHostImageRewrite(const char *path, int fd, virQbjSaveImage *image)
{
    g_autoptr(GByteArray) bytes = virQbjSaveImageFormat(image, image->length);
    VIR_AUTOCLOSE to = -1;

    if (!bytes || (to = qbjHostImageReopen(path, O_WRONLY, fd)) < 0)
        return -1;
    if (pwrite(to, bytes->data, bytes->len, 0) != (ssize_t) bytes->len || fsync(to) < 0) {
        virReportSystemError(errno, _("failed to write header to domain save file '%s'"), path);
        return -1;
    }
    return 0;
}

int
qbjHostImageRemove(const char *path)
{
    VIR_AUTOCLOSE folder = qbjHostImageOpenFolder(path);

    if (virQbjFaultHit("image-remove")) {
        errno = EIO;
        return -1;
    }
    if (folder < 0 || unlink(path) < 0)
        return -1;
    if (qbjHostImageSyncFolder(folder) < 0)
        VIR_WARN("'%s' is removed, but its folder cannot be synced: %s", path, g_strerror(errno));
    return 0;
}
