/* Runs a QEMU binary once, without a machine, and asks it over QMP on its standard input and output. */

#include <config.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"
#include "vircommand.h"
#include "virerror.h"
#include "virfile.h"
#include "virutil.h"
#include "vm_caps_probe.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* what QEMU 7.2 answers is 200 KiB; one that never stops must not eat the daemon's memory */
#define QBJ_VM_CAPS_PROBE_BYTES (16 * 1024 * 1024)
#define QBJ_VM_CAPS_PROBE_STDERR 1024

typedef struct _qbjVmCapsQuestion qbjVmCapsQuestion;
struct _qbjVmCapsQuestion {
    const char *id;
    const char *line;           /* of QMP */
};

#define QUESTION(id, command) { id, "{\"execute\":\"" command "\",\"id\":\"" id "\"}\n" }
#define QUESTION_OF(id, command, arguments) \
    { id, "{\"execute\":\"" command "\",\"id\":\"" id "\",\"arguments\":{" arguments "}}\n" }
#define TYPES(id, parent) QUESTION_OF(id, "qom-list-types", "\"implements\":\"" parent "\",\"abstract\":false")
/* "max" is all that the accelerator can give; "full" names each feature in all spellings, libvirt's among
 * them */
#define CPU(id, props) \
    QUESTION_OF(id, "query-cpu-model-expansion", \
                "\"type\":\"full\",\"model\":{\"name\":\"max\",\"props\":{" props "}}")
/* hv-passthrough fills in what KVM has of Hyper-V, and changes nothing else */
#define CPU_ALL "\"migratable\":false,\"hv-passthrough\":true"

static const qbjVmCapsQuestion qbjVmCapsQuestions[] = {
    QUESTION("qmp_capabilities", "qmp_capabilities"),
    QUESTION("query-version", "query-version"),
    QUESTION("query-target", "query-target"),
    QUESTION("query-kvm", "query-kvm"),
    QUESTION("query-machines", "query-machines"),
    QUESTION("query-cpu-definitions", "query-cpu-definitions"),
    TYPES("devices", "device"),
    TYPES("chardevs", "chardev"),
    CPU("cpu-all", CPU_ALL),
    CPU("cpu-migratable", ""),
    { NULL, NULL }
};

/* To a second process, when the first one has KVM. */
static const qbjVmCapsQuestion qbjVmCapsTcgQuestions[] = {
    QUESTION("tcg:qmp_capabilities", "qmp_capabilities"),
    QUESTION("tcg:query-cpu-definitions", "query-cpu-definitions"),
    CPU("tcg:cpu-all", CPU_ALL),
    CPU("tcg:cpu-migratable", ""),
    { NULL, NULL }
};

static bool
qbjVmCapsAllAnswered(const qbjVmCapsQuestion *questions, GHashTable *replies)
{
    for (; questions->id; questions++) {
        if (!g_hash_table_contains(replies, questions->id))
            return false;
    }

    return true;
}

static bool
qbjVmCapsRepliesHaveKvm(GHashTable *replies)
{
    virJSONValue *reply = g_hash_table_lookup(replies, "query-kvm");
    virJSONValue *data = reply ? virJSONValueObjectGetObject(reply, "return") : NULL;
    bool enabled = false;

    return data && virJSONValueObjectGetBoolean(data, "enabled", &enabled) == 0 && enabled;
}

bool
qbjVmCapsProbeComplete(GHashTable *replies)
{
    return qbjVmCapsAllAnswered(qbjVmCapsQuestions, replies) &&
           (!qbjVmCapsRepliesHaveKvm(replies) || qbjVmCapsAllAnswered(qbjVmCapsTcgQuestions, replies));
}

typedef struct _qbjVmCapsProcess qbjVmCapsProcess;
struct _qbjVmCapsProcess {
    const char *binary;
    const qbjVmCapsQuestion *questions;
    virCommand *cmd;
    int in[2];                  /* pipe of its standard input; the commands lie in it before it starts */
    int out;                    /* read end of its standard output */
    int err;                    /* anonymous file behind its standard error */
    GString *buffer;            /* bytes of an unfinished line */
    size_t received;
};

static void
qbjVmCapsProcessClear(qbjVmCapsProcess *process)
{
    /* -qmp stdio does not end on EOF */
    if (process->cmd)
        virCommandAbort(process->cmd);
    virCommandFree(process->cmd);
    VIR_FORCE_CLOSE(process->in[0]);
    VIR_FORCE_CLOSE(process->in[1]);
    VIR_FORCE_CLOSE(process->out);
    VIR_FORCE_CLOSE(process->err);
    if (process->buffer)
        g_string_free(process->buffer, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(qbjVmCapsProcess, qbjVmCapsProcessClear);

static virCommand *
qbjVmCapsProbeCommand(const char *binary, const char *machine, const char *runDir, uid_t uid, gid_t gid)
{
    virCommand *cmd = virCommandNewArgList(binary, "-S", "-no-user-config", "-nodefaults", "-nographic",
                                           "-machine", machine, "-qmp", "stdio", NULL);

    virCommandAddEnvPair(cmd, "LC_ALL", "C");
    virCommandAddEnvPair(cmd, "HOME", runDir);
    virCommandSetWorkingDirectory(cmd, "/");
    virCommandSetUmask(cmd, 002);
    virCommandClearCaps(cmd);
    if (uid != (uid_t) -1)
        virCommandSetUID(cmd, uid);
    if (gid != (gid_t) -1)
        virCommandSetGID(cmd, gid);
    return cmd;
}

static int
qbjVmCapsReportPrepare(const char *binary)
{
    virReportSystemError(errno, _("Cannot prepare the probe of QEMU binary %s"), binary);
    return -1;
}

static int
qbjVmCapsProcessStart(qbjVmCapsProcess *process, const char *machine, const char *runDir, uid_t uid, gid_t gid)
{
    const qbjVmCapsQuestion *question;
    pid_t pid;

    if (virPipe(process->in) < 0)
        return -1;

    for (question = process->questions; question->id; question++) {
        if (safewrite(process->in[1], question->line, strlen(question->line)) < 0)
            return qbjVmCapsReportPrepare(process->binary);
    }
    if ((process->err = memfd_create("qemu-probe-stderr", MFD_CLOEXEC)) < 0)
        return qbjVmCapsReportPrepare(process->binary);

    process->cmd = qbjVmCapsProbeCommand(process->binary, machine, runDir, uid, gid);
    virCommandSetInputFD(process->cmd, process->in[0]);
    virCommandSetOutputFD(process->cmd, &process->out);
    virCommandSetErrorFD(process->cmd, &process->err);
    return virCommandRunAsync(process->cmd, &pid);
}

static void
qbjVmCapsReportProbe(const qbjVmCapsProcess *process, const char *what)
{
    char text[QBJ_VM_CAPS_PROBE_STDERR + 1] = "";
    ssize_t length = pread(process->err, text, QBJ_VM_CAPS_PROBE_STDERR, 0);

    text[MAX(length, 0)] = '\0';
    g_strchomp(text);
    virReportError(VIR_ERR_INTERNAL_ERROR, _("Cannot probe QEMU binary %s, which %s: %s"),
                   process->binary, what, text);
}

/* One line is one JSON object: greeting, reply or event. Only replies that we asked for are kept. */
static int
qbjVmCapsTakeLine(const qbjVmCapsProcess *process, const char *line, GHashTable *replies)
{
    g_autoptr(virJSONValue) object = virJSONValueFromString(line);
    const qbjVmCapsQuestion *question;
    const char *id;

    if (!object || !virJSONValueIsObject(object)) {
        qbjVmCapsReportProbe(process, _("sent something that is not QMP"));
        return -1;
    }

    id = virJSONValueObjectGetString(object, "id");
    for (question = process->questions; id && question->id; question++) {
        if (STREQ(id, question->id)) {
            g_hash_table_insert(replies, g_strdup(id), g_steal_pointer(&object));
            break;
        }
    }
    return 0;
}

/* Takes the complete lines, of which the last one ends within the @length bytes that have just come. */
static int
qbjVmCapsTakeLines(qbjVmCapsProcess *process, size_t length, GHashTable *replies)
{
    char *start = process->buffer->str;
    char *fresh = start + process->buffer->len - length;
    char *last = memrchr(fresh, '\n', length);

    if (!last)
        return 0;

    while (start <= last) {
        char *end = memchr(start, '\n', last - start + 1);

        *end = '\0';
        if (qbjVmCapsTakeLine(process, start, replies) < 0)
            return -1;
        start = end + 1;
    }

    g_string_erase(process->buffer, 0, start - process->buffer->str);
    return 0;
}

/* Waits for more output until @deadline (monotonic, in us) and takes what is complete of it. */
static int
qbjVmCapsReceive(qbjVmCapsProcess *process, gint64 deadline, GHashTable *replies)
{
    struct pollfd pfd = { .fd = process->out, .events = POLLIN };
    gint64 left = (deadline - g_get_monotonic_time()) / 1000;
    char data[65536];
    ssize_t length;
    int ready;

    if (left <= 0 || (ready = poll(&pfd, 1, left)) == 0) {
        qbjVmCapsReportProbe(process, _("did not answer in time"));
        return -1;
    }
    if (ready < 0 && errno == EINTR)
        return 0;

    length = read(process->out, data, sizeof(data));
    if (length <= 0) {
        qbjVmCapsReportProbe(process, _("ended without an answer"));
        return -1;
    }

    process->received += length;
    if (process->received > QBJ_VM_CAPS_PROBE_BYTES) {
        qbjVmCapsReportProbe(process, _("sent too much"));
        return -1;
    }

    g_string_append_len(process->buffer, data, length);
    return qbjVmCapsTakeLines(process, length, replies);
}

/* Runs @process->binary with @machine until all its questions are answered or @deadline is over. */
static int
qbjVmCapsProcessAsk(qbjVmCapsProcess *process, const char *machine, const char *runDir, uid_t uid, gid_t gid,
                    gint64 deadline, GHashTable *replies)
{
    process->buffer = g_string_new(NULL);
    if (qbjVmCapsProcessStart(process, machine, runDir, uid, gid) < 0)
        return -1;

    while (!qbjVmCapsAllAnswered(process->questions, replies)) {
        if (qbjVmCapsReceive(process, deadline, replies) < 0)
            return -1;
    }

    return 0;
}

#define QBJ_VM_CAPS_PROCESS(file, list) { .binary = file, .questions = list, .in = { -1, -1 }, .out = -1, .err = -1 }

GHashTable *
qbjVmCapsProbeAsk(const char *binary, const char *runDir, uid_t uid, gid_t gid, unsigned int seconds)
{
    g_auto(qbjVmCapsProcess) first = QBJ_VM_CAPS_PROCESS(binary, qbjVmCapsQuestions);
    g_auto(qbjVmCapsProcess) second = QBJ_VM_CAPS_PROCESS(binary, qbjVmCapsTcgQuestions);
    g_autoptr(GHashTable) replies = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                                          (GDestroyNotify) virJSONValueFree);
    gint64 deadline = g_get_monotonic_time() + seconds * G_USEC_PER_SEC;

    if (qbjVmCapsProcessAsk(&first, "none,accel=kvm:tcg", runDir, uid, gid, deadline, replies) < 0)
        return NULL;
    if (qbjVmCapsRepliesHaveKvm(replies) &&
        qbjVmCapsProcessAsk(&second, "none,accel=tcg", runDir, uid, gid, deadline, replies) < 0)
        return NULL;

    return g_steal_pointer(&replies);
}

qbjVmCaps *
qbjVmCapsProbe(const char *binary, const char *runDir, uid_t uid, gid_t gid, unsigned int seconds)
{
    g_autoptr(GHashTable) replies = qbjVmCapsProbeAsk(binary, runDir, uid, gid, seconds);

    return replies ? qbjVmCapsParse(binary, replies) : NULL;
}
