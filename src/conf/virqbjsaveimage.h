/* A save image: what stands in the file before QEMU's stream (behaviour/09 V1). Bytes and data only, no I/O.
 *
 *   0  16 bytes  LibvirtQemudSave; LibvirtQemudPart while it is being written
 *  16  u32       version, 2: its byte order is that of all numbers
 *  20  u32       length of what follows this header: XML, NUL, cookie, NUL, zeroes
 *  24  u32       1: the guest was running
 *  28  u32       format of the stream
 *  32  u32       where the cookie begins in that, 0: there is none
 *  36  u64       length of the whole file when it was completed, low half first; 0: not known. Of this driver
 *  44  48 bytes  zero */
#pragma once

#include "internal.h"
#include "cpu_conf.h"
#include "virenum.h"

#define VIR_QBJ_SAVE_HEADER_SIZE 92
#define VIR_QBJ_SAVE_MAGIC_SIZE 16
/* Longer ones are not read: the longest XML that libvirt's protocol can carry, its cookie and the reserve. */
#define VIR_QBJ_SAVE_DATA_MAX (16 * 1024 * 1024)
/* Zeroes behind the XML of a new image, so that it can become longer where it is. */
#define VIR_QBJ_SAVE_RESERVE (64 * 1024)

typedef enum {
    VIR_QBJ_SAVE_RAW,
    VIR_QBJ_SAVE_GZIP,
    VIR_QBJ_SAVE_BZIP2,
    VIR_QBJ_SAVE_XZ,
    VIR_QBJ_SAVE_LZOP,
    VIR_QBJ_SAVE_LAST
} virQbjSaveFormat;
VIR_ENUM_DECL(virQbjSaveFormat);        /* raw gzip bzip2 xz lzop: also the names of the programs */

typedef struct _virQbjSaveImage virQbjSaveImage;
struct _virQbjSaveImage {
    bool complete;
    bool running;               /* what the guest is to be when it is restored */
    virQbjSaveFormat format;
    size_t length;              /* of what follows the header; set by the parser and the formatter */
    unsigned long long fileLength;      /* of the whole file, 0: not known */
    size_t cookieAt;            /* parser's own */
    char *xml;
    char *cookie;               /* or NULL */
};
void virQbjSaveImageFree(virQbjSaveImage *image);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virQbjSaveImage, virQbjSaveImageFree);

/* Reads the @n first bytes of a file, of either byte order. The image has no texts yet. NULL with
 * VIR_ERR_OPERATION_FAILED reported for anything that is not such a header; one that is not complete is no
 * error here. */
virQbjSaveImage *virQbjSaveImageParse(const char *bytes, size_t n);

/* Takes the texts from the @n bytes that follow the header, which are to be image->length. Returns 0, -1 with
 * VIR_ERR_OPERATION_FAILED reported. */
int virQbjSaveImageParseData(virQbjSaveImage *image, const char *bytes, size_t n);

/* Header and data, in this host's byte order. @length: what the data has to be exactly, 0: as long as is
 * needed and a reserve; image->length becomes what it is. NULL with VIR_ERR_OPERATION_FAILED reported when
 * it does not fit. */
GByteArray *virQbjSaveImageFormat(virQbjSaveImage *image, size_t length);

/* What stands at VIR_QBJ_SAVE_FILE_LENGTH_AT, of VIR_QBJ_SAVE_FILE_LENGTH_SIZE bytes. */
#define VIR_QBJ_SAVE_FILE_LENGTH_AT 36
#define VIR_QBJ_SAVE_FILE_LENGTH_SIZE 8
void virQbjSaveImageFormatLength(unsigned long long length, char *bytes);

/* The magic of a file that is complete: VIR_QBJ_SAVE_MAGIC_SIZE bytes. */
const char *virQbjSaveImageMagic(void);

/* The cookie that keeps the CPU as the guest sees it, and back: NULL without an error when @cookie has none.
 * -1 with an error reported for one that cannot be read. */
char *virQbjSaveCookieFormat(const virCPUDef *cpu);
int virQbjSaveCookieParse(const char *cookie, virCPUDef **cpu);
