#include <config.h>

#include "internal.h"
#include "virqbjstatusinside.h"
#include "virqbjxml.h"
#include "virqbjjob.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("conf.virqbjstatusinside");

virQbjStatusInside *
virQbjStatusInsideNew(const char *name, char **nodes)
{
    virQbjStatusInside *inside = g_new0(virQbjStatusInside, 1);

    inside->name = g_strdup(name);
    inside->nodes = nodes;
    return inside;
}

void
virQbjStatusInsideFree(virQbjStatusInside *inside)
{
    if (!inside)
        return;
    g_free(inside->name);
    g_strfreev(inside->nodes);
    g_free(inside);
}

void
virQbjStatusInsideFormat(virBuffer *buf, const virQbjStatusInside *inside)
{
    g_autofree char *name = inside ? g_uri_escape_string(inside->name, NULL, false) : NULL;
    size_t i;

    if (!inside)
        return;
    virBufferAsprintf(buf, "<qbj:inside xmlns:qbj='" VIR_QBJ_XML_NAMESPACE "' name='%s'", name);
    if (inside->metadata)
        virBufferAddLit(buf, " metadata='yes'");
    if (inside->running)
        virBufferAddLit(buf, " running='yes'");
    virBufferAddLit(buf, ">\n");
    virBufferAdjustIndent(buf, 2);
    for (i = 0; inside->nodes[i]; i++)
        virBufferEscapeString(buf, "<qbj:node name='%s'/>\n", inside->nodes[i]);
    virBufferAdjustIndent(buf, -2);
    virBufferAddLit(buf, "</qbj:inside>\n");
}

/* NULL terminated; NULL when there is none, or one without a name. */
static char **
virQbjStatusInsideParseNodes(xmlNodePtr node)
{
    g_autoptr(GPtrArray) nodes = g_ptr_array_new_with_free_func(g_free);
    xmlNodePtr child;

    for (child = node->children; child; child = child->next) {
        char *name;

        if (!virQbjXMLIsElement(child, "node", VIR_QBJ_XML_NAMESPACE))
            continue;
        if (!(name = virXMLPropString(child, "name")))
            return NULL;
        g_ptr_array_add(nodes, name);
    }
    if (nodes->len == 0)
        return NULL;
    g_ptr_array_add(nodes, NULL);
    return (char **) g_ptr_array_free(g_steal_pointer(&nodes), FALSE);
}

int
virQbjStatusInsideParse(xmlNodePtr root, virQbjStatusInside **inside)
{
    xmlNodePtr node = virQbjXMLChild(root, "inside", VIR_QBJ_XML_NAMESPACE);
    g_autoptr(virQbjStatusInside) found = NULL;
    g_autofree char *name = NULL;

    *inside = NULL;
    if (!node)
        return 0;
    name = virXMLPropString(node, "name");
    found = g_new0(virQbjStatusInside, 1);
    if (!name || !(found->name = g_uri_unescape_string(name, NULL)) ||
        !(found->nodes = virQbjStatusInsideParseNodes(node))) {
        VIR_WARN("the internal snapshot of a status file is not named, or has no nodes");
        return -1;
    }
    found->metadata = virQbjXMLPropYes(node, "metadata");
    found->running = virQbjXMLPropYes(node, "running");
    *inside = g_steal_pointer(&found);
    return 0;
}
