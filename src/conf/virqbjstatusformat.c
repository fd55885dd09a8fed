#include <config.h>

#include "internal.h"
#include "virqbjstatus.h"
#include "virqbjxml.h"

static void
virQbjStatusFormatNamespaces(virBuffer *buf, const virQbjStatus *status)
{
    g_auto(virBuffer) children = VIR_BUFFER_INIT_CHILD(buf);

    if (status->mountNamespace)
        virBufferAddLit(&children, "<mount/>\n");
    virXMLFormatElement(buf, "namespaces", NULL, &children);
}

static void
virQbjStatusFormatVcpus(virBuffer *buf, const virQbjStatus *status)
{
    g_auto(virBuffer) children = VIR_BUFFER_INIT_CHILD(buf);
    size_t i;

    for (i = 0; i < status->nvcpuPids; i++) {
        if (status->vcpuPids[i] > 0)
            virBufferAsprintf(&children, "<vcpu id='%zu' pid='%lld'/>\n", i, (long long) status->vcpuPids[i]);
    }
    virXMLFormatElementEmpty(buf, "vcpus", NULL, &children);
}

/* @item: printf format of one line with the name, escaped. An empty list is no element. */
static void
virQbjStatusFormatList(virBuffer *buf, const char *element, const char *item, const char *const *names)
{
    g_auto(virBuffer) children = VIR_BUFFER_INIT_CHILD(buf);

    for (; names && *names; names++)
        virBufferEscapeString(&children, item, *names);
    virXMLFormatElement(buf, element, NULL, &children);
}

static void
virQbjStatusFormatFlag(virBuffer *buf, const char *element, bool set)
{
    if (set)
        virBufferAsprintf(buf, "<%s/>\n", element);
}

static void
virQbjStatusFormatAllowReboot(virBuffer *buf, const virQbjStatus *status)
{
    if (status->allowReboot != VIR_TRISTATE_BOOL_ABSENT)
        virBufferAsprintf(buf, "<allowReboot value='%s'/>\n", virTristateBoolTypeToString(status->allowReboot));
}

static void
virQbjStatusFormatKept(virBuffer *buf, const virQbjStatus *status, virQbjKept which)
{
    virQbjXMLFormatText(buf, status->kept[which]);
}

/* Our own element; missing means true. */
static void
virQbjStatusFormatBitmaps(virBuffer *buf, const virQbjStatus *status)
{
    if (!status->mayHaveBitmaps)
        virBufferAddLit(buf, "<qbj:images xmlns:qbj='" VIR_QBJ_XML_NAMESPACE "' bitmaps='no'/>\n");
}

/* Our own element. */
static void
virQbjStatusFormatStarting(virBuffer *buf, const virQbjStatus *status)
{
    if (status->starting != VIR_TRISTATE_BOOL_ABSENT)
        virBufferAsprintf(buf, "<qbj:start xmlns:qbj='" VIR_QBJ_XML_NAMESPACE "' run='%s'/>\n",
                          virTristateBoolTypeToString(status->starting));
}

/* Our own element. */
static void
virQbjStatusFormatEnded(virBuffer *buf, const virQbjStatus *status)
{
    if (status->ended)
        virBufferAddLit(buf, "<qbj:ended xmlns:qbj='" VIR_QBJ_XML_NAMESPACE "'/>\n");
}

/* Our own element. */
static void
virQbjStatusFormatThaw(virBuffer *buf, const virQbjStatus *status)
{
    if (status->thaw)
        virBufferAddLit(buf, "<qbj:thaw xmlns:qbj='" VIR_QBJ_XML_NAMESPACE "'/>\n");
}

/* A path may have anything in it: what XML cannot hold is written as in a URI. */
static void
virQbjStatusFormatPath(virBuffer *buf, const char *name, const char *path)
{
    g_autofree char *text = path ? g_uri_escape_string(path, "/", false) : NULL;

    if (text)
        virBufferAsprintf(buf, " %s='%s'", name, text);
}

static void
virQbjStatusFormatYes(virBuffer *buf, const char *name, bool set)
{
    if (set)
        virBufferAsprintf(buf, " %s='yes'", name);
}

/* Our own element. */
static void
virQbjStatusFormatSave(virBuffer *buf, const virQbjStatusSave *save)
{
    g_auto(virBuffer) attrs = VIR_BUFFER_INITIALIZER;

    if (!save)
        return;
    virBufferAddLit(&attrs, " xmlns:qbj='" VIR_QBJ_XML_NAMESPACE "'");
    virQbjStatusFormatPath(&attrs, "path", save->path);
    virQbjStatusFormatPath(&attrs, "part", save->part);
    virQbjStatusFormatYes(&attrs, "dump", save->dump);
    virQbjStatusFormatYes(&attrs, "managed", save->managed);
    virQbjStatusFormatYes(&attrs, "running", save->running);
    virQbjStatusFormatYes(&attrs, "revert", save->revert);
    virQbjStatusFormatYes(&attrs, "loaded", save->loaded);
    virBufferAsprintf(&attrs, " started='%llu'", save->started);
    if (save->inode)
        virBufferAsprintf(&attrs, " device='%llu' inode='%llu'", save->device, save->inode);
    virXMLFormatElementEmpty(buf, save->restore ? "qbj:restore" : "qbj:save", &attrs, NULL);
}

/* Our own element. */
static void
virQbjStatusFormatNext(virBuffer *buf, const virQbjStatusNext *next)
{
    if (!next)
        return;
    virBufferAsprintf(buf, "<qbj:next xmlns:qbj='" VIR_QBJ_XML_NAMESPACE "' verb='%s'", next->verb);
    virBufferEscapeString(buf, " alias='%s'", next->alias);
    virBufferEscapeString(buf, " after='%s'", next->after);
    virBufferEscapeString(buf, ">%s</qbj:next>\n", next->text);
}

/* Our own elements: what a call is about to do to QEMU's devices. */
static void
virQbjStatusFormatDevices(virBuffer *buf, const virQbjStatus *status)
{
    size_t i;

    for (i = 0; status->plug && status->plug[i]; i++)
        virBufferEscapeString(buf, "<qbj:plug xmlns:qbj='" VIR_QBJ_XML_NAMESPACE "'>%s</qbj:plug>\n", status->plug[i]);
    virBufferEscapeString(buf, "<qbj:medium xmlns:qbj='" VIR_QBJ_XML_NAMESPACE "'>%s</qbj:medium>\n", status->medium);
    virQbjStatusFormatNext(buf, status->next);
}

static int
virQbjStatusFormatCPU(virBuffer *buf, const virQbjStatus *status)
{
    return status->origCPU ? virCPUDefFormatBufFull(buf, status->origCPU, NULL) : 0;
}

/* 05/X2 up to <job>: what says where QEMU is and what it can do. */
static void
virQbjStatusFormatProcess(virBuffer *buf, const virQbjStatus *status)
{
    virBufferEscapeString(buf, "<monitor path='%s' type='unix'/>\n", status->monitorPath);
    virQbjStatusFormatKept(buf, status, VIR_QBJ_KEPT_DBUS_DAEMON);
    virQbjStatusFormatKept(buf, status, VIR_QBJ_KEPT_DBUS_VMSTATE);
    virQbjStatusFormatNamespaces(buf, status);
    virQbjStatusFormatVcpus(buf, status);
    virQbjStatusFormatList(buf, "qemuCaps", "<flag name='%s'/>\n",
                           status->caps ? (const char *const *) status->caps : virQbjCapsFlags());
    virQbjStatusFormatKept(buf, status, VIR_QBJ_KEPT_LOCKSTATE);
    virQbjStatusFormatKept(buf, status, VIR_QBJ_KEPT_JOB);
}

/* ... up to <memPrealloc>. */
static int
virQbjStatusFormatRun(virBuffer *buf, const virQbjStatus *status)
{
    virQbjStatusFormatFlag(buf, "fakereboot", status->fakeReboot);
    virQbjStatusFormatList(buf, "devices", "<device alias='%s'/>\n", (const char *const *) status->devices);
    virQbjStatusFormatKept(buf, status, VIR_QBJ_KEPT_NUMAD);
    virBufferEscapeString(buf, "<libDir path='%s'/>\n", status->libDir);
    virBufferEscapeString(buf, "<channelTargetDir path='%s'/>\n", status->channelTargetDir);
    if (virQbjStatusFormatCPU(buf, status) < 0)
        return -1;
    virQbjStatusFormatFlag(buf, "chardevStdioLogd", status->chardevStdioLogd);
    virQbjStatusFormatFlag(buf, "rememberOwner", status->rememberOwner);
    virQbjStatusFormatAllowReboot(buf, status);
    virQbjStatusFormatKept(buf, status, VIR_QBJ_KEPT_PR_DAEMON);
    virBufferAsprintf(buf, "<nodename index='%llu'/>\n", status->nodeIndex);
    virBufferAsprintf(buf, "<fdset index='%u'/>\n", status->fdsetIndex);
    virQbjStatusFormatKept(buf, status, VIR_QBJ_KEPT_MEM_PREALLOC);
    return 0;
}

int
virQbjStatusFormat(virBuffer *buf, const virQbjStatus *status)
{
    size_t i;

    virQbjStatusFormatProcess(buf, status);
    if (virQbjStatusFormatRun(buf, status) < 0 || virQbjJobsFormat(buf, status->jobs) < 0)
        return -1;

    virQbjStatusFormatBitmaps(buf, status);
    virQbjStatusFormatStarting(buf, status);
    virQbjStatusFormatEnded(buf, status);
    virQbjStatusFormatThaw(buf, status);
    virQbjStatusFormatSave(buf, status->save);
    if (virQbjStatusSnapshotFormat(buf, status->snapshot) < 0)
        return -1;
    virQbjStatusInsideFormat(buf, status->inside);
    virQbjStatusFormatDevices(buf, status);
    virQbjStatusFormatKept(buf, status, VIR_QBJ_KEPT_SLIRP);
    virBufferAsprintf(buf, "<agentTimeout>%d</agentTimeout>\n", status->agentTimeout);
    virQbjStatusFormatKept(buf, status, VIR_QBJ_KEPT_BACKUPS);
    virQbjStatusFormatKept(buf, status, VIR_QBJ_KEPT_ORIGINAL_MEMLOCK);
    virQbjStatusFormatKept(buf, status, VIR_QBJ_KEPT_PRE_MIGRATION_MEMLOCK);
    for (i = 0; i < status->unknown->len; i++)
        virQbjXMLFormatText(buf, g_ptr_array_index(status->unknown, i));
    return 0;
}
