/* The head of a save image: a file that a client names, of either byte order. The seeds are heads of images.
 *
 * Laws: one that is refused is so with VIR_ERR_OPERATION_FAILED; one that is taken is written again as it was
 * read. */
#include <config.h>

#include "internal.h"
#include "virerror.h"

#include "fuzz_main.h"
#include "virqbjsaveimage.h"

static virQbjSaveImage *
qbjFuzzRead(const char *bytes, size_t size)
{
    g_autoptr(virQbjSaveImage) image = virQbjSaveImageParse(bytes, size);
    size_t left;

    if (!image)
        return NULL;
    left = size - VIR_QBJ_SAVE_HEADER_SIZE;
    if (virQbjSaveImageParseData(image, bytes + VIR_QBJ_SAVE_HEADER_SIZE, MIN(left, image->length)) < 0)
        return NULL;
    return g_steal_pointer(&image);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* exactly as long as it is, so that a checker of memory sees what is read behind it */
    g_autofree char *bytes = g_malloc(MAX(size, 1));
    g_autoptr(virQbjSaveImage) image = NULL;
    g_autoptr(virQbjSaveImage) again = NULL;
    g_autoptr(GByteArray) written = NULL;
    g_autoptr(virCPUDef) cpu = NULL;

    if (virInitialize() < 0)
        g_error("cannot start: %s", virGetLastErrorMessage());
    virResetLastError();
    memcpy(bytes, data, size);
    if (!(image = qbjFuzzRead(bytes, size))) {
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_FAILED);
        virResetLastError();
        return 0;
    }
    if (image->cookie && virQbjSaveCookieParse(image->cookie, &cpu) < 0)
        virResetLastError();
    if (!(written = virQbjSaveImageFormat(image, 0))) {
        virResetLastError();
        return 0;
    }
    again = qbjFuzzRead((const char *) written->data, written->len);
    g_assert_nonnull(again);
    g_assert_cmpstr(again->xml, ==, image->xml);
    g_assert_cmpstr(again->cookie, ==, image->cookie);
    g_assert_true(again->running == image->running && again->format == image->format &&
                  again->complete == image->complete);
    return 0;
}
