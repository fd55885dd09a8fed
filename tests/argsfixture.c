#include <config.h>

#include "internal.h"
#include "argsfixture.h"
#include "blocknode.h"
#include "hypervisor/domain_driver.h"
#include "virerror.h"
#include "virqbjstatus.h"
#include "virqbjcommandline.h"
#include "vm_caps_probe.h"
#include "vm_chardevs.h"
#include "vm_def.h"
#include "vm_firmware.h"

time_t qbjTestArgsNow;
const char *qbjTestNvramDir = "/var/lib/libvirt/qemu/nvram";
virHugeTLBFS *qbjTestMounts;
size_t qbjTestNmounts;

void
qbjTestMakeMounts(void)
{
    static virHugeTLBFS mounts[] = {
        { .size = 1024 * 1024 },
        { .size = 2048, .deflt = true },
    };

    mounts[0].mnt_dir = g_strdup("/dev/hugepages1G");
    mounts[1].mnt_dir = g_strdup("/dev/hugepages");
    qbjTestMounts = mounts;
    qbjTestNmounts = G_N_ELEMENTS(mounts);
}

static GHashTable *
qbjTestRecordedReplies(const char *arch)
{
    GHashTable *replies = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify) virJSONValueFree);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    size_t i;

    if (!g_file_get_contents(QBJ_TEST_DATA "/caps/replies-qemu-7.2.txt", &text, NULL, NULL))
        g_error("the recorded capabilities are missing");

    lines = g_strsplit(text, "\n", -1);
    for (i = 0; lines[i]; i++) {
        g_autoptr(virJSONValue) reply = *lines[i] ? virJSONValueFromString(lines[i]) : NULL;
        const char *id = reply ? virJSONValueObjectGetString(reply, "id") : NULL;

        if (id) {
            /* with KVM, what TCG can do is asked, too */
            g_hash_table_insert(replies, g_strconcat("tcg:", id, NULL), virJSONValueCopy(reply));
            g_hash_table_insert(replies, g_strdup(id), g_steal_pointer(&reply));
        }
    }

    g_hash_table_insert(replies, g_strdup("query-kvm"),
                        virJSONValueFromString("{\"return\":{\"enabled\":true,\"present\":true}}"));
    text = (g_free(text), g_strdup_printf("{\"return\":{\"arch\":\"%s\"}}", arch));
    g_hash_table_insert(replies, g_strdup("query-target"), virJSONValueFromString(text));
    return replies;
}

qbjVmCapsCache *
qbjTestCapsCache(void)
{
    const char *const arches[] = { "x86_64", "i386" };
    qbjVmCapsCache *cache = qbjVmCapsCacheNew("/nonexistent", (uid_t) -1, (gid_t) -1);
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(arches); i++) {
        g_autoptr(GHashTable) replies = qbjTestRecordedReplies(arches[i]);
        g_autofree char *binary = g_strdup_printf("/usr/bin/qemu-system-%s", arches[i]);
        qbjVmCaps *caps = qbjVmCapsParse(binary, replies);

        g_assert_nonnull(caps);
        qbjVmCapsCacheAdd(cache, caps);
    }

    return cache;
}

virDomainXMLOption *
qbjTestArgsXMLOption(qbjVmCapsCache *cache)
{
    static qbjVmDefContext context;
    virDomainDefParserConfig config = { .priv = &context };
    virDomainXMLPrivateDataCallbacks callbacks = { .diskNew = virQbjDiskPrivateNew };

    context.caps = cache;
    context.channelDir = "/root/lib/qemu/channel/target";
    context.nvramDir = qbjTestNvramDir;
    context.vncListen = "127.0.0.1";
    qbjVmDefFillConfig(&config, &context);
    return virDomainXMLOptionNew(&config, &callbacks, &virQbjCommandlineNamespace, NULL, NULL, NULL);
}

void
qbjTestNumberImages(virDomainDef *def)
{
    unsigned int number = 0;
    size_t i;

    for (i = def->ndisks; i > 0; i--) {
        virStorageSource *src;

        for (src = def->disks[i - 1]->src; virStorageSourceIsBacking(src); src = src->backingStore) {
            src->id = ++number;
            src->nodestorage = g_strdup_printf("libvirt-%u-storage", number);
            src->nodeformat = g_strdup_printf("libvirt-%u-format", number);
        }
        qbjBlockNodeInheritModes(def->disks[i - 1]);
    }
}

virDomainDef *
qbjTestArgsDefinition(const char *path, virDomainXMLOption *xmlopt)
{
    g_autoptr(virDomainDef) def = NULL;
    g_autofree char *xml = NULL;

    if (!g_file_get_contents(path, &xml, NULL, NULL))
        g_error("cannot read %s", path);

    if (!(def = virDomainDefParseString(xml, xmlopt, NULL,
                                        VIR_DOMAIN_DEF_PARSE_INACTIVE | VIR_DOMAIN_DEF_PARSE_ABI_UPDATE)) ||
        qbjVmDefCheckSupported(xml, def, xmlopt) < 0 ||
        qbjVmFirmwareSelect(def, qbjTestNvramDir) < 0 ||
        qbjVmDefAssignAliases(def) < 0)
        return NULL;

    qbjTestNumberImages(def);
    return g_steal_pointer(&def);
}

virCommand *
qbjTestArgsCommand(virDomainDef *def, qbjVmCapsCache *cache, const char *root, const char *home)
{
    g_autofree char *channelDir = g_strdup_printf("%s/lib/qemu/channel/target/domain--1-%s", root, def->name);
    g_autofree char *libDir = g_strdup_printf("%s/lib/qemu/domain--1-%s", root, def->name);
    g_autofree char *monitorPath = g_strdup_printf("%s/monitor.sock", libDir);
    g_autofree char *ramDir = g_strdup_printf("%s/lib/qemu/ram/-1-%s", root, def->name);
    g_autofree char *hash = virDomainDriverGenerateRootHash("qemu", root);
    g_autofree char *below = g_strdup_printf("libvirt/%s/-1-%s", hash, def->name);
    qbjVmMemoryPlaces memory = {
        .ramDir = ramDir, .mounts = qbjTestMounts, .nmounts = qbjTestNmounts, .below = below,
    };
    qbjVmArgsInput input = {
        .def = def,
        .caps = qbjVmCapsGet(cache, def->emulator),
        .libDir = libDir,
        .home = home,
        .monitorPath = monitorPath,
        .monitorFd = -1,
        .memory = &memory,
        .now = qbjTestArgsNow,
        .sandbox = true,
    };

    qbjVmChardevsSetPaths(def, channelDir);
    return input.caps ? qbjVmArgsBuild(&input) : NULL;
}
