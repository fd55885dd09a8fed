#include <config.h>

#include "internal.h"
#include "virqbjstatus.h"
#include "virerror.h"
#include "virlog.h"
#include "virqbjxml.h"
#include "virstring.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

VIR_LOG_INIT("conf.virqbjstatusparse");

/* More virtual CPUs than any machine type has: a damaged number must not allocate gigabytes. */
#define VIR_QBJ_STATUS_MAX_VCPUS 16384

static void
virQbjStatusParsePath(xmlNodePtr root, const char *element, char **to)
{
    xmlNodePtr node = virQbjXMLChild(root, element, NULL);

    if (node)
        virQbjXMLTakeProp(node, "path", to);
}

static void
virQbjStatusParseMonitor(xmlNodePtr root, virQbjStatus *status)
{
    xmlNodePtr node = virQbjXMLChild(root, "monitor", NULL);
    g_autofree char *type = node ? virXMLPropString(node, "type") : NULL;

    if (STREQ_NULLABLE(type, "unix"))
        virQbjXMLTakeProp(node, "path", &status->monitorPath);
    else
        VIR_WARN("a status file names no monitor socket");
}

static void
virQbjStatusParseNamespaces(xmlNodePtr root, virQbjStatus *status)
{
    xmlNodePtr namespaces = virQbjXMLChild(root, "namespaces", NULL);
    xmlNodePtr node;

    for (node = namespaces ? namespaces->children : NULL; node; node = node->next) {
        if (virQbjXMLIsElement(node, "mount", NULL))
            status->mountNamespace = true;
        else if (node->type == XML_ELEMENT_NODE)
            VIR_WARN("a private namespace '%s' in a status file is not known", (const char *) node->name);
    }
}

static void
virQbjStatusSetVcpu(virQbjStatus *status, unsigned long long id, pid_t pid)
{
    if (id >= status->nvcpuPids) {
        status->vcpuPids = g_renew(pid_t, status->vcpuPids, id + 1);
        memset(status->vcpuPids + status->nvcpuPids, 0, (id + 1 - status->nvcpuPids) * sizeof(pid_t));
        status->nvcpuPids = id + 1;
    }

    status->vcpuPids[id] = pid;
}

static void
virQbjStatusParseVcpus(xmlNodePtr root, virQbjStatus *status)
{
    xmlNodePtr vcpus = virQbjXMLChild(root, "vcpus", NULL);
    xmlNodePtr node;

    for (node = vcpus ? vcpus->children : NULL; node; node = node->next) {
        unsigned long long id;
        unsigned long long pid;

        if (virQbjXMLIsElement(node, "vcpu", NULL) &&
            virQbjXMLPropNumber(node, "id", 10, &id) == 0 && id < VIR_QBJ_STATUS_MAX_VCPUS &&
            virQbjXMLPropNumber(node, "pid", 10, &pid) == 0 && pid <= INT_MAX)
            virQbjStatusSetVcpu(status, id, pid);
    }
}

/* Attribute @attribute of the children called @item of the element; NULL when there is none. */
static char **
virQbjStatusParseList(xmlNodePtr root, const char *element, const char *item, const char *attribute)
{
    xmlNodePtr list = virQbjXMLChild(root, element, NULL);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    xmlNodePtr node;

    for (node = list ? list->children : NULL; node; node = node->next) {
        g_autofree char *name = NULL;

        if (virQbjXMLIsElement(node, item, NULL))
            virQbjXMLTakeProp(node, attribute, &name);
        if (name)
            g_ptr_array_add(names, g_steal_pointer(&name));
    }

    if (names->len == 0)
        return NULL;

    g_ptr_array_add(names, NULL);
    return (char **) g_ptr_array_free(g_steal_pointer(&names), FALSE);
}

static void
virQbjStatusParseCaps(xmlNodePtr root, virQbjStatus *status)
{
    status->caps = virQbjStatusParseList(root, "qemuCaps", "flag", "name");
}

static void
virQbjStatusParseCPU(xmlXPathContextPtr ctxt, virQbjStatus *status)
{
    if (virCPUDefParseXML(ctxt, "./cpu[1]", VIR_CPU_TYPE_GUEST, &status->origCPU, false) < 0) {
        VIR_WARN("the original CPU definition in a status file cannot be read: %s", virGetLastErrorMessage());
        virResetLastError();
    }
}

static void
virQbjStatusParseAllowReboot(xmlNodePtr root, virQbjStatus *status)
{
    xmlNodePtr node = virQbjXMLChild(root, "allowReboot", NULL);
    g_autofree char *value = node ? virXMLPropString(node, "value") : NULL;

    if (STREQ_NULLABLE(value, "yes"))
        status->allowReboot = VIR_TRISTATE_BOOL_YES;
    else if (STREQ_NULLABLE(value, "no"))
        status->allowReboot = VIR_TRISTATE_BOOL_NO;
}

static bool
virQbjStatusParseFlag(xmlNodePtr root, const char *element)
{
    return virQbjXMLChild(root, element, NULL) != NULL;
}

static void
virQbjStatusParseNumbers(xmlNodePtr root, virQbjStatus *status)
{
    xmlNodePtr node = virQbjXMLChild(root, "fdset", NULL);
    xmlNodePtr timeout = virQbjXMLChild(root, "agentTimeout", NULL);
    g_autofree char *text = timeout ? virXMLNodeContentString(timeout) : NULL;
    unsigned long long number;

    if (node && virQbjXMLPropNumber(node, "index", 10, &number) == 0 && number <= UINT_MAX)
        status->fdsetIndex = number;

    if (text && virStrToLong_i(text, NULL, 10, &status->agentTimeout) < 0) {
        VIR_WARN("the agent timeout in a status file is no number");
        status->agentTimeout = VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK;
    }
}

/* An index that is given twice makes QEMU refuse a node name, so no image of the file may be above the
 * last one. */
static void
virQbjStatusParseNodeIndex(xmlXPathContextPtr ctxt, virQbjStatus *status)
{
    xmlNodePtr node = virQbjXMLChild(ctxt->node, "nodename", NULL);
    g_autofree xmlNodePtr *indexed = NULL;
    int nindexed = virXPathNodeSet("./domain/devices/disk//*[self::source or self::backingStore][@index]"
                                   " | ./blockjobs//source[@index] | ./backups//disk[@index]", ctxt, &indexed);
    unsigned long long index;
    int i;

    if (node)
        ignore_value(virQbjXMLPropNumber(node, "index", 10, &status->nodeIndex));

    for (i = 0; i < nindexed; i++) {
        if (virQbjXMLPropNumber(indexed[i], "index", 10, &index) == 0 && index > status->nodeIndex)
            status->nodeIndex = index;
    }
}

static void
virQbjStatusParseBitmaps(xmlNodePtr root, virQbjStatus *status)
{
    xmlNodePtr node = virQbjXMLChild(root, "images", VIR_QBJ_XML_NAMESPACE);
    g_autofree char *value = node ? virXMLPropString(node, "bitmaps") : NULL;

    status->mayHaveBitmaps = STRNEQ_NULLABLE(value, "no");
}

/* A second element of the same name is of no use to anybody: the stock driver reads the first. */
static int
virQbjStatusParseKept(xmlNodePtr root, virQbjStatus *status)
{
    size_t i;

    for (i = 0; i < VIR_QBJ_KEPT_LAST; i++) {
        xmlNodePtr node = virQbjXMLChild(root, virQbjKeptTypeToString(i), NULL);

        if (node && !(status->kept[i] = virQbjXMLText(node, 1)))
            return -1;
    }

    return 0;
}

/* Only an async job outlives its daemon, with others that belong to it (<backups>). A DESTROY that was kept
 * would make a stock daemon kill the VM one day. */
static void
virQbjStatusDropPlainJob(xmlXPathContextPtr ctxt, virQbjStatus *status)
{
    g_auto(virQbjStatusJob) job = { 0 };

    virQbjStatusParseJob(ctxt, &job);
    if (job.asyncJob == VIR_ASYNC_JOB_NONE)
        g_clear_pointer(&status->kept[VIR_QBJ_KEPT_JOB], g_free);
}

/* What nobody here knows is written back as it was; the stock driver loses it (06/R6.8). */
static int
virQbjStatusKeepUnknown(xmlNodePtr root, virQbjStatus *status)
{
    static const char *const known[] = {
        "taint", "deprecation", "domain", "monitor", "namespaces", "vcpus", "qemuCaps", "fakereboot", "devices", "libDir",
        "channelTargetDir", "cpu", "chardevStdioLogd", "rememberOwner", "allowReboot", "nodename", "fdset", "blockjobs",
        "agentTimeout", NULL
    };
    xmlNodePtr node;

    for (node = root->children; node; node = node->next) {
        const char *name = (const char *) node->name;

        char *text;

        if (node->type != XML_ELEMENT_NODE ||
            (node->ns && STREQ((const char *) node->ns->href, VIR_QBJ_XML_NAMESPACE)) ||
            (!node->ns && (g_strv_contains(known, name) || virQbjKeptTypeFromString(name) >= 0)))
            continue;
        VIR_WARN("element <%s> in a status file is not known", name);
        if (!(text = virQbjXMLText(node, 1)))
            return -1;
        g_ptr_array_add(status->unknown, text);
    }
    return 0;
}

/* An async job that we do not have: it died with the daemon that began it, or goes on in QEMU, and only that
 * driver knows how it ends (06/R3). */
static char *
virQbjStatusForeignAsync(xmlNodePtr root)
{
    xmlNodePtr node = virQbjXMLChild(root, "job", NULL);
    g_autofree char *async = node ? virXMLPropString(node, "async") : NULL;

    if (!async || STREQ(async, virDomainAsyncJobTypeToString(VIR_ASYNC_JOB_NONE)) ||
        STREQ(async, virDomainAsyncJobTypeToString(VIR_ASYNC_JOB_START)))
        return NULL;
    return g_strdup_printf(_("another driver has begun an operation that this one does not have: %s"), async);
}

static char *
virQbjStatusForeignJob(const virQbjStatus *status)
{
    size_t i;

    for (i = 0; i < status->jobs->len; i++) {
        const virQbjJob *job = g_ptr_array_index(status->jobs, i);

        if (job->state == QBJ_STATE_BROKEN && job->stockXML && job->spec->type == QBJ_TYPE_BACKUP)
            return g_strdup_printf(_("another driver has begun a block job that this one does not have: %s"),
                                   job->spec->job);
    }
    return NULL;
}

/* What another driver notes of a device other than a disk would be lost. */
static char *
virQbjStatusForeignDevice(xmlXPathContextPtr ctxt)
{
    xmlNodePtr node = virXPathNode("./domain/devices//privateData[not(ancestor::disk)]", ctxt);

    if (!node)
        return NULL;
    return g_strdup_printf(_("another driver has notes of its own about a device: <%s>"),
                           (const char *) node->parent->name);
}

static void
virQbjStatusFindForeign(xmlXPathContextPtr ctxt, virQbjStatus *status)
{
    bool own = status->save || (status->snapshot && status->snapshot->memory);

    if ((!own && (status->foreign = virQbjStatusForeignAsync(ctxt->node))) ||
        (status->foreign = virQbjStatusForeignJob(status)))
        return;
    status->foreign = virQbjStatusForeignDevice(ctxt);
}

static void
virQbjStatusParseStarting(xmlNodePtr root, virQbjStatus *status)
{
    xmlNodePtr node = virQbjXMLChild(root, "start", VIR_QBJ_XML_NAMESPACE);

    if (node)
        status->starting = virTristateBoolFromBool(virQbjXMLPropYes(node, "run"));
}

static char *
virQbjStatusParseUriPath(xmlNodePtr node, const char *name)
{
    g_autofree char *text = virXMLPropString(node, name);
    g_autofree char *path = text ? g_uri_unescape_string(text, NULL) : NULL;

    return path && g_path_is_absolute(path) ? g_steal_pointer(&path) : NULL;
}

/* Our own record of a save or restore. With it the stock form says nothing more; one that is damaged
 * counts as missing, and the stock form has the VM left alone. */
static void
virQbjStatusParseSave(xmlNodePtr root, virQbjStatus *status)
{
    xmlNodePtr node = virQbjXMLChild(root, "save", VIR_QBJ_XML_NAMESPACE);
    xmlNodePtr restore = virQbjXMLChild(root, "restore", VIR_QBJ_XML_NAMESPACE);
    g_autoptr(virQbjStatusSave) save = virQbjStatusSaveNew(!node, NULL, NULL);

    if (!node && !(node = restore))
        return;
    save->path = virQbjStatusParseUriPath(node, "path");
    save->part = virQbjStatusParseUriPath(node, "part");
    if (!save->path || (!save->restore && !save->part)) {
        VIR_WARN("<%s> in a status file does not name its file", (const char *) node->name);
        return;
    }
    save->dump = virQbjXMLPropYes(node, "dump");
    save->managed = virQbjXMLPropYes(node, "managed");
    save->running = virQbjXMLPropYes(node, "running");
    save->revert = virQbjXMLPropYes(node, "revert");
    save->loaded = virQbjXMLPropYes(node, "loaded");
    if (virQbjXMLPropNumber(node, "started", 10, &save->started) < 0)
        save->started = 0;
    if (virQbjXMLPropNumber(node, "device", 10, &save->device) < 0 ||
        virQbjXMLPropNumber(node, "inode", 10, &save->inode) < 0)
        save->device = save->inode = 0;
    status->save = g_steal_pointer(&save);
    g_clear_pointer(&status->kept[VIR_QBJ_KEPT_JOB], g_free);
}

/* With the memory of the guest the stock form of the job is ours as well. */
static int
virQbjStatusParseSnapshot(xmlNodePtr root, virQbjStatus *status)
{
    int rc = virQbjStatusSnapshotParse(root, &status->snapshot);

    if (status->snapshot && status->snapshot->memory)
        g_clear_pointer(&status->kept[VIR_QBJ_KEPT_JOB], g_free);
    return rc;
}

static void
virQbjStatusParseNext(xmlNodePtr root, virQbjStatus *status)
{
    xmlNodePtr node = virQbjXMLChild(root, "next", VIR_QBJ_XML_NAMESPACE);
    g_autofree char *verb = node ? virXMLPropString(node, "verb") : NULL;
    g_autofree char *alias = node ? virXMLPropString(node, "alias") : NULL;
    g_autofree char *text = verb ? virXMLNodeContentString(node) : NULL;

    if (!text)
        return;
    status->next = virQbjStatusNextNew(verb, text, alias);
    status->next->after = virXMLPropString(node, "after");
}

static void
virQbjStatusParseDevices(xmlNodePtr root, virQbjStatus *status)
{
    xmlNodePtr medium = virQbjXMLChild(root, "medium", VIR_QBJ_XML_NAMESPACE);
    g_autoptr(GPtrArray) plug = g_ptr_array_new();
    xmlNodePtr node;

    for (node = root->children; node; node = node->next) {
        if (virQbjXMLIsElement(node, "plug", VIR_QBJ_XML_NAMESPACE))
            g_ptr_array_add(plug, virXMLNodeContentString(node));
    }
    if (plug->len > 0) {
        g_ptr_array_add(plug, NULL);
        status->plug = (char **) g_ptr_array_free(g_steal_pointer(&plug), FALSE);
    }
    if (medium)
        status->medium = virXMLNodeContentString(medium);
    virQbjStatusParseNext(root, status);
}

/* What is true of the VM as long as it runs. */
static void
virQbjStatusParseRun(xmlXPathContextPtr ctxt, virQbjStatus *found)
{
    xmlNodePtr root = ctxt->node;

    virQbjStatusParseMonitor(root, found);
    virQbjStatusParsePath(root, "libDir", &found->libDir);
    virQbjStatusParsePath(root, "channelTargetDir", &found->channelTargetDir);
    virQbjStatusParseNamespaces(root, found);
    virQbjStatusParseVcpus(root, found);
    virQbjStatusParseCaps(root, found);
    found->devices = virQbjStatusParseList(root, "devices", "device", "alias");
    virQbjStatusParseCPU(ctxt, found);
    found->fakeReboot = virQbjStatusParseFlag(root, "fakereboot");
    found->chardevStdioLogd = virQbjStatusParseFlag(root, "chardevStdioLogd");
    found->rememberOwner = virQbjStatusParseFlag(root, "rememberOwner");
    virQbjStatusParseAllowReboot(root, found);
    virQbjStatusParseNumbers(root, found);
    virQbjStatusParseNodeIndex(ctxt, found);
    virQbjStatusParseBitmaps(root, found);
    virQbjStatusParseStarting(root, found);
    found->ended = virQbjXMLChild(root, "ended", VIR_QBJ_XML_NAMESPACE) != NULL;
    found->thaw = virQbjXMLChild(root, "thaw", VIR_QBJ_XML_NAMESPACE) != NULL;
}

/* What it is in the middle of. */
static int
virQbjStatusParseWork(xmlXPathContextPtr ctxt, const virDomainDef *def, virQbjStatus *found)
{
    xmlNodePtr root = ctxt->node;
    int snapshot;

    virQbjStatusDropPlainJob(ctxt, found);
    virQbjStatusParseSave(root, found);
    virQbjStatusParseDevices(root, found);
    g_clear_pointer(&found->jobs, g_ptr_array_unref);
    if (virQbjJobsParse(ctxt, def, &found->jobs) < 0) {
        found->jobs = g_ptr_array_new();
        return -1;
    }

    snapshot = virQbjStatusParseSnapshot(root, found);
    virQbjStatusFindForeign(ctxt, found);
    if (virQbjStatusInsideParse(root, &found->inside) < 0)
        snapshot = -1;
    if (snapshot < 0 && !found->foreign)
        found->foreign = g_strdup(_("a snapshot of it was being made, and the record of that cannot be read"));
    return 0;
}

int
virQbjStatusParse(xmlXPathContextPtr ctxt, const virDomainDef *def, virQbjStatus **status)
{
    g_autoptr(virQbjStatus) found = virQbjStatusNew();

    if (virQbjStatusKeepUnknown(ctxt->node, found) < 0)
        return -1;
    virQbjStatusParseRun(ctxt, found);
    if (virQbjStatusParseKept(ctxt->node, found) < 0 || virQbjStatusParseWork(ctxt, def, found) < 0)
        return -1;
    *status = g_steal_pointer(&found);
    return 0;
}
