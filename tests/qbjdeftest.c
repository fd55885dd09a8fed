/* Golden definitions: each folder of tests/qemublockjobdata/define has in.xml, and what define makes of it:
 * out.xml or error.txt, never both. tests/definestocktest.py compares the same folders with the stock
 * driver. */
#include <config.h>

#include "internal.h"
#include "argsfixture.h"
#include "deffixture.h"
#include "statusfixture.h"
#include "virerror.h"
#include "vm_args.h"
#include "vm_cpu.h"
#include "vm_def.h"
#include "vm_firmware.h"

static qbjVmCapsCache *cache;
static virDomainXMLOption *xmlopt;

static void
qbjTestQuiet(void *opaque, virErrorPtr err)
{
}

static void
qbjTestExpect(const char *dir, const char *name, const char *other, const char *text)
{
    g_autofree char *expected = g_build_filename(dir, name, NULL);
    g_autofree char *unexpected = g_build_filename(dir, other, NULL);

    if (g_getenv("QBJ_REGENERATE"))
        unlink(unexpected);
    else if (g_file_test(unexpected, G_FILE_TEST_EXISTS))
        g_error("%s: %s came out, the folder has %s:\n%s", dir, name, other, text);

    qbjTestCompareFile(text, expected);
}

static int
qbjTestCompareLines(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}

static char *
qbjTestSortLines(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    qsort(lines, g_strv_length(lines), sizeof(*lines), qbjTestCompareLines);
    return g_strjoinv("\n", lines);
}

static char *
qbjTestRedefine(const char *text)
{
    g_autoptr(virDomainDef) def = qbjTestDefine(text, xmlopt);

    if (!def)
        g_error("refused our own XML: %s\n%s", virGetLastErrorMessage(), text);
    return qbjTestDefText(def, xmlopt);
}

/* The parser takes these attributes together with a password only, which these texts do not show. */
static char *
qbjTestWithoutPassword(const char *text)
{
    g_autoptr(GRegex) attributes = g_regex_new(" (connected|passwdValidTo)='[^']*'", 0, 0, NULL);

    return g_regex_replace_literal(attributes, text, -1, 0, "", 0, NULL);
}

/* What define makes must be accepted by define and stay as it is; only the order of controllers may
 * change, once. */
static void
qbjTestAgain(const char *text)
{
    g_autofree char *again = qbjTestRedefine(text);
    g_autofree char *thrice = qbjTestRedefine(again);
    g_autofree char *plain = qbjTestWithoutPassword(text);
    g_autofree char *lines = qbjTestSortLines(plain);
    g_autofree char *linesAgain = qbjTestSortLines(again);

    g_assert_cmpstr(linesAgain, ==, lines);
    g_assert_cmpstr(thrice, ==, again);
}

/* The live XML too: people edit and define it. */
static void
qbjTestLive(virDomainDef *def, const char *text)
{
    g_autofree char *again = qbjTestRedefine(text);
    g_autofree char *live = NULL;
    g_autofree char *inactive = NULL;

    g_assert_cmpint(qbjVmDefAssignAliases(def), ==, 0);
    def->id = 7;
    live = virDomainDefFormat(def, xmlopt, 0);
    def->id = -1;
    g_assert_nonnull(strstr(live, "<alias name="));

    inactive = qbjTestRedefine(live);
    g_assert_cmpstr(inactive, ==, again);
}

/* What define accepts, a start must be able to express. */
static void
qbjTestArgs(virDomainDef *def)
{
    g_autoptr(virCommand) cmd = NULL;

    qbjTestNumberImages(def);
    g_assert_cmpint(qbjVmFirmwareSelect(def, qbjTestNvramDir), ==, 0);
    g_assert_cmpint(qbjVmCpuExpand(cache, def), ==, 0);
    cmd = qbjTestArgsCommand(def, cache, "/root", NULL);
    /* define accepts it, as the stock driver does: it is the start that needs the host's CPU */
    if (!cmd && def->virtType == VIR_DOMAIN_VIRT_QEMU && def->cpu->mode == VIR_CPU_MODE_HOST_PASSTHROUGH)
        return;
    if (!cmd)
        g_error("accepted by define, not by the command line: %s", virGetLastErrorMessage());
}

/* A stored definition: loaded leniently, checked at its start. */
static void
qbjTestStart(const char *text)
{
    g_autoptr(virDomainDef) def = NULL;

    def = virDomainDefParseString(text, xmlopt, NULL,
                                  VIR_DOMAIN_DEF_PARSE_INACTIVE | VIR_DOMAIN_DEF_PARSE_SKIP_VALIDATE |
                                  VIR_DOMAIN_DEF_PARSE_ALLOW_POST_PARSE_FAIL);
    g_assert_nonnull(def);
    if (qbjVmDefCheckStart(def, xmlopt) < 0)
        g_error("a stored definition cannot be started: %s\n%s", virGetLastErrorMessage(), text);
}

static void
qbjTestGolden(const void *opaque)
{
    g_autofree char *in = g_build_filename(opaque, "in.xml", NULL);
    g_autofree char *xml = NULL;
    g_autofree char *text = NULL;
    g_autoptr(virDomainDef) def = NULL;

    g_assert_true(g_file_get_contents(in, &xml, NULL, NULL));
    def = qbjTestDefine(xml, xmlopt);
    if (!def) {
        text = qbjTestDefError();
        qbjTestExpect(opaque, "error.txt", "out.xml", text);
        return;
    }

    text = qbjTestDefText(def, xmlopt);
    qbjTestExpect(opaque, "out.xml", "error.txt", text);
    qbjTestAgain(text);
    qbjTestStart(text);
    qbjTestLive(def, text);
    qbjTestArgs(def);
}


/* Every host has an FPU, which this guest must not see. */
static void
qbjTestHostCpu(void)
{
    static const char *const types[] = { "kvm", "qemu" };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(types); i++) {
        g_autofree char *xml = g_strdup_printf("<domain type='%s'><name>guest</name><memory>65536</memory>"
                                               "<os><type machine='q35'>hvm</type></os>"
                                               "<cpu match='exact' check='partial'><model>Nehalem</model>"
                                               "<feature policy='forbid' name='fpu'/></cpu></domain>", types[i]);
        g_autoptr(virDomainDef) def = qbjTestDefine(xml, xmlopt);

        g_assert_nonnull(def);
        if (STREQ(types[i], "qemu")) {
            g_assert_cmpint(qbjVmDefCheckStart(def, xmlopt), ==, 0);
        } else {
            g_assert_cmpint(qbjVmDefCheckStart(def, xmlopt), ==, -1);
            g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_CPU_INCOMPATIBLE);
            virResetLastError();
        }
    }
}

/* libvirt's parser would make room for each of them, and abort the daemon. */
static void
qbjTestLimits(void)
{
    static const char *const bodies[] = {
        "<vcpu>-1</vcpu>", "<vcpu>4294967295</vcpu>", "<vcpu current='1'>400000000</vcpu>",
        "<iothreads>4294967295</iothreads>", "<iothreads>4097</iothreads>", "<vcpu>4097</vcpu>",
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(bodies); i++) {
        g_autofree char *xml = g_strdup_printf("<domain type='qemu'><name>guest</name><memory>65536</memory>"
                                               "<os><type machine='q35'>hvm</type></os>%s</domain>", bodies[i]);

        g_assert_null(qbjTestDefine(xml, xmlopt));
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_CONFIG_UNSUPPORTED);
        g_assert_nonnull(strstr(virGetLastErrorMessage(), "4096"));
        virResetLastError();
    }
}

/* Those that must not reach libvirt's parser, and so not the stock driver's either. */
static void
qbjTestDistances(void)
{
    static const char *const siblings[] = {
        "", "<sibling id='1'/>", "<sibling value='20'/>", "<sibling id='2' value='20'/>", "<sibling id='-1' value='20'/>",
        "<sibling id='1' value='9'/>", "<sibling id='1' value='10'/>", "<sibling id='1' value='256'/>",
        "<sibling id='1' value='far'/>", "<sibling id='0' value='11'/>",
        "<sibling id='1' value='20'/><sibling id='1' value='20'/>",
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(siblings); i++) {
        g_autofree char *xml =
            g_strdup_printf("<domain type='qemu'><name>a</name><memory>524288</memory><vcpu>2</vcpu>"
                            "<os><type arch='x86_64' machine='q35'>hvm</type></os><cpu><numa>"
                            "<cell id='0' cpus='0' memory='262144'><distances>%s</distances></cell>"
                            "<cell id='1' cpus='1' memory='262144'/></numa></cpu></domain>", siblings[i]);
        g_autoptr(virDomainDef) def = qbjVmDefParse(xml, xmlopt, VIR_DOMAIN_DEF_PARSE_INACTIVE);

        if (def)
            g_error("accepted: %s", siblings[i]);
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_XML_ERROR);
        if (!strstr(virGetLastErrorMessage(), "NUMA") || strstr(virGetLastErrorMessage(), "sibling id"))
            g_error("%s: %s", siblings[i], virGetLastErrorMessage());
        virResetLastError();
    }
}

int
main(int argc, char **argv)
{
    g_autofree char *data = g_build_filename(QBJ_TEST_DATA, "define", NULL);
    g_auto(GStrv) cases = NULL;
    size_t i;
    int ret;

    qbjTestMakeMounts();
    g_test_init(&argc, &argv, NULL);
    cache = qbjTestCapsCache();
    if (virInitialize() < 0 || !(xmlopt = qbjTestDefOption(cache)))
        g_error("cannot start: %s", virGetLastErrorMessage());
    virSetErrorFunc(NULL, qbjTestQuiet);

    cases = qbjTestCases(data);
    for (i = 0; cases[i]; i++) {
        g_autofree char *name = g_strdup_printf("/define/golden/%s", cases[i]);

        g_test_add_data_func_full(name, g_build_filename(data, cases[i], NULL), qbjTestGolden, g_free);
    }

    g_test_add_func("/define/host-cpu", qbjTestHostCpu);
    g_test_add_func("/define/limits", qbjTestLimits);
    g_test_add_func("/define/distances", qbjTestDistances);

    ret = g_test_run();
    virObjectUnref(xmlopt);
    qbjVmCapsCacheFree(cache);
    return ret;
}
