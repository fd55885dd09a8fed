#include <config.h>

#include <glib/gstdio.h>

#include "internal.h"
#include "specfixture.h"
#include "statusfixture.h"
#include "virerror.h"

#define QBJ_TEST_PARSE (VIR_DOMAIN_DEF_PARSE_STATUS | VIR_DOMAIN_DEF_PARSE_SKIP_VALIDATE | \
                        VIR_DOMAIN_DEF_PARSE_ALLOW_POST_PARSE_FAIL)

static void
qbjTestNameNodes(virDomainDiskDef *disk)
{
    virStorageSource *src;

    for (src = disk->src; virStorageSourceIsBacking(src); src = src->backingStore) {
        if (src->id == 0)
            continue;
        if (!src->nodeformat)
            src->nodeformat = g_strdup_printf("libvirt-%u-format", src->id);
        if (!src->nodestorage)
            src->nodestorage = g_strdup_printf("libvirt-%u-storage", src->id);
    }
}

virDomainDef *
qbjTestDomain(const char *dir, virDomainXMLOption *xmlopt)
{
    g_autofree char *path = g_build_filename(dir, "domain.xml", NULL);
    virDomainDef *def = virDomainDefParseFile(path, xmlopt, NULL, QBJ_TEST_PARSE);
    size_t i;

    if (!def)
        g_error("%s: %s", path, virGetLastErrorMessage());
    for (i = 0; i < def->ndisks; i++)
        qbjTestNameNodes(def->disks[i]);

    return def;
}

virJSONValue *
qbjTestJSON(const char *dir, const char *name)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    g_autofree char *text = NULL;
    virJSONValue *json;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return NULL;
    if (!(json = virJSONValueFromString(text)))
        g_error("%s: %s", path, virGetLastErrorMessage());

    return json;
}

static virDomainDiskDef *
qbjTestDisk(virDomainDef *def, const char *target)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        if (STREQ(def->disks[i]->dst, target))
            return def->disks[i];
    }

    g_error("no disk %s", target);
    return NULL;
}

static virStorageSource *
qbjTestImage(virStorageSource *from, const char *target, const char *name, virStorageSource **parent)
{
    virStorageSource *src;

    *parent = NULL;
    for (src = from; virStorageSourceIsBacking(src); src = src->backingStore) {
        g_autofree char *index = g_strdup_printf("%s[%u]", target, src->id);

        if (STREQ_NULLABLE(src->path, name) || STREQ(index, name))
            return src;
        *parent = src;
    }

    g_error("no image %s", name);
    return NULL;
}

unsigned int
qbjTestFlags(virJSONValue *json, const char *key, const char *const *names)
{
    virJSONValue *flags = virJSONValueObjectGetArray(json, key);
    unsigned int mask = 0;
    size_t i;

    for (i = 0; flags && i < virJSONValueArraySize(flags); i++) {
        const char *name = virJSONValueGetString(virJSONValueArrayGet(flags, i));
        size_t bit;

        for (bit = 0; names[bit] && STRNEQ(names[bit], name); bit++);
        g_assert_nonnull(names[bit]);
        mask |= 1U << bit;
    }

    return mask;
}

void
qbjTestRoundTrip(virJSONValue *json)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autoptr(qbjSpec) spec = qbjSpecFromJSON(json, &refusal);
    g_autoptr(virJSONValue) again = spec ? qbjSpecToJSON(spec) : NULL;
    g_autofree char *before = virJSONValueToString(json, false);
    g_autofree char *after = again ? virJSONValueToString(again, false) : NULL;

    g_assert_cmpstr(refusal.message, ==, NULL);
    g_assert_cmpstr(after, ==, before);
}

/* C4, C5 for names that match exactly */
static qbjCommitRequest
qbjTestResolve(virDomainDiskDef *disk, virJSONValue *json)
{
    static const char *const names[] = { "shallow", "delete", "active", "relative", "bytes", NULL };
    qbjCommitRequest req = { .top = disk->src, .flags = qbjTestFlags(json, "flags", names) };
    const char *top = virJSONValueObjectGetString(json, "top");
    const char *base = virJSONValueObjectGetString(json, "base");

    if (virJSONValueObjectHasKey(json, "bandwidth"))
        g_assert_cmpint(virJSONValueObjectGetNumberUlong(json, "bandwidth", &req.bandwidth), ==, 0);
    if (top)
        req.top = qbjTestImage(disk->src, disk->dst, top, &req.topParent);

    if (base) {
        req.base = qbjTestImage(req.top->backingStore, disk->dst, base, &req.baseParent);
    } else if (virStorageSourceHasBacking(req.top)) {
        req.base = req.top->backingStore;
        if (!(req.flags & VIR_DOMAIN_BLOCK_COMMIT_SHALLOW)) {
            while (virStorageSourceHasBacking(req.base)) {
                req.baseParent = req.base;
                req.base = req.base->backingStore;
            }
        }
    }

    if (!req.baseParent)
        req.baseParent = req.top;
    return req;
}

qbjCommitRequest
qbjTestRequest(virDomainDef *def, virJSONValue *json, virDomainDiskDef **disk)
{
    *disk = qbjTestDisk(def, virJSONValueObjectGetString(json, "disk"));
    return qbjTestResolve(*disk, json);
}

bool
qbjTestIsPull(virJSONValue *json)
{
    return !virJSONValueObjectHasKey(json, "flags");
}

qbjPullRequest
qbjTestPullRequest(virDomainDef *def, virJSONValue *json, virDomainDiskDef **disk)
{
    qbjPullRequest req = { .base = NULL };
    const char *base = virJSONValueObjectGetString(json, "base");
    virStorageSource *above;

    *disk = qbjTestDisk(def, virJSONValueObjectGetString(json, "disk"));
    if (virJSONValueObjectHasKey(json, "bandwidth"))
        g_assert_cmpint(virJSONValueObjectGetNumberUlong(json, "bandwidth", &req.bandwidth), ==, 0);
    if (virJSONValueObjectHasKey(json, "relative"))
        g_assert_cmpint(virJSONValueObjectGetBoolean(json, "relative", &req.relative), ==, 0);
    if (base)
        req.base = qbjTestImage((*disk)->src->backingStore, (*disk)->dst, base, &above);
    return req;
}

static void
qbjTestFormatArray(virBuffer *buf, virJSONValue *array)
{
    size_t n = virJSONValueArraySize(array);
    size_t i;

    for (i = 0; i < n; i++) {
        g_autofree char *text = virJSONValueToString(virJSONValueArrayGet(array, i), false);

        virBufferAsprintf(buf, "    %s%s\n", text, i + 1 < n ? "," : "");
    }
}

static void
qbjTestFormatMember(virBuffer *buf, const char *key, virJSONValue *value, const char *comma)
{
    g_autofree char *text = NULL;

    if (virJSONValueIsArray(value) && virJSONValueArraySize(value) > 0) {
        virBufferAsprintf(buf, "  \"%s\": [\n", key);
        qbjTestFormatArray(buf, value);
        virBufferAsprintf(buf, "  ]%s\n", comma);
        return;
    }

    text = virJSONValueToString(value, false);
    virBufferAsprintf(buf, "  \"%s\": %s%s\n", key, text, comma);
}

char *
qbjTestJSONText(virJSONValue *json)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    int n = virJSONValueObjectKeysNumber(json);
    int i;

    virBufferAddLit(&buf, "{\n");
    for (i = 0; i < n; i++) {
        qbjTestFormatMember(&buf, virJSONValueObjectGetKey(json, i), virJSONValueObjectGetValue(json, i),
                            i + 1 < n ? "," : "");
    }
    virBufferAddLit(&buf, "}\n");

    return virBufferContentAndReset(&buf);
}

static const char *
qbjTestErrorName(virErrorNumber code)
{
    switch ((int) code) {
    case VIR_ERR_INTERNAL_ERROR:
        return "VIR_ERR_INTERNAL_ERROR";
    case VIR_ERR_INVALID_ARG:
        return "VIR_ERR_INVALID_ARG";
    case VIR_ERR_OPERATION_FAILED:
        return "VIR_ERR_OPERATION_FAILED";
    case VIR_ERR_OPERATION_INVALID:
        return "VIR_ERR_OPERATION_INVALID";
    case VIR_ERR_OPERATION_UNSUPPORTED:
        return "VIR_ERR_OPERATION_UNSUPPORTED";
    case VIR_ERR_CONFIG_UNSUPPORTED:
        return "VIR_ERR_CONFIG_UNSUPPORTED";
    case VIR_ERR_BLOCK_COPY_ACTIVE:
        return "VIR_ERR_BLOCK_COPY_ACTIVE";
    case VIR_ERR_ARGUMENT_UNSUPPORTED:
        return "VIR_ERR_ARGUMENT_UNSUPPORTED";
    case VIR_ERR_OVERFLOW:
        return "VIR_ERR_OVERFLOW";
    }

    g_error("error code %d has no name in this test", code);
    return NULL;
}

char *
qbjTestRefusalText(const qbjRefusal *refusal)
{
    g_assert_cmpint(refusal->code, !=, VIR_ERR_OK);
    return g_strdup_printf("%s: %s\n", qbjTestErrorName(refusal->code), refusal->message);
}

void
qbjTestCompareResult(const char *dir, const char *name, const char *text, const qbjRefusal *refusal)
{
    g_autofree char *good = g_build_filename(dir, name, NULL);
    g_autofree char *bad = g_build_filename(dir, "error.txt", NULL);
    g_autofree char *reason = text ? NULL : qbjTestRefusalText(refusal);
    const char *other = text ? bad : good;

    if (STREQ_NULLABLE(g_getenv("QBJ_REGENERATE"), "1"))
        ignore_value(g_unlink(other));
    else if (g_file_test(other, G_FILE_TEST_EXISTS))
        g_error("the case did not end as %s says: %s", other, text ? text : reason);

    qbjTestCompareFile(text ? text : reason, text ? good : bad);
}
