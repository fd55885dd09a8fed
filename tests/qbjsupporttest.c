/* The support check: every row of its table is used by a golden definition, and every change to a valid
 * definition is either refused or visible in what define makes of it. */
#include <config.h>

#include <time.h>

#include "internal.h"
#include "argsfixture.h"
#include "deffixture.h"
#include "statusfixture.h"
#include "virerror.h"
#include "vm_def.h"
#include "vm_support_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static qbjVmCapsCache *cache;
static virDomainXMLOption *xmlopt;

static void
qbjTestQuiet(void *opaque, virErrorPtr err)
{
}

/* --- the table itself --- */

/* Marks the rows (and "row=value") that @node and what is below it uses. */
static void
qbjTestMark(GHashTable *used, const qbjVmSupportRow *row, const xmlNode *node)
{
    g_autofree char *text = qbjVmSupportText(node);
    const xmlAttr *attr;
    const xmlNode *child;

    if (!row)
        return;

    g_hash_table_add(used, g_strdup(row->path));
    g_hash_table_add(used, g_strdup_printf("%s=%s", row->path, text));

    for (attr = node->properties; attr; attr = attr->next) {
        const qbjVmSupportRow *found = qbjVmSupportFindAttribute(row, (const char *) attr->name);
        g_autofree char *value = qbjVmSupportAttribute(node, (const char *) attr->name);

        if (found) {
            g_hash_table_add(used, g_strdup(found->path));
            g_hash_table_add(used, g_strdup_printf("%s=%s", found->path, value));
        }
    }

    for (child = qbjVmSupportFirst(node); child; child = qbjVmSupportNext(child))
        qbjTestMark(used, qbjVmSupportFind(row, child), child);
}

static void
qbjTestMarkFile(GHashTable *used, const char *dir, const char *name)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    g_autofree char *xml = NULL;
    g_autoptr(xmlDoc) doc = NULL;

    if (!g_file_get_contents(path, &xml, NULL, NULL))
        return;

    doc = virXMLParseStringCtxt(xml, path, NULL);
    g_assert_nonnull(doc);
    qbjTestMark(used, qbjVmSupportFind(NULL, xmlDocGetRootElement(doc)), xmlDocGetRootElement(doc));
}

static void
qbjTestRowUsed(GHashTable *used, const qbjVmSupportRow *row, GString *missing)
{
    g_auto(GStrv) values = g_strsplit(row->values ? row->values : "", " ", -1);
    size_t i;

    /* a group as such stands nowhere */
    if (*row->path == '%' && !strchr(row->path, '/'))
        return;
    if (!g_hash_table_contains(used, row->path))
        g_string_append_printf(missing, "%s\n", row->path);
    for (i = 0; values[i]; i++) {
        g_autofree char *pair = g_strdup_printf("%s=%s", row->path, values[i]);

        if (!g_hash_table_contains(used, pair))
            g_string_append_printf(missing, "%s\n", pair);
    }
}

static void
qbjTestRowsUsed(void)
{
    g_autoptr(GHashTable) used = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autofree char *data = g_build_filename(QBJ_TEST_DATA, "define", NULL);
    g_auto(GStrv) cases = qbjTestCases(data);
    g_autoptr(GString) missing = g_string_new(NULL);
    const qbjVmSupportTable *table;
    const qbjVmSupportRow *row;
    size_t i;

    for (i = 0; cases[i]; i++) {
        g_autofree char *dir = g_build_filename(data, cases[i], NULL);
        g_autofree char *refused = g_build_filename(dir, "error.txt", NULL);

        qbjTestMarkFile(used, dir, "out.xml");
        if (!g_file_test(refused, G_FILE_TEST_EXISTS))
            qbjTestMarkFile(used, dir, "in.xml");
    }

    for (table = qbjVmSupportTables; table->rows; table++) {
        for (row = table->rows; row->path; row++)
            qbjTestRowUsed(used, row, missing);
    }

    g_assert_cmpstr(missing->str, ==, "");
}

/* A row that no other row leads to, or two rows of one path, would be a mistake in the table. */
static void
qbjTestRowSane(GHashTable *paths, const qbjVmSupportRow *row)
{
    const char *attribute = strrchr(row->path, '@');

    if (!g_hash_table_add(paths, (gpointer) (uintptr_t) row->path))
        g_error("two rows for %s", row->path);
    if (attribute && (row->base || row->flags))
        g_error("%s is an attribute and cannot have text, children or a number", row->path);
    if (!attribute && row->values && !(row->flags & QBJ_VM_SUPPORT_TEXT))
        g_error("%s has values but no text", row->path);
    if (row->base && *row->base != '%')
        g_error("%s: base %s is not a group", row->path, row->base);
}

static void
qbjTestRowsSane(void)
{
    g_autoptr(GHashTable) paths = g_hash_table_new(g_str_hash, g_str_equal);
    const qbjVmSupportTable *table;
    const qbjVmSupportRow *row;

    for (table = qbjVmSupportTables; table->rows; table++) {
        for (row = table->rows; row->path; row++)
            qbjTestRowSane(paths, row);
    }
}

/* --- its cost --- */

/* A definition with @count elements of several kinds that are paired in several ways, all of them kept by
 * the parser. */
static char *
qbjTestLarge(size_t count)
{
    g_autoptr(GString) xml = g_string_new("<domain type='qemu'><name>guest</name><memory>65536</memory><metadata>");
    size_t i;

    g_string_append(xml, "<a:x xmlns:a='urn:a'>");
    for (i = 0; i < count; i++)
        g_string_append_printf(xml, "<a:y n='%zu'>t</a:y><a:z%zu/>", i, i);
    g_string_append(xml, "</a:x></metadata><os><type machine='q35'>hvm</type></os><cpu><model>Nehalem</model>");
    for (i = 0; i < count; i++)
        g_string_append_printf(xml, "<feature policy='disable' name='f%zu'/>", count - i);
    g_string_append(xml, "</cpu><devices>");
    for (i = 0; i < count; i++)
        g_string_append_printf(xml, "<serial type='file'><source path='/%zu'/></serial>", i);
    g_string_append(xml, "</devices></domain>");
    return g_string_free(g_steal_pointer(&xml), FALSE);
}

/* Of this thread: whoever else keeps the machine busy does not count. */
static double
qbjTestCpu(void)
{
    struct timespec now;

    g_assert_cmpint(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now), ==, 0);
    return now.tv_sec + now.tv_nsec / 1e9;
}

/* Seconds of the processor for one check, the best of three. */
static double
qbjTestCost(size_t count)
{
    g_autofree char *xml = qbjTestLarge(count);
    g_autoptr(virDomainDef) def = virDomainDefParseString(xml, xmlopt, NULL, VIR_DOMAIN_DEF_PARSE_INACTIVE |
                                                          VIR_DOMAIN_DEF_PARSE_SKIP_VALIDATE);
    double best = G_MAXDOUBLE;
    size_t i;

    if (!def)
        g_error("%s", virGetLastErrorMessage());

    for (i = 0; i < 3; i++) {
        double begin = qbjTestCpu();

        if (qbjVmDefCheckSupported(xml, def, xmlopt) < 0)
            g_error("%s", virGetLastErrorMessage());
        best = MIN(best, qbjTestCpu() - begin);
    }

    return best;
}

/* Whoever may define a domain must not be able to keep the daemon busy. Eight times the size takes eight
 * times the time, and more where it leaves the caches; a square would take 64 times. */
static void
qbjTestLinear(void)
{
    double small = qbjTestCost(500);
    double large = qbjTestCost(4000);

    g_test_message("%.4f s, %.4f s", small, large);
    g_assert_cmpfloat(large, <, small * 40);
}

static void
qbjTestDepth(void)
{
    g_autoptr(GString) xml = g_string_new("<domain type='qemu'><name>guest</name><memory>65536</memory>"
                                          "<os><type>hvm</type></os><metadata>");
    g_autoptr(virDomainDef) def = NULL;
    size_t i;

    for (i = 0; i < 100000; i++)
        g_string_append(xml, "<x>");

    def = qbjTestDefine(xml->str, xmlopt);
    g_assert_null(def);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_XML_DETAIL);
    virResetLastError();
}

/* @named: what the refusal names; NULL: none */
static void
qbjTestOneDestination(const char *xml, const char *named)
{
    g_autoptr(virStorageSource) target = virDomainDiskDefParseSource(xml, xmlopt, VIR_DOMAIN_DEF_PARSE_INACTIVE);

    g_assert_nonnull(target);
    if ((qbjVmDefCheckDestination(xml, target, xmlopt) < 0) != (named != NULL))
        g_error("%s: %s", xml, virGetLastErrorMessage());
    if (named) {
        g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_CONFIG_UNSUPPORTED);
        g_assert_nonnull(strstr(virGetLastErrorMessage(), named));
    }
    virResetLastError();
}

/* Of a copy's destination everything is known, too (01/Y4); its format is not looked at here (01/Y20). */
static void
qbjTestDestination(void)
{
    qbjTestOneDestination("<disk type='file'><source file='/x'/></disk>", NULL);
    qbjTestOneDestination("<disk type='block' device='cdrom'><driver name='qemu' type='dmg' cache='none'/>"
                          "<source dev='/dev/x'/><backingStore/><target dev='sda' bus='sata'/><readonly/>"
                          "<address type='drive' controller='0' bus='0' target='0' unit='0'/></disk>", NULL);
    qbjTestOneDestination("<disk type='file'><driver name='phy' type='raw'/><source file='/x'/></disk>", "'phy'");
    qbjTestOneDestination("<disk type='file'><source file='/x' startupPolicy='optional'/></disk>", "startupPolicy");
    qbjTestOneDestination("<disk type='file'><source file='/x'><ssl verify='no'/></source></disk>", "ssl");
    qbjTestOneDestination("<disk type='file'><source file='/x'/><backingStore type='file'><format type='qcow2'/>"
                          "<source file='/y'><bar/></source></backingStore></disk>", "bar");
    qbjTestOneDestination("<disk type='dir'><source dir='/x'/></disk>", "'dir'");
    qbjTestOneDestination("<disk type='file'><source file='/x' index='7'/><backingStore type='file' index='8'>"
                          "<format type='raw'/><source file='/y'/><backingStore/></backingStore></disk>", NULL);
    qbjTestOneDestination("<disk type='network'><source protocol='iscsi' name='iqn.2003-01.org.example:d/1'>"
                          "<host name='h' port='3260' transport='tcp'/></source></disk>", NULL);
    qbjTestOneDestination("<disk type='network'><source protocol='nbd' name='x'>"
                          "<host transport='unix' socket='/s'/></source></disk>", NULL);
}

/* Known, but not of this destination: it would be ignored. */
static void
qbjTestDestinationIgnored(void)
{
    qbjTestOneDestination("<disk type='file'><source file='/x' dev='/dev/y'/></disk>", "'dev' of");
    qbjTestOneDestination("<disk type='block'><source dev='/dev/x' name='y'/></disk>", "'name' of");
    qbjTestOneDestination("<disk type='file'><source file='/x'><host name='h'/></source></disk>", "source/host");
    qbjTestOneDestination("<disk type='network'><source protocol='nbd' name='x' file='/x'><host name='h'/>"
                          "</source></disk>", "'file' of");
    qbjTestOneDestination("<disk type='file'><source file='/x'/><backingStore type='file'><format type='qcow2'/>"
                          "<source file='/y' dev='/dev/y'/></backingStore></disk>", "'dev' of");
}

int
main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    cache = qbjTestCapsCache();
    if (virInitialize() < 0 || !(xmlopt = qbjTestDefOption(cache)))
        g_error("cannot start: %s", virGetLastErrorMessage());
    virSetErrorFunc(NULL, qbjTestQuiet);

    g_test_add_func("/support/table/sane", qbjTestRowsSane);
    g_test_add_func("/support/table/used", qbjTestRowsUsed);

    g_test_add_func("/support/destination", qbjTestDestination);
    g_test_add_func("/support/destination-ignored", qbjTestDestinationIgnored);
    g_test_add_func("/support/cost/linear", qbjTestLinear);
    g_test_add_func("/support/cost/depth", qbjTestDepth);

    ret = g_test_run();
    virObjectUnref(xmlopt);
    qbjVmCapsCacheFree(cache);
    return ret;
}
