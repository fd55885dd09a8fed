/* The block-job protocol, proved by exhaustion: a model of one job (model_world.h) goes through every order
 * of steps, crashes and failures, over the very table that the driver compiles in.
 *
 * The first part must find nothing. The second spoils the table or the order of the engine's steps, one
 * mistake at a time, and must find it: a model that cannot find anything proves nothing. */
#include <config.h>

#include "internal.h"
#include "model_explore.h"
#include "model_mistakes.h"

static const modelSetup setups[] = {
    { .name = "active-commit", .type = QBJ_TYPE_ACTIVE_COMMIT },
    { .name = "active-commit-finalize-fails", .type = QBJ_TYPE_ACTIVE_COMMIT, .finalizeFails = true },
    { .name = "active-commit-others", .type = QBJ_TYPE_ACTIVE_COMMIT, .foreign = true },
    { .name = "active-commit-unreadable", .type = QBJ_TYPE_ACTIVE_COMMIT, .unreadable = true },
    { .name = "group", .type = QBJ_TYPE_ACTIVE_COMMIT, .group = true },
    { .name = "group-finalize-fails", .type = QBJ_TYPE_ACTIVE_COMMIT, .group = true, .finalizeFails = true,
      .slow = true },
    { .name = "copy", .type = QBJ_TYPE_COPY },
    { .name = "copy-others", .type = QBJ_TYPE_COPY, .foreign = true, .slow = true },
    { .name = "commit", .type = QBJ_TYPE_COMMIT },
    { .name = "commit-others", .type = QBJ_TYPE_COMMIT, .foreign = true },
    { .name = "commit-unreadable", .type = QBJ_TYPE_COMMIT, .unreadable = true },
    { .name = "pull", .type = QBJ_TYPE_PULL },
    { .name = "pull-finalize-fails", .type = QBJ_TYPE_PULL, .finalizeFails = true },
    { .name = "pull-others", .type = QBJ_TYPE_PULL, .foreign = true },
    { .name = "active-commit-stops", .type = QBJ_TYPE_ACTIVE_COMMIT, .stops = true, .finalizeFails = true },
    { .name = "active-commit-stops-suspends", .type = QBJ_TYPE_ACTIVE_COMMIT, .stops = true, .suspends = true,
      .finalizeFails = true, .slow = true },
    { .name = "active-commit-stock", .type = QBJ_TYPE_ACTIVE_COMMIT, .stock = true },
    { .name = "active-commit-stock-stops", .type = QBJ_TYPE_ACTIVE_COMMIT, .stock = true, .stops = true,
      .suspends = true },
    { .name = "copy-stops", .type = QBJ_TYPE_COPY, .stops = true, .finalizeFails = true, .slow = true },
    { .name = "copy-stock", .type = QBJ_TYPE_COPY, .stock = true },
    { .name = "copy-stock-stops", .type = QBJ_TYPE_COPY, .stock = true, .stops = true, .suspends = true,
      .slow = true },
    { .name = "commit-stock", .type = QBJ_TYPE_COMMIT, .stock = true },
    { .name = "pull-stock", .type = QBJ_TYPE_PULL, .stock = true },
    { .name = "active-commit-notes", .type = QBJ_TYPE_ACTIVE_COMMIT, .notes = true },
    { .name = "commit-notes", .type = QBJ_TYPE_COMMIT, .notes = true },
    { .name = "copy-notes", .type = QBJ_TYPE_COPY, .notes = true },
    { .name = "backup", .type = QBJ_TYPE_BACKUP },
    { .name = "backup-finalize-fails", .type = QBJ_TYPE_BACKUP, .finalizeFails = true },
};

static modelSeen seen;

static void
modelTestSetup(const void *opaque)
{
    const modelSetup *setup = opaque;

    /* the rows of a group are some of those of one disk */
    g_assert_cmpstr(modelExplore(setup, qbjJobMoveFind, MODEL_RIGHT, setup->group ? NULL : &seen, false), ==, NULL);
}

/* ---- what the model met ---- */

#define A QBJ_KIND_A
#define B QBJ_KIND_B
#define C QBJ_KIND_C

/* Rows that the model does not get to: all of them, each for a reason. */
typedef struct _modelUnused modelUnused;
struct _modelUnused {
    qbjJobState state;
    qbjJobEvent event;
    unsigned int kinds;
};

static const modelUnused unused[] = {
    /* PLANNED is never saved, and left within the call that enters it. The law that each state can be resumed
     * has no exceptions. */
    { QBJ_STATE_PLANNED, QBJ_EVENT_RESUME, A | B | C },
    { QBJ_STATE_PLANNED, QBJ_EVENT_VM_GONE, A | B | C },
    /* The verb table refuses a cancel once the pivot was asked for. */
    { QBJ_STATE_PIVOTING, QBJ_EVENT_CANCEL, A },
    { QBJ_STATE_PENDING, QBJ_EVENT_CANCEL, A },
    /* No action that PENDING names ends so: SWITCH tells the two kinds of failure apart. */
    { QBJ_STATE_PENDING, QBJ_EVENT_FAILED, A },
    /* LOOK_AT_ROOT takes what is not new for old, unless the record does not say what new is: then nobody
     * switches. */
    { QBJ_STATE_CONCLUDED, QBJ_EVENT_NEITHER, A },
    /* A dismissed job: "not found" is OK to FINISH. A, B: QEMU is asked when a job that the stock driver has
     * begun seems to be pending. */
    { QBJ_STATE_SETTLED, QBJ_EVENT_GONE, C },
    /* The state is saved by no move; the end of a VM starts with VM_GONE. */
    { QBJ_STATE_SETTLING_OFFLINE, QBJ_EVENT_RESUME, A | B | C },
    /* QEMU answers commands in order: once it has said that there is no job, a start command that it was sent
     * before starts none. For a QEMU that does otherwise. */
    { QBJ_STATE_ROLLBACK, QBJ_EVENT_RUNNING, A | B | C },
    { QBJ_STATE_ROLLBACK, QBJ_EVENT_READY, A },
    { QBJ_STATE_ROLLBACK, QBJ_EVENT_PENDING, A | B | C },
    { QBJ_STATE_ROLLBACK, QBJ_EVENT_CONCLUDED, A | B | C },
    /* The definitions do not change in a backup; and other people's dismissal of one is not in the model, for
     * the engine has no plan of a backup yet. */
    { QBJ_STATE_SETTLING, QBJ_EVENT_SAVE_FAILED, C },
    { QBJ_STATE_SETTLING, QBJ_EVENT_TIMEOUT, C },
    { QBJ_STATE_SETTLING_OFFLINE, QBJ_EVENT_SAVE_FAILED, C },
    { QBJ_STATE_RUNNING, QBJ_EVENT_GONE, C },
    { QBJ_STATE_PREFLUSH, QBJ_EVENT_GONE, C },
    { QBJ_STATE_FINALIZING, QBJ_EVENT_GONE, C },
    { QBJ_STATE_CANCELLING, QBJ_EVENT_GONE, C },
    { QBJ_STATE_CALLING_OFF, QBJ_EVENT_GONE, C },
};

static unsigned int
modelUnusedKinds(const qbjJobMove *move)
{
    unsigned int kinds = 0;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(unused); i++) {
        if (unused[i].state == move->state && unused[i].event == move->event)
            kinds |= unused[i].kinds;
    }
    return kinds & move->kinds;
}

/* Every other row is used, by each kind that it is for; and none of these. */
static void
modelTestRows(void)
{
    size_t nmoves;
    const qbjJobMove *moves = qbjJobMoves(&nmoves);
    unsigned int used = 0;
    size_t i;

    for (i = 0; i < nmoves; i++) {
        unsigned int expected = moves[i].kinds & ~modelUnusedKinds(&moves[i]);

        used += seen.rows[i] != 0;
        if (seen.rows[i] != expected)
            g_error("the row '%s' on '%s' is used by kinds %x, not %x", qbjJobStateTypeToString(moves[i].state),
                    qbjJobEventTypeToString(moves[i].event), seen.rows[i], expected);
    }
    g_test_message("%u of %zu rows", used, nmoves);
}

/* What QEMU says may be old by the time it is read, or known already: a state that is behind what the daemon
 * knows changes nothing. A person is waited for in BROKEN, whatever becomes of a job that has ended. */
#define S(state) (1U << QBJ_STATE_##state)
#define ENDED (S(CONCLUDED) | S(SETTLING) | S(SETTLED) | S(CLEANING))

static const unsigned int changesNothing[QBJ_EVENT_LAST] = {
    [QBJ_EVENT_RUNNING] = S(RUNNING) | S(READY) | S(PIVOTING) | S(PENDING) | S(COMMITTED) | S(PREFLUSH) |
                          S(FINALIZING) | S(CANCELLING) | ENDED,
    [QBJ_EVENT_READY] = S(READY) | S(PIVOTING) | S(PENDING) | S(COMMITTED) | S(CANCELLING) | ENDED,
    [QBJ_EVENT_PENDING] = S(COMMITTED) | S(FINALIZING) | ENDED,
    [QBJ_EVENT_CONCLUDED] = ENDED | S(BROKEN),
    [QBJ_EVENT_GONE] = S(BROKEN) | S(CONCLUDED) | S(SETTLING) | S(CLEANING),
};

static void
modelTestNoRow(void)
{
    int state;
    int event;

    for (state = 0; state < QBJ_STATE_LAST; state++) {
        for (event = 0; event < QBJ_EVENT_LAST; event++) {
            if ((seen.noRow[state][event] != 0) != !!(changesNothing[event] & (1U << state)))
                g_error("'%s' on '%s' %s without a row", qbjJobStateTypeToString(state),
                        qbjJobEventTypeToString(event), seen.noRow[state][event] ? "happens" : "does not happen");
        }
    }
}

/* ---- mistakes ---- */

static const qbjJobMove *spoiled;

static const qbjJobMove *
modelFindSpoiled(qbjJobKind kind, qbjJobState state, qbjJobEvent event)
{
    if (state == spoiled->state && event == spoiled->event)
        return spoiled->kinds & kind ? spoiled : NULL;
    return qbjJobMoveFind(kind, state, event);
}

static const modelSetup *
modelFindSetup(const char *name)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(setups); i++) {
        if (STREQ(setups[i].name, name))
            return &setups[i];
    }
    g_error("no setup '%s'", name);
}

static void
modelTestMistake(const void *opaque)
{
    const modelSpoiled *mistake = opaque;
    const char *wrong;

    spoiled = &mistake->row;
    wrong = modelExplore(modelFindSetup(mistake->setup), modelFindSpoiled, mistake->mistake, NULL, true);
    g_test_message("%s", NULLSTR(wrong));
    g_assert_nonnull(wrong);
    g_assert_cmpint(atoi(wrong), ==, mistake->invariant);
}

int
main(int argc, char **argv)
{
    size_t nmoves;
    size_t i;
    int ret;

    g_test_init(&argc, &argv, NULL);
    qbjJobMoves(&nmoves);
    seen.rows = g_new0(unsigned int, nmoves);

    for (i = 0; i < G_N_ELEMENTS(setups); i++) {
        g_autofree char *name = g_strdup_printf("/job/model/%s", setups[i].name);

        if (!setups[i].slow || g_test_slow())
            g_test_add_data_func(name, &setups[i], modelTestSetup);
    }
    g_test_add_func("/job/model/all-rows", modelTestRows);
    g_test_add_func("/job/model/no-other-event", modelTestNoRow);
    for (i = 0; i < modelNSpoileds; i++) {
        g_autofree char *name = g_strdup_printf("/job/model/finds/%s", modelSpoileds[i].name);

        g_test_add_data_func(name, &modelSpoileds[i], modelTestMistake);
    }

    ret = g_test_run();
    g_free(seen.rows);
    return ret;
}
