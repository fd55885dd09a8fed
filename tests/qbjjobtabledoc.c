/* Writes docs/kbase/internals/jobstates.rst from the tables of core/job.h, or fails when that file is out of
 * date:
 * QBJ_REGENERATE=1 rewrites it. */
#include <config.h>

#include "internal.h"
#include "job.h"
#include "statusfixture.h"
#include "virbuffer.h"

static const char intro[] =
    ".. This file is written by tests/qbjjobtabledoc.c from core/job_table.c and core/job_verb.c: change those.\n"
    "\n"
    "================\n"
    "Block job states\n"
    "================\n"
    "\n"
    ".. contents::\n"
    "\n"
    "The life of a block job is a table: in a state, an event leads to another state and names an action. The\n"
    "engine looks the row up, saves the job's record, and carries the action out; how that ends is the next event.\n"
    "A pair without a row changes nothing.\n"
    "\n"
    "Three kinds of jobs share the table:\n"
    "\n"
    "A\n"
    "  switches the guest's device to another image: active commit, copy\n"
    "B\n"
    "  shortens the backing chain below the same active image: intermediate commit, pull\n"
    "C\n"
    "  changes nothing for the guest: backup, create\n"
    "\n"
    "A record is saved *before* the action where a restarted daemon must know of it; *try*: after it, because the older\n"
    "record leads to another way out than a client has been told; *soon*: when nothing else is to do for the VM, because\n"
    "the older record resumes to the same end; *no* also where the guest is held and nothing may wait for a disk. *done*\n"
    "means that the action which led there has saved it.\n"
    "\n";

/* What is true in a state; a new state without a line here does not compile. */
static const char *const meanings[] = {
    [QBJ_STATE_PLANNED] = "The plan exists in memory, nothing has been done.",
    [QBJ_STATE_PREPARING] = "The record with the whole plan is saved; access rights and nodes are being made.",
    [QBJ_STATE_STARTING] = "The start command may have been sent.",
    [QBJ_STATE_RUNNING] = "QEMU copies.",
    [QBJ_STATE_READY] = "Both images are in sync and stay so; the client decides.",
    [QBJ_STATE_PIVOTING] = "``job-complete`` may have been sent. Only a forced cancel can call it off.",
    [QBJ_STATE_PENDING] = "The guest's I/O is held, old and new are equal; no definition names new yet.",
    [QBJ_STATE_COMMITTED] = "Both definitions name new, durably. A cancel is refused.",
    [QBJ_STATE_PREFLUSH] = "QEMU waits for finalize; parent made writable, bitmaps merged, written image flushed.",
    [QBJ_STATE_FINALIZING] = "``job-finalize`` may have been sent; old and new are both right.",
    [QBJ_STATE_CANCELLING] = "A cancel of the recorded kind may have been sent.",
    [QBJ_STATE_CALLING_OFF] = "A forced cancel may have been sent, perhaps after ``job-complete``.",
    [QBJ_STATE_CONCLUDED] = "QEMU is done; which chain is in force is being found out.",
    [QBJ_STATE_SETTLING] = "The outcome is known and goes into both definitions.",
    [QBJ_STATE_SETTLING_OFFLINE] = "QEMU has ended; the record says which chain is right.",
    [QBJ_STATE_SETTLED] = "The definitions are right and durable; nodes, rights and the dismissal remain.",
    [QBJ_STATE_CLEANING] = "The rest: nodes and rights, and last of all the files that shall go.",
    [QBJ_STATE_DONE] = "The final event is out, the record is dropped.",
    [QBJ_STATE_ROLLBACK] = "The start failed; what was prepared is being undone.",
    [QBJ_STATE_FAILED] = "The job never ran; the record is dropped.",
    [QBJ_STATE_BROKEN] = "Something could not be settled. The job stays visible; aborting it tries again.",
};
G_STATIC_ASSERT(G_N_ELEMENTS(meanings) == QBJ_STATE_LAST);

static void
qbjDocHeading(virBuffer *buf, const char *text, char line)
{
    g_autofree char *rule = g_strnfill(strlen(text), line);

    virBufferAsprintf(buf, "%s\n%s\n\n", text, rule);
}

static void
qbjDocTable(virBuffer *buf, const char *widths, const char *const *columns)
{
    size_t i;

    virBufferAsprintf(buf, ".. list-table::\n   :header-rows: 1\n   :widths: %s\n\n", widths);
    for (i = 0; columns[i]; i++)
        virBufferAsprintf(buf, "   %c - %s\n", i == 0 ? '*' : ' ', columns[i]);
}

static char *
qbjDocKinds(unsigned int kinds)
{
    return g_strdup_printf("%s%s%s", kinds & QBJ_KIND_A ? "A" : "", kinds & QBJ_KIND_B ? "B" : "",
                           kinds & QBJ_KIND_C ? "C" : "");
}

static void
qbjDocMoves(virBuffer *buf, qbjJobState state)
{
    static const char *const columns[] = { "event", "kinds", "next state", "action", "record saved", NULL };
    size_t nmoves;
    const qbjJobMove *moves = qbjJobMoves(&nmoves);
    size_t i;

    qbjDocTable(buf, "20 10 25 30 15", columns);
    for (i = 0; i < nmoves; i++) {
        g_autofree char *kinds = qbjDocKinds(moves[i].kinds);

        if (moves[i].state != state)
            continue;
        virBufferAsprintf(buf, "   * - %s\n     - %s\n     - %s\n     - %s\n     - %s\n",
                          qbjJobEventTypeToString(moves[i].event), kinds,
                          qbjJobStateTypeToString(moves[i].next), qbjJobActionTypeToString(moves[i].action),
                          qbjJobSaveTypeToString(moves[i].save));
    }
    virBufferAddLit(buf, "\n");
}

static void
qbjDocStates(virBuffer *buf)
{
    int state;

    qbjDocHeading(buf, "States", '-');
    for (state = 0; state < QBJ_STATE_LAST; state++) {
        qbjDocHeading(buf, qbjJobStateTypeToString(state), '~');
        virBufferAsprintf(buf, "%s\n\n", meanings[state]);
        qbjDocMoves(buf, state);
    }
}

static void
qbjDocVerbCell(virBuffer *buf, qbjJobType type, qbjJobState state, qbjJobVerb verb)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;

    if (qbjJobVerbCheck(type, state, verb, "NAME", "DISK", &refusal) == 0)
        virBufferAddLit(buf, "     - yes\n");
    else
        virBufferAsprintf(buf, "     - error %d: %s\n", refusal.code, refusal.message);
}

static void
qbjDocVerbs(virBuffer *buf)
{
    static const char *const columns[] = { "state", "active commit, copy", "intermediate commit, pull",
                                           "backup", NULL };
    static const char *const titles[] = { "Pivot", "Abort", "Set the speed", "Ask for progress",
                                          "Start another job on the disk" };
    int verb;
    int state;

    G_STATIC_ASSERT(G_N_ELEMENTS(titles) == QBJ_VERB_LAST);

    qbjDocHeading(buf, "What a client may do", '-');
    virBufferAddLit(buf, "Numbers of errors are those of ``virErrorNumber``.\n\n");
    for (verb = 0; verb < QBJ_VERB_LAST; verb++) {
        qbjDocHeading(buf, titles[verb], '~');
        qbjDocTable(buf, "16 28 28 28", columns);
        for (state = 0; state < QBJ_STATE_LAST; state++) {
            virBufferAsprintf(buf, "   * - %s\n", qbjJobStateTypeToString(state));
            qbjDocVerbCell(buf, QBJ_TYPE_ACTIVE_COMMIT, state, verb);
            qbjDocVerbCell(buf, QBJ_TYPE_COMMIT, state, verb);
            qbjDocVerbCell(buf, QBJ_TYPE_BACKUP, state, verb);
        }
        virBufferAddLit(buf, "\n");
    }
}

static void
qbjDocUpToDate(const void *path)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    g_autofree char *text = NULL;

    virBufferAdd(&buf, intro, -1);
    qbjDocStates(&buf);
    qbjDocVerbs(&buf);
    virBufferTrimLen(&buf, 1);

    text = virBufferContentAndReset(&buf);
    qbjTestCompareFile(text, path);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/job/doc/jobstates.rst", QBJ_TEST_DOCS "/kbase/internals/jobstates.rst", qbjDocUpToDate);
    return g_test_run();
}
