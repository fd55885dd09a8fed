#include <config.h>

#include "internal.h"
#include "engine_query.h"
#include "engine_change.h"
#include "domain_qmp.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

void
qbjEngineAnswerClear(qbjEngineAnswer *answer)
{
    g_clear_pointer(&answer->status, g_free);
    g_clear_pointer(&answer->error, g_free);
}

virJSONValue *
qbjEngineQueryId(const virQbjJob *job)
{
    virJSONValue *arguments = virJSONValueNewObject();

    virJSONValueObjectAppendString(arguments, "id", job->spec->job);
    return arguments;
}

static void
qbjEngineReadJobs(virJSONValue *reply, const char *name, qbjEngineAnswer *answer)
{
    size_t i;

    for (i = 0; virJSONValueIsArray(reply) && i < virJSONValueArraySize(reply); i++) {
        virJSONValue *entry = virJSONValueArrayGet(reply, i);

        if (STRNEQ_NULLABLE(virJSONValueObjectGetString(entry, "id"), name))
            continue;
        answer->listed = true;
        answer->status = g_strdup(virJSONValueObjectGetString(entry, "status"));
        answer->error = g_strdup(virJSONValueObjectGetString(entry, "error"));
    }
}

int
qbjEngineQueryJob(virDomainObj *vm, const virQbjJob *job, qbjEngineAnswer *answer)
{
    g_autoptr(virJSONValue) reply = NULL;

    if (qbjDomainQmpCall(vm, "query-jobs", NULL, &reply) < 0)
        return -1;
    qbjEngineReadJobs(reply, job->spec->job, answer);
    return 0;
}

int
qbjEngineQueryRoot(virDomainObj *vm, const virQbjJob *job, qbjEngineAnswer *answer, char **root)
{
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);
    g_autofree char *path = NULL;
    g_autoptr(virJSONValue) arguments = NULL;
    g_auto(qbjQmpCommand) jobs = { .execute = "query-jobs" };
    g_auto(qbjQmpCommand) drive = { .execute = "qom-get" };
    qbjQmpCommand commands[2];
    int rc;

    if (!disk || !disk->info.alias)
        return qbjEngineQueryJob(vm, job, answer);

    path = g_strdup_printf("/machine/peripheral/%s", disk->info.alias);
    if (virJSONValueObjectAdd(&arguments, "s:path", path, "s:property", "drive", NULL) < 0)
        return -1;
    drive.arguments = arguments;

    commands[0] = jobs;
    commands[1] = drive;
    rc = qbjDomainQmpRun(vm, commands, 2);
    jobs = commands[0];
    drive = commands[1];
    if (rc < 0)
        return -1;
    if (jobs.failed) {
        qbjQmpReportError(&jobs);
        return -1;
    }

    qbjEngineReadJobs(jobs.reply, job->spec->job, answer);
    if (!drive.failed && drive.reply)
        *root = g_strdup(virJSONValueGetString(drive.reply));
    return 0;
}

/* The graph as QEMU draws it: nodes with id and name, edges from parent to child by id. */
static const char *
qbjEngineGraphName(virJSONValue *nodes, unsigned long long id)
{
    size_t i;

    for (i = 0; i < virJSONValueArraySize(nodes); i++) {
        virJSONValue *node = virJSONValueArrayGet(nodes, i);
        unsigned long long nodeId;

        if (virJSONValueObjectGetNumberUlong(node, "id", &nodeId) == 0 && nodeId == id)
            return virJSONValueObjectGetString(node, "name");
    }
    return NULL;
}

int
qbjEngineQueryCutDone(virDomainObj *vm, const virQbjJob *job, bool *done)
{
    const qbjChange *change = &job->spec->change;
    g_autoptr(virJSONValue) reply = NULL;
    virJSONValue *nodes;
    virJSONValue *edges;
    bool hasBacking = false;
    size_t i;

    if (qbjDomainQmpCall(vm, "x-debug-query-block-graph", NULL, &reply) < 0)
        return -1;
    nodes = virJSONValueObjectGetArray(reply, "nodes");
    edges = virJSONValueObjectGetArray(reply, "edges");
    if (!nodes || !edges) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s", _("QEMU's block graph has no nodes or no edges"));
        return -1;
    }

    *done = false;
    for (i = 0; i < virJSONValueArraySize(edges); i++) {
        virJSONValue *edge = virJSONValueArrayGet(edges, i);
        unsigned long long parent;
        unsigned long long child;

        if (STRNEQ_NULLABLE(virJSONValueObjectGetString(edge, "name"), "backing") ||
            virJSONValueObjectGetNumberUlong(edge, "parent", &parent) < 0 ||
            virJSONValueObjectGetNumberUlong(edge, "child", &child) < 0 ||
            STRNEQ_NULLABLE(qbjEngineGraphName(nodes, parent), change->above))
            continue;
        hasBacking = true;
        *done = STREQ_NULLABLE(qbjEngineGraphName(nodes, child), change->nowOn);
    }
    if (!hasBacking)
        *done = !change->nowOn;
    return 0;
}
