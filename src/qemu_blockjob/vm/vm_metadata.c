#include <config.h>

#include "internal.h"
#include "vm_metadata.h"
#include "virbuffer.h"
#include "virerror.h"
#include "virxml.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* Escaped: a quotation mark becomes six bytes. */
static size_t
qbjVmMetadataTextSize(const char *text)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;

    virBufferEscapeString(&buf, "%s", text);
    return virBufferUse(&buf);
}

static size_t
qbjVmMetadataNodeSize(xmlNodePtr node)
{
    g_autofree char *text = node ? virXMLNodeToString(node->doc, node) : NULL;

    return text ? strlen(text) : 0;
}

static xmlNodePtr
qbjVmMetadataFind(const virDomainDef *def, const char *uri)
{
    xmlNodePtr node;

    for (node = def->metadata ? def->metadata->children : NULL; node; node = node->next) {
        if (node->type == XML_ELEMENT_NODE && node->ns && STREQ_NULLABLE((const char *) node->ns->href, uri))
            return node;
    }

    return NULL;
}

/* What is not XML counts as it is: the call itself refuses it. */
static size_t
qbjVmMetadataElementSize(const char *text, const char *key, const char *uri)
{
    g_autoptr(xmlXPathContext) ctxt = NULL;
    g_autoptr(xmlDoc) doc = virXMLParseStringCtxt(text, _("(metadata_xml)"), &ctxt);
    size_t size = doc ? qbjVmMetadataNodeSize(xmlDocGetRootElement(doc)) : 0;

    if (!doc)
        virResetLastError();
    return MAX(size, strlen(text)) + (key ? strlen(key) : 0) + qbjVmMetadataTextSize(uri);
}

static size_t
qbjVmMetadataSize(const virDomainDef *def)
{
    return qbjVmMetadataTextSize(def->title) + qbjVmMetadataTextSize(def->description) +
           qbjVmMetadataNodeSize(def->metadata);
}

int
qbjVmMetadataCheck(const virDomainDef *def)
{
    size_t size = qbjVmMetadataSize(def);

    if (size <= QBJ_VM_METADATA_MAX)
        return 0;
    virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                   _("Title, description and metadata have %zu bytes, the limit is %u"), size, QBJ_VM_METADATA_MAX);
    return -1;
}

int
qbjVmMetadataCheckChange(const virDomainDef *def, int type, const char *text, const char *key, const char *uri)
{
    size_t before = qbjVmMetadataSize(def);
    size_t less, more, after;

    if (!text)
        return 0;
    if (type == VIR_DOMAIN_METADATA_ELEMENT) {
        less = qbjVmMetadataNodeSize(qbjVmMetadataFind(def, uri));
        more = qbjVmMetadataElementSize(text, key, uri);
    } else {
        less = qbjVmMetadataTextSize(type == VIR_DOMAIN_METADATA_TITLE ? def->title : def->description);
        more = qbjVmMetadataTextSize(text);
    }
    after = before - MIN(less, before) + more;
    if (after <= QBJ_VM_METADATA_MAX || more <= less)
        return 0;

    virReportError(VIR_ERR_OPERATION_INVALID,
                   _("Title, description and metadata would have %zu bytes, the limit is %u"), after,
                   QBJ_VM_METADATA_MAX);
    return -1;
}
