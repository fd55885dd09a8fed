/* Mutations of the golden files through the parsers of core/: a record that is read from a damaged file, and
 * an answer of a monitor that cannot be trusted. Never a crash; refused with a reason, or accepted and then
 * as good as any other.
 *
 * The mutations come from g_test_rand_int(): --seed SEED (printed) repeats a run. */
#include <config.h>

#include "internal.h"
#include "specfixture.h"
#include "statusfixture.h"
#include "spec_commit.h"
#include "bitmap.h"
#include "virerror.h"

#define ROUNDS 40               /* mutations of each golden file */

static virDomainXMLOption *xmlopt;

/* ---- mutation: whole values are replaced, removed, doubled and moved, so that most results still are
 * JSON ---- */

static GPtrArray *
qbjFuzzTokens(const char *text)
{
    g_autoptr(GPtrArray) tokens = g_ptr_array_new_with_free_func(g_free);

    while (*text) {
        size_t len = 1;

        if (*text == '"') {
            while (text[len] && text[len] != '"')
                len += text[len] == '\\' && text[len + 1] ? 2 : 1;
            len += text[len] == '"';
        } else if (g_ascii_isalnum(*text) || *text == '-') {
            len = MAX(1, strspn(text, "-+.0123456789abcdefghijklmnopqrstuvwxyzE"));
        }

        g_ptr_array_add(tokens, g_strndup(text, len));
        text += len;
    }

    return g_steal_pointer(&tokens);
}

static char
qbjFuzzFirst(GPtrArray *tokens, guint i)
{
    return i < tokens->len ? *(const char *) g_ptr_array_index(tokens, i) : '\0';
}

static bool
qbjFuzzIsKey(GPtrArray *tokens, guint i)
{
    return qbjFuzzFirst(tokens, i) == '"' && qbjFuzzFirst(tokens, i + 1) == ':';
}

/* First token behind the value that starts at @start. */
static guint
qbjFuzzEnd(GPtrArray *tokens, guint start)
{
    int depth = 0;
    guint i;

    for (i = start; i < tokens->len; i++) {
        char first = qbjFuzzFirst(tokens, i);

        depth += first == '{' || first == '[';
        depth -= first == '}' || first == ']';
        if (depth <= 0)
            return i + 1;
    }

    return tokens->len;
}

/* A random place where a value starts; any other place in a text that is damaged already and has hardly a
 * value. */
static guint
qbjFuzzValue(GPtrArray *tokens)
{
    guint i = 0;
    int tries;

    for (tries = 0; tries < 50; tries++) {
        i = g_test_rand_int_range(0, tokens->len);
        if (!strchr(",:}]", qbjFuzzFirst(tokens, i)) && !qbjFuzzIsKey(tokens, i))
            break;
    }

    return i;
}

static char *
qbjFuzzJoin(GPtrArray *tokens, guint start, guint end)
{
    g_autoptr(GString) text = g_string_new(NULL);
    guint i;

    for (i = start; i < end; i++)
        g_string_append(text, g_ptr_array_index(tokens, i));

    return g_string_free(g_steal_pointer(&text), FALSE);
}

static char *
qbjFuzzRepeat(const char *unit, const char *tail, size_t times)
{
    g_autoptr(GString) text = g_string_new(NULL);
    size_t i;

    for (i = 0; i < times; i++)
        g_string_append(text, unit);
    for (i = 0; i < times; i++)
        g_string_append(text, tail);

    return g_string_free(g_steal_pointer(&text), FALSE);
}

static char *
qbjFuzzNewValue(void)
{
    static const char *const pool[] = {
        "null", "true", "false", "0", "-1", "1", "1e999", "18446744073709551616", "-9223372036854775809", "0.5", "\"\"",
        "{}", "[]", "[[]]", "[{}]", "{\"a\":1}", "{\"execute\":\"quit\"}", "{\"unlink\":{}}", "\"\\u0000\"", "\"none\"",
        "\"rw\"", "\"file\"", "\"qcow2\"", "\"cut\"", "\"libvirt-1-format\"", "\"libvirt-3-format\"", "65536", "\"backup\"",
    };

    switch (g_test_rand_int_range(0, 40)) {
    case 0:
        return qbjFuzzRepeat("[", "]", 60);
    case 1:
        return g_strdup("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":[[[[[[[[[[[[{}]]]]]]]]]]]]}}}}}}");
    case 2: {
        g_autofree char *words = qbjFuzzRepeat("x", "", QBJ_SPEC_MAX_STRING + 1);

        return g_strdup_printf("\"%s\"", words);
    }
    default:
        return g_strdup(pool[g_test_rand_int_range(0, G_N_ELEMENTS(pool))]);
    }
}

/* One change: @start to @end becomes the result. */
static char *
qbjFuzzReplacement(GPtrArray *tokens, guint *start, guint *end)
{
    guint other = qbjFuzzValue(tokens);
    g_autofree char *same = NULL;

    *start = qbjFuzzValue(tokens);
    *end = qbjFuzzEnd(tokens, *start);
    same = qbjFuzzJoin(tokens, *start, *end);

    switch (g_test_rand_int_range(0, 12)) {
    case 0:
    case 1:
        /* gone, with its key and one comma */
        if (*start > 1 && qbjFuzzFirst(tokens, *start - 1) == ':')
            *start -= 2;
        if (qbjFuzzFirst(tokens, *end) == ',')
            (*end)++;
        else if (*start > 0 && qbjFuzzFirst(tokens, *start - 1) == ',')
            (*start)--;
        return g_strdup("");
    case 2:
        return g_strdup_printf("%s,%s", same, same);
    case 3:
        return g_strdup_printf("%s,\"optional\":%s", same, same);
    case 4:
    case 5:
        return qbjFuzzJoin(tokens, other, qbjFuzzEnd(tokens, other));
    case 6:
        return g_strdup_printf("[%s]", same);
    case 7:
        /* damage rather than change */
        return g_strndup(same, g_test_rand_int_range(0, strlen(same) + 1));
    default:
        return qbjFuzzNewValue();
    }
}

static char *
qbjFuzzText(const char *text)
{
    char *mutated = g_strdup(text);
    int n = g_test_rand_int_range(1, 4);

    while (n-- > 0 && strlen(mutated) > 2) {
        g_autoptr(GPtrArray) tokens = qbjFuzzTokens(mutated);
        g_autofree char *middle = NULL;
        g_autofree char *before = NULL;
        g_autofree char *after = NULL;
        guint start;
        guint end;

        middle = qbjFuzzReplacement(tokens, &start, &end);
        before = qbjFuzzJoin(tokens, 0, start);
        after = qbjFuzzJoin(tokens, end, tokens->len);
        g_free(mutated);
        mutated = g_strconcat(before, middle, after, NULL);
    }

    return mutated;
}

/* ---- the parsers ---- */

/* Refused with a reason, or a spec that is written back and read again as it is. */
static void
qbjFuzzSpec(virJSONValue *json)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autoptr(qbjSpec) spec = qbjSpecFromJSON(json, &refusal);
    g_autoptr(virJSONValue) written = NULL;
    g_autoptr(qbjSpec) again = NULL;

    if (!spec) {
        g_assert_cmpint(refusal.code, ==, VIR_ERR_INTERNAL_ERROR);
        g_assert_nonnull(refusal.message);
        return;
    }

    g_assert_cmpint(refusal.code, ==, VIR_ERR_OK);
    written = qbjSpecToJSON(spec);
    g_assert_nonnull(written);
    again = qbjSpecFromJSON(written, &refusal);
    g_assert_cmpstr(refusal.message, ==, NULL);
}

static void
qbjFuzzNodes(qbjSpec *spec, const virDomainDiskDef *disk, virJSONValue *json)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_auto(GStrv) lost = qbjSpecCommitLostBitmaps(spec, disk, json);

    g_assert_true(!lost || lost[0]);
    if (qbjSpecPlanCommitPending(spec, disk, json, &refusal) < 0)
        g_assert_nonnull(refusal.message);
    else
        g_assert_cmpint(refusal.code, ==, VIR_ERR_OK);
}

static virJSONValue *
qbjFuzzParse(const char *text)
{
    virJSONValue *json = virJSONValueFromString(text);

    virResetLastError();
    return json;
}

static void
qbjFuzzSpecFile(const char *dir, size_t *parsed)
{
    g_autoptr(virJSONValue) json = qbjTestJSON(dir, "spec.json");
    g_autofree char *text = json ? virJSONValueToString(json, false) : NULL;
    size_t i;

    for (i = 0; text && i < ROUNDS; i++) {
        g_autofree char *mutated = qbjFuzzText(text);
        g_autoptr(virJSONValue) value = qbjFuzzParse(mutated);

        if (value) {
            (*parsed)++;
            qbjFuzzSpec(value);
        }
    }
}

static void
qbjFuzzNodesFile(const char *dir, size_t *parsed)
{
    g_autoptr(virJSONValue) nodes = qbjTestJSON(dir, "nodes.json");
    g_autoptr(virJSONValue) json = qbjTestJSON(dir, "spec.json");
    g_autoptr(virDomainDef) def = qbjTestDomain(dir, xmlopt);
    g_autofree char *text = nodes ? virJSONValueToString(nodes, false) : NULL;
    size_t i;

    if (!text || !json)
        return;

    ignore_value(virJSONValueObjectRemoveKey(json, "lost-bitmaps", NULL));
    for (i = 0; i < ROUNDS; i++) {
        g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
        g_autoptr(qbjSpec) spec = qbjSpecFromJSON(json, &refusal);
        g_autofree char *mutated = qbjFuzzText(text);
        g_autoptr(virJSONValue) value = qbjFuzzParse(mutated);

        g_assert_nonnull(spec);
        if (value) {
            (*parsed)++;
            qbjFuzzNodes(spec, def->disks[0], value);
        }
    }
}

/* Calls @file for each golden case. Most mutations must be JSON, or the parsers are not reached at all. */
static void
qbjFuzzAll(void (*file)(const char *dir, size_t *parsed))
{
    g_auto(GStrv) cases = qbjTestCases(QBJ_TEST_DATA "/spec/commit");
    size_t parsed = 0;
    size_t i;

    for (i = 0; cases[i]; i++) {
        g_autofree char *dir = g_build_filename(QBJ_TEST_DATA, "spec", "commit", cases[i], NULL);

        file(dir, &parsed);
    }

    g_test_message("%zu documents", parsed);
    g_assert_cmpuint(parsed, >, 400);
}

static void
qbjFuzzSpecs(void)
{
    qbjFuzzAll(qbjFuzzSpecFile);
}

static void
qbjFuzzBitmaps(void)
{
    qbjFuzzAll(qbjFuzzNodesFile);
}

/* ---- limits, each from both sides ---- */

static bool
qbjFuzzAccepts(const char *arguments, const char *steps)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autofree char *text = g_strdup_printf("{\"type\":\"commit\",\"job\":\"j\",\"change\":{\"type\":\"none\"},"
                                            "\"prepare\":[%s],\"start\":[{\"execute\":\"a\",\"arguments\":%s}],"
                                            "\"pending\":[],\"nodes\":[],\"rights\":[],\"unlink\":[],\"abort\":[]}",
                                            steps, arguments);
    g_autoptr(virJSONValue) json = virJSONValueFromString(text);
    g_autoptr(qbjSpec) spec = NULL;

    g_assert_nonnull(json);
    spec = qbjSpecFromJSON(json, &refusal);
    g_assert_true(spec || refusal.message);
    return spec;
}

static void
qbjFuzzLimits(void)
{
    g_autofree char *flat = qbjFuzzRepeat("{\"a\":", "}", QBJ_SPEC_MAX_DEPTH);
    g_autofree char *good =
        g_strdup_printf("%.*s1%s", (int) (QBJ_SPEC_MAX_DEPTH * 5), flat, flat + QBJ_SPEC_MAX_DEPTH * 5);
    g_autofree char *deep = g_strdup_printf("{\"a\":%s}", good);
    g_autofree char *most = qbjFuzzRepeat("{\"execute\":\"a\"},", "", QBJ_SPEC_MAX_STEPS - 1);
    g_autofree char *full = g_strconcat(most, "{\"execute\":\"a\"}", NULL);
    g_autofree char *over = g_strconcat(full, ",{\"execute\":\"a\"}", NULL);
    g_autofree char *words = qbjFuzzRepeat("x", "", QBJ_SPEC_MAX_STRING);
    g_autofree char *string = g_strdup_printf("{\"a\":\"%s\"}", words);
    g_autofree char *longer = g_strdup_printf("{\"a\":\"%sx\"}", words);
    /* short arrays: libvirt's parser takes quadratic time for long ones */
    g_autofree char *ones = qbjFuzzRepeat("1,", "", 99);
    g_autofree char *row = g_strdup_printf("[%s1],", ones);
    g_autofree char *rows = qbjFuzzRepeat(row, "", QBJ_SPEC_MAX_VALUES / 100);
    g_autofree char *many = g_strdup_printf("{\"a\":[%s1]}", rows);

    g_assert_true(qbjFuzzAccepts("{}", ""));
    g_assert_true(qbjFuzzAccepts(good, ""));
    g_assert_false(qbjFuzzAccepts(deep, ""));
    g_assert_true(qbjFuzzAccepts("{}", full));
    g_assert_false(qbjFuzzAccepts("{}", over));
    g_assert_true(qbjFuzzAccepts(string, ""));
    g_assert_false(qbjFuzzAccepts(longer, ""));
    g_assert_false(qbjFuzzAccepts(many, ""));
}

static void
qbjFuzzIgnoreError(void *opaque, virErrorPtr error)
{
}

int
main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    if (virInitialize() < 0 || !(xmlopt = qbjTestXMLOption()))
        g_error("cannot start: %s", virGetLastErrorMessage());
    virSetErrorFunc(NULL, qbjFuzzIgnoreError);

    g_test_add_func("/fuzz/spec", qbjFuzzSpecs);
    g_test_add_func("/fuzz/bitmaps", qbjFuzzBitmaps);
    g_test_add_func("/fuzz/limits", qbjFuzzLimits);

    ret = g_test_run();
    virObjectUnref(xmlopt);
    return ret;
}
