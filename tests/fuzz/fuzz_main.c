/* Runs a fuzz target without libFuzzer: seeds as they are, then mutations of seeds.
 *
 * usage: fuzz_NAME SEED...     (files, or folders whose files are taken, recursively)
 *
 * QBJ_FUZZ_SEEDS (default 300): how many seeds are run as they are, evenly chosen. QBJ_FUZZ_RUNS (default
 * 1500): mutations, of any seed. QBJ_FUZZ_SEED: start of the random numbers; it is printed, and the same
 * one gives the same inputs. Each input is in a file of the temporary folder while it runs: the one that
 * crashed stays there. */
#include <config.h>

#include "internal.h"

#include "fuzz_main.h"

static GPtrArray *seeds;        /* of GBytes */

static int
qbjFuzzCompareNames(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}

static void
qbjFuzzAddSeeds(const char *path)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;
    char *content;
    size_t length;
    size_t i;

    if (!dir) {
        g_assert_true(g_file_get_contents(path, &content, &length, NULL));
        g_ptr_array_add(seeds, g_bytes_new_take(content, length));
        return;
    }

    while ((name = g_dir_read_name(dir)))
        g_ptr_array_add(names, g_build_filename(path, name, NULL));
    g_ptr_array_sort(names, qbjFuzzCompareNames);
    for (i = 0; i < names->len; i++)
        qbjFuzzAddSeeds(names->pdata[i]);
}

static void
qbjFuzzFlip(GRand *rand, GByteArray *input)
{
    int n = g_rand_int_range(rand, 1, 6);

    while (n-- > 0 && input->len > 0)
        input->data[g_rand_int_range(rand, 0, input->len)] ^= 1 << g_rand_int_range(rand, 0, 8);
}

static void
qbjFuzzCut(GRand *rand, GByteArray *input)
{
    guint start = g_rand_int_range(rand, 0, input->len);
    guint length = g_rand_int_range(rand, 1, MIN(200, input->len - start) + 1);

    g_byte_array_remove_range(input, start, length);
}

static void
qbjFuzzTruncate(GRand *rand, GByteArray *input)
{
    g_byte_array_set_size(input, g_rand_int_range(rand, 0, input->len));
}

/* Replaces a part by one of another seed. */
static void
qbjFuzzSplice(GRand *rand, GByteArray *input)
{
    GBytes *other = seeds->pdata[g_rand_int_range(rand, 0, seeds->len)];
    size_t size;
    const guint8 *data = g_bytes_get_data(other, &size);
    guint at = g_rand_int_range(rand, 0, input->len);
    guint from;

    if (size == 0)
        return;

    from = g_rand_int_range(rand, 0, size);
    g_byte_array_set_size(input, at);
    g_byte_array_append(input, data + from, size - from);
}

static void
qbjFuzzMutateBytes(GRand *rand, GByteArray *input)
{
    static void (*const mutations[])(GRand *, GByteArray *) = {
        qbjFuzzFlip, qbjFuzzFlip, qbjFuzzCut, qbjFuzzTruncate, qbjFuzzSplice,
    };

    if (input->len > 0)
        mutations[g_rand_int_range(rand, 0, G_N_ELEMENTS(mutations))](rand, input);
}

/* Half of the inputs by the target's own mutator, if it has one: a damaged byte seldom gets past an XML
 * parser. */
static void
qbjFuzzMutate(GRand *rand, GByteArray *input)
{
    guint room = input->len * 2 + 4096;
    guint size = input->len;

    if (!LLVMFuzzerCustomMutator || g_rand_boolean(rand)) {
        qbjFuzzMutateBytes(rand, input);
        return;
    }

    g_byte_array_set_size(input, room);
    size = LLVMFuzzerCustomMutator(input->data, size, room, g_rand_int(rand));
    g_assert_cmpuint(size, <=, room);
    g_byte_array_set_size(input, size);
}

static void
qbjFuzzRun(const guint8 *data, size_t size, const char *keep)
{
    FILE *file = fopen(keep, "w");      /* not g_file_set_contents(), which waits for the disk each time */

    g_assert_nonnull(file);
    g_assert_cmpuint(fwrite(data, 1, size, file), ==, size);
    g_assert_cmpint(fclose(file), ==, 0);
    g_assert_cmpint(LLVMFuzzerTestOneInput(data, size), ==, 0);
}

static guint
qbjFuzzNumber(const char *variable, guint otherwise)
{
    const char *text = g_getenv(variable);

    return text ? (guint) g_ascii_strtoull(text, NULL, 10) : otherwise;
}

static void
qbjFuzzRunMutations(GRand *rand, guint runs, const char *keep)
{
    guint i;

    for (i = 0; i < runs; i++) {
        GBytes *seed = seeds->pdata[g_rand_int_range(rand, 0, seeds->len)];
        g_autoptr(GByteArray) input = g_byte_array_new();
        size_t size;
        const guint8 *data = g_bytes_get_data(seed, &size);

        g_byte_array_append(input, data, size);
        qbjFuzzMutate(rand, input);
        qbjFuzzRun(input->data, input->len, keep);
    }
}

int
main(int argc, char **argv)
{
    guint start = qbjFuzzNumber("QBJ_FUZZ_SEED", 20261);
    guint runs = qbjFuzzNumber("QBJ_FUZZ_RUNS", 1500);
    g_autofree char *name = g_path_get_basename(argv[0]);
    g_autofree char *keep = g_strdup_printf("%s/%s-%d.input", g_get_tmp_dir(), name, (int) getpid());
    g_autoptr(GRand) rand = g_rand_new_with_seed(start);
    guint as_is;
    size_t i;

    /* thousands of reported errors; a test's output is read by people */
    g_setenv("LIBVIRT_LOG_OUTPUTS", "4:file:/dev/null", false);
    seeds = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
    for (i = 1; i < (size_t) argc; i++)
        qbjFuzzAddSeeds(argv[i]);
    if (seeds->len == 0)
        g_error("no seeds");

    printf("1..2\n# QBJ_FUZZ_SEED=%u QBJ_FUZZ_RUNS=%u, the input that runs is in %s\n", start, runs, keep);
    fflush(stdout);
    as_is = MIN(qbjFuzzNumber("QBJ_FUZZ_SEEDS", 300), seeds->len);
    for (i = 0; i < as_is; i++) {
        size_t size;
        const guint8 *data = g_bytes_get_data(seeds->pdata[i * seeds->len / as_is], &size);

        qbjFuzzRun(data, size, keep);
    }
    printf("ok 1 %u of %u seeds\n", as_is, seeds->len);

    qbjFuzzRunMutations(rand, runs, keep);
    printf("ok 2 %u mutations\n", runs);
    g_ptr_array_unref(seeds);
    unlink(keep);
    return 0;
}
