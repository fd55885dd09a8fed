#include <config.h>

#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "host_imagelength.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

int
qbjHostImageNoteLength(int fd)
{
    char bytes[VIR_QBJ_SAVE_FILE_LENGTH_SIZE];
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -1;
    virQbjSaveImageFormatLength(st.st_size, bytes);
    return pwrite(fd, bytes, sizeof(bytes), VIR_QBJ_SAVE_FILE_LENGTH_AT) == sizeof(bytes) ? 0 : -1;
}

int
qbjHostImageCheckLength(const char *path, const virQbjSaveImage *image, int fd)
{
    struct stat st;

    if (fstat(fd, &st) < 0) {
        virReportSystemError(errno, _("Failed to open file '%s'"), path);
        return -1;
    }
    if ((unsigned long long) st.st_size >= image->fileLength)
        return 0;
    virReportError(VIR_ERR_OPERATION_FAILED, _("'%s' is cut off: %llu of %llu bytes are there"), path,
                   (unsigned long long) st.st_size, image->fileLength);
    return -1;
}
