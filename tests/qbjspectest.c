/* Golden cases of the planners: each folder of tests/qemublockjobdata/spec/commit has domain.xml and
 * request.json, perhaps sizes.json and nodes.json (the answer of query-named-block-nodes before the start and
 * at the end), and spec.json or error.txt. */
#include <config.h>

#include "internal.h"
#include "specfixture.h"
#include "statusfixture.h"
#include "spec_commit.h"
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
