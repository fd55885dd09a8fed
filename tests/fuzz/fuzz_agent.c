/* What a guest's agent may send in the place of an answer, and what is read from it. An input is what the
 * agent says to one command; it says the right thing to guest-sync.
 *
 * Laws: a call ends, with an answer that is one or with an error that says which; after an error the next
 * call has its own answer, whatever is still in the channel; a list that is read has no holes. */
#include <config.h>

#include "internal.h"
#include "agent_client.h"
#include "api_agent.h"
#include "virerror.h"
#include "virfile.h"
#include "virthread.h"

#include "fuzz_main.h"

#include <signal.h>
#include <sys/socket.h>

#define MINE "\"mine\""

static void
qbjFuzzIgnoreError(void *opaque, virErrorPtr error)
{
}

static void
qbjFuzzStart(void)
{
    static bool started;

    if (started)
        return;
    signal(SIGPIPE, SIG_IGN);
    if (virInitialize() < 0)
        g_error("cannot start: %s", virGetLastErrorMessage());
    virSetErrorFunc(NULL, qbjFuzzIgnoreError);
    started = true;
}

typedef struct _qbjFuzzAgent qbjFuzzAgent;
struct _qbjFuzzAgent {
    int fd;
    const uint8_t *data;
    size_t size;
    unsigned int commands;
    virThread thread;
};

static void
qbjFuzzSay(qbjFuzzAgent *fake, const char *text)
{
    ignore_value(safewrite(fake->fd, text, strlen(text)));
}

/* The first command is answered with the input, and an answer behind it for one that ends nowhere; each later
 * one as it should be. */
static void
qbjFuzzAnswer(qbjFuzzAgent *fake, const char *line)
{
    const char *id = strstr(line, "\"id\":");
    g_autofree char *sync = NULL;

    if (id) {
        sync = g_strdup_printf("{\"return\": %.*s}\n", (int) strspn(id + 5, "0123456789"), id + 5);
        qbjFuzzSay(fake, sync);
    } else if (fake->commands++ == 0) {
        ignore_value(safewrite(fake->fd, fake->data, fake->size));
        qbjFuzzSay(fake, "\n{\"return\": 1}\n");
    } else {
        qbjFuzzSay(fake, "{\"return\": " MINE "}\n");
    }
}

static void
qbjFuzzServe(void *opaque)
{
    qbjFuzzAgent *fake = opaque;
    g_autoptr(GString) got = g_string_new(NULL);
    char data[512];
    ssize_t n;

    while ((n = read(fake->fd, data, sizeof(data))) > 0) {
        char *end;

        g_string_append_len(got, data, n);
        while ((end = memchr(got->str, '\n', got->len))) {
            g_autofree char *line = g_strndup(got->str, end - got->str);

            g_string_erase(got, 0, end + 1 - got->str);
            qbjFuzzAnswer(fake, line);
        }
    }
}

static void
qbjFuzzCheckLists(virJSONValue *reply)
{
    g_autoptr(virDomainDef) def = virDomainDefNew(NULL);
    virDomainFSInfoPtr *systems = NULL;
    virDomainInterfacePtr *ifaces = NULL;
    int n = qbjApiFSRead(def, reply, &systems);

    if (n < 0 && systems)
        g_error("a list of file systems that was refused is there");
    for (; n > 0; n--) {
        if (!systems[n - 1]->mountpoint || !systems[n - 1]->name || !systems[n - 1]->fstype)
            g_error("a file system without a name");
        virDomainFSInfoFree(systems[n - 1]);
    }
    n = qbjApiNetRead(reply, &ifaces);
    if (n < 0 && ifaces)
        g_error("a list of interfaces that was refused is there");
    for (; n > 0; n--) {
        if (!ifaces[n - 1]->name)
            g_error("an interface without a name");
        virDomainInterfaceFree(ifaces[n - 1]);
    }
    g_free(systems);
    g_free(ifaces);
    virResetLastError();
}

static void
qbjFuzzCheckAnswer(virJSONValue *answer)
{
    g_autoptr(virJSONValue) reply = NULL;
    bool error = virJSONValueObjectHasKey(answer, "error");

    if (!error && !virJSONValueObjectHasKey(answer, "return"))
        g_error("an answer that is none");
    if ((qbjAgentTakeReply(answer, "guest-x", &reply) < 0) != error)
        g_error("an error is taken for a reply, or the other way round");
    if (reply)
        qbjFuzzCheckLists(reply);
    virResetLastError();
}

/* Returns whether the call has failed. */
static bool
qbjFuzzCall(qbjAgent *agent, virJSONValue **answer)
{
    int code;

    if (qbjAgentCall(agent, "{\"execute\":\"guest-x\"}", 20, answer) == 0)
        return false;
    code = virGetLastErrorCode();
    if (*answer || (code != VIR_ERR_AGENT_UNSYNCED && code != VIR_ERR_AGENT_UNRESPONSIVE))
        g_error("a call fails with code %d", code);
    virResetLastError();
    return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    qbjFuzzAgent fake = { .data = data, .size = size };
    g_autoptr(qbjAgent) agent = NULL;
    g_autoptr(virJSONValue) first = NULL;
    g_autoptr(virJSONValue) second = NULL;
    int fds[2];

    qbjFuzzStart();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        g_error("no sockets");
    fake.fd = fds[1];
    if (!(agent = qbjAgentNew(fds[0])) || virThreadCreate(&fake.thread, true, qbjFuzzServe, &fake) < 0)
        g_error("no agent");

    if (!qbjFuzzCall(agent, &first))
        qbjFuzzCheckAnswer(first);
    else if (qbjFuzzCall(agent, &second) ||
             STRNEQ_NULLABLE(virJSONValueObjectGetString(second, "return"), "mine"))
        g_error("a call has the answer to another one");

    qbjAgentClose(agent);
    virThreadJoin(&fake.thread);
    VIR_FORCE_CLOSE(fake.fd);
    return 0;
}

/* Single bytes that mean something: most random ones end in the first string that they hit. */
size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned int seed)
{
    static const char tokens[] = "{}[]\":,\\ \n\0\x1f\xff" "0-.etid";
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    int n;

    for (n = g_rand_int_range(rand, 1, 5); n > 0 && size > 0 && size < room; n--) {
        size_t at = g_rand_int_range(rand, 0, size);
        uint8_t token = tokens[g_rand_int_range(rand, 0, sizeof(tokens) - 1)];

        if (g_rand_boolean(rand)) {
            memmove(data + at + 1, data + at, size - at);
            size++;
        }
        data[at] = token;
    }
    return size;
}
