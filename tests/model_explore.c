#include <config.h>

#include "internal.h"
#include "model_explore.h"
#include "model_group.h"

/* A transition: the number of the world that it leads to, and its modelStepKind. */
#define MODEL_EDGE(to, kind) ((guint32) (to) << 2 | (kind))
#define MODEL_EDGE_TO(edge) ((edge) >> 2)
#define MODEL_EDGE_KIND(edge) ((modelStepKind) ((edge) & 3))

/* How a world was met first. */
typedef struct _modelOrigin modelOrigin;
struct _modelOrigin {
    guint32 parent;             /* the first world is its own */
    guint32 kind;               /* modelStepKind */
    const char *label;
};

typedef struct _modelSearch modelSearch;
struct _modelSearch {
    const modelFace *face;
    GHashTable *numbers;        /* world -> 1 + its number */
    GPtrArray *worlds;          /* by number; in blocks */
    GPtrArray *blocks;
    GArray *origins;            /* modelOrigin, by number */
    GArray *edges;              /* MODEL_EDGE, those of each world together */
    GArray *ends;               /* guint32, by number: where its edges end */
    guint32 current;
    modelSeen *seen;
    qbjJobKind kind;
};

/* Of a world in the present search: glib's callbacks are not told. */
static size_t modelSize;

static guint
modelHash(gconstpointer key)
{
    const guint8 *bytes = key;
    guint64 hash = G_GUINT64_CONSTANT(14695981039346656037);
    size_t i;

    for (i = 0; i < modelSize; i += sizeof(guint64)) {
        guint64 word = 0;

        memcpy(&word, bytes + i, MIN(sizeof(word), modelSize - i));
        hash = (hash ^ word) * G_GUINT64_CONSTANT(1099511628211);
        hash ^= hash >> 29;
    }
    return hash >> 16;
}

static gboolean
modelEqual(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, modelSize) == 0;
}

#define MODEL_BLOCK 4096

static guint8 *
modelKeep(modelSearch *search, const void *world)
{
    size_t place = search->worlds->len % MODEL_BLOCK;
    guint8 *block;

    if (place == 0)
        g_ptr_array_add(search->blocks, g_malloc_n(MODEL_BLOCK, modelSize));
    block = g_ptr_array_index(search->blocks, search->blocks->len - 1);
    return memcpy(block + place * modelSize, world, modelSize);
}

static void
modelMeet(const void *world, const char *label, modelStepKind kind, void *opaque)
{
    modelSearch *search = opaque;
    guint32 number = GPOINTER_TO_UINT(g_hash_table_lookup(search->numbers, world));
    modelOrigin origin = { search->current, kind, label };
    guint32 edge;

    if (number == 0) {
        guint8 *copy = modelKeep(search, world);

        g_ptr_array_add(search->worlds, copy);
        g_array_append_val(search->origins, origin);
        number = search->worlds->len;
        g_hash_table_insert(search->numbers, copy, GUINT_TO_POINTER(number));
    }

    edge = MODEL_EDGE(number - 1, kind);
    g_array_append_val(search->edges, edge);
}

static void
modelRow(const qbjJobMove *move, void *opaque)
{
    modelSearch *search = opaque;
    size_t nmoves;
    const qbjJobMove *moves = qbjJobMoves(&nmoves);

    if (search->seen && move >= moves && move < moves + nmoves)
        search->seen->rows[move - moves] |= search->kind;
}

static void
modelNoRow(qbjJobState state, qbjJobEvent event, void *opaque)
{
    modelSearch *search = opaque;

    if (search->seen)
        search->seen->noRow[state][event] |= search->kind;
}

/* ---- the way to a world ---- */

static char *
modelStepText(const modelSearch *search, guint32 number)
{
    const modelOrigin *origin = &g_array_index(search->origins, modelOrigin, number);
    char *row = search->face->row(g_ptr_array_index(search->worlds, origin->parent),
                                  g_ptr_array_index(search->worlds, number), origin->label);

    return row ? row : g_strdup_printf("%s%s", origin->label, origin->kind == MODEL_STEP_SILENCE
                                       ? ", but the answer does not come" : "");
}

static void
modelPrintWay(const modelSearch *search, guint32 number)
{
    guint32 parent = g_array_index(search->origins, modelOrigin, number).parent;
    g_autofree char *step = modelStepText(search, number);
    g_autofree char *world = search->face->text(g_ptr_array_index(search->worlds, number));

    if (parent != number)
        modelPrintWay(search, parent);
    g_printerr("# %s\n#         %s\n", step, world);
}

/* ---- the search ---- */

static const char *
modelVisitAll(modelContext *context, modelSearch *search)
{
    g_autofree guint8 *first = g_malloc0(modelSize);

    search->face->start(context, first);
    modelMeet(first, "a client begins the job", MODEL_STEP_PROGRESS, search);
    g_array_set_size(search->edges, 0);

    for (search->current = 0; search->current < search->worlds->len; search->current++) {
        const void *world = g_ptr_array_index(search->worlds, search->current);

        if (!(context->violation = search->face->check(context, world)) && !search->face->isEnd(world))
            search->face->steps(context, world);
        if (context->violation)
            return context->violation;
        g_array_append_val(search->ends, search->edges->len);
    }

    return NULL;
}

static bool
modelLeadsTo(const modelSearch *search, size_t number, const guint8 *marks, bool alone)
{
    guint32 i = number == 0 ? 0 : g_array_index(search->ends, guint32, number - 1);

    for (; i < g_array_index(search->ends, guint32, number); i++) {
        guint32 edge = g_array_index(search->edges, guint32, i);
        modelStepKind kind = MODEL_EDGE_KIND(edge);

        if (kind < MODEL_STEP_FAULT && !(alone && kind == MODEL_STEP_CLIENT) && marks[MODEL_EDGE_TO(edge)])
            return true;
    }
    return false;
}

/* A mark spreads from a world to those that lead to it by steps that are not faults; without a client if
 * @alone. Returns @what with the first world that stays without one, or NULL. */
static const char *
modelSpread(modelSearch *search, guint8 *marks, bool alone, const char *what)
{
    bool changed;
    size_t i;

    do {
        changed = false;
        for (i = search->worlds->len; i > 0; i--) {
            if (marks[i - 1] || !modelLeadsTo(search, i - 1, marks, alone))
                continue;
            marks[i - 1] = 1;
            changed = true;
        }
    } while (changed);

    for (search->current = 0; search->current < search->worlds->len; search->current++) {
        if (!marks[search->current])
            return what;
    }

    return NULL;
}

/* 6, and that a job can end whatever has happened: each by steps that come of themselves. */
static const char *
modelCheckProgress(const modelContext *context, modelSearch *search)
{
    g_autofree guint8 *loose = g_new0(guint8, search->worlds->len);
    g_autofree guint8 *ends = g_new0(guint8, search->worlds->len);
    const char *wrong;
    size_t i;

    for (i = 0; i < search->worlds->len; i++) {
        const void *world = g_ptr_array_index(search->worlds, i);

        loose[i] = !search->face->isHeld(context, world);
        ends[i] = search->face->isEnd(world);
    }

    if ((wrong = modelSpread(search, loose, true, "6: the guest is held for ever")))
        return wrong;
    return modelSpread(search, ends, false, "9: the job can never end");
}

const char *
modelExplore(const modelSetup *setup, modelFind find, modelMistake mistake, modelSeen *seen, bool quiet)
{
    modelSearch search = {
        .face = setup->group ? &modelGroupFace : &modelOneFace,
        .numbers = g_hash_table_new(modelHash, modelEqual),
        .worlds = g_ptr_array_new(),
        .blocks = g_ptr_array_new_with_free_func(g_free),
        .origins = g_array_new(FALSE, FALSE, sizeof(modelOrigin)),
        .edges = g_array_new(FALSE, FALSE, sizeof(guint32)),
        .ends = g_array_new(FALSE, FALSE, sizeof(guint32)),
        .seen = seen,
        .kind = qbjJobTypeKind(setup->type),
    };
    modelContext context = {
        .setup = setup, .kind = search.kind, .mistake = mistake, .find = find,
        .next = modelMeet, .row = modelRow, .noRow = modelNoRow, .opaque = &search,
    };
    const char *wrong;

    modelSize = search.face->size;
    wrong = modelVisitAll(&context, &search);
    if (!wrong)
        wrong = modelCheckProgress(&context, &search);
    if (wrong && !quiet)
        modelPrintWay(&search, search.current);
    if (!quiet)
        g_test_message("%s: %u states, %u transitions%s%s", setup->name, search.worlds->len, search.edges->len,
                       wrong ? ", and then " : "", NULLSTR_EMPTY(wrong));

    g_hash_table_unref(search.numbers);
    g_ptr_array_unref(search.worlds);
    g_ptr_array_unref(search.blocks);
    g_array_unref(search.ends);
    g_array_unref(search.origins);
    g_array_unref(search.edges);
    return wrong;
}
