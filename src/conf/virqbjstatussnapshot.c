#include <config.h>

#include "internal.h"
#include "virqbjstatussnapshot.h"
#include "virqbjjob.h"
#include "virqbjxml.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("conf.virqbjstatussnapshot");

/* How deep <disk> stands in the file. */
#define VIR_QBJ_OVERLAY_LEVEL 3

VIR_ENUM_IMPL(virQbjResume, VIR_QBJ_RESUME_LAST, "no", "back", "always");

void
virQbjStatusMemoryFree(virQbjStatusMemory *memory)
{
    if (!memory)
        return;
    g_free(memory->path);
    g_free(memory->part);
    g_free(memory->kept);
    g_free(memory);
}

void
virQbjStatusOverlayFree(virQbjStatusOverlay *overlay)
{
    if (!overlay)
        return;
    qbjSpecFree(overlay->spec);
    g_free(overlay->disk);
    g_free(overlay);
}

virQbjStatusSnapshot *
virQbjStatusSnapshotNew(const char *name)
{
    virQbjStatusSnapshot *snapshot = g_new0(virQbjStatusSnapshot, 1);

    snapshot->name = g_strdup(name);
    snapshot->overlays = g_ptr_array_new_with_free_func((GDestroyNotify) virQbjStatusOverlayFree);
    return snapshot;
}

void
virQbjStatusSnapshotFree(virQbjStatusSnapshot *snapshot)
{
    if (!snapshot)
        return;
    g_free(snapshot->name);
    virQbjStatusMemoryFree(snapshot->memory);
    g_ptr_array_unref(snapshot->overlays);
    g_free(snapshot);
}

void
virQbjStatusSnapshotAdd(virQbjStatusSnapshot *snapshot, qbjSpec *spec, char *disk)
{
    virQbjStatusOverlay *overlay = g_new0(virQbjStatusOverlay, 1);

    overlay->spec = spec;
    overlay->disk = disk;
    g_ptr_array_add(snapshot->overlays, overlay);
}

static int
virQbjStatusOverlayFormat(virBuffer *buf, const virQbjStatusOverlay *overlay)
{
    g_autoptr(virJSONValue) json = qbjSpecToJSON(overlay->spec);
    g_autofree char *text = json ? virJSONValueToString(json, false) : NULL;

    if (!text) {
        virReportError(VIR_ERR_INTERNAL_ERROR, _("The plan of a snapshot of disk '%s' cannot be written"),
                       overlay->spec->disk);
        return -1;
    }
    virBufferAddLit(buf, "<qbj:overlay>\n");
    virBufferAdjustIndent(buf, 2);
    virBufferEscapeString(buf, "<qbj:spec>%s</qbj:spec>\n", text);
    virQbjXMLFormatText(buf, overlay->disk);
    virBufferAdjustIndent(buf, -2);
    virBufferAddLit(buf, "</qbj:overlay>\n");
    return 0;
}

/* A path may have anything in it. */
static void
virQbjStatusMemoryFormatPath(virBuffer *buf, const char *name, const char *path)
{
    g_autofree char *text = g_uri_escape_string(path, "/", false);

    virBufferAsprintf(buf, " %s='%s'", name, text);
}

static void
virQbjStatusMemoryFormat(virBuffer *buf, const virQbjStatusMemory *memory)
{
    if (!memory)
        return;
    virBufferAddLit(buf, "<qbj:memory");
    virQbjStatusMemoryFormatPath(buf, "path", memory->path);
    virQbjStatusMemoryFormatPath(buf, "part", memory->part);
    virQbjStatusMemoryFormatPath(buf, "kept", memory->kept);
    if (memory->inode)
        virBufferAsprintf(buf, " device='%llu' inode='%llu'", memory->device, memory->inode);
    virBufferAsprintf(buf, " started='%llu'/>\n", memory->started);
}

int
virQbjStatusSnapshotFormat(virBuffer *buf, const virQbjStatusSnapshot *snapshot)
{
    g_autofree char *name = snapshot && snapshot->name ? g_uri_escape_string(snapshot->name, NULL, false) : NULL;
    size_t i;

    if (!snapshot)
        return 0;
    virBufferAddLit(buf, "<qbj:snapshot xmlns:qbj='" VIR_QBJ_XML_NAMESPACE "'");
    if (name)
        virBufferAsprintf(buf, " name='%s'", name);
    if (snapshot->switching)
        virBufferAddLit(buf, " switching='yes'");
    if (snapshot->resume != VIR_QBJ_RESUME_NO)
        virBufferAsprintf(buf, " resume='%s'", virQbjResumeTypeToString(snapshot->resume));
    virBufferAddLit(buf, ">\n");
    virBufferAdjustIndent(buf, 2);
    virQbjStatusMemoryFormat(buf, snapshot->memory);
    for (i = 0; i < snapshot->overlays->len; i++) {
        if (virQbjStatusOverlayFormat(buf, g_ptr_array_index(snapshot->overlays, i)) < 0)
            return -1;
    }
    virBufferAdjustIndent(buf, -2);
    virBufferAddLit(buf, "</qbj:snapshot>\n");
    return 0;
}

static qbjSpec *
virQbjStatusOverlayParseSpec(xmlNodePtr node)
{
    xmlNodePtr element = virQbjXMLChild(node, "spec", VIR_QBJ_XML_NAMESPACE);
    g_autofree char *text = element ? virXMLNodeContentString(element) : NULL;
    g_autoptr(virJSONValue) json = text ? virJSONValueFromString(text) : NULL;
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autoptr(qbjSpec) spec = json ? qbjSpecFromJSON(json, &refusal) : NULL;

    if (spec && spec->disk && spec->rootOld && spec->rootNew)
        return g_steal_pointer(&spec);
    VIR_WARN("the plan of a snapshot in a status file cannot be read: %s", NULLSTR_EMPTY(refusal.message));
    return NULL;
}

static int
virQbjStatusOverlayParse(xmlNodePtr node, virQbjStatusSnapshot *snapshot)
{
    xmlNodePtr disk = virQbjXMLChild(node, "disk", NULL);
    g_autofree char *text = disk ? virQbjXMLText(disk, VIR_QBJ_OVERLAY_LEVEL) : NULL;
    qbjSpec *spec = text ? virQbjStatusOverlayParseSpec(node) : NULL;

    if (!spec)
        return -1;
    virQbjStatusSnapshotAdd(snapshot, spec, g_steal_pointer(&text));
    return 0;
}

static char *
virQbjStatusMemoryParsePath(xmlNodePtr node, const char *name)
{
    g_autofree char *text = virXMLPropString(node, name);
    g_autofree char *path = text ? g_uri_unescape_string(text, NULL) : NULL;

    return path && g_path_is_absolute(path) ? g_steal_pointer(&path) : NULL;
}

static virQbjStatusMemory *
virQbjStatusMemoryParse(xmlNodePtr node)
{
    g_autoptr(virQbjStatusMemory) memory = g_new0(virQbjStatusMemory, 1);

    memory->path = virQbjStatusMemoryParsePath(node, "path");
    memory->part = virQbjStatusMemoryParsePath(node, "part");
    memory->kept = virQbjStatusMemoryParsePath(node, "kept");
    if (!memory->path || !memory->part || !memory->kept) {
        VIR_WARN("the memory of a snapshot in a status file is not named");
        return NULL;
    }
    if (virQbjXMLPropNumber(node, "device", 10, &memory->device) < 0 ||
        virQbjXMLPropNumber(node, "inode", 10, &memory->inode) < 0)
        memory->device = memory->inode = 0;
    if (virQbjXMLPropNumber(node, "started", 10, &memory->started) < 0)
        memory->started = 0;
    return g_steal_pointer(&memory);
}

/* An unknown word: nobody knows whether the guest is to go on. */
static int
virQbjStatusSnapshotParseResume(xmlNodePtr node, virQbjResume *resume)
{
    g_autofree char *word = virXMLPropString(node, "resume");
    int value = word ? virQbjResumeTypeFromString(word) : VIR_QBJ_RESUME_NO;

    if (value < 0) {
        VIR_WARN("the word '%s' of a snapshot in a status file is not known", word);
        return -1;
    }
    *resume = value;
    return 0;
}

static int
virQbjStatusSnapshotParseParts(xmlNodePtr node, virQbjStatusSnapshot *found)
{
    xmlNodePtr child;

    for (child = node->children; child; child = child->next) {
        if (virQbjXMLIsElement(child, "overlay", VIR_QBJ_XML_NAMESPACE) && virQbjStatusOverlayParse(child, found) < 0)
            return -1;
        if (virQbjXMLIsElement(child, "memory", VIR_QBJ_XML_NAMESPACE) && !found->memory &&
            !(found->memory = virQbjStatusMemoryParse(child)))
            return -1;
    }
    return 0;
}

int
virQbjStatusSnapshotParse(xmlNodePtr root, virQbjStatusSnapshot **snapshot)
{
    xmlNodePtr node = virQbjXMLChild(root, "snapshot", VIR_QBJ_XML_NAMESPACE);
    g_autoptr(virQbjStatusSnapshot) found = NULL;
    g_autofree char *name = NULL;

    *snapshot = NULL;
    if (!node)
        return 0;
    name = virXMLPropString(node, "name");
    found = virQbjStatusSnapshotNew(NULL);
    found->name = name ? g_uri_unescape_string(name, NULL) : NULL;
    found->switching = virQbjXMLPropYes(node, "switching");
    if (virQbjStatusSnapshotParseResume(node, &found->resume) < 0 || virQbjStatusSnapshotParseParts(node, found) < 0)
        return -1;
    *snapshot = g_steal_pointer(&found);
    return 0;
}
