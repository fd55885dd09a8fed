#include <config.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "internal.h"
#include "vm_caps_file.h"
#include "host_save.h"
#include "virerror.h"
#include "virfile.h"
#include "virjson.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_caps_file");

/* what QEMU 7.2 answers is 200 KiB */
#define QBJ_VM_CAPS_FILE_BYTES (16 * 1024 * 1024)
#define QBJ_VM_CAPS_CPUINFO_BYTES (256 * 1024)

/* Of the first CPU: what it is and what it can do, not how fast it runs at the moment. */
static char *
qbjVmCapsFileCpu(void)
{
    static const char *const keys[] = { "vendor_id", "cpu family", "model", "model name", "stepping", "microcode",
                                        "flags" };
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *info = NULL;
    g_auto(GStrv) lines = NULL;
    char **line;

    if (virFileReadHeaderQuiet("/proc/cpuinfo", QBJ_VM_CAPS_CPUINFO_BYTES, &info) < 0)
        return g_strdup("");
    lines = g_strsplit(info, "\n", 0);
    for (line = lines; *line && **line; line++) {
        g_auto(GStrv) parts = g_strsplit(*line, ":", 2);

        if (parts[0] && parts[1] && g_strv_contains(keys, g_strchomp(parts[0])))
            g_string_append_printf(text, "%s;", parts[1]);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

char *
qbjVmCapsFileHost(void)
{
    g_autofree char *cpu = qbjVmCapsFileCpu();
    struct utsname kernel = { .release = "" };

    uname(&kernel);
    return g_strdup_printf("%s %s %s", kernel.release, kernel.version, cpu);
}

static char *
qbjVmCapsFilePath(const char *folder, const char *binary)
{
    g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, binary, -1);

    return g_strdup_printf("%s/%s.json", folder, sum);
}

/* QEMU's user may own the folder: only a file of our own is believed. */
static char *
qbjVmCapsFileText(const char *path)
{
    VIR_AUTOCLOSE fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    char *text = NULL;

    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022) ||
        virFileReadLimFD(fd, QBJ_VM_CAPS_FILE_BYTES, &text) < 0)
        return NULL;
    return text;
}

/* @replies is left empty. */
static GHashTable *
qbjVmCapsFileTake(virJSONValue *replies)
{
    GHashTable *table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify) virJSONValueFree);

    while (virJSONValueObjectKeysNumber(replies) > 0) {
        char *key = g_strdup(virJSONValueObjectGetKey(replies, 0));
        virJSONValue *value = NULL;

        ignore_value(virJSONValueObjectRemoveKey(replies, key, &value));
        g_hash_table_insert(table, key, value);
    }
    return table;
}

GHashTable *
qbjVmCapsFileRead(const char *folder, const char *binary, const char *stamp)
{
    g_autofree char *path = qbjVmCapsFilePath(folder, binary);
    g_autofree char *text = qbjVmCapsFileText(path);
    g_autoptr(virJSONValue) file = text ? virJSONValueFromString(text) : NULL;
    virJSONValue *replies;

    virResetLastError();
    if (!file || !virJSONValueIsObject(file) ||
        STRNEQ_NULLABLE(virJSONValueObjectGetString(file, "binary"), binary) ||
        STRNEQ_NULLABLE(virJSONValueObjectGetString(file, "stamp"), stamp) ||
        !(replies = virJSONValueObjectGetObject(file, "replies")))
        return NULL;
    return qbjVmCapsFileTake(replies);
}

static char *
qbjVmCapsFileFormat(const char *binary, const char *stamp, GHashTable *replies)
{
    g_autoptr(virJSONValue) file = NULL;
    g_autoptr(virJSONValue) all = virJSONValueNewObject();
    GHashTableIter iter;
    void *key;
    void *value;

    g_hash_table_iter_init(&iter, replies);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        g_autoptr(virJSONValue) copy = virJSONValueCopy(value);

        if (virJSONValueObjectAppend(all, key, &copy) < 0)
            return NULL;
    }
    if (virJSONValueObjectAdd(&file, "s:binary", binary, "s:stamp", stamp, "a:replies", &all, NULL) < 0)
        return NULL;
    return virJSONValueToString(file, false);
}

void
qbjVmCapsFileWrite(const char *folder, const char *binary, const char *stamp, GHashTable *replies)
{
    g_autofree char *path = qbjVmCapsFilePath(folder, binary);
    g_autofree char *text = qbjVmCapsFileFormat(binary, stamp, replies);

    if (!text || g_mkdir_with_parents(folder, 0755) < 0 || qbjHostSaveFile(path, text, 0600) < 0) {
        VIR_WARN("what QEMU binary '%s' can do is not kept: %s", binary, virGetLastErrorMessage());
        virResetLastError();
    }
}
