/* Every cell of the tables of core/job.h as golden text, so that a change of a row is seen in each cell it
 * touches.
 *
 * tests/qemublockjobdata/job/moves.txt: state x event x kind; verbs.txt: state x verb x kind; names.txt: per
 * state.
 * What must hold for all cells: qbjjoblawtest.c. */
#include <config.h>

#include "internal.h"
#include "job.h"
#include "statusfixture.h"
#include "virbuffer.h"

static const qbjJobKind kinds[] = { QBJ_KIND_A, QBJ_KIND_B, QBJ_KIND_C };
static const char kindNames[] = "ABC";

static void
qbjTestFormatCell(virBuffer *buf, qbjJobState state, qbjJobEvent event, size_t kind)
{
    const qbjJobMove *move = qbjJobMoveFind(kinds[kind], state, event);
    g_autofree char *text = NULL;

    if (move)
        text = g_strdup_printf("%s [%s] %s", qbjJobStateTypeToString(move->next),
                               qbjJobActionTypeToString(move->action), qbjJobSaveTypeToString(move->save));

    virBufferAsprintf(buf, "  %c: %-46s", kindNames[kind], text ? text : "-");
}

static void
qbjTestMovesGolden(void)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    g_autofree char *text = NULL;
    int state;
    int event;
    size_t k;

    for (state = 0; state < QBJ_STATE_LAST; state++) {
        virBufferAsprintf(&buf, "%s\n", qbjJobStateTypeToString(state));
        for (event = 0; event < QBJ_EVENT_LAST; event++) {
            virBufferAsprintf(&buf, "  %-13s", qbjJobEventTypeToString(event));
            for (k = 0; k < G_N_ELEMENTS(kinds); k++)
                qbjTestFormatCell(&buf, state, event, k);
            virBufferTrimChars(&buf, " ");
            virBufferAddLit(&buf, "\n");
        }
    }

    text = virBufferContentAndReset(&buf);
    qbjTestCompareFile(text, QBJ_TEST_DATA "/job/moves.txt");
}

static void
qbjTestVerbsGolden(void)
{
    static const qbjJobType types[] = { QBJ_TYPE_ACTIVE_COMMIT, QBJ_TYPE_COMMIT, QBJ_TYPE_BACKUP };
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    g_autofree char *text = NULL;
    size_t t;
    int state;
    int verb;

    for (state = 0; state < QBJ_STATE_LAST; state++) {
        virBufferAsprintf(&buf, "%s\n", qbjJobStateTypeToString(state));
        for (verb = 0; verb < QBJ_VERB_LAST; verb++) {
            for (t = 0; t < G_N_ELEMENTS(types); t++) {
                g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
                int rc = qbjJobVerbCheck(types[t], state, verb, "job-vda", "vda", &refusal);

                g_assert_cmpint(rc, ==, refusal.code == VIR_ERR_OK ? 0 : -1);
                virBufferAsprintf(&buf, "  %-9s  %c: ", qbjJobVerbTypeToString(verb), kindNames[t]);
                if (rc == 0)
                    virBufferAddLit(&buf, "allowed\n");
                else
                    virBufferAsprintf(&buf, "%d %s\n", refusal.code, refusal.message);
            }
        }
    }

    text = virBufferContentAndReset(&buf);
    qbjTestCompareFile(text, QBJ_TEST_DATA "/job/verbs.txt");
}

static void
qbjTestNamesGolden(void)
{
    static const char *const stock[] = { "completed", "failed", "cancelled", "ready", "new", "running", "concluded",
                                         "aborting", "pending", "pivoting", NULL };
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    g_autofree char *text = NULL;
    int state;
    int type;

    for (state = 0; state < QBJ_STATE_LAST; state++) {
        g_assert_true(g_strv_contains(stock, qbjJobStateToStock(state)));
        virBufferAsprintf(&buf, "%-16s  stock: %-9s  holds guest: %-3s  final: %s\n", qbjJobStateTypeToString(state),
                          qbjJobStateToStock(state), qbjJobStateHoldsGuest(state) ? "yes" : "no",
                          qbjJobStateIsFinal(state) ? "yes" : "no");
    }
    for (type = 0; type < QBJ_TYPE_LAST; type++) {
        virBufferAsprintf(&buf, "type %-13s  kind: %c\n", qbjJobTypeTypeToString(type),
                          qbjJobTypeKind(type) == QBJ_KIND_A ? 'A' : qbjJobTypeKind(type) == QBJ_KIND_B ? 'B' : 'C');
    }

    text = virBufferContentAndReset(&buf);
    qbjTestCompareFile(text, QBJ_TEST_DATA "/job/names.txt");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/job/golden/moves", qbjTestMovesGolden);
    g_test_add_func("/job/golden/verbs", qbjTestVerbsGolden);
    g_test_add_func("/job/golden/names", qbjTestNamesGolden);

    return g_test_run();
}
