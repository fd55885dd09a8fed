/* virqbjsaveimage.h: what stands before the stream of a save image, in both byte orders. The files of
 * tests/qemublockjobdata/saveimage are heads of images that the stock driver wrote. */
#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virqbjsaveimage.h"

#define XML "<domain type='qemu'/>\n"
#define FILE_LENGTH 0x500000007ULL
#define COOKIE "<cookie>\n  <cpu mode='custom' match='exact' check='none'>\n    <model>qemu64</model>\n  </cpu>\n</cookie>\n"

static GByteArray *
imageBytes(bool complete, size_t length)
{
    g_autoptr(virQbjSaveImage) image = g_new0(virQbjSaveImage, 1);

    image->complete = complete;
    image->running = true;
    image->format = VIR_QBJ_SAVE_XZ;
    image->fileLength = FILE_LENGTH;
    image->xml = g_strdup(XML);
    image->cookie = g_strdup(COOKIE);
    return virQbjSaveImageFormat(image, length);
}

static virQbjSaveImage *
imageRead(const GByteArray *bytes)
{
    const char *data = (const char *) bytes->data;
    g_autoptr(virQbjSaveImage) image = virQbjSaveImageParse(data, bytes->len);

    if (!image || virQbjSaveImageParseData(image, data + VIR_QBJ_SAVE_HEADER_SIZE,
                                           MIN(bytes->len - VIR_QBJ_SAVE_HEADER_SIZE, image->length)) < 0)
        return NULL;
    return g_steal_pointer(&image);
}

static void
assertImage(const GByteArray *bytes, bool complete)
{
    g_autoptr(virQbjSaveImage) image = imageRead(bytes);

    g_assert_nonnull(image);
    if (!image)
        return;
    g_assert_true(image->complete == complete && image->running && image->format == VIR_QBJ_SAVE_XZ);
    g_assert_cmpuint(image->fileLength, ==, FILE_LENGTH);
    g_assert_cmpstr(image->xml, ==, XML);
    g_assert_cmpstr(image->cookie, ==, COOKIE);
}

static uint32_t
numberAt(const GByteArray *bytes, size_t offset)
{
    uint32_t number;

    memcpy(&number, bytes->data + offset, sizeof(number));
    return number;
}

static void
testFormat(void)
{
    g_autoptr(GByteArray) bytes = imageBytes(false, 0);
    size_t length = sizeof(XML) + sizeof(COOKIE) + VIR_QBJ_SAVE_RESERVE;

    g_assert_cmpuint(bytes->len, ==, VIR_QBJ_SAVE_HEADER_SIZE + length);
    g_assert_cmpmem(bytes->data, 16, "LibvirtQemudPart", 16);
    g_assert_cmpuint(numberAt(bytes, 16), ==, 2);
    g_assert_cmpuint(numberAt(bytes, 20), ==, length);
    g_assert_cmpuint(numberAt(bytes, 24), ==, 1);
    g_assert_cmpuint(numberAt(bytes, 28), ==, 3);
    g_assert_cmpuint(numberAt(bytes, 32), ==, sizeof(XML));
    assertImage(bytes, false);

    memcpy(bytes->data, virQbjSaveImageMagic(), VIR_QBJ_SAVE_MAGIC_SIZE);
    assertImage(bytes, true);
}

/* As a host of the other byte order writes it. */
static void
testSwapped(void)
{
    g_autoptr(GByteArray) bytes = imageBytes(true, 0);
    size_t i;

    for (i = VIR_QBJ_SAVE_MAGIC_SIZE; i < VIR_QBJ_SAVE_HEADER_SIZE; i += 4) {
        uint32_t number = GUINT32_SWAP_LE_BE(numberAt(bytes, i));

        memcpy(bytes->data + i, &number, sizeof(number));
    }
    assertImage(bytes, true);
}

static void
testFits(void)
{
    size_t need = sizeof(XML) + sizeof(COOKIE);
    g_autoptr(GByteArray) bytes = imageBytes(true, need);

    assertImage(bytes, true);
    g_assert_null(imageBytes(true, need - 1));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_FAILED);
    virResetLastError();
}

/* Each number that cannot be, and each length of a file that was cut off. */
static void
testRefused(void)
{
    static const struct {
        size_t offset;
        uint32_t number;
    } bad[] = {
        { 0, 0 }, { 16, 3 }, { 16, 0x03000000 }, { 20, 0 }, { 20, VIR_QBJ_SAVE_DATA_MAX + 1 }, { 20, UINT32_MAX },
        { 20, 5 }, { 28, VIR_QBJ_SAVE_LAST }, { 28, UINT32_MAX }, { 32, UINT32_MAX }, { 32, 1U << 20 },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GByteArray) bytes = imageBytes(true, 0);

        memcpy(bytes->data + bad[i].offset, &bad[i].number, sizeof(bad[i].number));
        g_assert_null(imageRead(bytes));
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_FAILED);
        virResetLastError();
    }
    for (i = 0; i < VIR_QBJ_SAVE_HEADER_SIZE + sizeof(XML) + sizeof(COOKIE); i += 7) {
        g_autoptr(GByteArray) bytes = imageBytes(true, 0);

        g_byte_array_set_size(bytes, i);
        g_assert_null(i < VIR_QBJ_SAVE_HEADER_SIZE ? virQbjSaveImageParse((char *) bytes->data, i) : imageRead(bytes));
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_FAILED);
        virResetLastError();
    }
}

static void
testStock(void)
{
    g_autofree char *path = g_build_filename(QBJ_TEST_DATA, "saveimage", "stock-running.save", NULL);
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_autoptr(virQbjSaveImage) image = NULL;
    g_autoptr(virCPUDef) cpu = NULL;
    char *data = NULL;
    gsize length = 0;

    g_assert_true(g_file_get_contents(path, &data, &length, NULL));
    g_byte_array_append(bytes, (guint8 *) data, length);
    g_free(data);
    image = imageRead(bytes);
    g_assert_nonnull(image);
    if (!image)
        return;
    g_assert_true(image->complete && image->running && image->format == VIR_QBJ_SAVE_RAW);
    g_assert_true(g_str_has_prefix(image->xml, "<domain type='qemu'>"));
    g_assert_cmpint(virQbjSaveCookieParse(image->cookie, &cpu), ==, 0);
    g_assert_cmpstr(cpu->model, ==, "qemu64");
    g_assert_cmpuint(cpu->nfeatures, ==, 2);
}

static void
testCookie(void)
{
    g_autoptr(virCPUDef) cpu = NULL;
    g_autoptr(virCPUDef) none = NULL;
    g_autofree char *text = NULL;

    g_assert_cmpint(virQbjSaveCookieParse(COOKIE, &cpu), ==, 0);
    text = virQbjSaveCookieFormat(cpu);
    g_assert_nonnull(strstr(text, "qemu64"));
    g_assert_cmpint(virQbjSaveCookieParse("<cookie/>", &none), ==, 0);
    g_assert_null(none);
    g_assert_cmpint(virQbjSaveCookieParse("<cookie", &none), ==, -1);
    virResetLastError();
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (virInitialize() < 0)
        g_error("cannot start: %s", virGetLastErrorMessage());
    g_test_add_func("/saveimage/format", testFormat);
    g_test_add_func("/saveimage/swapped", testSwapped);
    g_test_add_func("/saveimage/fits", testFits);
    g_test_add_func("/saveimage/refused", testRefused);
    g_test_add_func("/saveimage/stock", testStock);
    g_test_add_func("/saveimage/cookie", testCookie);
    return g_test_run();
}
