/* Reading an XML tree: elements only, text without that of children, paths for messages. */

#include <config.h>

#include "internal.h"
#include "vm_support_parts.h"

static const xmlNode *
qbjVmSupportSkip(const xmlNode *node)
{
    while (node && node->type != XML_ELEMENT_NODE)
        node = node->next;

    return node;
}

const xmlNode *
qbjVmSupportFirst(const xmlNode *parent)
{
    return qbjVmSupportSkip(parent->children);
}

const xmlNode *
qbjVmSupportNext(const xmlNode *node)
{
    return qbjVmSupportSkip(node->next);
}

char *
qbjVmSupportText(const xmlNode *node)
{
    GString *text = g_string_new(NULL);
    const xmlNode *child;

    for (child = node->children; child; child = child->next) {
        if (child->type == XML_TEXT_NODE || child->type == XML_CDATA_SECTION_NODE) {
            g_string_append(text, (const char *) child->content);
        } else if (child->type == XML_ENTITY_REF_NODE) {
            /* an entity of the document's own: shown as written, so that it is not found in the result */
            g_string_append_printf(text, "&%s;", (const char *) child->name);
        }
    }

    return g_strstrip(g_string_free(text, FALSE));
}

char *
qbjVmSupportAttribute(const xmlNode *node, const char *name)
{
    const xmlAttr *attr;

    for (attr = node->properties; attr; attr = attr->next) {
        if (!attr->ns && STREQ((const char *) attr->name, name))
            return (char *) xmlNodeListGetString(node->doc, attr->children, 1);
    }

    return NULL;
}

bool
qbjVmSupportSameName(const xmlNode *a, const xmlNode *b)
{
    return xmlStrEqual(a->name, b->name) &&
           xmlStrEqual(a->ns ? a->ns->href : NULL, b->ns ? b->ns->href : NULL);
}

static void
qbjVmSupportAppendPath(GString *path, const xmlNode *node)
{
    if (!node->parent || node->parent->type != XML_ELEMENT_NODE)
        return;                 /* <domain> itself */

    qbjVmSupportAppendPath(path, node->parent);
    if (path->len > 0)
        g_string_append_c(path, '/');
    if (node->ns && node->ns->prefix)
        g_string_append_printf(path, "%s:", (const char *) node->ns->prefix);
    g_string_append(path, (const char *) node->name);
}

char *
qbjVmSupportPath(const xmlNode *node)
{
    GString *path = g_string_new(NULL);

    qbjVmSupportAppendPath(path, node);
    if (path->len == 0)
        g_string_append(path, (const char *) node->name);

    return g_string_free(path, FALSE);
}
