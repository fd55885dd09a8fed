/* Records of pulls in the stock driver's form: written by us, and taken over. */
#include <config.h>

#include "internal.h"
#include "spec_pull.h"
#include "jobfixture.h"
#include "statusfixture.h"
#include "virerror.h"

static virDomainObj *vm;        /* vda: libvirt-3 on 6 on 7 */

/* @base: its node, or NULL when all is pulled. */
static void
qbjTestAdoptPullTo(const char *base, virStorageSource *image)
{
    virDomainDiskDef *disk = vm->def->disks[0];
    g_autofree char *element = base ? g_strdup_printf("<base node='%s'/>", base) : NULL;
    g_autofree char *text = g_strdup_printf("<blockjobs><blockjob name='pull-vda-libvirt-3-format' type='pull' "
                                            "state='running' jobflags='0x40'><disk dst='vda'/>%s</blockjob>"
                                            "</blockjobs>", NULLSTR_EMPTY(element));
    g_autoptr(virQbjJob) job = qbjTestJobParse(vm, text);
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autoptr(qbjSpec) planned = NULL;
    qbjPullRequest req = { .base = image };

    g_assert_cmpint(qbjSpecPlanPull(disk, &req, &planned, &refusal), ==, 0);
    g_ptr_array_set_size(planned->phase[QBJ_PHASE_START], 0);
    g_assert_cmpint(job->state, ==, QBJ_STATE_RUNNING);
    g_assert_true(job->acknowledged);
    g_assert_cmpuint(job->apiFlags, ==, 0x40);
    qbjTestSameSpec(job->spec, planned);
}

static void
qbjTestAdoptPull(void)
{
    virDomainDiskDef *disk = vm->def->disks[0];

    qbjTestAdoptPullTo(NULL, NULL);
    qbjTestAdoptPullTo("libvirt-7-format", disk->src->backingStore->backingStore);
    qbjTestAdoptPullTo("libvirt-6-storage", disk->src->backingStore);
}

/* Base is the active image, or in another disk's chain. */
static void
qbjTestAdoptBroken(void)
{
    static const char *const bases[] = { "libvirt-3-format", "libvirt-5-format" };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(bases); i++) {
        g_autofree char *text = g_strdup_printf("<blockjobs><blockjob name='j' type='pull' state='running'>"
                                                "<disk dst='vda'/><base node='%s'/></blockjob></blockjobs>", bases[i]);
        g_autoptr(virQbjJob) job = qbjTestJobParse(vm, text);

        g_assert_cmpint(job->state, ==, QBJ_STATE_BROKEN);
        g_assert_cmpstr(job->spec->disk, ==, "vda");
    }
}

/* QEMU has finalized it by itself, and nobody has flushed what it has written: what the stock driver takes
 * for done is not, should QEMU be gone. */
static void
qbjTestAdoptEnded(void)
{
    static const struct {
        const char *state;
        bool known;
    } ends[] = { { "completed", false }, { "failed", true }, { "cancelled", true }, { "concluded", false } };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_autofree char *text = g_strdup_printf("<blockjobs><blockjob name='j' type='pull' state='running' "
                                                "newstate='%s' jobflags='0x0'><disk dst='vda'/></blockjob>"
                                                "</blockjobs>", ends[i].state);
        g_autoptr(virQbjJob) job = qbjTestJobParse(vm, text);

        g_assert_cmpint(job->state, ==, QBJ_STATE_CONCLUDED);
        g_assert_cmpint(job->outcomeKnown, ==, ends[i].known);
        g_assert_false(job->outcomeNew);
    }
}

/* The stock driver's form of ours: one can go on with the other's. */
static void
qbjTestPullStockForm(void)
{
    const char *expected =
        "<blockjobs active='yes'>\n"
        "  <blockjob name='pull-vda-libvirt-3-format' type='pull' state='running' jobflags='0x50'>\n"
        "    <disk dst='vda'/>\n"
        "    <base node='libvirt-6-format'/>\n"
        "  </blockjob>\n"
        "</blockjobs>\n"
        "<qbj:jobs ";
    virDomainDiskDef *disk = vm->def->disks[0];
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    qbjPullRequest req = { .base = disk->src->backingStore };
    g_autoptr(GPtrArray) jobs = g_ptr_array_new_with_free_func((GDestroyNotify) virQbjJobFree);
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    g_autofree char *text = NULL;
    qbjSpec *spec = NULL;
    virQbjJob *job;

    g_assert_cmpint(qbjSpecPlanPull(disk, &req, &spec, &refusal), ==, 0);
    job = virQbjJobNew(spec, VIR_DOMAIN_BLOCK_REBASE_BANDWIDTH_BYTES | VIR_DOMAIN_BLOCK_REBASE_RELATIVE);
    job->state = QBJ_STATE_PREFLUSH;
    g_ptr_array_add(jobs, job);
    g_assert_cmpint(virQbjJobsFormat(&buf, jobs), ==, 0);
    text = virBufferContentAndReset(&buf);
    if (!g_str_has_prefix(text, expected))
        g_error("%s", text);
}

int
main(int argc, char **argv)
{
    g_autofree char *path = g_build_filename(QBJ_TEST_DATA, "status/stock-idle/status.xml", NULL);
    g_autoptr(virDomainXMLOption) xmlopt = NULL;
    int ret;

    g_setenv("LIBVIRT_LOG_OUTPUTS", "4:file:/dev/null", false);
    g_test_init(&argc, &argv, NULL);
    if (virInitialize() < 0 || !(xmlopt = qbjTestXMLOption()) || !(vm = qbjTestStatusRead(path, xmlopt)))
        g_error("cannot start: %s", virGetLastErrorMessage());

    g_test_add_func("/job/pull/adopted", qbjTestAdoptPull);
    g_test_add_func("/job/pull/adopted-ended", qbjTestAdoptEnded);
    g_test_add_func("/job/pull/broken", qbjTestAdoptBroken);
    g_test_add_func("/job/pull/stock-form", qbjTestPullStockForm);
    ret = g_test_run();

    virDomainObjEndAPI(&vm);
    return ret;
}
