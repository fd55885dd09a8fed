/* Golden cases of the planners: each folder of tests/qemublockjobdata/spec/commit has domain.xml and request.json,
 * perhaps nodes.json (the answer of query-named-block-nodes), and spec.json or error.txt.
 *
 * request.json: {"disk", "top", "base": name or null, "flags": [...], "bandwidth": bytes/s, "busy": {"type", "state"}}.
 * Image names are looked up by index or exact path only; the rules for names (01/A9) are host/'s. */
#include <config.h>

#include "internal.h"
#include "specfixture.h"
#include "statusfixture.h"
#include "spec_commit.h"
#include "virerror.h"

static virDomainXMLOption *xmlopt;

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

static unsigned int
qbjTestFlags(virJSONValue *request)
{
    static const char *const names[] = { "shallow", "delete", "active", "relative", "bytes", NULL };
    virJSONValue *flags = virJSONValueObjectGetArray(request, "flags");
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

/* C4, C5 for names that match exactly */
static qbjCommitRequest
qbjTestRequest(virDomainDiskDef *disk, virJSONValue *json)
{
    qbjCommitRequest req = { .top = disk->src, .flags = qbjTestFlags(json) };
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

static void
qbjTestBusy(virJSONValue *json, qbjRefusal *busy)
{
    virJSONValue *job = virJSONValueObjectGetObject(json, "busy");
    int type;
    int state;

    if (!job)
        return;

    type = qbjJobTypeTypeFromString(virJSONValueObjectGetString(job, "type"));
    state = qbjJobStateTypeFromString(virJSONValueObjectGetString(job, "state"));
    g_assert_cmpint(type, >=, 0);
    g_assert_cmpint(state, >=, 0);
    qbjJobVerbCheck(type, state, QBJ_VERB_NEW_JOB, "job", virJSONValueObjectGetString(json, "disk"), busy);
}

/* What is saved must be read back as it was. */
static void
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

/* The pending phase may be planned again and again, with the same result. */
static int
qbjTestPending(qbjSpec *spec, const virDomainDiskDef *disk, const virJSONValue *nodes, qbjRefusal *refusal)
{
    g_autoptr(virJSONValue) before = qbjSpecToJSON(spec);
    g_autofree char *unchanged = virJSONValueToString(before, false);
    g_autoptr(virJSONValue) after = NULL;
    g_autofree char *text = NULL;
    int rc = qbjSpecPlanCommitPending(spec, disk, nodes, refusal);

    if (rc == 0)
        g_assert_cmpint(qbjSpecPlanCommitPending(spec, disk, nodes, refusal), ==, 0);
    else if ((after = qbjSpecToJSON(spec)) && (text = virJSONValueToString(after, false)))
        g_assert_cmpstr(text, ==, unchanged);

    return rc;
}

static int
qbjTestPlan(const virDomainDiskDef *disk, const qbjCommitRequest *req, const qbjRefusal *busy,
            const virJSONValue *nodes, char **text, qbjRefusal *refusal)
{
    g_autoptr(qbjSpec) spec = NULL;
    g_autoptr(virJSONValue) json = NULL;
    g_auto(GStrv) lost = NULL;

    if (qbjGuardCommit(disk, req, busy, refusal) < 0 ||
        qbjSpecPlanCommit(disk, req, &spec, refusal) < 0 ||
        (nodes && qbjTestPending(spec, disk, nodes, refusal) < 0))
        return -1;

    g_assert_cmpstr(refusal->message, ==, NULL);
    json = qbjSpecToJSON(spec);
    g_assert_nonnull(json);
    qbjTestRoundTrip(json);

    /* shown in the golden file, though no part of the spec */
    if (nodes && (lost = qbjSpecCommitLostBitmaps(spec, disk, nodes))) {
        g_autofree char *names = g_strjoinv(" ", lost);

        g_assert_cmpint(virJSONValueObjectAdd(&json, "s:lost-bitmaps", names, NULL), >=, 0);
    }

    *text = qbjTestJSONText(json);
    return 0;
}

static void
qbjTestCommit(const void *opaque)
{
    const char *dir = opaque;
    g_autoptr(virDomainDef) def = qbjTestDomain(dir, xmlopt);
    g_autoptr(virJSONValue) json = qbjTestJSON(dir, "request.json");
    g_autoptr(virJSONValue) nodes = qbjTestJSON(dir, "nodes.json");
    g_auto(qbjRefusal) busy = QBJ_REFUSAL_INIT;
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autofree char *text = NULL;
    virDomainDiskDef *disk;
    qbjCommitRequest req;

    g_assert_nonnull(json);
    disk = qbjTestDisk(def, virJSONValueObjectGetString(json, "disk"));
    req = qbjTestRequest(disk, json);
    qbjTestBusy(json, &busy);

    if (qbjTestPlan(disk, &req, &busy, nodes, &text, &refusal) < 0)
        g_assert_null(text);
    qbjTestCompareResult(dir, "spec.json", text, &refusal);
}

int
main(int argc, char **argv)
{
    g_autofree char *data = g_build_filename(QBJ_TEST_DATA, "spec", "commit", NULL);
    g_auto(GStrv) cases = NULL;
    size_t i;
    int ret;

    g_test_init(&argc, &argv, NULL);
    if (virInitialize() < 0 || !(xmlopt = qbjTestXMLOption()))
        g_error("cannot start: %s", virGetLastErrorMessage());

    cases = qbjTestCases(data);
    for (i = 0; cases[i]; i++) {
        g_autofree char *name = g_strdup_printf("/spec/commit/%s", cases[i]);

        g_test_add_data_func_full(name, g_build_filename(data, cases[i], NULL), qbjTestCommit, g_free);
    }

    ret = g_test_run();
    virObjectUnref(xmlopt);
    return ret;
}
