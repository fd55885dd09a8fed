/* What a snapshot consists of, from the definitions alone (moment_plan.h, behaviour/08 S2): each line of
 * tests/qemublockjobdata/snapshotplan/cases.txt is flags, state of the domain and snapshot XML; what comes
 * of it, the plan as JSON or the refusal, is in expected.txt. The domain is domain.xml beside them. */
#include <config.h>

#include "internal.h"
#include "argsfixture.h"
#include "deffixture.h"
#include "moment_plan.h"
#include "moment_xml.h"
#include "statusfixture.h"
#include "virerror.h"
#include "virfile.h"
#include "virjson.h"

/* In the texts; names are made only from files that are there. */
#define FOLDER "/no-such-folder"

static virDomainXMLOption *xmlopt;
static virDomainDef *domain;
static char *folder;

static void
testQuiet(void *opaque, virErrorPtr error)
{
}

/* Words of the first column. */
static unsigned int
testFlags(const char *word)
{
    static const struct { char letter; unsigned int flag; } known[] = {
        { 'd', VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY }, { 'h', VIR_DOMAIN_SNAPSHOT_CREATE_HALT },
        { 'l', VIR_DOMAIN_SNAPSHOT_CREATE_LIVE }, { 'r', VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT },
        { 'n', VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA },
    };
    unsigned int flags = 0;
    size_t i;

    for (; *word; word++) {
        for (i = 0; i < G_N_ELEMENTS(known); i++) {
            if (known[i].letter == *word)
                flags |= known[i].flag;
        }
    }
    return flags;
}

static qbjMomentPlace
testPlace(const char *word)
{
    qbjMomentPlace place = { .active = true, .persistent = true, .state = VIR_DOMAIN_RUNNING };

    if (STREQ(word, "off")) {
        place.active = false;
        place.state = VIR_DOMAIN_SHUTOFF;
    } else if (STREQ(word, "paused")) {
        place.state = VIR_DOMAIN_PAUSED;
    } else if (STREQ(word, "suspended")) {
        place.state = VIR_DOMAIN_PMSUSPENDED;
    } else if (STREQ(word, "transient")) {
        place.persistent = false;
    } else {
        g_assert_cmpstr(word, ==, "running");
    }
    return place;
}

static char *
testReplace(const char *text, const char *from, const char *to)
{
    g_auto(GStrv) parts = g_strsplit(text, from, -1);

    return g_strjoinv(to, parts);
}

static virJSONValue *
testDisk(const virDomainSnapshotDiskDef *disk)
{
    const virStorageSource *src = disk->src;
    bool external = disk->snapshot == VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL;
    virJSONValue *json = NULL;

    g_assert_cmpint(virJSONValueObjectAdd(
        &json, "s:disk", disk->name, "s:snapshot", virDomainSnapshotLocationTypeToString(disk->snapshot),
        "S:type", external ? virStorageTypeToString(src->type) : NULL,
        "S:format", external ? virStorageFileFormatTypeToString(src->format) : NULL,
        "S:path", external ? src->path : NULL, NULL), >, 0);
    return json;
}

static char *
testPlanText(virDomainSnapshotDef *def)
{
    g_autoptr(virJSONValue) disks = virJSONValueNewArray();
    g_autoptr(virJSONValue) json = NULL;
    g_autofree const char **targets = qbjMomentPlanTargets(def);
    g_autofree char *busy = g_strjoinv(" ", (char **) (uintptr_t) targets);
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        g_autoptr(virJSONValue) disk = testDisk(&def->disks[i]);

        virJSONValueArrayAppend(disks, &disk);
    }
    g_assert_cmpint(virJSONValueObjectAdd(
        &json, "s:state", virDomainSnapshotStateTypeToString(def->state),
        "s:memory", virDomainSnapshotLocationTypeToString(def->memory), "S:file", def->memorysnapshotfile,
        "b:manual", qbjMomentPlanHasManual(def), "s:takes-part", busy, "a:disks", &disks, NULL), >, 0);
    return virJSONValueToString(json, false);
}

/* The leak checker's, when there is one. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

/* libvirt.so does not free the disks of a document that it refuses to align (9.0.0). */
static virDomainSnapshotDef *
testParse(const char *xml, bool offline)
{
    virDomainSnapshotDef *def;

    if (__lsan_disable)
        __lsan_disable();
    def = virDomainSnapshotDefParseString(xml, xmlopt, NULL, NULL, offline ? VIR_DOMAIN_SNAPSHOT_PARSE_OFFLINE : 0);
    if (__lsan_enable)
        __lsan_enable();
    return def;
}

/* The steps of qbjApiSnapshotCreateXML(), without a domain. */
static char *
testOne(const char *flagWord, const char *placeWord, const char *xml)
{
    unsigned int flags = testFlags(flagWord);
    qbjMomentPlace place = testPlace(placeWord);
    bool offline = (flags & VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY) || !place.active;
    g_autoptr(virDomainSnapshotDef) def = NULL;

    virResetLastError();
    if (qbjMomentPlanFlags(&place, flags) == 0 &&
        (def = testParse(xml, offline)) && qbjMomentXMLCheck(xml) == 0 &&
        (def->parent.dom = virDomainDefCopy(domain, xmlopt, NULL, false)) && qbjMomentPlan(def, &place, flags) == 0)
        return testPlanText(def);
    return g_strdup_printf("refused %d: %s", virGetLastErrorCode(), virGetLastErrorMessage());
}

static void
testCases(void)
{
    g_autofree char *path = g_build_filename(QBJ_TEST_DATA, "snapshotplan", "cases.txt", NULL);
    g_autofree char *expected = g_build_filename(QBJ_TEST_DATA, "snapshotplan", "expected.txt", NULL);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    GString *out = g_string_new(NULL);
    g_autofree char *all = NULL;
    size_t n = 0;
    size_t i;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (i = 0; lines[i]; i++) {
        g_autofree char *line = testReplace(lines[i], FOLDER, folder);
        g_auto(GStrv) words = g_strsplit(line, " ", 3);
        g_autofree char *told = NULL;
        g_autofree char *result = NULL;

        if (!*lines[i] || *lines[i] == '#')
            continue;
        g_assert_cmpuint(g_strv_length(words), ==, 3);
        told = testOne(words[0], words[1], words[2]);
        result = testReplace(told, folder, FOLDER);
        g_string_append_printf(out, "%s\n    %s\n", lines[i], result);
        n++;
    }
    g_assert_cmpuint(n, >=, 60);
    all = g_string_free(out, FALSE);
    qbjTestCompareFile(all, expected);
}

static void
testMakeFiles(void)
{
    static const char *const names[] = { "vda.qcow2", "vdb", "vde.img", "vdf.img", "vdg.qcow2" };
    size_t i;

    g_assert_nonnull(folder = g_dir_make_tmp("qbj-plan-XXXXXX", NULL));
    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(folder, names[i], NULL);

        g_assert_true(g_file_set_contents(path, "", 0, NULL));
    }
}

int
main(int argc, char **argv)
{
    g_autofree char *path = g_build_filename(QBJ_TEST_DATA, "snapshotplan", "domain.xml", NULL);
    g_autofree char *template = NULL;
    g_autofree char *text = NULL;
    qbjVmCapsCache *cache;
    int rc;

    g_test_init(&argc, &argv, NULL);
    if (virInitialize() < 0 || !(cache = qbjTestCapsCache()) || !(xmlopt = qbjTestDefOption(cache)))
        g_error("cannot start: %s", virGetLastErrorMessage());
    virSetErrorFunc(NULL, testQuiet);
    testMakeFiles();
    g_assert_true(g_file_get_contents(path, &template, NULL, NULL));
    text = testReplace(template, FOLDER, folder);
    if (!(domain = qbjTestDefine(text, xmlopt)))
        g_error("domain.xml: %s", virGetLastErrorMessage());
    g_test_add_func("/snapshotplan/cases", testCases);
    rc = g_test_run();
    virFileDeleteTree(folder);
    return rc;
}
