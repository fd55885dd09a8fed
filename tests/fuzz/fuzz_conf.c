/* What stands in qemu.conf, as the system's daemon and as a session reads it. The seeds are files of that
 * kind.
 *
 * Laws: a file that is refused changes nothing; of one that is taken, the lists of keys are sorted and
 * name none twice, the same text gives the same settings again, and what is said about a domain is one of
 * them. */
#include <config.h>

#include "internal.h"
#include "virerror.h"

#include "fuzz_main.h"
#include "virqbjconf.h"
#include "virqbjconfkeys.h"

static void
qbjFuzzCheckList(char *const *names)
{
    size_t i;

    for (i = 0; names[i] && names[i + 1]; i++)
        g_assert_cmpstr(names[i], <, names[i + 1]);
}

static char *
qbjFuzzText(const virQbjConf *conf)
{
    g_autofree char *ignored = g_strjoinv(",", conf->ignoredKeys);
    g_autofree char *unknown = g_strjoinv(",", conf->unknownKeys);
    g_autofree char *unsafe = g_strjoinv(",", conf->unsafeKeys);
    g_autofree char *drivers = conf->securityDrivers ? g_strjoinv(",", conf->securityDrivers) : NULL;

    return g_strdup_printf("%u %u %d %d %s %d %d %s %s %u %u %u %u %u %llu %d %d %d %d %d %d %s [%s] [%s] [%s]",
                           conf->user, conf->group, conf->dynamicOwnership, conf->rememberOwner,
                           NULLSTR(drivers), conf->securityDefaultConfined, conf->securityRequireConfined,
                           NULLSTR(conf->vncListen), NULLSTR(conf->vncPassword), conf->displayPortMin,
                           conf->displayPortMax, conf->maxQueued, conf->maxProcesses, conf->maxFiles, conf->maxCore,
                           conf->dumpGuestCore, conf->setProcessName, conf->logTimestamp, conf->namespacesSet,
                           conf->seccompSandbox, conf->stdioHandler, NULLSTR(conf->lockManager), ignored, unknown,
                           unsafe);
}

static void
qbjFuzzCheckUnsafe(const virQbjConf *conf)
{
    g_autoptr(virDomainDef) def = virDomainDefNew(NULL);
    const char *key = virQbjConfUnsafeKeyFor(conf, def);

    g_assert_true(!key || g_strv_contains((const char *const *) conf->unsafeKeys, key));
}

/* @conf has the defaults. */
static void
qbjFuzzLoad(virQbjConf *conf, const char *text)
{
    g_autofree char *before = qbjFuzzText(conf);
    int rc = virQbjConfLoadText(conf, text);
    g_autofree char *after = qbjFuzzText(conf);
    g_autofree char *again = NULL;

    if (rc < 0) {
        g_assert_cmpstr(before, ==, after);
        g_assert_nonnull(virGetLastError());
        virResetLastError();
        return;
    }

    qbjFuzzCheckList(conf->ignoredKeys);
    qbjFuzzCheckList(conf->unknownKeys);
    qbjFuzzCheckList(conf->unsafeKeys);
    qbjFuzzCheckUnsafe(conf);
    g_assert_cmpint(virQbjConfLoadText(conf, text), ==, 0);
    again = qbjFuzzText(conf);
    g_assert_cmpstr(again, ==, after);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* NULL: this host has no account for QEMU */
    g_autoptr(virQbjConf) system = virQbjConfNew(true, NULL);
    g_autoptr(virQbjConf) session = virQbjConfNew(false, NULL);
    g_autofree char *text = g_strndup((const char *) data, size);

    if (virInitialize() < 0)
        g_error("cannot start: %s", virGetLastErrorMessage());
    qbjFuzzLoad(session, text);
    if (system)
        qbjFuzzLoad(system, text);
    return 0;
}

/* --- changes: lines with keys that are known --- */

static char *
qbjFuzzLine(GRand *rand)
{
    static const char *const values[] = {
        "0", "1", "-1", "2", "5900", "65535", "65536", "4294967296", "99999999999999999999", "\"\"", "\"none\"", "\"dac\"",
        "\"selinux\"", "\"+0\"", "\"+4294967296\"", "\"root\"", "\"unlimited\"", "\"logd\"", "\"file\"", "\"lockd\"",
        "\"a,b=c\"", "\"%n%s\"", "[ ]", "[ \"a\", \"b\" ]", "[ \"none\", \"none\" ]", "[ 1 ]", "\"\"\"a\nb\"\"\"", "",
    };
    size_t nkeys;
    const virQbjKey *keys = virQbjKeyAll(&nkeys);

    return g_strdup_printf("%s = %s", keys[g_rand_int_range(rand, 0, nkeys)].name,
                           values[g_rand_int_range(rand, 0, G_N_ELEMENTS(values))]);
}

/* One line of the text goes, is another one, or is joined by one. */
size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned int seed)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    g_autofree char *text = g_strndup((const char *) data, size);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    char **line = lines + g_rand_int_range(rand, 0, MAX(g_strv_length(lines), 1));
    g_autofree char *added = qbjFuzzLine(rand);
    g_autofree char *result = NULL;
    int what = g_rand_int_range(rand, 0, 4);
    size_t length;

    if (LLVMFuzzerMutate && g_rand_int_range(rand, 0, 3) == 0)
        return LLVMFuzzerMutate(data, size, room);

    if (*line) {
        g_autofree char *old = *line;

        *line = what == 0 ? g_strdup("") : what == 1 ? g_strdup(added) : g_strdup_printf("%s\n%s", old, added);
    }
    result = *lines ? g_strjoinv("\n", lines) : g_strdup(added);
    length = strlen(result);
    if (length > room)
        return size;
    memcpy(data, result, length);
    return length;
}
