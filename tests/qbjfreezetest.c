/* Freezing by a scripted agent (domain_freeze.h): whatever it answers, or does not, the guest is thawed,
 * unless a client wants it frozen. What the agent was told, and what the status file said then, is the
 * result. */
#include <config.h>

#include "internal.h"
#include "virdomainjob.h"
#include "virerror.h"
#include "virfile.h"
#include "virthread.h"
#include "domain_agent.h"
#include "domain_freeze.h"
#include "domain_save.h"

#include <signal.h>
#include <sys/socket.h>

#define RUN 3
#define ANSWER(value) "{\"return\": " value "}\n"
#define ERROR "{\"error\": {\"class\": \"GenericError\", \"desc\": \"not now\"}}\n"
#define SILENCE ""
#define HANG_UP NULL

/* What the agent answers. */
typedef struct _freezeScript freezeScript;
struct _freezeScript {
    const char *name;
    const char *state;          /* to guest-fsfreeze-status */
    const char *freeze;
    const char *thaw;           /* to the first */
    int begin;                  /* what qbjDomainFreezeBegin() returns */
    int end;                    /* what qbjDomainFreezeEnd() returns, when it is called */
    const char *told;           /* what the agent was told: s f t, in capitals when the file says "to be thawed" */
    bool owed;                  /* it still says so in the end */
};

typedef struct _freezeFixture freezeFixture;
struct _freezeFixture {
    char *folder;
    qbjDriver driver;
    virQbjConf conf;
    virDomainXMLOption *xmlopt;
    virDomainObj *vm;
    const freezeScript *script;
    int fd;                     /* the agent's end */
    GString *told;
    unsigned int thaws;
    virThread thread;
};

/* --- the agent --- */

static bool
freezeFileSays(freezeFixture *here)
{
    g_autofree char *path = g_build_filename(here->folder, "frozen.xml", NULL);
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) && strstr(text, "<qbj:thaw ");
}

static void
freezeNote(freezeFixture *here, char what)
{
    g_string_append_c(here->told, freezeFileSays(here) ? g_ascii_toupper(what) : what);
}

/* Returns the answer; HANG_UP. */
static const char *
freezeAnswer(freezeFixture *here, const char *line, char **sync)
{
    const char *id = strstr(line, "\"id\":");

    if (strstr(line, "guest-sync"))
        return *sync = g_strdup_printf("{\"return\": %.*s}\n", (int) strspn(id + 5, "0123456789"), id + 5);
    if (strstr(line, "guest-fsfreeze-status")) {
        freezeNote(here, 's');
        return here->script->state;
    }
    if (strstr(line, "guest-fsfreeze-freeze")) {
        freezeNote(here, 'f');
        return here->script->freeze;
    }
    g_assert_nonnull(strstr(line, "guest-fsfreeze-thaw"));
    freezeNote(here, 't');
    return here->thaws++ == 0 ? here->script->thaw : ANSWER("1");
}

static void
freezeServe(void *opaque)
{
    freezeFixture *here = opaque;
    g_autoptr(GString) got = g_string_new(NULL);
    char data[512];
    ssize_t n;

    while ((n = read(here->fd, data, sizeof(data))) > 0) {
        char *end;

        g_string_append_len(got, data, n);
        while ((end = memchr(got->str, '\n', got->len))) {
            g_autofree char *line = g_strndup(got->str, end - got->str);
            g_autofree char *sync = NULL;
            const char *answer = freezeAnswer(here, line, &sync);

            g_string_erase(got, 0, end + 1 - got->str);
            if (!answer) {
                shutdown(here->fd, SHUT_RDWR);
                return;
            }
            ignore_value(safewrite(here->fd, answer, strlen(answer)));
        }
    }
}

static void
freezeConnect(freezeFixture *here)
{
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    here->fd = fds[1];
    g_assert_cmpint(virThreadCreate(&here->thread, true, freezeServe, here), ==, 0);
    QBJ_DOMAIN_PRIVATE(here->vm)->agent = qbjAgentNew(fds[0]);
    g_assert_nonnull(QBJ_DOMAIN_PRIVATE(here->vm)->agent);
}

/* What was sent is read to its end before the connection goes. */
static void
freezeDisconnect(freezeFixture *here)
{
    qbjDomainAgentClose(here->vm);
    virThreadJoin(&here->thread);
    VIR_FORCE_CLOSE(here->fd);
}

/* --- the domain --- */

static virDomainXMLPrivateDataCallbacks freezeCallbacks = {
    .alloc = qbjDomainPrivateNew,
    .free = qbjDomainPrivateFree,
    .format = qbjDomainPrivateFormat,
    .parse = qbjDomainPrivateParse,
};

static void
freezeDomainNew(freezeFixture *here)
{
    virDomainDefParserConfig config = { .priv = &here->driver };
    const char *xml = "<domain type='qemu' id='3'><name>frozen</name><memory>65536</memory>"
                      "<os><type arch='x86_64' machine='pc'>hvm</type></os><devices>"
                      "<channel type='unix'><source mode='bind' path='/nowhere'/>"
                      "<target type='virtio' name='org.qemu.guest_agent.0'/></channel></devices></domain>";

    here->xmlopt = virDomainXMLOptionNew(&config, &freezeCallbacks, NULL, NULL, NULL, NULL);
    here->driver.xmlopt = here->xmlopt;
    here->vm = virDomainObjNew(here->xmlopt);   /* locked */
    g_assert_nonnull(here->vm);
    here->vm->def = virDomainDefParseString(xml, here->xmlopt, NULL, 0);
    g_assert_nonnull(here->vm->def);
    here->vm->def->id = RUN;
    virDomainObjSetState(here->vm, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED);
    QBJ_DOMAIN_PRIVATE(here->vm)->status = virQbjStatusNew();
    QBJ_DOMAIN_PRIVATE(here->vm)->status->agentTimeout = 1;
}

static freezeFixture *
freezeNew(const freezeScript *script)
{
    freezeFixture *here = g_new0(freezeFixture, 1);

    here->folder = g_dir_make_tmp("qbjfreeze-XXXXXX", NULL);
    here->conf.stateDir = here->folder;
    here->driver.conf = &here->conf;
    here->script = script;
    here->told = g_string_new(NULL);
    freezeDomainNew(here);
    freezeConnect(here);
    return here;
}

static void
freezeFree(freezeFixture *here)
{
    virDomainObjEndAPI(&here->vm);
    virObjectUnref(here->xmlopt);
    virFileDeleteTree(here->folder);
    g_free(here->folder);
    g_string_free(here->told, true);
    g_free(here);
}

static void
freezeCheck(freezeFixture *here, const char *told, bool owed)
{
    g_assert_cmpstr(here->told->str, ==, told);
    g_assert_true(QBJ_DOMAIN_PRIVATE(here->vm)->status->thaw == owed);
    g_assert_true(freezeFileSays(here) == owed);
}

/* --- tests --- */

static const freezeScript moments[] = {
    { "usual", ANSWER("\"thawed\""), ANSWER("2"), ANSWER("2"), 2, 0, "sFT", false },
    { "nothing", ANSWER("\"thawed\""), ANSWER("0"), SILENCE, 0, 0, "sF", false },
    { "refused", ANSWER("\"thawed\""), ERROR, SILENCE, -1, 0, "sF", false },
    { "unknown-question", ERROR, ANSWER("1"), ANSWER("1"), 1, 0, "sFT", false },
    { "no-answer-to-the-question", SILENCE, SILENCE, SILENCE, -1, 0, "s", false },
    { "no-answer", ANSWER("\"thawed\""), SILENCE, SILENCE, -1, 0, "sFT", true },
    { "no-number", ANSWER("\"thawed\""), ANSWER("{}"), ANSWER("1"), -1, 0, "sFT", true },
    { "a-number-below-zero", ANSWER("\"thawed\""), ANSWER("-1"), ANSWER("1"), -1, 0, "sFT", true },
    { "nonsense", ANSWER("\"thawed\""), "login: \n", ANSWER("1"), -1, 0, "sFT", true },
    { "gone", ANSWER("\"thawed\""), HANG_UP, SILENCE, -1, 0, "sF", true },
    { "frozen-before", ANSWER("\"frozen\""), ERROR, SILENCE, -1, 0, "sf", false },
    { "frozen-before-and-again", ANSWER("\"frozen\""), ANSWER("2"), SILENCE, 2, 0, "sf", false },
    { "frozen-before-no-answer", ANSWER("\"frozen\""), SILENCE, SILENCE, -1, 0, "sf", false },
    { "thaw-refused", ANSWER("\"thawed\""), ANSWER("2"), ERROR, 2, -1, "sFT", true },
    { "thaw-no-answer", ANSWER("\"thawed\""), ANSWER("2"), SILENCE, 2, -1, "sFTT", true },
    { "thaw-gone", ANSWER("\"thawed\""), ANSWER("2"), HANG_UP, 2, -1, "sFT", true },
};

static void
testMoment(const void *data)
{
    const freezeScript *script = data;
    freezeFixture *here = freezeNew(script);

    g_assert_cmpint(qbjDomainFreezeBegin(here->vm), ==, script->begin);
    if (script->begin > 0)
        g_assert_cmpint(qbjDomainFreezeEnd(here->vm), ==, script->end);
    virResetLastError();
    freezeDisconnect(here);
    freezeCheck(here, script->told, script->owed);

    /* the job of the agent is free, and an agent that comes is told first of all */
    g_assert_cmpint(virDomainObjBeginAgentJob(here->vm, VIR_AGENT_JOB_MODIFY), ==, 0);
    g_string_truncate(here->told, 0);
    here->thaws = 1;
    freezeConnect(here);
    qbjDomainFreezeRemind(here->vm);
    g_assert_cmpint(qbjDomainFreezeSettle(here->vm), ==, 0);
    virDomainObjEndAgentJob(here->vm);
    freezeDisconnect(here);
    freezeCheck(here, script->owed ? "TT" : "", false);
    freezeFree(here);
}

/* What a client freezes stays frozen; what its call has left without an answer does not. */
static void
testClient(void)
{
    static const freezeScript kept = { "", ANSWER("\"thawed\""), ANSWER("1"), ANSWER("1") };
    static const freezeScript lost = { "", ANSWER("\"thawed\""), SILENCE, ANSWER("1") };
    const char *mountpoints[] = { "/mnt", "/\"" };
    freezeFixture *here = freezeNew(&kept);

    g_assert_cmpint(qbjDomainFreezeKeep(here->vm, mountpoints, 2), ==, 1);
    g_assert_cmpint(qbjDomainFreezeSettle(here->vm), ==, 0);
    qbjDomainFreezeRemind(here->vm);
    g_assert_cmpint(qbjDomainFreezeUndo(here->vm), ==, 1);
    freezeDisconnect(here);
    freezeCheck(here, "sFt", false);
    freezeFree(here);

    here = freezeNew(&lost);
    g_assert_cmpint(qbjDomainFreezeKeep(here->vm, NULL, 0), ==, -1);
    g_assert_cmpint(qbjDomainFreezeUndo(here->vm), ==, 1);
    freezeDisconnect(here);
    freezeCheck(here, "sFTT", false);
    freezeFree(here);
}

/* A guest that stands still is told, and not waited for. */
static void
testPaused(void)
{
    static const freezeScript script = { "", ANSWER("\"thawed\""), ANSWER("1"), SILENCE };
    freezeFixture *here = freezeNew(&script);

    g_assert_cmpint(qbjDomainFreezeBegin(here->vm), ==, 1);
    virDomainObjSetState(here->vm, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR);
    g_assert_cmpint(qbjDomainFreezeEnd(here->vm), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OPERATION_INVALID);
    freezeDisconnect(here);
    freezeCheck(here, "sFT", true);
    g_assert_cmpint(qbjDomainFreezeBegin(here->vm), ==, -1);
    freezeFree(here);
}

/* Nothing is frozen that is not recorded. */
static void
testNoFile(void)
{
    static const freezeScript script = { "", ANSWER("\"thawed\""), ANSWER("1"), SILENCE };
    freezeFixture *here = freezeNew(&script);
    g_autofree char *nowhere = g_build_filename(here->folder, "nowhere", NULL);

    here->conf.stateDir = nowhere;
    g_assert_cmpint(qbjDomainFreezeBegin(here->vm), ==, -1);
    here->conf.stateDir = here->folder;
    freezeDisconnect(here);
    freezeCheck(here, "s", false);
    freezeFree(here);
}

static void
testEnded(void)
{
    static const freezeScript script = { "", ANSWER("\"thawed\""), ANSWER("1"), SILENCE };
    freezeFixture *here = freezeNew(&script);

    g_assert_cmpint(qbjDomainFreezeBegin(here->vm), ==, 1);
    here->vm->def->id = -1;
    g_assert_cmpint(qbjDomainFreezeEnd(here->vm), ==, 0);
    here->vm->def->id = RUN + 1;
    freezeDisconnect(here);
    g_assert_cmpstr(here->told->str, ==, "sF");
    freezeFree(here);
}

int
main(int argc, char **argv)
{
    size_t i;

    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (virInitialize() < 0)
        return EXIT_FAILURE;
    for (i = 0; i < G_N_ELEMENTS(moments); i++) {
        g_autofree char *name = g_strdup_printf("/freeze/moment/%s", moments[i].name);

        g_test_add_data_func(name, &moments[i], testMoment);
    }
    g_test_add_func("/freeze/client", testClient);
    g_test_add_func("/freeze/paused", testPaused);
    g_test_add_func("/freeze/no-file", testNoFile);
    g_test_add_func("/freeze/ended", testEnded);
    return g_test_run();
}
