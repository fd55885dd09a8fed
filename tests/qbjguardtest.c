/* What block jobs forbid: the whole matrix of core/guard_operation.h as one golden file (behaviour/07 G3),
 * and the rules that have no column there. */
#include <config.h>

#include "internal.h"
#include "guard_operation.h"
#include "statusfixture.h"

/* The columns of 07/G3. */
static const struct {
    const char *name;
    qbjJobType type;
    qbjJobState state;
} columns[] = {
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
    qbjOperationJob job = { .type = type, .state = state, .name = "job", .disk = "sda" };
    const char *disks[] = { disk, NULL };

    return qbjGuardOperation(operation, &job, 1, disk ? disks : NULL, refusal);
}

static void
appendCell(GString *text, qbjOperation operation, size_t column, const char *disk)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    int rc = ask(operation, columns[column].type, columns[column].state, disk, &refusal);

    g_assert_cmpint(rc, ==, refusal.code == VIR_ERR_OK ? 0 : -1);
    if (rc == 0)
        g_string_append_printf(text, "  %-18s +\n", columns[column].name);
    else
        g_string_append_printf(text, "  %-18s %d %s\n", columns[column].name, refusal.code, refusal.message);
}

static void
testMatrix(void)
{
    static const char *const disks[] = { NULL, "sda", "sdb" };
    static const char *const words[] = { "no disk", "same", "other" };
    g_autoptr(GString) text = g_string_new("# operation [disk that it changes; the job is on sda]: code and message, "
                                           "+: allowed\n");
    g_autofree char *path = g_build_filename(QBJ_TEST_DATA, "guard", "matrix.txt", NULL);
    size_t operation;
    size_t disk;
    size_t column;

    for (operation = 0; operation < QBJ_OPERATION_LAST; operation++) {
        for (disk = 0; disk < G_N_ELEMENTS(disks); disk++) {
            g_string_append_printf(text, "%s [%s]\n", qbjOperationTypeToString(operation), words[disk]);
            for (column = 0; column < G_N_ELEMENTS(columns); column++)
                appendCell(text, operation, column, disks[disk]);
        }
    }
    qbjTestCompareFile(text->str, path);
}

/* G1.1: every state until the end counts, and no job is none. */
static void
testStates(void)
{
    size_t state;

    for (state = 0; state < QBJ_STATE_LAST; state++) {
        g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
        bool ended = state == QBJ_STATE_DONE || state == QBJ_STATE_FAILED;

        g_assert_cmpint(ask(QBJ_OPERATION_SAVE, QBJ_TYPE_COPY, state, NULL, &refusal), ==, ended ? 0 : -1);
        g_assert_cmpint(refusal.code, ==, ended ? VIR_ERR_OK : VIR_ERR_OPERATION_INVALID);
    }
    g_assert_cmpint(qbjGuardOperation(QBJ_OPERATION_SAVE, NULL, 0, NULL, NULL), ==, 0);
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

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/guard/matrix", testMatrix);
    g_test_add_func("/guard/states", testStates);
    g_test_add_func("/guard/order", testOrder);
    return g_test_run();
}
