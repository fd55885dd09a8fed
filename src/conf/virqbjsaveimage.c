#include <config.h>

#include "internal.h"
#include "virqbjsaveimage.h"
#include "virerror.h"
#include "virxml.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

#define VIR_QBJ_SAVE_MAGIC "LibvirtQemudSave"
#define VIR_QBJ_SAVE_PARTIAL "LibvirtQemudPart"
#define VIR_QBJ_SAVE_VERSION 2

VIR_ENUM_IMPL(virQbjSaveFormat, VIR_QBJ_SAVE_LAST, "raw", "gzip", "bzip2", "xz", "lzop");

/* The numbers after the magic, by their place. */
typedef enum {
    VIR_QBJ_SAVE_AT_VERSION,
    VIR_QBJ_SAVE_AT_LENGTH,
    VIR_QBJ_SAVE_AT_RUNNING,
    VIR_QBJ_SAVE_AT_FORMAT,
    VIR_QBJ_SAVE_AT_COOKIE,
    VIR_QBJ_SAVE_AT_FILE_LOW,
    VIR_QBJ_SAVE_AT_FILE_HIGH,
    VIR_QBJ_SAVE_NUMBERS = (VIR_QBJ_SAVE_HEADER_SIZE - VIR_QBJ_SAVE_MAGIC_SIZE) / 4
} virQbjSaveNumber;

static void
virQbjSaveLengthNumbers(unsigned long long length, uint32_t *numbers)
{
    numbers[0] = length & 0xffffffff;
    numbers[1] = length >> 32;
}

void
virQbjSaveImageFormatLength(unsigned long long length, char *bytes)
{
    uint32_t numbers[2];

    G_STATIC_ASSERT(sizeof(numbers) == VIR_QBJ_SAVE_FILE_LENGTH_SIZE);
    G_STATIC_ASSERT(VIR_QBJ_SAVE_MAGIC_SIZE + VIR_QBJ_SAVE_AT_FILE_LOW * 4 == VIR_QBJ_SAVE_FILE_LENGTH_AT);
    virQbjSaveLengthNumbers(length, numbers);
    memcpy(bytes, numbers, sizeof(numbers));
}

const char *
virQbjSaveImageMagic(void)
{
    return VIR_QBJ_SAVE_MAGIC;
}

void
virQbjSaveImageFree(virQbjSaveImage *image)
{
    if (!image)
        return;
    g_free(image->xml);
    g_free(image->cookie);
    g_free(image);
}

/* Written on a host of the other byte order: all numbers are turned round. */
static void
virQbjSaveTurn(uint32_t *numbers)
{
    size_t i;

    if (GUINT32_SWAP_LE_BE(numbers[VIR_QBJ_SAVE_AT_VERSION]) > VIR_QBJ_SAVE_VERSION)
        return;
    for (i = 0; i < VIR_QBJ_SAVE_NUMBERS; i++)
        numbers[i] = GUINT32_SWAP_LE_BE(numbers[i]);
}

static int
virQbjSaveCheckNumbers(const uint32_t *numbers)
{
    if (numbers[VIR_QBJ_SAVE_AT_VERSION] > VIR_QBJ_SAVE_VERSION) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("image version is not supported (%u > %u)"),
                       numbers[VIR_QBJ_SAVE_AT_VERSION], VIR_QBJ_SAVE_VERSION);
        return -1;
    }
    if (numbers[VIR_QBJ_SAVE_AT_LENGTH] == 0 || numbers[VIR_QBJ_SAVE_AT_LENGTH] > VIR_QBJ_SAVE_DATA_MAX) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("invalid header data length: %u"), numbers[VIR_QBJ_SAVE_AT_LENGTH]);
        return -1;
    }
    if (numbers[VIR_QBJ_SAVE_AT_FORMAT] >= VIR_QBJ_SAVE_LAST) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("Invalid compressed save format %u"),
                       numbers[VIR_QBJ_SAVE_AT_FORMAT]);
        return -1;
    }
    if (numbers[VIR_QBJ_SAVE_AT_COOKIE] >= numbers[VIR_QBJ_SAVE_AT_LENGTH]) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("the cookie of the save image is not in its header"));
        return -1;
    }
    return 0;
}

virQbjSaveImage *
virQbjSaveImageParse(const char *bytes, size_t n)
{
    uint32_t numbers[VIR_QBJ_SAVE_NUMBERS];
    virQbjSaveImage *image;
    bool partial;

    if (n < VIR_QBJ_SAVE_HEADER_SIZE) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("failed to read qemu header"));
        return NULL;
    }
    partial = memcmp(bytes, VIR_QBJ_SAVE_PARTIAL, VIR_QBJ_SAVE_MAGIC_SIZE) == 0;
    if (!partial && memcmp(bytes, VIR_QBJ_SAVE_MAGIC, VIR_QBJ_SAVE_MAGIC_SIZE) != 0) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("image magic is incorrect"));
        return NULL;
    }
    memcpy(numbers, bytes + VIR_QBJ_SAVE_MAGIC_SIZE, sizeof(numbers));
    if (numbers[VIR_QBJ_SAVE_AT_VERSION] > VIR_QBJ_SAVE_VERSION)
        virQbjSaveTurn(numbers);
    if (virQbjSaveCheckNumbers(numbers) < 0)
        return NULL;

    image = g_new0(virQbjSaveImage, 1);
    image->complete = !partial;
    image->length = numbers[VIR_QBJ_SAVE_AT_LENGTH];
    image->running = numbers[VIR_QBJ_SAVE_AT_RUNNING] != 0;
    image->format = numbers[VIR_QBJ_SAVE_AT_FORMAT];
    image->cookieAt = numbers[VIR_QBJ_SAVE_AT_COOKIE];
    image->fileLength = numbers[VIR_QBJ_SAVE_AT_FILE_LOW] |
                        (unsigned long long) numbers[VIR_QBJ_SAVE_AT_FILE_HIGH] << 32;
    return image;
}

/* The text that ends within @n bytes; NULL when it does not. */
static char *
virQbjSaveText(const char *bytes, size_t n)
{
    return memchr(bytes, '\0', n) ? g_strdup(bytes) : NULL;
}

int
virQbjSaveImageParseData(virQbjSaveImage *image, const char *bytes, size_t n)
{
    g_autofree char *xml = n == image->length ? virQbjSaveText(bytes, n) : NULL;
    g_autofree char *cookie = NULL;

    if (!xml) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("failed to read domain XML"));
        return -1;
    }
    if (image->cookieAt > 0 && !(cookie = virQbjSaveText(bytes + image->cookieAt, n - image->cookieAt))) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("failed to read cookie"));
        return -1;
    }
    g_free(image->xml);
    image->xml = g_steal_pointer(&xml);
    g_free(image->cookie);
    image->cookie = g_steal_pointer(&cookie);
    return 0;
}

GByteArray *
virQbjSaveImageFormat(virQbjSaveImage *image, size_t length)
{
    size_t xmlSize = strlen(image->xml) + 1;
    size_t need = xmlSize + (image->cookie ? strlen(image->cookie) + 1 : 0);
    uint32_t numbers[VIR_QBJ_SAVE_NUMBERS] = { 0 };
    GByteArray *bytes;

    if (length == 0)
        length = need + VIR_QBJ_SAVE_RESERVE;
    if (need > length || length > VIR_QBJ_SAVE_DATA_MAX) {
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("new xml too large to fit in file"));
        return NULL;
    }
    numbers[VIR_QBJ_SAVE_AT_VERSION] = VIR_QBJ_SAVE_VERSION;
    numbers[VIR_QBJ_SAVE_AT_LENGTH] = length;
    numbers[VIR_QBJ_SAVE_AT_RUNNING] = image->running;
    numbers[VIR_QBJ_SAVE_AT_FORMAT] = image->format;
    numbers[VIR_QBJ_SAVE_AT_COOKIE] = image->cookie ? xmlSize : 0;
    virQbjSaveLengthNumbers(image->fileLength, &numbers[VIR_QBJ_SAVE_AT_FILE_LOW]);
    image->length = length;

    bytes = g_byte_array_sized_new(VIR_QBJ_SAVE_HEADER_SIZE + length);
    g_byte_array_set_size(bytes, VIR_QBJ_SAVE_HEADER_SIZE + length);
    memset(bytes->data, 0, bytes->len);
    memcpy(bytes->data, image->complete ? VIR_QBJ_SAVE_MAGIC : VIR_QBJ_SAVE_PARTIAL, VIR_QBJ_SAVE_MAGIC_SIZE);
    memcpy(bytes->data + VIR_QBJ_SAVE_MAGIC_SIZE, numbers, sizeof(numbers));
    memcpy(bytes->data + VIR_QBJ_SAVE_HEADER_SIZE, image->xml, xmlSize);
    if (image->cookie)
        memcpy(bytes->data + VIR_QBJ_SAVE_HEADER_SIZE + xmlSize, image->cookie, need - xmlSize);
    return bytes;
}

char *
virQbjSaveCookieFormat(const virCPUDef *cpu)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    g_auto(virBuffer) children = VIR_BUFFER_INIT_CHILD(&buf);
    g_autoptr(virCPUDef) copy = cpu ? virCPUDefCopy(cpu) : NULL;

    if (!copy || virCPUDefFormatBufFull(&children, copy, NULL) < 0)
        return NULL;
    virXMLFormatElement(&buf, "cookie", NULL, &children);
    return virBufferContentAndReset(&buf);
}

int
virQbjSaveCookieParse(const char *cookie, virCPUDef **cpu)
{
    g_autoptr(xmlXPathContext) ctxt = NULL;
    g_autoptr(xmlDoc) doc = virXMLParseStringCtxt(cookie, _("(save cookie)"), &ctxt);
    g_autoptr(virCPUDef) found = NULL;

    if (!doc)
        return -1;
    if (virCPUDefParseXML(ctxt, "./cpu[1]", VIR_CPU_TYPE_GUEST, &found, false) < 0)
        return -1;
    *cpu = g_steal_pointer(&found);
    return 0;
}
