/* Every order of steps of a small model of one job (jobmodel.h), driven by the real table: all worlds that
 * can be reached are visited, in each one daemon or QEMU may die, a save or a command may fail.
 *
 * A broken invariant prints the way that leads to it. */
#include <config.h>

#include "internal.h"
#include "jobmodel.h"

typedef struct _modelEdge modelEdge;
struct _modelEdge {
    guint32 from;
    guint32 to;
    guint32 kind;               /* modelStepKind */
};

typedef struct _modelSearch modelSearch;
struct _modelSearch {
    GHashTable *seen;           /* modelWorld -> 1 + number */
    GPtrArray *worlds;          /* the same by number; owns them */
    GArray *parents;            /* guint32: where it was first met from */
    GPtrArray *labels;          /* by what step; static strings */
    GArray *edges;              /* modelEdge */
    guint32 current;
};

static guint
modelHash(gconstpointer key)
{
    const guint8 *bytes = key;
    guint hash = 2166136261U;
    size_t i;

    for (i = 0; i < sizeof(modelWorld); i++)
        hash = (hash ^ bytes[i]) * 16777619U;

    return hash;
}

static gboolean
modelEqual(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, sizeof(modelWorld)) == 0;
}

static void
modelMeet(const modelWorld *world, const char *label, modelStepKind kind, void *opaque)
{
    modelSearch *search = opaque;
    guint32 number = GPOINTER_TO_UINT(g_hash_table_lookup(search->seen, world));
    modelEdge edge;

    if (number == 0) {
        modelWorld *copy = g_new(modelWorld, 1);

        memcpy(copy, world, sizeof(*copy));
        g_ptr_array_add(search->worlds, copy);
        g_array_append_val(search->parents, search->current);
        g_ptr_array_add(search->labels, (gpointer) (uintptr_t) label);
        number = search->worlds->len;
        g_hash_table_insert(search->seen, copy, GUINT_TO_POINTER(number));
    }

    edge = (modelEdge) { search->current, number - 1, kind };
    g_array_append_val(search->edges, edge);
}

static void
modelPrintWay(const modelSearch *search, guint32 number)
{
    g_autofree char *text = modelText(g_ptr_array_index(search->worlds, number));
    guint32 parent = g_array_index(search->parents, guint32, number);

    if (parent != number)
        modelPrintWay(search, parent);
    g_printerr("# %-34s %s\n", (const char *) g_ptr_array_index(search->labels, number), text);
}

/* Returns what is broken, or NULL; @search->current is then the world. */
static const char *
modelVisitAll(modelContext *context, modelSearch *search)
{
    modelWorld first = modelStart(context->setup);

    modelMeet(&first, "start", MODEL_STEP_PROGRESS, search);
    g_array_set_size(search->edges, 0);

    for (search->current = 0; search->current < search->worlds->len; search->current++) {
        modelWorld *world = g_ptr_array_index(search->worlds, search->current);

        if (!(context->violation = modelCheck(context, world)))
            modelSteps(context, world);
        if (context->violation)
            return context->violation;
    }

    return NULL;
}

/* From every world without a mark one with a mark must be reachable, by steps that are no fault; without a
 * client if @alone. Marks are spread backward along the edges. */
static const char *
modelGoesOn(modelSearch *search, guint8 *marks, bool alone, const char *what)
{
    bool changed;
    size_t i;

    do {
        changed = false;
        for (i = search->edges->len; i > 0; i--) {
            const modelEdge *edge = &g_array_index(search->edges, modelEdge, i - 1);

            if (marks[edge->from] || !marks[edge->to] || edge->kind == MODEL_STEP_FAULT ||
                (alone && edge->kind == MODEL_STEP_CLIENT))
                continue;
            marks[edge->from] = 1;
            changed = true;
        }
    } while (changed);

    for (search->current = 0; search->current < search->worlds->len; search->current++) {
        if (!marks[search->current])
            return what;
    }

    return NULL;
}

/* 9: no world is a trap. 6: a held guest goes on without anybody's help. */
static const char *
modelCheckProgress(modelContext *context, modelSearch *search)
{
    g_autofree guint8 *ends = g_new0(guint8, search->worlds->len);
    g_autofree guint8 *loose = g_new0(guint8, search->worlds->len);
    const char *wrong;
    size_t i;

    for (i = 0; i < search->worlds->len; i++) {
        const modelWorld *world = g_ptr_array_index(search->worlds, i);

        ends[i] = modelIsEnd(world);
        loose[i] = !modelIsHeld(context, world);
    }

    if ((wrong = modelGoesOn(search, loose, true, "6: the guest is held for ever")))
        return wrong;
    return modelGoesOn(search, ends, false, "9: the job can never end");
}

typedef const qbjJobMove *(*modelFind)(qbjJobKind kind, qbjJobState state, qbjJobEvent event);

/* Returns what is broken; with @print also the way there, and how much was visited. */
static const char *
modelExplore(const modelSetup *setup, modelFind find, bool print)
{
    modelSearch search = {
        .seen = g_hash_table_new(modelHash, modelEqual),
        .worlds = g_ptr_array_new_with_free_func(g_free),
        .parents = g_array_new(FALSE, FALSE, sizeof(guint32)),
        .labels = g_ptr_array_new(),
        .edges = g_array_new(FALSE, FALSE, sizeof(modelEdge)),
    };
    modelContext context = { .setup = setup, .kind = qbjJobTypeKind(setup->type), .find = find, .next = modelMeet,
                             .opaque = &search };
    const char *wrong = modelVisitAll(&context, &search);

    if (!wrong)
        wrong = modelCheckProgress(&context, &search);
    if (wrong && print)
        modelPrintWay(&search, search.current);
    if (print)
        g_test_message("%u worlds, %u steps", search.worlds->len, search.edges->len);

    g_hash_table_unref(search.seen);
    g_ptr_array_unref(search.worlds);
    g_array_unref(search.parents);
    g_ptr_array_unref(search.labels);
    g_array_unref(search.edges);
    return wrong;
}

static void
modelTestSetup(const void *opaque)
{
    g_assert_cmpstr(modelExplore(opaque, qbjJobMoveFind, true), ==, NULL);
}

#define CRASHES .daemonDeaths = 2, .vmDeaths = 1
#define FAILURES .saveFailures = 1, .otherFailures = 1, .timeouts = 1, .blips = 1

static const modelSetup setups[] = {
    { .name = "active-commit/crashes", .type = QBJ_TYPE_ACTIVE_COMMIT, .start = { CRASHES, .timeouts = 1 } },
    { .name = "active-commit/failures", .type = QBJ_TYPE_ACTIVE_COMMIT,
      .start = { .daemonDeaths = 1, .vmDeaths = 1, FAILURES } },
    { .name = "active-commit/finalize-fails", .type = QBJ_TYPE_ACTIVE_COMMIT, .finalizeFails = true,
      .start = { .daemonDeaths = 2, .otherFailures = 1, .timeouts = 1 } },
    { .name = "copy/crashes", .type = QBJ_TYPE_COPY, .softCancel = true, .start = { CRASHES, .timeouts = 1 } },
    { .name = "copy/failures", .type = QBJ_TYPE_COPY, .softCancel = true,
      .start = { .daemonDeaths = 1, .vmDeaths = 1, FAILURES } },
    { .name = "commit/crashes", .type = QBJ_TYPE_COMMIT, .start = { CRASHES, .timeouts = 1 } },
    { .name = "commit/failures", .type = QBJ_TYPE_COMMIT, .start = { .daemonDeaths = 1, .vmDeaths = 1, FAILURES } },
    { .name = "pull/finalize-fails", .type = QBJ_TYPE_PULL, .finalizeFails = true,
      .start = { CRASHES, .otherFailures = 1 } },
    { .name = "backup/crashes-and-failures", .type = QBJ_TYPE_BACKUP, .start = { CRASHES, FAILURES } },
};

/* Tables with one wrong row each, which the model must find: a model that finds nothing proves nothing. */
typedef struct _modelMistake modelMistake;
struct _modelMistake {
    const char *name;
    size_t setup;
    qbjJobMove row;             /* in place of the table's; with kinds 0 there is none */
    char invariant;             /* by which it is found */
};

#define ALL (QBJ_KIND_A | QBJ_KIND_B | QBJ_KIND_C)

static const modelMistake mistakes[] = {
    { "old-after-commit", 0,
      { QBJ_STATE_COMMITTED, QBJ_EVENT_VM_GONE, ALL, QBJ_STATE_SETTLING_OFFLINE, QBJ_DO_SETTLE_OLD, QBJ_SAVE_NOT }, '4' },
    { "new-before-commit", 0,
      { QBJ_STATE_PIVOTING, QBJ_EVENT_VM_GONE, ALL, QBJ_STATE_SETTLING_OFFLINE, QBJ_DO_SETTLE_NEW, QBJ_SAVE_NOT }, '1' },
    { "finalize-before-saving", 0,
      { QBJ_STATE_PIVOTING, QBJ_EVENT_PENDING, ALL, QBJ_STATE_COMMITTED, QBJ_DO_FINALIZE, QBJ_SAVE_NOT }, '2' },
    { "cancel-after-commit", 1,
      { QBJ_STATE_COMMITTED, QBJ_EVENT_FAILED, ALL, QBJ_STATE_CALLING_OFF, QBJ_DO_SEND_FORCED, QBJ_SAVE_NOT }, '2' },
    { "soft-cancel-of-a-pivot", 3,
      { QBJ_STATE_CALLING_OFF, QBJ_EVENT_READY, ALL, QBJ_STATE_CANCELLING, QBJ_DO_CANCEL_AGAIN, QBJ_SAVE_NOT }, '7' },
    { "soft-cancel-at-the-time-out", 4,
      { QBJ_STATE_PIVOTING, QBJ_EVENT_TIMEOUT, ALL, QBJ_STATE_CANCELLING, QBJ_DO_SEND_CANCEL, QBJ_SAVE_NOT }, '7' },
    { "pending-forgotten-while-cancelling", 3, { QBJ_STATE_CANCELLING, QBJ_EVENT_PENDING, 0, 0, 0, 0 }, '6' },
    { "no-flush", 5,
      { QBJ_STATE_RUNNING, QBJ_EVENT_PENDING, ALL, QBJ_STATE_FINALIZING, QBJ_DO_FINALIZE, QBJ_SAVE_BEFORE }, '3' },
    { "finalize-by-cancel", 6,
      { QBJ_STATE_CANCELLING, QBJ_EVENT_PENDING, ALL, QBJ_STATE_FINALIZING, QBJ_DO_FINALIZE, QBJ_SAVE_NOT }, '3' },
    { "unlink-before-saving", 5,
      { QBJ_STATE_SETTLING, QBJ_EVENT_OK, ALL, QBJ_STATE_SETTLED, QBJ_DO_FINISH, QBJ_SAVE_NOT }, '5' },
    { "unlink-offline-before-saving", 5,
      { QBJ_STATE_SETTLING_OFFLINE, QBJ_EVENT_OK, ALL, QBJ_STATE_CLEANING, QBJ_DO_CLEAN_OFFLINE, QBJ_SAVE_NOT }, '5' },
    { "intent-not-saved", 3,
      { QBJ_STATE_PENDING, QBJ_EVENT_SAVED, ALL, QBJ_STATE_PENDING, QBJ_DO_FINALIZE, QBJ_SAVE_NOT }, '4' },
    { "flush-after-the-end", 7,
      { QBJ_STATE_FINALIZING, QBJ_EVENT_PENDING, ALL, QBJ_STATE_PREFLUSH, QBJ_DO_PREFLUSH, QBJ_SAVE_NOT }, '7' },
    { "record-left-at-the-end", 0, { QBJ_STATE_DONE, QBJ_EVENT_RESUME, 0, 0, 0, 0 }, '9' },
    { "no-way-on-from-concluded", 5, { QBJ_STATE_CONCLUDED, QBJ_EVENT_NEW, 0, 0, 0, 0 }, '9' },
};

static const qbjJobMove *mistaken;

static const qbjJobMove *
modelFindMistaken(qbjJobKind kind, qbjJobState state, qbjJobEvent event)
{
    if (state == mistaken->state && event == mistaken->event)
        return mistaken->kinds & kind ? mistaken : NULL;

    return qbjJobMoveFind(kind, state, event);
}

static void
modelTestMistake(const void *opaque)
{
    const modelMistake *mistake = opaque;
    const char *wrong;

    mistaken = &mistake->row;
    wrong = modelExplore(&setups[mistake->setup], modelFindMistaken, false);
    g_test_message("%s", NULLSTR(wrong));
    g_assert_nonnull(wrong);
    g_assert_cmpint(*wrong, ==, mistake->invariant);
}

int
main(int argc, char **argv)
{
    size_t i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < G_N_ELEMENTS(setups); i++) {
        g_autofree char *name = g_strdup_printf("/job/model/%s", setups[i].name);

        g_test_add_data_func(name, &setups[i], modelTestSetup);
    }
    for (i = 0; i < G_N_ELEMENTS(mistakes); i++) {
        g_autofree char *name = g_strdup_printf("/job/model/finds/%s", mistakes[i].name);

        g_test_add_data_func(name, &mistakes[i], modelTestMistake);
    }

    return g_test_run();
}
