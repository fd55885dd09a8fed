/* Golden status files: each folder of tests/qemublockjobdata/status has status.xml, and result.xml as we
 * write it back. */
#include <config.h>

#include <unistd.h>

#include "internal.h"
#include "statusfixture.h"
#include "virerror.h"

static virDomainXMLOption *xmlopt;

static char *
qbjTestRewrite(const char *path)
{
    virDomainObj *vm = qbjTestStatusRead(path, xmlopt);
    char *text;

    if (!vm)
        g_error("%s: %s", path, virGetLastErrorMessage());

    text = qbjTestStatusText(vm, xmlopt);
    virDomainObjEndAPI(&vm);
    g_assert_nonnull(text);
    return text;
}

static void
qbjTestGolden(const void *opaque)
{
    g_autofree char *in = g_build_filename(opaque, "status.xml", NULL);
    g_autofree char *out = g_build_filename(opaque, "result.xml", NULL);
    g_autofree char *text = qbjTestRewrite(in);
    g_autofree char *again = NULL;

    qbjTestCompareFile(text, out);
    again = qbjTestRewrite(out);
    g_assert_cmpstr(again, ==, text);
}

static virDomainObj *
qbjTestReadCase(const char *name)
{
    g_autofree char *path = g_build_filename(QBJ_TEST_DATA, "status", name, "status.xml", NULL);
    virDomainObj *vm = qbjTestStatusRead(path, xmlopt);

    if (!vm)
        g_error("%s: %s", path, virGetLastErrorMessage());
    return vm;
}

/* The list must be word for word what a stock daemon knows, in its order (05/X8). */
static void
qbjTestCapsFlags(void)
{
    const char *const *flags = virQbjCapsFlags();
    size_t n = g_strv_length((char **) (uintptr_t) flags);

    g_assert_cmpuint(n, ==, 199);
    g_assert_cmpstr(flags[0], ==, "kvm");
    g_assert_cmpstr(flags[n - 1], ==, "netdev.stream");
}

/* What a call is plugging in, the medium that it changes, what the definition becomes: as text. */
static void
qbjTestPlug(void)
{
    virDomainObj *vm = qbjTestReadCase("plug-running");
    const virQbjStatus *status = QBJ_TEST_STATUS(vm);

    g_assert_nonnull(status->plug);
    g_assert_cmpuint(g_strv_length(status->plug), ==, 2);
    g_assert_nonnull(strstr(status->plug[0], "<alias name=\"scsi1\"/>"));
    g_assert_nonnull(strstr(status->plug[1], "<source file=\"/img/a&amp;b\"/>"));
    g_assert_nonnull(strstr(status->medium, "<target dev=\"sdb\" bus=\"scsi\"/>"));
    g_assert_nonnull(status->next);
    g_assert_cmpstr(status->next->verb, ==, "update");
    g_assert_cmpstr(status->next->alias, ==, "scsi0-0-0-1");
    g_assert_nonnull(strstr(status->next->text, "<target dev=\"sdb\"/>"));
    g_assert_null(status->foreign);
    virDomainObjEndAPI(&vm);
}

#define CUT_ROOT "<domstatus state='running' reason='booted' pid='1'>"
#define CUT_FLAGS "<qemuCaps>\n    <flag name='kvm'/>\n    <flag name='x.y-z_1+'/>\n  </qemuCaps>"

/* What is cut out is only what drivers write, where they write it. */
static void
qbjTestCutPlaces(void)
{
    static const struct {
        const char *before;
        const char *flags;
        const char *after;      /* NULL: nothing is cut out */
    } texts[] = {
        { CUT_ROOT "\n  ", CUT_FLAGS, "\n  <domain/></domstatus>" },
        { "<!--\nfor <qemuCaps><flag name='no'/></qemuCaps>\n-->\n\n" CUT_ROOT, CUT_FLAGS, "</domstatus>" },
        { CUT_ROOT "<monitor path=\"/a'>b\"/><vcpus><vcpu id='0'/></vcpus>", CUT_FLAGS, "<domain/></domstatus>" },
        { CUT_ROOT, CUT_FLAGS, "<domain><metadata>" CUT_FLAGS "<![CDATA[" CUT_FLAGS "]]></metadata></domain></domstatus>" },
        { CUT_ROOT "<domain><metadata><a>", CUT_FLAGS, NULL },
        { CUT_ROOT "<domain/>", CUT_FLAGS, NULL },
        { CUT_ROOT "<other>", CUT_FLAGS, NULL },
        { CUT_ROOT "<x:a xmlns:x='u'><x:b/>", CUT_FLAGS, NULL },
        { CUT_ROOT "<!-- ", CUT_FLAGS, NULL },
        { CUT_ROOT "<![CDATA[", CUT_FLAGS, NULL },
        { CUT_ROOT "<a b='", CUT_FLAGS, NULL },
        { CUT_ROOT "<?p ", CUT_FLAGS, NULL },
        { "<?xml version='1.0' encoding='UTF-16'?>" CUT_ROOT, CUT_FLAGS, NULL },
        { "<!DOCTYPE d [<!ENTITY e 'x'>]>" CUT_ROOT, CUT_FLAGS, NULL },
        { "<!-- " CUT_ROOT, CUT_FLAGS, NULL },
        { "<domstatus xmlns='urn:x' state='running'>", CUT_FLAGS, NULL },
        { "<domain>", CUT_FLAGS, NULL },
        { CUT_ROOT "</domstatus>", CUT_FLAGS, NULL },
        { CUT_ROOT, "<qemuCaps><flag name='a&amp;b'/></qemuCaps>", NULL },
        { CUT_ROOT, "<qemuCaps><flag name=''/></qemuCaps>", NULL },
        { CUT_ROOT, "<qemuCaps><flag name=\"kvm\"/></qemuCaps>", NULL },
        { CUT_ROOT, "<qemuCaps><flag name='kvm' since='1'/></qemuCaps>", NULL },
        { CUT_ROOT, "<qemuCaps><!-- none --></qemuCaps>", NULL },
        { CUT_ROOT, "<qemuCaps>text</qemuCaps>", NULL },
        { CUT_ROOT, "<qemuCaps x='1'><flag name='kvm'/></qemuCaps>", NULL },
        { CUT_ROOT, "<qemuCaps><flag name='kvm'/>", NULL },
        { CUT_ROOT, "<qemuCaps/>", NULL },
        { "", "", NULL },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(texts); i++) {
        const char *after = texts[i].after ? texts[i].after : "<domain/></domstatus>";
        g_autofree char *text = g_strconcat(texts[i].before, texts[i].flags, after, NULL);
        g_autofree char *wanted = texts[i].after ? g_strconcat(texts[i].before, after, NULL) : NULL;
        g_auto(GStrv) caps = NULL;
        g_autofree char *rest = virQbjStatusCutCaps(text, &caps);

        g_test_message("%s", text);
        g_assert_cmpstr(rest, ==, wanted);
        g_assert_cmpuint(caps ? g_strv_length(caps) : 0, ==, wanted ? 2 : 0);
        g_assert_cmpstr(caps ? caps[1] : "x.y-z_1+", ==, "x.y-z_1+");
    }
}

/* The list that the driver writes itself is not kept; any other one is, also one that only begins like it. */
static void
qbjTestCutCaps(void)
{
    const char *const *own = virQbjCapsFlags();
    size_t n;

    for (n = 197; n <= 200; n++) {
        g_autoptr(GString) text = g_string_new(CUT_ROOT "<qemuCaps>");
        g_auto(GStrv) caps = NULL;
        g_autofree char *rest = NULL;
        size_t i;

        for (i = 0; i < n; i++)
            g_string_append_printf(text, "<flag name='%s'/>", i < 199 ? own[i] : "more");
        g_string_append(text, "</qemuCaps></domstatus>");
        rest = virQbjStatusCutCaps(text->str, &caps);
        g_assert_cmpstr(rest, ==, CUT_ROOT "</domstatus>");
        g_assert_cmpuint(caps ? g_strv_length(caps) : 199, ==, n);
        g_assert_cmpint(caps == NULL, ==, n == 199);
    }
}

/* An element without a flag counts as our own: a file without any would have a stock daemon kill the VM. */
static void
qbjTestCutNoCaps(void)
{
    static const char *const texts[] = { "<qemuCaps></qemuCaps>", "<qemuCaps>\n  </qemuCaps>" };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *text = g_strconcat(CUT_ROOT, texts[i], "</domstatus>", NULL);
        g_auto(GStrv) caps = NULL;
        g_autofree char *rest = virQbjStatusCutCaps(text, &caps);

        g_assert_cmpstr(rest, ==, CUT_ROOT "</domstatus>");
        g_assert_null(caps);
    }
}

/* What is read without the flags says the same, and is written back with them. */
static void
qbjTestCutGolden(const void *opaque)
{
    g_autofree char *path = g_build_filename(opaque, "status.xml", NULL);
    g_autofree char *whole = qbjTestRewrite(path);
    g_autofree char *text = NULL;
    g_autofree char *rest = NULL;
    g_autofree char *file = NULL;
    g_autofree char *again = NULL;
    char **caps = NULL;
    virDomainObj *vm;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    if (!(rest = virQbjStatusCutCaps(text, &caps))) {
        g_assert_false(g_str_has_suffix(opaque, "/every-element"));
        return;
    }
    file = g_strdup_printf("%s/qbj-status-%d.xml", g_get_tmp_dir(), (int) getpid());
    g_assert_true(g_file_set_contents(file, rest, -1, NULL));
    vm = qbjTestStatusRead(file, xmlopt);
    g_assert_cmpint(unlink(file), ==, 0);
    g_assert_nonnull(vm);
    g_assert_null(QBJ_TEST_STATUS(vm)->caps);
    QBJ_TEST_STATUS(vm)->caps = caps;
    again = qbjTestStatusText(vm, xmlopt);
    virDomainObjEndAPI(&vm);
    g_assert_cmpstr(again, ==, whole);
}

static void
qbjTestEveryElement(void)
{
    virDomainObj *vm = qbjTestReadCase("every-element");
    const virQbjStatus *status = QBJ_TEST_STATUS(vm);
    size_t i;

    g_assert_cmpstr(status->monitorPath, ==, "/var/lib/libvirt/qemu/domain-3-guest/monitor.sock");
    g_assert_cmpstr(status->libDir, ==, "/var/lib/libvirt/qemu/domain-3-guest");
    g_assert_cmpstr(status->channelTargetDir, ==, "/var/lib/libvirt/qemu/channel/target/domain-3-guest");
    g_assert_cmpuint(g_strv_length(status->caps), ==, 6);
    g_assert_cmpuint(status->nvcpuPids, ==, 2);
    g_assert_cmpint(status->vcpuPids[1], ==, 4721);
    g_assert_cmpstr(status->devices[0], ==, "virtio-disk0");
    g_assert_cmpstr(status->origCPU->model, ==, "qemu64");
    g_assert_true(status->mountNamespace && status->chardevStdioLogd && status->rememberOwner && status->fakeReboot);
    g_assert_cmpint(status->allowReboot, ==, VIR_TRISTATE_BOOL_NO);
    g_assert_cmpuint(status->nodeIndex, ==, 8);
    g_assert_cmpuint(status->fdsetIndex, ==, 3);
    g_assert_cmpint(status->agentTimeout, ==, 30);
    g_assert_false(status->mayHaveBitmaps);
    g_assert_cmpint(status->starting, ==, VIR_TRISTATE_BOOL_NO);
    g_assert_true(status->ended);
    g_assert_true(status->thaw);
    g_assert_false(status->frozen);
    g_assert_cmpuint(status->jobs->len, ==, 0);
    for (i = 0; i < VIR_QBJ_KEPT_LAST; i++)
        g_assert_nonnull(status->kept[i]);

    virDomainObjEndAPI(&vm);
}

static void
qbjTestDefaults(void)
{
    virDomainObj *vm = qbjTestReadCase("nothing-private");
    const virQbjStatus *status = QBJ_TEST_STATUS(vm);

    g_assert_null(status->monitorPath);
    g_assert_null(status->caps);
    g_assert_cmpuint(status->nodeIndex, ==, 7);
    g_assert_cmpint(status->agentTimeout, ==, -2);
    g_assert_true(status->mayHaveBitmaps);
    g_assert_cmpint(status->starting, ==, VIR_TRISTATE_BOOL_ABSENT);
    g_assert_false(status->ended);
    g_assert_false(status->thaw);
    virDomainObjEndAPI(&vm);
}

/* Our record of a save makes the stock form of it ours; without it the VM is another driver's. */
static void
qbjTestSave(void)
{
    virDomainObj *vm = qbjTestReadCase("save-running");
    virQbjStatus *status = QBJ_TEST_STATUS(vm);
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;

    g_assert_null(status->foreign);
    g_assert_null(status->kept[VIR_QBJ_KEPT_JOB]);
    g_assert_cmpstr(status->save->path, ==, "/images/a\nb<'.save");
    g_assert_cmpstr(status->save->part, ==, "/images/a\nb<'.save.0123456789abcdef");
    g_assert_true(status->save->managed && status->save->running && !status->save->restore);
    g_assert_cmpuint(status->save->device, ==, 2049);
    g_assert_cmpuint(status->save->inode, ==, G_MAXUINT64);
    virQbjStatusFormatJob(&buf, vm, status);
    g_assert_cmpstr(virBufferCurrentContent(&buf), ==,
                    "<job type='none' async='save' flags='0x0' asyncStarted='1700000000000'/>\n");
    virDomainObjEndAPI(&vm);

    vm = qbjTestReadCase("restore-loaded");
    status = QBJ_TEST_STATUS(vm);
    g_assert_true(status->save->restore && status->save->loaded && !status->foreign);
    virDomainObjEndAPI(&vm);
}

/* The record of a snapshot comes back as it was; one that is damaged leaves the VM alone, for nobody knows
 * what its guest writes into then. */
static void
qbjTestSnapshot(void)
{
    virDomainObj *vm = qbjTestReadCase("snapshot-switching");
    virQbjStatus *status = QBJ_TEST_STATUS(vm);
    const virQbjStatusOverlay *overlay;

    g_assert_null(status->foreign);
    g_assert_nonnull(status->snapshot);
    g_assert_true(status->snapshot->switching && !status->snapshot->underWay);
    g_assert_cmpuint(status->snapshot->overlays->len, ==, 1);
    overlay = g_ptr_array_index(status->snapshot->overlays, 0);
    g_assert_cmpstr(overlay->spec->disk, ==, "vda");
    g_assert_cmpstr(overlay->spec->rootNew, ==, "libvirt-2-format");
    g_assert_nonnull(strstr(overlay->disk, "libvirt-2-storage"));
    virDomainObjEndAPI(&vm);

    vm = qbjTestReadCase("snapshot-damaged");
    g_assert_null(QBJ_TEST_STATUS(vm)->snapshot);
    g_assert_nonnull(QBJ_TEST_STATUS(vm)->foreign);
    virDomainObjEndAPI(&vm);
}

/* The same of an internal one. */
static void
qbjTestInside(void)
{
    virDomainObj *vm = qbjTestReadCase("inside-running");
    const virQbjStatusInside *inside = QBJ_TEST_STATUS(vm)->inside;

    g_assert_null(QBJ_TEST_STATUS(vm)->foreign);
    g_assert_nonnull(inside);
    g_assert_cmpstr(inside->name, ==, "a b");
    g_assert_true(inside->metadata && inside->running && !inside->underWay);
    g_assert_cmpuint(g_strv_length(inside->nodes), ==, 2);
    g_assert_cmpstr(inside->nodes[1], ==, "libvirt-3-format");
    virDomainObjEndAPI(&vm);

    vm = qbjTestReadCase("inside-damaged");
    g_assert_null(QBJ_TEST_STATUS(vm)->inside);
    g_assert_nonnull(QBJ_TEST_STATUS(vm)->foreign);
    virDomainObjEndAPI(&vm);
}

/* A dump is recorded as a save that is none. */
static void
qbjTestDump(void)
{
    virDomainObj *vm = qbjTestReadCase("dump-running");
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;

    g_assert_null(QBJ_TEST_STATUS(vm)->foreign);
    g_assert_true(QBJ_TEST_STATUS(vm)->save->dump && QBJ_TEST_STATUS(vm)->save->running);
    virQbjStatusFormatJob(&buf, vm, QBJ_TEST_STATUS(vm));
    g_assert_cmpstr(virBufferCurrentContent(&buf), ==,
                    "<job type='none' async='dump' flags='0x0' asyncStarted='1700000000000'/>\n");
    virDomainObjEndAPI(&vm);
}

/* With memory the stock form of the job is ours; a file without a name is a damaged record. */
static void
qbjTestSnapshotMemory(void)
{
    virDomainObj *vm = qbjTestReadCase("snapshot-memory");
    const virQbjStatus *status = QBJ_TEST_STATUS(vm);
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;

    g_assert_null(status->foreign);
    g_assert_null(status->kept[VIR_QBJ_KEPT_JOB]);
    g_assert_cmpint(status->snapshot->resume, ==, VIR_QBJ_RESUME_ALWAYS);
    g_assert_cmpstr(status->snapshot->memory->path, ==, "/var/tmp/m <");
    g_assert_cmpstr(status->snapshot->memory->part, ==, "/var/tmp/m <.0123456789abcdef");
    g_assert_cmpstr(status->snapshot->memory->kept, ==, "/var/tmp/m <.0123456789abcdef.old");
    g_assert_cmpuint(status->snapshot->memory->device, ==, 66305);
    g_assert_cmpuint(status->snapshot->memory->inode, ==, 1234);
    virQbjStatusFormatJob(&buf, vm, status);
    g_assert_cmpstr(virBufferCurrentContent(&buf), ==,
                    "<job type='none' async='snapshot' flags='0x0' asyncStarted='1700000000000'/>\n");
    virDomainObjEndAPI(&vm);

    vm = qbjTestReadCase("snapshot-memory-damaged");
    g_assert_null(QBJ_TEST_STATUS(vm)->snapshot);
    g_assert_nonnull(QBJ_TEST_STATUS(vm)->foreign);
    virDomainObjEndAPI(&vm);
}

/* A recorded DESTROY is told to whoever reads the file, and is not written again by itself. */
static void
qbjTestJobDestroy(void)
{
    virDomainObj *vm = qbjTestReadCase("destroy-job");
    qbjTestPrivate *priv = vm->privateData;
    virDomainJobObj job = { .active = VIR_JOB_DESTROY };
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    virDomainJobObj *old = vm->job;

    g_assert_cmpint(priv->job.job, ==, VIR_JOB_DESTROY);
    g_assert_cmpint(priv->job.asyncJob, ==, VIR_ASYNC_JOB_NONE);
    g_assert_null(priv->status->kept[VIR_QBJ_KEPT_JOB]);

    vm->job = &job;
    virQbjStatusFormatJob(&buf, vm, priv->status);
    g_assert_cmpstr(virBufferCurrentContent(&buf), ==, "<job type='destroy' async='none'/>\n");
    job.active = VIR_JOB_MODIFY;
    virQbjStatusFormatJob(&buf, vm, priv->status);
    g_assert_cmpstr(virBufferCurrentContent(&buf), ==, "<job type='destroy' async='none'/>\n");
    vm->job = old;
    virDomainObjEndAPI(&vm);
}

static void
qbjTestJobAsync(void)
{
    virDomainObj *vm = qbjTestReadCase("every-element");
    qbjTestPrivate *priv = vm->privateData;
    virDomainJobObj job = { .asyncJob = VIR_ASYNC_JOB_BACKUP, .apiFlags = 1, .asyncStarted = 17, .asyncPaused = true };
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    virDomainJobObj *old = vm->job;

    g_assert_cmpint(priv->job.job, ==, VIR_JOB_NONE);
    g_assert_cmpint(priv->job.asyncJob, ==, VIR_ASYNC_JOB_MIGRATION_OUT);
    g_assert_cmpstr(priv->job.phase, ==, "perform3");
    g_assert_cmpuint(priv->job.apiFlags, ==, 1);
    g_assert_cmpuint(priv->job.asyncStarted, ==, 17);

    /* one <job> only: the kept one is written with the rest */
    vm->job = &job;
    virQbjStatusFormatJob(&buf, vm, priv->status);
    g_assert_cmpuint(virBufferUse(&buf), ==, 0);
    g_clear_pointer(&priv->status->kept[VIR_QBJ_KEPT_JOB], g_free);
    virQbjStatusFormatJob(&buf, vm, priv->status);
    g_assert_cmpstr(virBufferCurrentContent(&buf), ==,
                    "<job type='none' async='backup' flags='0x1' asyncStarted='17' asyncPaused='yes'/>\n");
    vm->job = old;
    virDomainObjEndAPI(&vm);
}

int
main(int argc, char **argv)
{
    g_autofree char *data = g_build_filename(QBJ_TEST_DATA, "status", NULL);
    g_auto(GStrv) cases = NULL;
    size_t i;
    int ret;

    g_setenv("LIBVIRT_LOG_OUTPUTS", "4:file:/dev/null", false);
    g_test_init(&argc, &argv, NULL);
    if (virInitialize() < 0 || !(xmlopt = qbjTestXMLOption()))
        g_error("cannot start: %s", virGetLastErrorMessage());

    cases = qbjTestCases(data);
    for (i = 0; cases[i]; i++) {
        g_autofree char *name = g_strdup_printf("/status/golden/%s", cases[i]);

        g_autofree char *cut = g_strdup_printf("/status/cut/golden/%s", cases[i]);

        g_test_add_data_func_full(name, g_build_filename(data, cases[i], NULL), qbjTestGolden, g_free);
        g_test_add_data_func_full(cut, g_build_filename(data, cases[i], NULL), qbjTestCutGolden, g_free);
    }

    g_test_add_func("/status/caps-flags", qbjTestCapsFlags);
    g_test_add_func("/status/cut/places", qbjTestCutPlaces);
    g_test_add_func("/status/cut/caps", qbjTestCutCaps);
    g_test_add_func("/status/cut/no-caps", qbjTestCutNoCaps);
    g_test_add_func("/status/every-element", qbjTestEveryElement);
    g_test_add_func("/status/plug", qbjTestPlug);
    g_test_add_func("/status/defaults", qbjTestDefaults);
    g_test_add_func("/status/job/destroy", qbjTestJobDestroy);
    g_test_add_func("/status/job/save", qbjTestSave);
    g_test_add_func("/status/snapshot", qbjTestSnapshot);
    g_test_add_func("/status/inside", qbjTestInside);
    g_test_add_func("/status/snapshot-memory", qbjTestSnapshotMemory);
    g_test_add_func("/status/dump", qbjTestDump);
    g_test_add_func("/status/job/async", qbjTestJobAsync);
    ret = g_test_run();
    virObjectUnref(xmlopt);
    return ret;
}
