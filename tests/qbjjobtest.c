/* Records of block jobs: our form and the stock driver's, apart and together. */
#include <config.h>

#include "internal.h"
#include "spec_commit.h"
#include "jobfixture.h"
#include "statusfixture.h"
#include "virerror.h"

static virDomainXMLOption *xmlopt;
static virDomainObj *vm;        /* vda: libvirt-3 on 6 on 7; sdb: libvirt-2 on 4 on 5 */

/* ---- helpers ---- */

static char *
qbjTestFormat(GPtrArray *jobs)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;

    if (virQbjJobsFormat(&buf, jobs) < 0)
        return NULL;
    return virBufferContentAndReset(&buf);
}

static GPtrArray *
qbjTestList(virQbjJob *job)
{
    GPtrArray *jobs = g_ptr_array_new_with_free_func((GDestroyNotify) virQbjJobFree);

    g_ptr_array_add(jobs, job);
    return jobs;
}

static virQbjJob *
qbjTestCommit(size_t disk, bool active, unsigned int flags)
{
    virDomainDiskDef *def = vm->def->disks[disk];
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    qbjSpec *spec = NULL;
    qbjCommitRequest req = { .flags = flags };

    req.top = active ? def->src : def->src->backingStore;
    req.topParent = active ? NULL : def->src;
    req.base = def->src->backingStore->backingStore;
    req.baseParent = def->src->backingStore;
    g_assert_cmpint(qbjSpecPlanCommit(def, &req, &spec, &refusal), ==, 0);
    return virQbjJobNew(spec, flags);
}

static void
qbjTestSameJob(const virQbjJob *one, const virQbjJob *other)
{
    g_assert_cmpint(one->state, ==, other->state);
    g_assert_cmpuint(one->apiFlags, ==, other->apiFlags);
    g_assert_cmpint(one->apiFlagsUnknown, ==, other->apiFlagsUnknown);
    g_assert_cmpint(one->deleteImages, ==, other->deleteImages);
    g_assert_cmpint(one->shallowNew, ==, other->shallowNew);
    g_assert_cmpint(one->cancelled, ==, other->cancelled);
    g_assert_cmpint(one->cancelSoft, ==, other->cancelSoft);
    g_assert_cmpint(one->readyEmitted, ==, other->readyEmitted);
    g_assert_cmpint(one->acknowledged, ==, other->acknowledged);
    g_assert_cmpint(one->outcomeKnown, ==, other->outcomeKnown);
    g_assert_cmpint(one->outcomeNew, ==, other->outcomeNew);
    g_assert_cmpint(one->stopGuest, ==, other->stopGuest);
    g_assert_cmpstr(one->group, ==, other->group);
    g_assert_cmpuint(one->groupSize, ==, other->groupSize);
    g_assert_cmpstr(one->errmsg, ==, other->errmsg);
    g_assert_cmpstr(one->stockXML, ==, other->stockXML);
    qbjTestSameSpec(one->spec, other->spec);
}

/* ---- our own records ---- */

static void
qbjTestRoundTripOne(virQbjJob *job)
{
    g_autoptr(GPtrArray) jobs = qbjTestList(job);
    g_autofree char *text = qbjTestFormat(jobs);
    g_autoptr(GPtrArray) back = qbjTestJobsParse(vm, text);
    g_autofree char *again = qbjTestFormat(back);

    g_assert_cmpuint(back->len, ==, 1);
    qbjTestSameJob(back->pdata[0], job);
    g_assert_cmpstr(again, ==, text);
}

/* Every state, and each of the twelve facts on and off. */
static void
qbjTestRoundTrip(void)
{
    int state;
    unsigned int bits;

    for (state = 0; state < QBJ_STATE_LAST; state++) {
        for (bits = 0; bits < 1 << 12; bits += 13) {
            virQbjJob *job = qbjTestCommit(bits & 1, bits & 2, bits & 4 ? VIR_DOMAIN_BLOCK_COMMIT_DELETE : 0);

            job->state = state;
            job->deleteImages = bits & 4;
            job->cancelled = bits & 8;
            job->cancelSoft = bits & 16;
            job->readyEmitted = bits & 32;
            job->acknowledged = bits & 64;
            job->outcomeKnown = bits & 128;
            job->outcomeNew = job->outcomeKnown && bits & 256;
            job->errmsg = bits & 512 ? g_strdup("No space left on <device> & \"more\"") : NULL;
            job->group = bits & 1024 ? g_strdup("both <disks> & 'more'") : NULL;
            job->stopGuest = bits & 2048;
            job->groupSize = job->group ? bits % 7 : 0;
            qbjTestRoundTripOne(job);
        }
    }
}

/* Names that mean something in XML, in JSON, or in both. */
static void
qbjTestQuoting(void)
{
    const char *names[] = { "a<b>&amp;c", "]]><x/>", "\"quoted\" \\u003c 'too'", "\xc3\xa4\xe2\x82\xac", "tab\there" };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        virQbjJob *job = qbjTestCommit(0, true, 0);
        qbjImage *image = qbjImageNew(VIR_STORAGE_TYPE_FILE, VIR_STORAGE_FILE_QCOW2, names[i], names[i], NULL);

        qbjSpecAddUnlink(job->spec, image);
        job->state = QBJ_STATE_CLEANING;
        g_free(job->spec->disk);
        job->spec->disk = g_strdup(names[i]);
        qbjTestRoundTripOne(job);
    }
}

static void
qbjTestSorted(void)
{
    g_autoptr(GPtrArray) jobs = qbjTestList(qbjTestCommit(0, true, 0));
    g_autofree char *text = NULL;
    g_autoptr(GPtrArray) back = NULL;

    g_ptr_array_add(jobs, qbjTestCommit(1, false, 0));
    text = qbjTestFormat(jobs);
    back = qbjTestJobsParse(vm, text);
    g_assert_cmpuint(back->len, ==, 2);
    g_assert_cmpstr(((virQbjJob *) back->pdata[0])->spec->job, ==, "commit-sdb-libvirt-4-format");
    g_assert_cmpstr(((virQbjJob *) back->pdata[1])->spec->job, ==, "commit-vda-libvirt-3-format");
}

/* The stock driver's words for ours, 05/X4. */
static void
qbjTestStockForm(void)
{
    const char *expected =
        "<blockjobs active='yes'>\n"
        "  <blockjob name='commit-sdb-libvirt-4-format' type='commit' state='running' jobflags='0x12'>\n"
        "    <disk dst='sdb'/>\n"
        "    <base node='libvirt-5-format'/>\n"
        "    <top node='libvirt-4-format'/>\n"
        "    <topparent node='libvirt-2-format'/>\n"
        "    <deleteCommittedImages/>\n"
        "  </blockjob>\n"
        "</blockjobs>\n"
        "<qbj:jobs ";
    virQbjJob *job = qbjTestCommit(1, false, VIR_DOMAIN_BLOCK_COMMIT_DELETE | VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES);
    g_autoptr(GPtrArray) jobs = qbjTestList(job);
    g_autofree char *text = NULL;

    job->state = QBJ_STATE_RUNNING;
    job->deleteImages = true;
    text = qbjTestFormat(jobs);
    if (!g_str_has_prefix(text, expected))
        g_error("%s", text);
}

static void
qbjTestNoJobs(void)
{
    g_autoptr(GPtrArray) jobs = g_ptr_array_new();
    g_autofree char *text = qbjTestFormat(jobs);
    g_autoptr(GPtrArray) back = qbjTestJobsParse(vm, text);
    g_autoptr(GPtrArray) nothing = qbjTestJobsParse(vm, "");

    g_assert_cmpstr(text, ==, "<blockjobs active='no'/>\n");
    g_assert_cmpuint(back->len, ==, 0);
    g_assert_cmpuint(nothing->len, ==, 0);
}

static void
qbjTestUnwritable(void)
{
    g_autoptr(GPtrArray) jobs = qbjTestList(virQbjJobNew(qbjSpecNew(QBJ_TYPE_BACKUP, "backup-vda-x", "vda"), 0));

    g_assert_null(qbjTestFormat(jobs));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_UNSUPPORTED);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), "backup-vda-x"));
    virResetLastError();
}

/* ---- records of a stock driver ---- */

#define QBJ_TEST_ACTIVE "<disk dst='vda'/><base node='libvirt-7-format'/><top node='libvirt-3-format'/>"
#define QBJ_TEST_MIDDLE "<disk dst='sdb'/><base node='libvirt-5-storage'/><top node='libvirt-4-format'/>" \
                        "<topparent node='libvirt-2-format'/>"

typedef struct _qbjTestAdopt qbjTestAdopt;
struct _qbjTestAdopt {
    const char *states;
    qbjJobState state;
    bool ready;
    bool cancelled;
    bool known;                 /* of the intermediate commit; what became of an active one is asked of
                                 * QEMU */
    bool isNew;
};

static const qbjTestAdopt qbjTestAdopts[] = {
    { "state='new'", QBJ_STATE_STARTING, false, false, false, false },
    { "state='running'", QBJ_STATE_RUNNING, false, false, false, false },
    { "state='running' newstate='ready'", QBJ_STATE_RUNNING, false, false, false, false },
    { "state='ready'", QBJ_STATE_READY, true, false, false, false },
    { "state='ready' newstate='ready'", QBJ_STATE_READY, true, false, false, false },
    { "state='pivoting'", QBJ_STATE_PIVOTING, true, false, false, false },
    { "state='aborting'", QBJ_STATE_CANCELLING, true, true, false, false },
    { "state='pending'", QBJ_STATE_RUNNING, true, false, false, false },
    { "state='running' newstate='concluded'", QBJ_STATE_CONCLUDED, false, false, false, false },
    { "state='running' newstate='completed'", QBJ_STATE_CONCLUDED, false, false, true, true },
    { "state='running' newstate='failed'", QBJ_STATE_CONCLUDED, false, false, true, false },
    { "state='aborting' newstate='cancelled'", QBJ_STATE_CONCLUDED, true, true, true, false },
    { "state='aborting' newstate='completed'", QBJ_STATE_CONCLUDED, true, true, true, false },
    { "state='pivoting' newstate='completed'", QBJ_STATE_CONCLUDED, true, false, true, true },
};

static void
qbjTestAdoptOne(const qbjTestAdopt *row, bool active)
{
    g_autofree char *text = g_strdup_printf("<blockjobs><blockjob name='j' type='%s' %s jobflags='0x4'>%s</blockjob>"
                                            "</blockjobs>", active ? "active-commit" : "commit", row->states,
                                            active ? QBJ_TEST_ACTIVE : QBJ_TEST_MIDDLE);
    g_autoptr(virQbjJob) job = qbjTestJobParse(vm, text);
    g_autoptr(virQbjJob) planned = qbjTestCommit(active ? 0 : 1, active, 0);

    g_assert_cmpint(job->state, ==, row->state);
    g_assert_cmpint(job->readyEmitted, ==, active && row->ready);
    g_assert_cmpint(job->cancelled, ==, row->cancelled);
    g_assert_cmpint(job->outcomeKnown, ==, !active && row->known);
    g_assert_cmpint(job->outcomeNew, ==, !active && row->isNew);
    g_assert_true(job->acknowledged);
    g_assert_false(job->cancelSoft);
    g_assert_null(job->stockXML);
    g_assert_cmpuint(job->apiFlags, ==, 4);

    /* the same plan as ours, but for the start, under the recorded name */
    g_free(planned->spec->job);
    planned->spec->job = g_strdup("j");
    g_ptr_array_set_size(planned->spec->phase[QBJ_PHASE_START], 0);
    qbjTestSameSpec(job->spec, planned->spec);
}

static void
qbjTestAdoptStates(void)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(qbjTestAdopts); i++) {
        qbjTestAdoptOne(&qbjTestAdopts[i], true);
        qbjTestAdoptOne(&qbjTestAdopts[i], false);
    }
}

static void
qbjTestAdoptDetails(void)
{
    g_autoptr(virQbjJob) job = qbjTestJobParse(vm, "<blockjobs><blockjob name='j' type='commit' state='running'>"
                                               "<errmsg>why</errmsg>" QBJ_TEST_MIDDLE
                                               "<deleteCommittedImages/></blockjob></blockjobs>");

    g_assert_cmpint(job->state, ==, QBJ_STATE_RUNNING);
    g_assert_true(job->apiFlagsUnknown);
    g_assert_true(job->deleteImages);
    g_assert_cmpuint(job->spec->phase[QBJ_PHASE_UNLINK]->len, ==, 1);
    g_assert_cmpstr(job->errmsg, ==, "why");
}

/* What cannot go on: element, the type and the disk that are left of it. */
static const struct {
    const char *job;
    qbjJobType type;
    const char *disk;
} qbjTestBroken[] = {
    { "<blockjob name='j' type='pull' state='running'><disk dst='vda'/><base node='x'/></blockjob>", QBJ_TYPE_PULL, "vda" },
    { "<blockjob name='copy-vda-n' state='ready'/>", QBJ_TYPE_COPY, "vda" },
    { "<blockjob name='commit-sdb-n'/>", QBJ_TYPE_COMMIT, "sdb" },
    { "<blockjob name='commit-sdbx-n'/>", QBJ_TYPE_COMMIT, "" },
    { "<blockjob name='j' type='broken' brokentype='active-commit' state='running'/>", QBJ_TYPE_ACTIVE_COMMIT, "" },
    { "<blockjob name='j' type='unheard-of' state='running'><disk dst='hdz'/></blockjob>", QBJ_TYPE_CREATE, "" },
    { "<blockjob name='j' type='active-commit' state='sleeping'>" QBJ_TEST_ACTIVE "</blockjob>",
      QBJ_TYPE_ACTIVE_COMMIT, "vda" },
    { "<blockjob name='j' type='active-commit' state='ready' newstate='x'>" QBJ_TEST_ACTIVE "</blockjob>",
      QBJ_TYPE_ACTIVE_COMMIT, "vda" },
    /* an image that is not there, the wrong way round, not the parent of top, active with a parent and the
     * reverse */
    { "<blockjob name='j' type='active-commit' state='ready'><disk dst='vda'/><base node='libvirt-9-format'/>"
      "<top node='libvirt-3-format'/></blockjob>", QBJ_TYPE_ACTIVE_COMMIT, "vda" },
    { "<blockjob name='j' type='commit' state='ready'><disk dst='sdb'/><base node='libvirt-4-format'/>"
      "<top node='libvirt-5-format'/><topparent node='libvirt-4-format'/></blockjob>", QBJ_TYPE_COMMIT, "sdb" },
    { "<blockjob name='j' type='commit' state='ready'><disk dst='sdb'/><base node='libvirt-5-format'/>"
      "<top node='libvirt-4-format'/><topparent node='libvirt-5-format'/></blockjob>", QBJ_TYPE_COMMIT, "sdb" },
    { "<blockjob name='j' type='commit' state='ready'>" QBJ_TEST_ACTIVE "</blockjob>", QBJ_TYPE_COMMIT, "vda" },
    { "<blockjob name='j' type='active-commit' state='ready'>" QBJ_TEST_MIDDLE "</blockjob>",
      QBJ_TYPE_ACTIVE_COMMIT, "sdb" },
};

static void
qbjTestAdoptBroken(void)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(qbjTestBroken); i++) {
        g_autofree char *text = g_strdup_printf("<blockjobs>%s</blockjobs>", qbjTestBroken[i].job);
        virQbjJob *job = qbjTestJobParse(vm, text);

        g_assert_cmpint(job->state, ==, QBJ_STATE_BROKEN);
        g_assert_cmpint(job->spec->type, ==, qbjTestBroken[i].type);
        g_assert_cmpstr(job->spec->disk, ==, qbjTestBroken[i].disk);
        g_assert_nonnull(job->stockXML);
        g_assert_nonnull(job->errmsg);
        /* the reason is made up at each reading: the stock form is not ours to change */
        g_clear_pointer(&job->errmsg, g_free);
        qbjTestRoundTripOne(job);
    }
}

/* ---- both forms ---- */

/* Our form of an active commit on vda, PIVOTING, with its spec as it is or damaged. */
static char *
qbjTestOwn(bool damaged)
{
    virQbjJob *job = qbjTestCommit(0, true, 0);
    g_autoptr(GPtrArray) jobs = qbjTestList(job);
    g_autofree char *text = NULL;
    char *spec;

    job->state = QBJ_STATE_PIVOTING;
    job->cancelled = true;
    text = qbjTestFormat(jobs);
    spec = strstr(text, "\"prepare");
    g_assert_nonnull(spec);
    if (damaged)
        spec[1] = 'x';
    return g_strdup(strstr(text, "<qbj:jobs"));
}

static virQbjJob *
qbjTestMerge(const char *stock, const char *own)
{
    g_autofree char *text = g_strdup_printf("%s%s", stock, own);

    return qbjTestJobParse(vm, text);
}

#define QBJ_TEST_STOCK "<blockjobs><blockjob name='commit-vda-libvirt-3-format' type='active-commit' state='ready' " \
                       "jobflags='0x4'>" QBJ_TEST_ACTIVE "</blockjob></blockjobs>"

static void
qbjTestOwnDecides(void)
{
    g_autofree char *own = qbjTestOwn(false);
    g_autoptr(virQbjJob) both = qbjTestMerge(QBJ_TEST_STOCK, own);
    g_autoptr(virQbjJob) empty = qbjTestMerge("<blockjobs active='no'/>", own);
    g_autoptr(virQbjJob) alone = qbjTestMerge("", own);

    g_assert_cmpint(both->state, ==, QBJ_STATE_PIVOTING);
    g_assert_cmpuint(both->spec->phase[QBJ_PHASE_START]->len, ==, 1);
    g_assert_true(both->cancelled);
    g_assert_cmpuint(both->apiFlags, ==, 0);
    qbjTestSameJob(alone, both);
    qbjTestSameJob(empty, both);
}

static void
qbjTestOwnSpecDamaged(void)
{
    g_autofree char *own = qbjTestOwn(true);
    g_autoptr(virQbjJob) both = qbjTestMerge(QBJ_TEST_STOCK, own);
    g_autoptr(virQbjJob) alone = qbjTestMerge("", own);

    g_assert_cmpint(both->state, ==, QBJ_STATE_PIVOTING);
    g_assert_true(both->cancelled);
    g_assert_cmpstr(both->spec->rootNew, ==, "libvirt-7-format");
    g_assert_cmpuint(both->spec->phase[QBJ_PHASE_START]->len, ==, 0);

    g_assert_cmpint(alone->state, ==, QBJ_STATE_BROKEN);
    g_assert_cmpstr(alone->spec->disk, ==, "vda");
    g_assert_null(alone->stockXML);
}

static void
qbjTestOwnStateDamaged(void)
{
    g_autofree char *own = qbjTestOwn(false);
    g_autoptr(virQbjJob) job = NULL;
    char *state = strstr(own, "state='pivoting'");

    /* a later state than the stock form tells may have been reached: guessing would be wrong half of the
     * time */
    memcpy(state, "state='pivatinx'", strlen("state='pivoting'"));
    job = qbjTestMerge(QBJ_TEST_STOCK, own);
    g_assert_cmpint(job->state, ==, QBJ_STATE_BROKEN);
    g_assert_nonnull(job->stockXML);
}

static void
qbjTestOwnOtherName(void)
{
    g_autofree char *own = qbjTestOwn(false);
    g_autofree char *text = NULL;
    g_autoptr(GPtrArray) jobs = NULL;
    char *name = strstr(own, "name='commit-vda");

    /* the spec in it is about another job */
    memcpy(name, "name='commit-vdb", strlen("name='commit-vdb"));
    text = g_strdup_printf("%s%s", QBJ_TEST_STOCK, own);
    jobs = qbjTestJobsParse(vm, text);
    g_assert_cmpuint(jobs->len, ==, 2);
    g_assert_cmpint(((virQbjJob *) jobs->pdata[0])->state, ==, QBJ_STATE_READY);
    g_assert_cmpint(((virQbjJob *) jobs->pdata[1])->state, ==, QBJ_STATE_BROKEN);
}

/* Frees of deep JSON are recursive in libvirt; a file must not be able to take the stack. */
static void
qbjTestDeepSpec(void)
{
    g_autofree char *deep = g_strnfill(3 * 1000 * 1000, '[');
    g_autofree char *text = g_strdup_printf("<q:jobs xmlns:q='" VIR_QBJ_XML_NAMESPACE "'>"
                                            "<q:job name='j' state='running'><q:spec>%s</q:spec></q:job></q:jobs>", deep);
    g_autoptr(virQbjJob) job = qbjTestJobParse(vm, text);

    g_assert_cmpint(job->state, ==, QBJ_STATE_BROKEN);
}

int
main(int argc, char **argv)
{
    g_autofree char *path = g_build_filename(QBJ_TEST_DATA, "status/stock-idle/status.xml", NULL);
    int ret;

    g_setenv("LIBVIRT_LOG_OUTPUTS", "4:file:/dev/null", false);
    g_test_init(&argc, &argv, NULL);
    if (virInitialize() < 0 || !(xmlopt = qbjTestXMLOption()) || !(vm = qbjTestStatusRead(path, xmlopt)))
        g_error("cannot start: %s", virGetLastErrorMessage());

    g_test_add_func("/job/round-trip", qbjTestRoundTrip);
    g_test_add_func("/job/quoting", qbjTestQuoting);
    g_test_add_func("/job/sorted", qbjTestSorted);
    g_test_add_func("/job/stock-form", qbjTestStockForm);
    g_test_add_func("/job/none", qbjTestNoJobs);
    g_test_add_func("/job/unwritable", qbjTestUnwritable);
    g_test_add_func("/job/adopt/states", qbjTestAdoptStates);
    g_test_add_func("/job/adopt/details", qbjTestAdoptDetails);
    g_test_add_func("/job/adopt/broken", qbjTestAdoptBroken);
    g_test_add_func("/job/merge/own-decides", qbjTestOwnDecides);
    g_test_add_func("/job/merge/spec-damaged", qbjTestOwnSpecDamaged);
    g_test_add_func("/job/merge/state-damaged", qbjTestOwnStateDamaged);
    g_test_add_func("/job/merge/other-name", qbjTestOwnOtherName);
    g_test_add_func("/job/merge/deep-spec", qbjTestDeepSpec);
    ret = g_test_run();

    virDomainObjEndAPI(&vm);
    virObjectUnref(xmlopt);
    return ret;
}
