/* Backing chains, which a guest's image states: a header, or the name of a backing image (a path, a URI,
 * json:) that is put into a qcow2 header. Read as a start reads them, in a folder with images that names can
 * lead to.
 *
 * Laws: what is refused is refused with an error; a chain has an end; each of its images is opened with
 * options of ours alone (the inputs have keys and values with "qbjx") or refused by name; and the name by
 * which we would write an image into a header is read as the same image. */
#include <config.h>

#include <sys/stat.h>

#include "internal.h"
#include "blocknode.h"
#include "fuzz_main.h"
#include "storage_file/storage_source.h"
#include "virerror.h"
#include "virfile.h"
#include "vm_disks.h"

#define QBJ_FUZZ_CANARY "qbjx"
#define QBJ_FUZZ_HEADER 104     /* of qcow2, version 3 */

static char *folder;

/* --- images --- */

static void
qbjFuzzWrite(const char *name, const void *data, size_t size)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    FILE *file = fopen(path, "w");

    g_assert_nonnull(file);
    g_assert_cmpuint(fwrite(data, 1, size, file), ==, size);
    g_assert_cmpint(fclose(file), ==, 0);
}

/* A qcow2 header of 64 MiB that names @backing as qcow2; without clusters. */
static void
qbjFuzzWriteOverlay(const char *name, const char *backing, size_t length)
{
    static const guint8 fields[QBJ_FUZZ_HEADER] = {
        'Q', 'F', 'I', 0xfb, [7] = 3, [23] = 16 /* clusters of 64 KiB */, [28] = 4 /* 64 MiB */, [99] = 4,
        [103] = QBJ_FUZZ_HEADER,
    };
    static const guint8 format[24] = { 0xe2, 0x79, 0x2a, 0xca, 0, 0, 0, 5, 'q', 'c', 'o', 'w', '2' };
    g_autoptr(GByteArray) image = g_byte_array_new();

    length = MIN(length, 1023);
    g_byte_array_append(image, fields, sizeof(fields));
    if (length > 0) {
        image->data[15] = QBJ_FUZZ_HEADER + sizeof(format);
        image->data[18] = length >> 8;
        image->data[19] = length & 0xff;
    }
    g_byte_array_append(image, format, sizeof(format));
    g_byte_array_append(image, (const guint8 *) backing, length);
    qbjFuzzWrite(name, image->data, image->len);
}

static void
qbjFuzzIgnoreError(void *opaque, virErrorPtr error)
{
}

static void
qbjFuzzEnd(void)
{
    virFileDeleteTree(folder);
}

static void
qbjFuzzStart(void)
{
    g_autofree char *fifo = NULL;
    g_autofree char *link = NULL;
    g_autofree char *sub = NULL;

    if (folder)
        return;

    if (virInitialize() < 0)
        g_error("cannot start: %s", virGetLastErrorMessage());
    virSetErrorFunc(NULL, qbjFuzzIgnoreError);
    folder = g_dir_make_tmp("qbjfuzz-XXXXXX", NULL);
    g_assert_nonnull(folder);
    atexit(qbjFuzzEnd);
    fifo = g_build_filename(folder, "fifo", NULL);
    link = g_build_filename(folder, "link", NULL);
    sub = g_build_filename(folder, "sub", NULL);
    g_assert_true(mkfifo(fifo, 0600) == 0 && symlink("top", link) == 0 && mkdir(sub, 0700) == 0);
    qbjFuzzWriteOverlay("base", "", 0);
    qbjFuzzWriteOverlay("middle", "base", 4);
    qbjFuzzWrite("raw", "\0\0\0\0", 4);
}

/* @input with the folder's name for each @. */
static char *
qbjFuzzName(const uint8_t *data, size_t size)
{
    g_autofree char *input = g_strndup((const char *) data, size);
    g_auto(GStrv) parts = g_strsplit(input, "@", -1);

    return g_strjoinv(folder, parts);
}

static bool
qbjFuzzIsHeader(const uint8_t *data, size_t size)
{
    static const char *const magics[] = { "QFI", "QED", "KDM", "COW" };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(magics); i++) {
        if (size >= 3 && memcmp(data, magics[i], 3) == 0)
            return true;
    }
    return false;
}

/* The format that the definition states for the top image. */
static int
qbjFuzzWriteTop(const uint8_t *data, size_t size)
{
    g_autofree char *name = NULL;

    if (qbjFuzzIsHeader(data, size)) {
        qbjFuzzWrite("top", data, size);
        return data[1] == 'E' ? VIR_STORAGE_FILE_QED : data[0] == 'K' ? VIR_STORAGE_FILE_VMDK : VIR_STORAGE_FILE_QCOW2;
    }
    name = qbjFuzzName(data, size);
    qbjFuzzWriteOverlay("top", name, strlen(name));
    return VIR_STORAGE_FILE_QCOW2;
}

/* --- laws --- */

static void
qbjFuzzCheckKeys(virJSONValue *value)
{
    size_t i;

    if (virJSONValueIsObject(value)) {
        for (i = 0; (int) i < virJSONValueObjectKeysNumber(value); i++) {
            if (STREQ(virJSONValueObjectGetKey(value, i), QBJ_FUZZ_CANARY))
                g_error("an option of the image's making");
            qbjFuzzCheckKeys(virJSONValueObjectGetValue(value, i));
        }
    } else if (virJSONValueIsArray(value)) {
        for (i = 0; i < virJSONValueArraySize(value); i++)
            qbjFuzzCheckKeys(virJSONValueArrayGet(value, i));
    }
}

static void
qbjFuzzOptions(virJSONValue *options, const qbjRefusal *refusal)
{
    g_autofree char *text = options ? virJSONValueToString(options, false) : NULL;
    g_autoptr(virJSONValue) again = text ? virJSONValueFromString(text) : NULL;

    if (!options && (!refusal->message || !*refusal->message))
        g_error("an image is refused without a reason");
    if (options && !again)
        g_error("not JSON: %s", NULLSTR(text));
    if (again)
        qbjFuzzCheckKeys(again);
}

/* What says the same in other words, or what nobody asks for. */
static void
qbjFuzzSimplify(virStorageSource *src, virStorageSource *again)
{
    if (!again->path && src->path && !*src->path)
        again->path = g_strdup("");
    if (src->type == VIR_STORAGE_TYPE_NETWORK && src->protocol == VIR_STORAGE_NET_PROTOCOL_ISCSI &&
        !strchr(src->path, '/')) {
        g_autofree char *target = g_steal_pointer(&src->path);

        src->path = g_strdup_printf("%s/0", target);
    }
    if (src->hosts && src->hosts->transport == VIR_STORAGE_NET_HOST_TRANS_UNIX)
        g_clear_pointer(&src->hosts->name, g_free);
    else if (src->hosts)
        g_clear_pointer(&src->hosts->socket, g_free);
}

static void
qbjFuzzNamed(virStorageSource *src)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autofree char *name = qbjBlockNodeBackingString(src, &refusal);
    g_autoptr(virStorageSource) again = NULL;

    if (!name) {
        if (!refusal.message || !*refusal.message)
            g_error("a name is refused without a reason");
        return;
    }
    if (virStorageSourceNewFromBackingAbsolute(name, &again) != 0)
        g_error("a name that cannot be read: %s: %s", name, virGetLastErrorMessage());
    qbjFuzzSimplify(src, again);
    /* a path is taken for a file's until somebody looks there */
    if (virStorageSourceIsLocalStorage(src) ? STRNEQ(again->path, src->path)
                                            : !virStorageSourceIsSameLocation(again, src))
        g_error("a name that is another image's: %s", name);
}

static void
qbjFuzzImage(virStorageSource *src, size_t number)
{
    g_auto(qbjRefusal) storage = QBJ_REFUSAL_INIT;
    g_auto(qbjRefusal) format = QBJ_REFUSAL_INIT;
    g_autoptr(virJSONValue) protocol = NULL;
    g_autoptr(virJSONValue) options = NULL;

    src->nodestorage = g_strdup_printf("libvirt-%zu-storage", number);
    src->nodeformat = g_strdup_printf("libvirt-%zu-format", number);
    protocol = qbjBlockNodeStorage(src, &storage);
    qbjFuzzOptions(protocol, &storage);
    options = qbjBlockNodeFormat(src, "below", true, &format);
    qbjFuzzOptions(options, &format);
    if (protocol && options)
        qbjFuzzNamed(src);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const virQbjConf conf = { .user = (uid_t) -1, .group = (gid_t) -1 };
    g_autoptr(virDomainDiskDef) disk = virDomainDiskDefNew(NULL);
    virStorageSource *next;
    size_t number = 0;

    qbjFuzzStart();
    disk->dst = g_strdup("vda");
    disk->src->type = VIR_STORAGE_TYPE_FILE;
    disk->src->format = qbjFuzzWriteTop(data, size);
    disk->src->path = g_build_filename(folder, "top", NULL);
    if (qbjVmDisksProbe(disk, &conf) < 0) {
        virErrorPtr error = virGetLastError();

        if (!error || error->code == VIR_ERR_OK || !error->message || !*error->message)
            g_error("a chain is refused without an error");
        virResetLastError();
        return 0;
    }

    for (next = disk->src; virStorageSourceIsBacking(next); next = next->backingStore) {
        if (++number > 201)
            g_error("a chain without an end");
        qbjFuzzImage(next, number);
    }
    return 0;
}

/* --- changes --- */

static const char *const qbjFuzzWords[] = {
    "\"driver\":", "\"file\":", "\"filename\":", "\"file.driver\":", "\"file.filename\":", "\"server\":", "\"export\":",
    "\"host\":", "\"port\":", "\"path\":", "\"type\":", "\"offset\":", "\"size\":", "\"backing\":", "\"lun\":",
    "\"" QBJ_FUZZ_CANARY "\":1,", "\"x\\\",\\\"" QBJ_FUZZ_CANARY "\\\":\\\"1\"", "{", "}", "[", "]", ",", ":", "null", "true",
    "0", "-1", "4294967296", "18446744073709551616", "1e400", "\"\"", "\"qcow2\"", "\"raw\"", "\"luks\"", "\"file\"",
    "\"host_device\"", "\"nbd\"", "\"inet\"", "\"unix\"", "\"@/base\"", "\"@/top\"", "\"@/raw\"", "\"@/fifo\"", "json:",
    "nbd://h/e", "rbd:p/i", "fat:", "a," QBJ_FUZZ_CANARY "=1", "\\u0000", "\\ud800", "%00", "..",
};

/* Puts a word over, before, or in the place of something. */
size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned int seed)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    const char *word = qbjFuzzWords[g_rand_int_range(rand, 0, G_N_ELEMENTS(qbjFuzzWords))];
    size_t length = strlen(word);
    size_t at = size > 0 ? g_rand_int_range(rand, 0, size) : 0;
    size_t gone = g_rand_boolean(rand) ? g_rand_int_range(rand, 0, 24) : 0;

    gone = MIN(gone, size - at);
    if (LLVMFuzzerMutate && g_rand_int_range(rand, 0, 3) == 0)
        return LLVMFuzzerMutate(data, size, room);
    if (size - gone + length > room)
        return size;
    memmove(data + at + length, data + at + gone, size - at - gone);
    memcpy(data + at, word, length);
    return size - gone + length;
}
