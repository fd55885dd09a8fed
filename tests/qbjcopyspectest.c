/* Golden cases of the planner of copies: each folder of tests/qemublockjobdata/spec/copy has domain.xml,
 * whose disk has the target as its <mirror>, and request.json, perhaps nodes.json (the answer of
 * query-named-block-nodes at the end), and spec.json or error.txt. A request with "rebase" is one of
 * virDomainBlockRebase: its target must be the <mirror>, as far as the request says. */
#include <config.h>

#include "internal.h"
#include "specfixture.h"
#include "statusfixture.h"
#include "guard.h"
#include "spec_copy.h"
#include "virerror.h"

static virDomainXMLOption *xmlopt;

static unsigned long long
qbjTestNumber(virJSONValue *json, const char *key)
{
    unsigned long long value = 0;

    if (virJSONValueObjectHasKey(json, key))
        g_assert_cmpint(virJSONValueObjectGetNumberUlong(json, key, &value), ==, 0);
    return value;
}

static bool
qbjTestYes(virJSONValue *json, const char *key)
{
    bool value = false;

    if (virJSONValueObjectHasKey(json, key))
        g_assert_cmpint(virJSONValueObjectGetBoolean(json, key, &value), ==, 0);
    return value;
}

static unsigned int
qbjTestCopyFlags(virJSONValue *json)
{
    static const char *const names[] = { "shallow", "reuse", "transient", "synchronous", NULL };

    return qbjTestFlags(json, "flags", names);
}

static unsigned int
qbjTestRebaseFlags(virJSONValue *json)
{
    static const char *const names[] = { "shallow", "reuse", "raw", "copy", "relative", "dev", "bytes", NULL };
    unsigned int flags = qbjTestFlags(json, "rebase", names);

    g_assert_true(flags & VIR_DOMAIN_BLOCK_REBASE_COPY);
    return flags;
}

/* What the engine adds to the target of a rebase stands in the case: 01/Y16. */
static int
qbjTestRebase(virJSONValue *json, const virDomainDiskDef *disk, qbjCopyRequest *req, qbjRefusal *refusal)
{
    qbjCopyRequest asked;
    g_autoptr(virStorageSource) target =
        qbjCopyRequestRebase(virJSONValueObjectGetString(json, "path"), qbjTestNumber(json, "bandwidth"),
                             qbjTestRebaseFlags(json), &asked, refusal);

    if (!target)
        return -1;
    g_assert_true(asked.target == target);
    g_assert_cmpint(target->type, ==, disk->mirror->type);
    g_assert_cmpstr(target->path, ==, disk->mirror->path);
    g_assert_null(target->backingStore);
    if (target->format != VIR_STORAGE_FILE_NONE)
        g_assert_cmpint(target->format, ==, disk->mirror->format);
    else if (!(asked.flags & VIR_DOMAIN_BLOCK_COPY_REUSE_EXT))
        g_assert_cmpint(disk->mirror->format, ==, disk->src->format);
    req->flags = asked.flags;
    req->bandwidth = asked.bandwidth;
    return 0;
}

static void
qbjTestBusy(virJSONValue *json, const char *disk, qbjRefusal *busy)
{
    const char *type = virJSONValueObjectGetString(json, "busy");

    if (type)
        qbjJobVerbCheck(qbjJobTypeTypeFromString(type), QBJ_STATE_RUNNING, QBJ_VERB_NEW_JOB, "job", disk, busy);
}

/* What the engine does, in its order. */
static qbjSpec *
qbjTestPlan(virDomainDiskDef *disk, qbjCopyRequest *req, virJSONValue *json, const virJSONValue *nodes,
            qbjRefusal *refusal)
{
    g_auto(qbjRefusal) busy = QBJ_REFUSAL_INIT;
    g_autoptr(qbjSpec) spec = NULL;

    qbjTestBusy(json, disk->dst, &busy);
    if ((virJSONValueObjectHasKey(json, "rebase") && qbjTestRebase(json, disk, req, refusal) < 0) ||
        qbjGuardCopyRequest(req, refusal) < 0 ||
        qbjGuardCopy(disk, req, qbjTestYes(json, "persistent"), &busy, refusal) < 0 ||
        /* of a rebase the chain is what the header says */
        (!virJSONValueObjectHasKey(json, "rebase") && qbjCopySetGranularity(disk, req, refusal) < 0) ||
        qbjGuardCopyFormat(disk, req, refusal) < 0 ||
        qbjSpecPlanCopy(disk, req, &spec, refusal) < 0)
        return NULL;

    /* planned again, with the same result */
    if (qbjSpecPlanCopyPending(spec, disk, nodes, refusal) < 0)
        return NULL;
    g_assert_cmpint(qbjSpecPlanCopyPending(spec, disk, nodes, refusal), ==, 0);
    return g_steal_pointer(&spec);
}

static void
qbjTestCopy(const void *opaque)
{
    const char *dir = opaque;
    g_autoptr(virDomainDef) def = qbjTestDomain(dir, xmlopt);
    g_autoptr(virJSONValue) json = qbjTestJSON(dir, "request.json");
    g_autoptr(virJSONValue) nodes = qbjTestJSON(dir, "nodes.json");
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    virDomainDiskDef *disk = def->disks[0];
    virStorageSource *target = disk->mirror;
    virStorageSource *image;
    g_autoptr(qbjSpec) spec = NULL;
    g_autoptr(virJSONValue) made = NULL;
    g_autofree char *text = NULL;
    qbjCopyRequest req;

    g_assert_nonnull(json);
    g_assert_nonnull(target);
    for (image = target; virStorageSourceIsBacking(image); image = image->backingStore) {
        image->nodeformat = g_strdup_printf("libvirt-%u-format", image->id);
        image->nodestorage = g_strdup_printf("libvirt-%u-storage", image->id);
    }
    req = (qbjCopyRequest) {
        .target = target,
        .flags = qbjTestCopyFlags(json),
        .bandwidth = qbjTestNumber(json, "bandwidth"),
        .granularity = qbjTestNumber(json, "granularity"),
        .bufSize = qbjTestNumber(json, "buf-size"),
        .identity = virJSONValueObjectGetString(json, "identity"),
        .made = !qbjTestYes(json, "empty"),
        .source = { .capacity = 67108864, .clusterSize = qbjTestNumber(json, "cluster-size"),
                    .extendedL2 = qbjTestYes(json, "extended-l2") },
    };

    if ((spec = qbjTestPlan(disk, &req, json, nodes, &refusal))) {
        g_assert_cmpstr(refusal.message, ==, NULL);
        made = qbjSpecToJSON(spec);
        g_assert_nonnull(made);
        qbjTestRoundTrip(made);
        text = qbjTestJSONText(made);
    }
    qbjTestCompareResult(dir, "spec.json", text, &refusal);
}

/* A record is read from a file that may be damaged: what would remove files is not taken from it without the
 * identity that they were made with. */
#define QBJ_TEST_UNLINK "{\"unlink\":{\"type\":\"file\",\"format\":\"raw\",\"path\":\"/x\"}}"

static void
qbjTestDamaged(void)
{
    static const char *const bad[] = {
        QBJ_TEST_UNLINK,
        "{\"file\":{\"type\":\"file\",\"format\":\"raw\",\"path\":\"/x\"}}",
        "{\"file\":{\"type\":\"file\",\"format\":\"raw\"},\"identity\":\"1:2\"}",
        "{\"file\":{\"type\":\"file\",\"format\":\"raw\",\"path\":\"/x\"},\"identity\":\"1:2\",\"undo\":" QBJ_TEST_UNLINK "}",
        "{\"empty\":{\"type\":\"file\",\"format\":\"raw\",\"path\":\"/x\"},\"identity\":\"1:2\"}",
        "{\"secret\":5}",
        "{\"secret\":\"libvirt-5-format-encryption-secret0\",\"arguments\":{\"data\":\"x\"}}",
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *text = g_strdup_printf("{\"type\":\"copy\",\"job\":\"j\",\"change\":{\"type\":\"none\"},"
                                                "\"prepare\":[%s],\"start\":[],\"pending\":[],\"nodes\":[],"
                                                "\"rights\":[],\"unlink\":[],\"abort\":[]}", bad[i]);
        g_autoptr(virJSONValue) json = virJSONValueFromString(text);
        g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;

        g_assert_nonnull(json);
        g_assert_null(qbjSpecFromJSON(json, &refusal));
        g_assert_cmpint(refusal.code, ==, VIR_ERR_INTERNAL_ERROR);
    }
}

int
main(int argc, char **argv)
{
    g_autofree char *data = g_build_filename(QBJ_TEST_DATA, "spec", "copy", NULL);
    g_auto(GStrv) cases = NULL;
    size_t i;
    int ret;

    g_test_init(&argc, &argv, NULL);
    if (virInitialize() < 0 || !(xmlopt = qbjTestXMLOption()))
        g_error("cannot start: %s", virGetLastErrorMessage());

    g_test_add_func("/spec/damaged-copy", qbjTestDamaged);
    cases = qbjTestCases(data);
    for (i = 0; cases[i]; i++) {
        g_autofree char *name = g_strdup_printf("/spec/copy/%s", cases[i]);

        g_test_add_data_func_full(name, g_build_filename(data, cases[i], NULL), qbjTestCopy, g_free);
    }

    ret = g_test_run();
    virObjectUnref(xmlopt);
    return ret;
}
