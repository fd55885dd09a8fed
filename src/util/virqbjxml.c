#include <config.h>

#include "internal.h"
#include "virqbjxml.h"
#include "virerror.h"
#include "virlog.h"
#include "virstring.h"

#define VIR_FROM_THIS VIR_FROM_XML

VIR_LOG_INIT("util.virqbjxml");

bool
virQbjXMLIsElement(xmlNodePtr node, const char *name, const char *uri)
{
    if (node->type != XML_ELEMENT_NODE || !virXMLNodeNameEqual(node, name))
        return false;

    return STREQ_NULLABLE(node->ns ? (const char *) node->ns->href : NULL, uri);
}

xmlNodePtr
virQbjXMLChild(xmlNodePtr parent, const char *name, const char *uri)
{
    xmlNodePtr node;

    for (node = parent->children; node; node = node->next) {
        if (virQbjXMLIsElement(node, name, uri))
            return node;
    }

    return NULL;
}

void
virQbjXMLTakeProp(xmlNodePtr node, const char *name, char **to)
{
    g_autofree char *value = virXMLPropString(node, name);

    if (!value || !*value) {
        VIR_WARN("attribute '%s' of <%s> is missing or empty", name, (const char *) node->name);
        return;
    }

    g_free(*to);
    *to = g_steal_pointer(&value);
}

bool
virQbjXMLPropYes(xmlNodePtr node, const char *name)
{
    g_autofree char *value = virXMLPropString(node, name);

    if (value && STRNEQ(value, "yes") && STRNEQ(value, "no"))
        VIR_WARN("attribute '%s' of <%s> is neither yes nor no", name, (const char *) node->name);

    return STREQ_NULLABLE(value, "yes");
}

int
virQbjXMLPropNumber(xmlNodePtr node, const char *name, int base, unsigned long long *to)
{
    g_autofree char *value = virXMLPropString(node, name);
    unsigned long long number;

    if (!value)
        return -1;

    if (virStrToLong_ullp(value, NULL, base, &number) < 0) {
        VIR_WARN("attribute '%s' of <%s> is no number", name, (const char *) node->name);
        return -1;
    }

    *to = number;
    return 0;
}

/* Indentation that was read would be added to that which is written. */
static void
virQbjXMLDropBlanks(xmlNodePtr parent)
{
    xmlNodePtr node;
    xmlNodePtr next;

    if (!xmlFirstElementChild(parent))
        return;

    for (node = parent->children; node; node = next) {
        next = node->next;
        if (xmlIsBlankNode(node)) {
            xmlUnlinkNode(node);
            xmlFreeNode(node);
        } else if (node->type == XML_ELEMENT_NODE) {
            virQbjXMLDropBlanks(node);
        }
    }
}

char *
virQbjXMLText(xmlNodePtr node, int level)
{
    /* the copy declares what it inherits */
    g_autoptr(xmlNode) copy = xmlDocCopyNode(node, node->doc, 1);
    g_autoptr(xmlBuffer) text = virXMLBufferCreate();

    if (copy)
        virQbjXMLDropBlanks(copy);
    if (!copy || xmlNodeDump(text, node->doc, copy, level, 1) < 0) {
        virReportError(VIR_ERR_NO_MEMORY, _("The element <%s> cannot be copied"), (const char *) node->name);
        return NULL;
    }

    return g_strdup((const char *) xmlBufferContent(text));
}

bool
virQbjXMLCanHold(const char *text)
{
    const char *at;

    if (!g_utf8_validate(text, -1, NULL))
        return false;
    for (at = text; *at; at = g_utf8_find_next_char(at, NULL)) {
        gunichar c = g_utf8_get_char(at);

        if (c < 0x20 || c == 0xFFFE || c == 0xFFFF)
            return false;
    }
    return true;
}

void
virQbjXMLFormatText(virBuffer *buf, const char *text)
{
    if (!text)
        return;

    /* one call: the lines after the first one may be content, which must not be indented again at each
     * save */
    virBufferAdd(buf, text, -1);
    virBufferAddLit(buf, "\n");
}
