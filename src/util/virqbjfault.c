#include <config.h>

#include "internal.h"
#include "virqbjfault.h"

#ifdef QBJ_DEBUG_CHECKS

# include "virlog.h"
# include "virthread.h"

# include <unistd.h>

VIR_LOG_INIT("qemu_blockjob.fault");

static virMutex faultLock = VIR_MUTEX_INITIALIZER;
static GHashTable *faultPasses;     /* point -> number of passes */
static char *faultWanted;           /* in place of the environment */
static char *faultText;             /* what the file said last */

/* Lock held. */
static unsigned int
virQbjFaultCount(const char *point)
{
    unsigned int pass;

    if (!faultPasses)
        faultPasses = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    pass = GPOINTER_TO_UINT(g_hash_table_lookup(faultPasses, point)) + 1;
    g_hash_table_insert(faultPasses, g_strdup(point), GUINT_TO_POINTER(pass));
    return pass;
}

/* Whether @wish, "POINT:N" or "POINT:N+", means this pass. */
static bool
virQbjFaultMatches(const char *wish, const char *point, unsigned int pass)
{
    size_t length = strlen(point);
    char *end;
    unsigned long n;

    if (!STRPREFIX(wish, point) || wish[length] != ':')
        return false;
    n = strtoul(wish + length + 1, &end, 10);
    return n == pass || (*end == '+' && n > 0 && n < pass);
}

/* Lock held. */
static char *
virQbjFaultWanted(void)
{
    const char *wanted = faultWanted ? faultWanted : getenv("QBJ_FAULT");
    const char *file = getenv("QBJ_FAULT_FILE");
    char *text = NULL;

    if (wanted || !file)
        return g_strdup(wanted);
    g_file_get_contents(file, &text, NULL, NULL);
    if (STRNEQ_NULLABLE(text, faultText)) {
        g_clear_pointer(&faultPasses, g_hash_table_unref);
        g_free(faultText);
        faultText = g_strdup(text);
    }
    return text;
}

bool
virQbjFaultHit(const char *point)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&faultLock);
    g_autofree char *wanted = virQbjFaultWanted();
    unsigned int pass = virQbjFaultCount(point);
    g_auto(GStrv) wishes = NULL;
    size_t i;

    if (!wanted)
        return false;
    wishes = g_strsplit(wanted, ",", 0);
    for (i = 0; wishes[i]; i++) {
        if (STRPREFIX(wishes[i], "die-") && virQbjFaultMatches(wishes[i] + 4, point, pass))
            _exit(9);
        if (virQbjFaultMatches(wishes[i], point, pass)) {
            VIR_WARN("fault at %s:%u", point, pass);
            return true;
        }
    }
    return false;
}

unsigned int
virQbjFaultGetPasses(const char *point)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&faultLock);

    return faultPasses ? GPOINTER_TO_UINT(g_hash_table_lookup(faultPasses, point)) : 0;
}

void
virQbjFaultSet(const char *wanted)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&faultLock);

    g_clear_pointer(&faultPasses, g_hash_table_unref);
    g_free(faultWanted);
    faultWanted = g_strdup(wanted);
}

#endif
