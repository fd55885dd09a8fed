/* What block jobs forbid (core/guard_operation.h): the whole matrix as one golden file, to be read beside
 * behaviour/07 G3; the same against the stock driver's cells; and the rules that have no column there. */
#include <config.h>

#include "internal.h"
#include "guard_operation.h"
#include "statusfixture.h"
#include "virstring.h"

#define BUSY "sda"
#define OTHER "sdb"
#define JOB "job"

/* The columns of 07/G3. */
static const struct {
    const char *name;
    qbjJobType type;
    qbjJobState state;
} columns[] = {
    { "none", QBJ_TYPE_LAST, QBJ_STATE_LAST },
    { "pull", QBJ_TYPE_PULL, QBJ_STATE_RUNNING },
    { "commit", QBJ_TYPE_COMMIT, QBJ_STATE_RUNNING },
    { "act. commit", QBJ_TYPE_ACTIVE_COMMIT, QBJ_STATE_RUNNING },
    { "act. commit ready", QBJ_TYPE_ACTIVE_COMMIT, QBJ_STATE_READY },
    { "copy", QBJ_TYPE_COPY, QBJ_STATE_RUNNING },
    { "copy ready", QBJ_TYPE_COPY, QBJ_STATE_READY },
    { "backup", QBJ_TYPE_BACKUP, QBJ_STATE_RUNNING },
};

static int
ask(qbjOperation operation, qbjJobType type, qbjJobState state, const char *disk, qbjRefusal *refusal)
{
    qbjOperationJob job = { .type = type, .state = state, .name = JOB, .disk = BUSY };
    const char *disks[] = { disk, NULL };

    return qbjGuardOperation(operation, &job, type == QBJ_TYPE_LAST ? 0 : 1, disk ? disks : NULL, refusal);
}

/* "+", or code and message. */
static char *
cell(qbjOperation operation, size_t column, const char *disk)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    int rc = ask(operation, columns[column].type, columns[column].state, disk, &refusal);

    g_assert_cmpint(rc, ==, refusal.code == VIR_ERR_OK ? 0 : -1);
    return rc == 0 ? g_strdup("+") : g_strdup_printf("%d %s", refusal.code, refusal.message);
}

/* --- the whole matrix --- */

/* R1, R2, ... in the order in which they come. */
static char *
shortcut(GPtrArray *known, const char *text)
{
    size_t i;

    if (STREQ(text, "+"))
        return g_strdup(text);
    for (i = 0; i < known->len && STRNEQ(g_ptr_array_index(known, i), text); i++)
        ;
    if (i == known->len)
        g_ptr_array_add(known, g_strdup(text));
    return g_strdup_printf("R%zu", i + 1);
}

static char *
cellBeside(qbjOperation operation)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;

    return qbjGuardBeside(operation, "save", &refusal) == 0
           ? g_strdup("+") : g_strdup_printf("%d %s", refusal.code, refusal.message);
}

static void
appendRow(GString *text, GPtrArray *known, qbjOperation operation, const char *disk, const char *word)
{
    g_autofree char *head = *word ? g_strdup_printf("%s [%s]", qbjOperationTypeToString(operation), word)
                                  : g_strdup(qbjOperationTypeToString(operation));
    g_autofree char *beside = cellBeside(operation);
    g_autofree char *last = NULL;
    size_t column;

    g_string_append_printf(text, "%-32s", head);
    for (column = 0; column < G_N_ELEMENTS(columns); column++) {
        g_autofree char *whole = cell(operation, column, disk);
        g_autofree char *brief = shortcut(known, whole);

        g_string_append_printf(text, " | %-*s", (int) strlen(columns[column].name), brief);
    }
    last = shortcut(known, beside);
    g_string_append_printf(text, " | %s\n", last);
}

static void
testMatrix(void)
{
    g_autoptr(GString) text = g_string_new("# What block jobs forbid. The job is on the disk [same]; +: allowed. "
                                           "The last column: no job, a save.\n\n");
    g_autoptr(GPtrArray) known = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *path = g_build_filename(QBJ_TEST_DATA, "guard", "matrix.txt", NULL);
    size_t i;

    g_string_append_printf(text, "%-32s", "operation [disk]");
    for (i = 0; i < G_N_ELEMENTS(columns); i++)
        g_string_append_printf(text, " | %s", columns[i].name);
    g_string_append(text, " | save\n");
    for (i = 0; i < QBJ_OPERATION_LAST; i++) {
        if (!qbjGuardOperationHasDisks(i) || i == QBJ_OPERATION_SNAPSHOT_MEMORY)
            appendRow(text, known, i, NULL, "");
        if (qbjGuardOperationHasDisks(i)) {
            appendRow(text, known, i, BUSY, "same");
            appendRow(text, known, i, OTHER, "other");
        }
    }
    g_string_append(text, "\n");
    for (i = 0; i < known->len; i++)
        g_string_append_printf(text, "R%zu = %s\n", i + 1, (const char *) g_ptr_array_index(known, i));
    qbjTestCompareFile(text->str, path);
}

/* --- against the stock driver --- */

/* The lines of a file that are not empty, in fields. */
static GPtrArray *
readRows(const char *name, const char *separator)
{
    g_autofree char *path = g_build_filename(QBJ_TEST_DATA, "guard", name, NULL);
    GPtrArray *rows = g_ptr_array_new_with_free_func((GDestroyNotify) g_strfreev);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    size_t i;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", 0);
    for (i = 0; lines[i]; i++) {
        if (*lines[i] && *lines[i] != '#' && strstr(lines[i], separator))
            g_ptr_array_add(rows, g_strsplit(lines[i], separator, 0));
    }
    return rows;
}

/* "84 Operation not supported: disk 'X' ..." of E5. */
static const char *
stockError(GPtrArray *errors, const char *name)
{
    size_t i;

    for (i = 0; i < errors->len; i++) {
        char **fields = g_ptr_array_index(errors, i);

        if (STREQ(fields[0], name))
            return fields[1];
    }
    g_error("%s is not in stock.txt", name);
}

/* The same code, and the same words behind libvirt's own for the code. */
static bool
sameError(const char *ours, const char *stock)
{
    g_autofree char *disk = virStringReplace(stock, "'X'", "'" BUSY "'");
    g_autofree char *text = virStringReplace(disk, "'NAME'", "'" JOB "'");
    const char *words = strchr(ours, ' ');

    /* 01/J1: the one message that names a disk without quotes */
    if (strstr(ours, "does not have an active block job"))
        return g_str_has_prefix(stock, "8 ") && g_str_has_prefix(ours, "8 ");
    return atoi(ours) == atoi(text) && words && g_str_has_suffix(text, words);
}

/* The line of wanted.txt for this cell, which is marked as used. */
static bool
isWanted(GPtrArray *wanted, char **row, size_t column, const char *ours)
{
    bool found = false;
    size_t i;

    for (i = 0; i < wanted->len; i++) {
        char **fields = g_ptr_array_index(wanted, i);

        if (STRNEQ(fields[0], row[0]) || STRNEQ(fields[1], row[1]) || !g_str_has_suffix(ours, fields[3]) ||
            (STRNEQ(fields[2], columns[column].name) && (STRNEQ(fields[2], "*") || column == 0)))
            continue;
        g_assert_cmpuint(g_strv_length(fields), ==, 5);
        fields[4][0] = '!';             /* used */
        found = true;
    }
    return found;
}

static bool
checkCell(GPtrArray *errors, GPtrArray *wanted, char **row, size_t column)
{
    qbjOperation operation = qbjOperationTypeFromString(row[0]);
    const char *disk = STREQ(row[1], "same") ? BUSY : STREQ(row[1], "other") ? OTHER : NULL;
    const char *stock = row[3 + column];
    g_autofree char *ours = cell(operation, column, disk);

    /* what is refused without a job, too, is not for this table to say */
    if (STRNEQ(stock, "+") && STREQ(stock, row[3]) && STRNEQ(stock, "E26"))
        return column > 0 || STREQ(ours, "+");
    if (STREQ(stock, "+") ? STREQ(ours, "+") : sameError(ours, stockError(errors, stock)))
        return true;
    if (isWanted(wanted, row, column, ours))
        return true;
    g_test_message("%s, %s: %s, the stock driver: %s", row[2], columns[column].name, ours, stock);
    return false;
}

static void
testStock(void)
{
    g_autoptr(GPtrArray) rows = readRows("stock.txt", " | ");
    g_autoptr(GPtrArray) errors = readRows("stock.txt", " = ");
    g_autoptr(GPtrArray) wanted = readRows("wanted.txt", " | ");
    bool seen[QBJ_OPERATION_LAST] = { false };
    size_t wrong = 0;
    size_t column;
    size_t i;

    g_assert_cmpuint(rows->len, ==, 186);
    for (i = 0; i < rows->len; i++) {
        char **row = g_ptr_array_index(rows, i);
        int operation = qbjOperationTypeFromString(row[0]);

        g_assert_cmpint(operation, >=, 0);
        g_assert_cmpuint(g_strv_length(row), ==, 3 + G_N_ELEMENTS(columns));
        seen[operation] = true;
        for (column = 0; column < G_N_ELEMENTS(columns); column++)
            wrong += !checkCell(errors, wanted, row, column);
    }
    for (i = 0; i < QBJ_OPERATION_LAST; i++)
        g_assert_true(seen[i]);
    for (i = 0; i < wanted->len; i++) {
        char **fields = g_ptr_array_index(wanted, i);

        if (fields[4][0] != '!')
            g_error("wanted.txt: no cell needs '%s, %s, %s'", fields[0], fields[1], fields[2]);
    }
    g_assert_cmpuint(wrong, ==, 0);
}

/* --- rules without a column --- */

/* G1.1: every state until the end counts, and no job is none. */
static void
testStates(void)
{
    static const qbjOperation operations[] = { QBJ_OPERATION_SAVE, QBJ_OPERATION_DETACH, QBJ_OPERATION_DEFINE };
    size_t state;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(operations); i++) {
        for (state = 0; state < QBJ_STATE_LAST; state++) {
            g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
            bool ended = state == QBJ_STATE_DONE || state == QBJ_STATE_FAILED;

            g_assert_cmpint(ask(operations[i], QBJ_TYPE_COPY, state, BUSY, &refusal), ==, ended ? 0 : -1);
            g_assert_cmpint(refusal.code == VIR_ERR_OK, ==, ended);
        }
        g_assert_cmpint(qbjGuardOperation(operations[i], NULL, 0, NULL, NULL), ==, 0);
    }
}

/* G1.3: the busy disk is named before the busy domain is, whichever job comes first. */
static void
testOrder(void)
{
    const qbjOperationJob jobs[] = {
        { .type = QBJ_TYPE_PULL, .state = QBJ_STATE_RUNNING, .name = "one", .disk = "sda" },
        { .type = QBJ_TYPE_COPY, .state = QBJ_STATE_READY, .name = "two", .disk = "sdb" },
    };
    static const char *const disks[] = { "sdc", "sdb", NULL };
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;

    g_assert_cmpint(qbjGuardOperation(QBJ_OPERATION_SNAPSHOT_MEMORY, jobs, 2, disks, &refusal), ==, -1);
    g_assert_cmpint(refusal.code, ==, VIR_ERR_BLOCK_COPY_ACTIVE);
    g_assert_cmpstr(refusal.message, ==, "disk 'sdb' already in active block job");
}

/* --- definitions --- */

/* A disk for each TARGET:IMAGE in @disks. */
static virDomainDef *
definition(virDomainXMLOption *xmlopt, const char *disks)
{
    g_auto(GStrv) parts = g_strsplit(disks, " ", 0);
    g_autoptr(GString) xml = g_string_new("<domain type='qemu'><name>n</name><memory>1024</memory>"
                                          "<os><type>hvm</type></os><devices>");
    virDomainDef *def;
    size_t i;

    for (i = 0; parts[i] && *parts[i]; i++) {
        g_auto(GStrv) both = g_strsplit(parts[i], ":", 2);

        g_string_append_printf(xml, "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
                               "<source file='/%s'/><target dev='%s' bus='scsi'/></disk>", both[1], both[0]);
    }
    g_string_append(xml, "</devices></domain>");
    def = virDomainDefParseString(xml->str, xmlopt, NULL, VIR_DOMAIN_DEF_PARSE_INACTIVE);
    g_assert_nonnull(def);
    return def;
}

static const struct {
    const char *live;
    const char *present;        /* NULL: transient */
    const char *next;
    bool allowed;
} definitions[] = {
    { "sda:a sdb:b", "sda:a sdb:b", "sda:a sdb:b", true },
    { "sda:a sdb:b", "sda:a sdb:b", "sda:a sdb:x", true },
    { "sda:a sdb:b", "sda:a sdb:b", "sda:a", true },
    { "sda:a sdb:b", "sda:a sdb:b", "sda:a sdb:b sdc:c", true },
    { "sda:a sdb:b", "sda:a sdb:b", "sdb:b", false },
    { "sda:a sdb:b", "sda:a sdb:b", "sda:x sdb:b", false },
    { "sda:a sdb:b", "sda:a sdb:b", "sdc:a sdb:b", false },
    { "sda:a sdb:b", "sda:a sdb:b", "sda:b sdb:a", false },
    { "sda:a", "sda:x", "sda:y", true },
    { "sda:a", "sda:x", "", true },
    { "sda:a", "", "", true },
    { "sda:a", "", "sda:x", true },
    { "sda:a", NULL, "sda:x", true },
    { "sda:a", NULL, "", true },
    { "sdb:b", "sda:a sdb:b", "sdb:b", true },
};

static void
testDefinition(void)
{
    const qbjOperationJob job = { .type = QBJ_TYPE_PULL, .state = QBJ_STATE_RUNNING, .name = JOB, .disk = BUSY };
    virDomainXMLOption *xmlopt = qbjTestXMLOption();
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(definitions); i++) {
        g_autoptr(virDomainDef) live = definition(xmlopt, definitions[i].live);
        g_autoptr(virDomainDef) present = definitions[i].present ? definition(xmlopt, definitions[i].present) : NULL;
        g_autoptr(virDomainDef) next = definition(xmlopt, definitions[i].next);
        g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;

        g_test_message("%s: %s -> %s", definitions[i].live, NULLSTR(definitions[i].present), definitions[i].next);
        g_assert_cmpint(qbjGuardDefinition(&job, 1, live, present, next, &refusal), ==,
                        definitions[i].allowed ? 0 : -1);
        g_assert_cmpstr(refusal.message, ==, definitions[i].allowed ? NULL : "disk 'sda' has active block job 'job'");
    }
    virObjectUnref(xmlopt);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/guard/matrix", testMatrix);
    g_test_add_func("/guard/stock", testStock);
    g_test_add_func("/guard/states", testStates);
    g_test_add_func("/guard/order", testOrder);
    g_test_add_func("/guard/definition", testDefinition);
    return g_test_run();
}
