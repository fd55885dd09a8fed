/* Golden cases of the planners: each folder of tests/qemublockjobdata/spec/commit and .../pull has domain.xml
 * and request.json, perhaps sizes.json and nodes.json (the answer of query-named-block-nodes before the start
 * and at the end), and spec.json or error.txt. A pull that QEMU has ended without us has "ended" in its
 * request. */
#include <config.h>

#include "internal.h"
#include "specfixture.h"
#include "statusfixture.h"
#include "virerror.h"

static virDomainXMLOption *xmlopt;

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
            virJSONValue *sizes, const virJSONValue *nodes, char **text, qbjRefusal *refusal)
{
    g_autoptr(qbjSpec) spec = NULL;
    g_autoptr(virJSONValue) json = NULL;
    g_auto(GStrv) lost = NULL;

    if (qbjGuardCommit(disk, req, busy, refusal) < 0 ||
        (sizes && qbjGuardCommitSizes(req, sizes, refusal) < 0) ||
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

/* With how the graph is put back (H15), which is no part of the spec. */
static char *
qbjTestPullText(const qbjSpec *spec, const virDomainDiskDef *disk, const qbjRefusal *refusal)
{
    g_auto(qbjRefusal) none = QBJ_REFUSAL_INIT;
    g_autoptr(virJSONValue) json = qbjSpecToJSON(spec);
    g_autoptr(virJSONValue) back = qbjSpecPullGraphBack(spec, disk, &none);

    g_assert_cmpstr(refusal->message, ==, NULL);
    g_assert_nonnull(json);
    qbjTestRoundTrip(json);
    g_assert_cmpint(virJSONValueObjectAdd(&json, "a:graph-back", &back, NULL), >=, 0);
    return qbjTestJSONText(json);
}

static int
qbjTestPullPlan(const virDomainDiskDef *disk, const qbjPullRequest *req, virJSONValue *json,
                const virJSONValue *nodes, qbjSpec **spec, qbjRefusal *refusal)
{
    bool ended = virJSONValueObjectHasKey(json, "ended");
    g_autoptr(virJSONValue) before = NULL;
    g_autoptr(virJSONValue) after = NULL;
    g_autofree char *unchanged = NULL;
    g_autofree char *text = NULL;

    if (qbjGuardPull(disk, req, refusal) < 0 || qbjSpecPlanPull(disk, req, spec, refusal) < 0)
        return -1;
    if (!nodes && !ended)
        return 0;

    before = qbjSpecToJSON(*spec);
    if (qbjSpecPlanPullPending(*spec, disk, nodes, ended, refusal) < 0) {
        unchanged = virJSONValueToString(before, false);
        after = qbjSpecToJSON(*spec);
        text = virJSONValueToString(after, false);
        g_assert_cmpstr(text, ==, unchanged);
        return -1;
    }
    g_assert_cmpint(qbjSpecPlanPullPending(*spec, disk, nodes, ended, refusal), ==, 0);
    return 0;
}

static void
qbjTestPull(const void *opaque)
{
    const char *dir = opaque;
    g_autoptr(virDomainDef) def = qbjTestDomain(dir, xmlopt);
    g_autoptr(virJSONValue) json = qbjTestJSON(dir, "request.json");
    g_autoptr(virJSONValue) nodes = qbjTestJSON(dir, "nodes.json");
    g_auto(qbjRefusal) busy = QBJ_REFUSAL_INIT;
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autoptr(qbjSpec) spec = NULL;
    g_autofree char *text = NULL;
    virDomainDiskDef *disk;
    qbjPullRequest req;

    g_assert_nonnull(json);
    req = qbjTestPullRequest(def, json, &disk);
    qbjTestBusy(json, &busy);
    if (qbjGuardPullDisk(disk, &busy, &refusal) == 0 &&
        qbjTestPullPlan(disk, &req, json, nodes, &spec, &refusal) == 0)
        text = qbjTestPullText(spec, disk, &refusal);
    qbjTestCompareResult(dir, "spec.json", text, &refusal);
}

static void
qbjTestCommit(const void *opaque)
{
    const char *dir = opaque;
    g_autoptr(virDomainDef) def = qbjTestDomain(dir, xmlopt);
    g_autoptr(virJSONValue) json = qbjTestJSON(dir, "request.json");
    g_autoptr(virJSONValue) sizes = qbjTestJSON(dir, "sizes.json");
    g_autoptr(virJSONValue) nodes = qbjTestJSON(dir, "nodes.json");
    g_auto(qbjRefusal) busy = QBJ_REFUSAL_INIT;
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autofree char *text = NULL;
    virDomainDiskDef *disk;
    qbjCommitRequest req;

    g_assert_nonnull(json);
    req = qbjTestRequest(def, json, &disk);
    qbjTestBusy(json, &busy);

    if (qbjTestPlan(disk, &req, &busy, sizes, nodes, &text, &refusal) < 0)
        g_assert_null(text);
    qbjTestCompareResult(dir, "spec.json", text, &refusal);
}

static void
qbjTestAddFolder(const char *folder, GTestDataFunc test)
{
    g_autofree char *data = g_build_filename(QBJ_TEST_DATA, "spec", folder, NULL);
    g_auto(GStrv) cases = qbjTestCases(data);
    size_t i;

    for (i = 0; cases[i]; i++) {
        g_autofree char *name = g_strdup_printf("/spec/%s/%s", folder, cases[i]);

        g_test_add_data_func_full(name, g_build_filename(data, cases[i], NULL), test, g_free);
    }
}

int
main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    if (virInitialize() < 0 || !(xmlopt = qbjTestXMLOption()))
        g_error("cannot start: %s", virGetLastErrorMessage());

    qbjTestAddFolder("commit", qbjTestCommit);
    qbjTestAddFolder("pull", qbjTestPull);
    ret = g_test_run();
    virObjectUnref(xmlopt);
    return ret;
}
