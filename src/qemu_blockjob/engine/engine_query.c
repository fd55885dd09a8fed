#include <config.h>

#include "internal.h"
#include "engine_query.h"
#include "engine_change.h"
#include "domain_qmp.h"
#include "virerror.h"
#include "virqbjjson.h"
#include "virqbjstatus.h"

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
    virJSONValue *entry = virQbjJSONArrayFind(reply, "id", name);

    if (!entry)
        return;
    answer->listed = true;
    answer->status = g_strdup(virJSONValueObjectGetString(entry, "status"));
    answer->error = g_strdup(virJSONValueObjectGetString(entry, "error"));
}

int
qbjEngineQueryNamed(virDomainObj *vm, const char *name, qbjEngineAnswer *answer)
{
    g_autoptr(virJSONValue) reply = NULL;

    if (qbjDomainQmpCall(vm, "query-jobs", NULL, &reply) < 0)
        return -1;
    qbjEngineReadJobs(reply, name, answer);
    return 0;
}

int
qbjEngineQueryJob(virDomainObj *vm, const virQbjJob *job, qbjEngineAnswer *answer)
{
    return qbjEngineQueryNamed(vm, job->spec->job, answer);
}

int
qbjEngineQueryDismiss(virDomainObj *vm, virQbjJob *job)
{
    g_autoptr(virJSONValue) arguments = qbjEngineQueryId(job);
    g_auto(qbjQmpCommand) command = { .execute = "job-dismiss", .arguments = arguments };
    g_auto(qbjEngineAnswer) answer = { 0 };

    if (qbjDomainQmpTry(vm, &command) < 0 ||
        (command.failed && qbjEngineQueryJob(vm, job, &answer) < 0))
        return -1;
    if (command.failed && answer.listed) {
        qbjQmpReportError(&command);
        return -1;
    }

    job->dismissed = true;
    return 0;
}

const char *
qbjEngineQueryGraphName(virJSONValue *nodes, unsigned long long id)
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

/* The node that @parent's edge @edge leads to, or NULL. */
static const char *
qbjEngineGraphChild(virJSONValue *graph, const char *parent, const char *edge)
{
    virJSONValue *nodes = virJSONValueObjectGetArray(graph, "nodes");
    virJSONValue *edges = virJSONValueObjectGetArray(graph, "edges");
    size_t i;

    for (i = 0; nodes && edges && i < virJSONValueArraySize(edges); i++) {
        virJSONValue *entry = virJSONValueArrayGet(edges, i);
        unsigned long long from;
        unsigned long long to;

        if (STREQ_NULLABLE(virJSONValueObjectGetString(entry, "name"), edge) &&
            virJSONValueObjectGetNumberUlong(entry, "parent", &from) == 0 &&
            virJSONValueObjectGetNumberUlong(entry, "child", &to) == 0 &&
            STREQ_NULLABLE(qbjEngineQueryGraphName(nodes, from), parent))
            return qbjEngineQueryGraphName(nodes, to);
    }
    return NULL;
}

/* A copy-on-read filter stays the device's root for ever: what changes is the node below it. */
static int
qbjEngineQueryBelowFilter(virDomainObj *vm, const virDomainDiskDef *disk, char **root)
{
    const virQbjDiskPrivate *priv = VIR_QBJ_DISK_PRIVATE(disk);
    g_autoptr(virJSONValue) graph = NULL;
    char *below;

    if (!priv || !priv->nodeCopyOnRead || STRNEQ_NULLABLE(*root, priv->nodeCopyOnRead))
        return 0;
    if (qbjDomainQmpCall(vm, "x-debug-query-block-graph", NULL, &graph) < 0)
        return -1;

    below = g_strdup(qbjEngineGraphChild(graph, priv->nodeCopyOnRead, "file"));
    g_free(*root);
    *root = below;
    return 0;
}

/* The object whose property "drive" names the node that the guest works on. A status file of another driver
 * may not say which it is. */
static char *
qbjEngineQueryDevice(const virDomainDiskDef *disk)
{
    virQbjDiskPrivate *priv = VIR_QBJ_DISK_PRIVATE(disk);

    if (priv && priv->qomName && *priv->qomName == '/')
        return g_strdup(priv->qomName);

    /* behind a USB stick there is a SCSI disk that has taken the drive over */
    if (disk->bus == VIR_DOMAIN_DISK_BUS_USB)
        return g_strdup_printf("/machine/peripheral/%s/%s.0/legacy[0]", disk->info.alias, disk->info.alias);

    return g_strdup_printf("/machine/peripheral/%s", disk->info.alias);
}

/* query-jobs in the last but one of @commands, the device's node in the last. */
static int
qbjEngineReadRoot(virDomainObj *vm, const virQbjJob *job, const qbjQmpCommand *jobs, const qbjQmpCommand *drive,
                  qbjEngineAnswer *answer, char **root)
{
    if (jobs->failed) {
        qbjQmpReportError(jobs);
        return -1;
    }
    qbjEngineReadJobs(jobs->reply, job->spec->job, answer);
    if (!drive->failed && drive->reply)
        *root = g_strdup(virJSONValueGetString(drive->reply));
    if (*root && qbjEngineQueryBelowFilter(vm, qbjEngineChangeDisk(vm, job), root) < 0) {
        g_clear_pointer(root, g_free);
        return -1;
    }
    return 0;
}

int
qbjEngineQueryRoot(virDomainObj *vm, const virQbjJob *job, qbjQmpCommand *first, qbjEngineAnswer *answer,
                   char **root)
{
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);
    g_autofree char *path = disk && disk->info.alias ? qbjEngineQueryDevice(disk) : NULL;
    g_autoptr(virJSONValue) arguments = NULL;
    qbjQmpCommand commands[3] = { { .execute = NULL } };
    qbjQmpCommand *jobs = &commands[first ? 1 : 0];
    qbjQmpCommand *drive = jobs + 1;
    int rc;

    if (path && virJSONValueObjectAdd(&arguments, "s:path", path, "s:property", "drive", NULL) < 0)
        return -1;
    if (first)
        commands[0] = *first;
    jobs->execute = "query-jobs";
    drive->execute = "qom-get";
    drive->arguments = arguments;

    if ((rc = qbjDomainQmpRun(vm, commands, drive - commands + (path ? 1 : 0))) == 0)
        rc = qbjEngineReadRoot(vm, job, jobs, drive, answer, root);
    if (first)
        *first = commands[0];
    qbjQmpCommandClear(jobs);
    qbjQmpCommandClear(drive);
    return rc;
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
            STRNEQ_NULLABLE(qbjEngineQueryGraphName(nodes, parent), change->above))
            continue;
        hasBacking = true;
        *done = STREQ_NULLABLE(qbjEngineQueryGraphName(nodes, child), change->nowOn);
    }
    if (!hasBacking)
        *done = !change->nowOn;
    return 0;
}
