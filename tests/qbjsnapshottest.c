/* Snapshots with the whole driver in this process (qemu:///embed), where memory-error tools reach everything:
 * metadata that the stock driver 9.0.0 has left (tests/qemublockjobdata/snapshot/stock, behaviour/08 S4,
 * S7), and what becomes of it. TAP output.
 *
 * What both drivers do with each other's files is in tests/live/snapshots.py. */
#include <config.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "internal.h"
#include "embedfixture.h"

#define REDEFINE VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE
#define CURRENT VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT

static char *folder;

static char *
stockPath(const char *name)
{
    return g_strdup_printf("%s/tests/qemublockjobdata/snapshot/stock/%s", getenv("QBJ_SOURCE_ROOT"), name);
}

static char *
readFile(const char *path)
{
    char *text = NULL;

    ignore_value(g_file_get_contents(path, &text, NULL, NULL));
    return text;
}

static char *
keptPath(const char *name)
{
    return g_strdup_printf("%s/%s.xml", folder, name);
}

static bool
hasFile(const char *name)
{
    g_autofree char *path = keptPath(name);

    return access(path, F_OK) == 0;
}

/* Whether the file is as the stock driver wrote it. */
static bool
isAsStock(const char *name)
{
    g_autofree char *path = keptPath(name);
    g_autofree char *file = g_strdup_printf("%s.xml", name);
    g_autofree char *from = stockPath(file);
    g_autofree char *got = readFile(path);
    g_autofree char *wanted = readFile(from);

    return got && wanted && STREQ(got, wanted);
}

static void
copyTo(const char *from, const char *to)
{
    g_autofree char *source = stockPath(from);
    g_autofree char *text = readFile(source);

    CHECK(text && g_file_set_contents(to, text, -1, NULL), from);
}

/* What the stock driver has left of the domain "kept", and beside it files that are none of its metadata. */
static void
prepare(void)
{
    static const char *const names[] = { "off", "disks", "memory", "internal", "disks <2>" };
    g_autofree char *configs = g_build_filename(embedRootDir, "etc/qemu", NULL);
    g_autofree char *config = g_build_filename(configs, "kept.xml", NULL);
    g_autofree char *half = NULL;
    g_autofree char *other = NULL;
    g_autofree char *temp = NULL;
    size_t i;

    folder = g_build_filename(embedRootDir, "lib/qemu/snapshot/kept", NULL);
    g_mkdir_with_parents(folder, 0755);
    g_mkdir_with_parents(configs, 0755);
    copyTo("domain.xml", config);
    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *file = g_strdup_printf("%s.xml", names[i]);
        g_autofree char *path = keptPath(names[i]);

        copyTo(file, path);
    }
    half = keptPath("half");
    other = keptPath("other");
    temp = g_build_filename(folder, ".qbj-1-1.new", NULL);
    g_file_set_contents(half, "<domainsnapshot><name>half</na", -1, NULL);
    copyTo("off.xml", other);
    g_file_set_contents(temp, "<domainsnapshot>", -1, NULL);
}

static void
testRelation(virDomainPtr domain, const char *name, const char *parent, int children)
{
    virDomainSnapshotPtr snapshot = virDomainSnapshotLookupByName(domain, name, 0);
    virDomainSnapshotPtr above = snapshot ? virDomainSnapshotGetParent(snapshot, 0) : NULL;

    CHECK(snapshot && STREQ_NULLABLE(above ? virDomainSnapshotGetName(above) : NULL, parent), name);
    CHECK(snapshot && virDomainSnapshotNumChildren(snapshot, 0) == children, "its children");
    virDomainSnapshotFree(snapshot);
    if (above)
        virDomainSnapshotFree(above);
}

static void
testLoaded(virDomainPtr domain)
{
    virDomainSnapshotPtr current = virDomainSnapshotCurrent(domain, 0);
    struct { unsigned int flags; int n; } lists[] = {
        { 0, 5 }, { VIR_DOMAIN_SNAPSHOT_LIST_ROOTS, 1 }, { VIR_DOMAIN_SNAPSHOT_LIST_LEAVES, 1 },
        { VIR_DOMAIN_SNAPSHOT_LIST_NO_LEAVES, 4 }, { VIR_DOMAIN_SNAPSHOT_LIST_METADATA, 5 },
        { VIR_DOMAIN_SNAPSHOT_LIST_NO_METADATA, 0 }, { VIR_DOMAIN_SNAPSHOT_LIST_INACTIVE, 1 },
        { VIR_DOMAIN_SNAPSHOT_LIST_ACTIVE, 2 }, { VIR_DOMAIN_SNAPSHOT_LIST_DISK_ONLY, 2 },
        { VIR_DOMAIN_SNAPSHOT_LIST_INTERNAL, 1 }, { VIR_DOMAIN_SNAPSHOT_LIST_EXTERNAL, 4 },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(lists); i++) {
        g_autofree char *what = g_strdup_printf("08/S7: %d are listed with flags 0x%x", lists[i].n, lists[i].flags);

        CHECK(virDomainSnapshotNum(domain, lists[i].flags) == lists[i].n, what);
    }
    CHECK(current && STREQ(virDomainSnapshotGetName(current), "internal"), "the current one");
    testRelation(domain, "off", NULL, 1);
    testRelation(domain, "disks", "off", 1);
    testRelation(domain, "memory", "disks", 1);
    testRelation(domain, "internal", "memory", 1);
    testRelation(domain, "disks <2>", "internal", 0);
    virDomainSnapshotFree(current);
    CHECK(!virDomainSnapshotLookupByName(domain, "half", 0) && embedErrorIs(VIR_ERR_NO_DOMAIN_SNAPSHOT) &&
          hasFile("half"), "a file that cannot be read is left alone");
    CHECK(!virDomainSnapshotLookupByName(domain, "other", 0) && hasFile("other"), "one with another's name, too");
    CHECK(access(folder, F_OK) == 0 && isAsStock("off"), "nothing is written at the start");
}

/* Metadata that were read and are written again have every byte that they had: the cookie, the inactive
 * definition. */
static void
testRewritten(virDomainPtr domain, const char *name, unsigned int flags)
{
    virDomainSnapshotPtr snapshot = virDomainSnapshotLookupByName(domain, name, 0);
    g_autofree char *xml = snapshot ? virDomainSnapshotGetXMLDesc(snapshot, VIR_DOMAIN_SNAPSHOT_XML_SECURE) : NULL;
    virDomainSnapshotPtr again = xml ? virDomainSnapshotCreateXML(domain, xml, REDEFINE | flags) : NULL;

    CHECK(again && virDomainSnapshotIsCurrent(again, 0) == !!(flags & CURRENT), name);
    virDomainSnapshotFree(snapshot);
    if (again)
        virDomainSnapshotFree(again);
}

static bool
fileHas(const char *name, const char *text)
{
    g_autofree char *path = keptPath(name);
    g_autofree char *got = readFile(path);

    return got && strstr(got, text);
}

static void
testCurrent(virDomainPtr domain)
{
    testRewritten(domain, "off", 0);
    CHECK(isAsStock("off"), "redefined as it is: the same file");
    testRewritten(domain, "disks", CURRENT);
    CHECK(fileHas("disks", "<active>1</active>") && fileHas("internal", "<active>0</active>"),
          "both files tell which one is current");
    CHECK(fileHas("internal", "<cookie>") == true, "the cookie stays when the mark goes");
    testRewritten(domain, "internal", CURRENT);
    CHECK(fileHas("disks", "<active>0</active>") && fileHas("internal", "<active>1</active>"), "and back");
}

static bool
refused(virDomainPtr domain, const char *text, unsigned int flags, int code)
{
    virDomainSnapshotPtr snapshot = virDomainSnapshotCreateXML(domain, text, flags);
    bool right = !snapshot && embedErrorIs(code);

    if (snapshot)
        virDomainSnapshotFree(snapshot);
    return right;
}

static void
testRefused(virDomainPtr domain)
{
    g_autofree char *path = stockPath("off.xml");
    g_autofree char *off = readFile(path);
    g_autofree char *half = NULL;
    g_autofree char *loop = NULL;
    char *at;

    if (!CHECK(off && (at = strstr(off, "<name>off")), "the text of a snapshot"))
        return;
    half = g_strdup_printf("%.*s<name>half%s", (int) (at - off), off, at + strlen("<name>off"));
    loop = g_strdup_printf("%.*s<parent><name>memory</name></parent>%s", (int) (at - off), off, at);
    CHECK(refused(domain, half, REDEFINE, VIR_ERR_OPERATION_INVALID) && hasFile("half"),
          "a file that could not be read is not overwritten");
    CHECK(refused(domain, loop, REDEFINE, VIR_ERR_INVALID_ARG) && isAsStock("off"), "08/S7: no loop");
    CHECK(refused(domain, "<domainsnapshot/>", CURRENT, VIR_ERR_INVALID_ARG), "CURRENT goes with REDEFINE");
    embedFault("save:1+");
    CHECK(refused(domain, off, REDEFINE, VIR_ERR_SYSTEM_ERROR), "a file that cannot be written");
    embedFault(NULL);
    CHECK(isAsStock("off") && virDomainSnapshotNum(domain, 0) == 5, "nothing has changed");
}

static void
testRename(virDomainPtr domain)
{
    g_autofree char *other = g_build_filename(embedRootDir, "lib/qemu/snapshot/renamed", NULL);
    g_autofree char *inside = g_build_filename(other, "x.xml", NULL);

    g_mkdir_with_parents(other, 0755);
    g_file_set_contents(inside, "x", -1, NULL);
    CHECK(virDomainRename(domain, "renamed", 0) < 0 && hasFile("off") && STREQ(virDomainGetName(domain), "kept"),
          "a rename to where somebody's metadata are");
    unlink(inside);
    CHECK(virDomainRename(domain, "renamed", 0) == 0 && !hasFile("off"), "08/S7: a rename");
    g_free(folder);
    folder = g_steal_pointer(&other);
    CHECK(isAsStock("off") && virDomainSnapshotNum(domain, 0) == 5, "the metadata have gone along");
}

static void
testUndefine(virDomainPtr domain)
{
    CHECK(virDomainUndefine(domain) < 0 && embedErrorIs(VIR_ERR_OPERATION_INVALID) && isAsStock("off"),
          "08/S7: a domain with snapshots is not undefined");
    CHECK(virDomainUndefineFlags(domain, VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA) == 0 && !hasFile("off") &&
          !hasFile("disks <2>") && hasFile("half") && hasFile("other"), "with the flag: all but what was not read");
}

static void
testAll(virConnectPtr conn)
{
    virDomainPtr domain = virDomainLookupByName(conn, "kept");

    if (!CHECK(domain != NULL, "the domain is there"))
        return;
    testLoaded(domain);
    testCurrent(domain);
    testRefused(domain);
    virDomainFree(domain);
    domain = virDomainLookupByName(conn, "kept");
    testRename(domain);
    virDomainFree(domain);
    domain = virDomainLookupByName(conn, "renamed");
    testUndefine(domain);
    virDomainFree(domain);
}

int
main(void)
{
    virConnectPtr conn;

    embedBegin("qbj-snapshot-XXXXXX", "images");
    prepare();
    if (CHECK((conn = embedOpen()) != NULL, "open"))
        testAll(conn);
    CHECK(embedClose(conn), "cleanup of the driver");
    g_free(folder);
    return embedEnd();
}
