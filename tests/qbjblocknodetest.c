/* Golden cases of block node options: tests/qemublockjobdata/blocknode: domain.xml, and commands.json or
 * error.txt: the blockdev-add of every image of the first disk, lowest first. */
#include <config.h>

#include "internal.h"
#include "specfixture.h"
#include "statusfixture.h"
#include "blocknode.h"
#include "storage_file/storage_source.h"
#include "virerror.h"

static virDomainXMLOption *xmlopt;

static int
qbjTestAppend(virJSONValue *commands, virJSONValue *arguments)
{
    g_autoptr(virJSONValue) options = arguments;
    g_autoptr(virJSONValue) command = NULL;

    if (!options)
        return -1;

    g_assert_cmpint(virJSONValueObjectAdd(&command, "s:execute", "blockdev-add", "a:arguments", &options, NULL), >=, 0);
    g_assert_cmpint(virJSONValueArrayAppend(commands, &command), ==, 0);
    return 0;
}

static int
qbjTestAddChain(virJSONValue *commands, const virStorageSource *src, bool readonly, qbjRefusal *refusal)
{
    const char *backing = src->backingStore ? "" : NULL;

    if (virStorageSourceHasBacking(src)) {
        backing = src->backingStore->nodeformat;
        if (qbjTestAddChain(commands, src->backingStore, true, refusal) < 0)
            return -1;
    }

    if (qbjTestAppend(commands, qbjBlockNodeStorage(src, refusal)) < 0 ||
        qbjTestAppend(commands, qbjBlockNodeFormat(src, backing, readonly, refusal)) < 0)
        return -1;

    return 0;
}

/* The same options for blockdev-reopen, made from the disk alone as after a restart of the daemon. */
static void
qbjTestReopen(const virDomainDiskDef *disk, virJSONValue *commands)
{
    virJSONValue *last = virJSONValueArrayGet(commands, virJSONValueArraySize(commands) - 1);
    g_autofree char *added = virJSONValueToString(virJSONValueObjectGetObject(last, "arguments"), false);
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    const char *backing = disk->src->backingStore ? "" : NULL;
    g_autoptr(virJSONValue) reopen = NULL;
    g_autofree char *again = NULL;

    if (virStorageSourceHasBacking(disk->src))
        backing = disk->src->backingStore->nodeformat;

    disk->src->iomode = disk->src->cachemode = disk->src->discard = disk->src->detect_zeroes = 0;
    reopen = qbjBlockNodeReopen(disk, disk->src, backing, disk->src->readonly, &refusal);
    g_assert_nonnull(reopen);
    again = virJSONValueToString(virJSONValueArrayGet(virJSONValueObjectGetArray(reopen, "options"), 0), false);
    g_assert_cmpstr(again, ==, added);
}

/* libvirt reads the name as the same place on the network, so that a chain is found again by its headers. */
static void
qbjTestReadBack(const virStorageSource *src, const char *name)
{
    g_autoptr(virStorageSource) again = NULL;
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autofree char *second = NULL;

    if (virStorageSourceIsLocalStorage(src))
        return;

    g_assert_cmpint(virStorageSourceNewFromBackingAbsolute(name, &again), ==, 0);
    g_assert_cmpint(again->protocol, ==, src->protocol);
    g_assert_cmpint(again->nhosts, ==, src->nhosts);
    g_assert_null(again->auth);
    again->initiator.iqn = g_strdup(src->initiator.iqn);    /* QEMU reads it there, libvirt does not */
    second = qbjBlockNodeBackingString(again, &refusal);
    g_assert_cmpstr(second, ==, name);
}

static void
qbjTestBackingString(const virDomainDiskDef *disk, virJSONValue *result)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autofree char *name = qbjBlockNodeBackingString(disk->src, &refusal);
    g_autofree char *text = name ? g_strdup(name) : qbjTestRefusalText(&refusal);

    if (name)
        qbjTestReadBack(disk->src, name);

    g_assert_cmpint(virJSONValueObjectAdd(&result, "s:backing-string", g_strchomp(text), NULL), >=, 0);
}

static void
qbjTestBlockNode(const void *opaque)
{
    const char *dir = opaque;
    g_autoptr(virDomainDef) def = qbjTestDomain(dir, xmlopt);
    g_autoptr(virJSONValue) commands = virJSONValueNewArray();
    g_autoptr(virJSONValue) result = NULL;
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autofree char *text = NULL;
    virDomainDiskDef *disk = def->disks[0];

    qbjBlockNodeInheritModes(disk);
    if (qbjTestAddChain(commands, disk->src, disk->src->readonly, &refusal) == 0) {
        qbjTestReopen(disk, commands);
        g_assert_cmpint(virJSONValueObjectAdd(&result, "a:commands", &commands, NULL), >=, 0);
        qbjTestBackingString(disk, result);
        text = qbjTestJSONText(result);
    }

    qbjTestCompareResult(dir, "commands.json", text, &refusal);
}

int
main(int argc, char **argv)
{
    g_autofree char *data = g_build_filename(QBJ_TEST_DATA, "blocknode", NULL);
    g_auto(GStrv) cases = NULL;
    size_t i;
    int ret;

    g_test_init(&argc, &argv, NULL);
    if (virInitialize() < 0 || !(xmlopt = qbjTestXMLOption()))
        g_error("cannot start: %s", virGetLastErrorMessage());

    cases = qbjTestCases(data);
    for (i = 0; cases[i]; i++) {
        g_autofree char *name = g_strdup_printf("/blocknode/%s", cases[i]);

        g_test_add_data_func_full(name, g_build_filename(data, cases[i], NULL), qbjTestBlockNode, g_free);
    }

    ret = g_test_run();
    virObjectUnref(xmlopt);
    return ret;
}
