#include <config.h>

#include "internal.h"
#include "domain_agent.h"
#include "domain_connect.h"
#include "domain_freeze.h"
#include "domain_qmp.h"
#include "qmp_message.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.domain_agent");

#define QBJ_DOMAIN_AGENT_NAME "org.qemu.guest_agent.0"

virDomainChrDef *
qbjDomainAgentChannel(const virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->nchannels; i++) {
        virDomainChrDef *channel = def->channels[i];

        if (channel->targetType == VIR_DOMAIN_CHR_CHANNEL_TARGET_TYPE_VIRTIO &&
            channel->source->type == VIR_DOMAIN_CHR_TYPE_UNIX &&
            STREQ_NULLABLE(channel->target.name, QBJ_DOMAIN_AGENT_NAME))
            return channel;
    }
    return NULL;
}

void
qbjDomainAgentClose(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (priv->agent)
        qbjAgentClose(priv->agent);
    g_clear_pointer(&priv->agent, qbjAgentUnref);
}

/* What cannot be connected to is as good as closed: calls say so, nothing else depends on it. */
static void
qbjDomainAgentConnect(virDomainObj *vm, const virDomainChrDef *channel)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    const char *path = channel->source->data.nix.path;
    int fd = path ? qbjDomainConnect(vm, path) : -1;

    if (fd < 0 || !(priv->agent = qbjAgentNew(fd))) {
        VIR_WARN("cannot connect to the guest agent of domain '%s': %s", vm->def->name, virGetLastErrorMessage());
        virResetLastError();
        return;
    }
    qbjDomainFreezeRemind(vm);
}

static virDomainChrDef *
qbjDomainAgentFind(const virDomainDef *def, const char *alias)
{
    size_t i;

    for (i = 0; i < def->nchannels; i++) {
        if (STREQ_NULLABLE(def->channels[i]->info.alias, alias))
            return def->channels[i];
    }
    return NULL;
}

bool
qbjDomainAgentFollow(virDomainObj *vm, const char *alias, bool open)
{
    virDomainChrDef *channel = qbjDomainAgentFind(vm->def, alias);
    virDomainChrDeviceState state = open ? VIR_DOMAIN_CHR_DEVICE_STATE_CONNECTED
                                         : VIR_DOMAIN_CHR_DEVICE_STATE_DISCONNECTED;
    bool changed;

    if (!channel || channel->targetType != VIR_DOMAIN_CHR_CHANNEL_TARGET_TYPE_VIRTIO)
        return false;
    changed = channel->state != state;
    channel->state = state;
    if (channel != qbjDomainAgentChannel(vm->def))
        return false;

    /* a guest that opens it again begins anew, and so do we */
    if (!open || changed)
        qbjDomainAgentClose(vm);
    if (open && !QBJ_DOMAIN_PRIVATE(vm)->agent)
        qbjDomainAgentConnect(vm, channel);
    return changed;
}

int
qbjDomainAgentCheck(virDomainObj *vm, bool quiet)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (virDomainObjGetState(vm, NULL) != VIR_DOMAIN_RUNNING) {
        if (!quiet)
            virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("domain is not running"));
        return -1;
    }
    if (!qbjDomainAgentChannel(vm->def)) {
        if (!quiet)
            virReportError(VIR_ERR_ARGUMENT_UNSUPPORTED, "%s", _("QEMU guest agent is not configured"));
        return -1;
    }
    if (!priv->agent || qbjAgentIsClosed(priv->agent)) {
        if (!quiet)
            virReportError(VIR_ERR_AGENT_UNRESPONSIVE, "%s", _("QEMU guest agent is not connected"));
        return -1;
    }
    return 0;
}

/* Returns 0, -1 with an error reported; @gone tells whether the connection has ended meanwhile. */
static int
qbjDomainAgentTalk(virDomainObj *vm, const char *command, int seconds, virJSONValue **answer, bool *gone)
{
    g_autoptr(qbjAgent) agent = NULL;
    int id = vm->def->id;
    int rc;

    if (qbjDomainAgentCheck(vm, false) < 0)
        return -1;
    agent = qbjAgentRef(QBJ_DOMAIN_PRIVATE(vm)->agent);

    virObjectUnlock(vm);
    rc = qbjAgentCall(agent, command, seconds, answer);
    virObjectLock(vm);

    *gone = qbjAgentIsClosed(agent);
    if (rc == 0 && vm->def->id != id) {
        g_clear_pointer(answer, virJSONValueFree);
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("domain is not running"));
        return -1;
    }
    return rc;
}

static char *
qbjDomainAgentText(const char *execute, virJSONValue *arguments)
{
    g_autofree char *body = qbjQmpMessageFormat(execute, arguments);

    return body ? g_strdup_printf("%s}", body) : NULL;
}

static int
qbjDomainAgentTimeout(virDomainObj *vm)
{
    virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;

    return status ? status->agentTimeout : VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK;
}

int
qbjDomainAgentTry(virDomainObj *vm, const char *execute, virJSONValue *arguments, int seconds, virJSONValue **reply,
                  bool *answered)
{
    g_autofree char *text = qbjDomainAgentText(execute, arguments);
    g_autoptr(virJSONValue) answer = NULL;
    bool gone = false;

    *answered = false;
    if (!text || qbjDomainAgentTalk(vm, text, seconds, &answer, &gone) < 0)
        return -1;
    if (!answer) {                      /* NOWAIT: nothing to give */
        if (!reply)
            return 0;
        virReportError(VIR_ERR_AGENT_UNRESPONSIVE, "%s", _("the answer of the guest agent is not waited for"));
        return -1;
    }
    *answered = true;
    return qbjAgentTakeReply(answer, execute, reply);
}

int
qbjDomainAgentCall(virDomainObj *vm, const char *execute, virJSONValue *arguments, virJSONValue **reply)
{
    bool answered;

    return qbjDomainAgentTry(vm, execute, arguments, qbjDomainAgentTimeout(vm), reply, &answered);
}

int
qbjDomainAgentTell(virDomainObj *vm, const char *execute)
{
    qbjAgent *agent = QBJ_DOMAIN_PRIVATE(vm)->agent;
    g_autofree char *text = qbjDomainAgentText(execute, NULL);

    return agent && text ? qbjAgentTell(agent, text) : -1;
}

int
qbjDomainAgentCallLast(virDomainObj *vm, const char *execute, virJSONValue *arguments)
{
    g_autofree char *text = qbjDomainAgentText(execute, arguments);
    g_autoptr(virJSONValue) answer = NULL;
    bool gone = false;

    if (!text)
        return -1;
    if (qbjDomainAgentTalk(vm, text, VIR_DOMAIN_QEMU_AGENT_COMMAND_SHUTDOWN, &answer, &gone) < 0) {
        if (!gone)
            return -1;
        virResetLastError();
        return 0;
    }
    return qbjAgentTakeReply(answer, execute, NULL);
}

int
qbjDomainAgentPassthrough(virDomainObj *vm, const char *text, int seconds, virJSONValue **answer)
{
    g_autoptr(virJSONValue) command = virJSONValueFromString(text);
    g_autofree char *line = NULL;
    const char *name;
    bool gone = false;

    if (!command)
        return -1;
    if (!(name = virJSONValueObjectGetString(command, "execute"))) {
        virReportError(VIR_ERR_INVALID_ARG, "%s", _("the command needs a member 'execute'"));
        return -1;
    }
    if (!(line = virJSONValueToString(command, false)) ||
        qbjDomainAgentTalk(vm, line, seconds, answer, &gone) < 0)
        return -1;
    if (*answer && qbjAgentTakeReply(*answer, name, NULL) < 0) {
        g_clear_pointer(answer, virJSONValueFree);
        return -1;
    }
    return 0;
}
