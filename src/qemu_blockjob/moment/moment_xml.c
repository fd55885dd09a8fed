#include <config.h>

#include "internal.h"
#include "moment_xml.h"
#include "virerror.h"
#include "virxml.h"

#define VIR_FROM_THIS VIR_FROM_DOMAIN_SNAPSHOT

/* An element below one of the table, its attributes, and what can be in it: a table, or anything, where
 * others look. */
typedef struct _qbjMomentXMLRow qbjMomentXMLRow;
struct _qbjMomentXMLRow {
    const char *name;
    const char *attributes;             /* separated by spaces; NULL: any */
    const qbjMomentXMLRow *below;       /* ends with one without a name; NULL: anything */
};

static const qbjMomentXMLRow qbjMomentXMLNothing[] = { { 0 } };

/* What libvirt's parser of images looks at; an overlay has what of it this driver gives to QEMU. */
static const qbjMomentXMLRow qbjMomentXMLSource[] = {
    { "host", "name port transport socket", qbjMomentXMLNothing },
    { "snapshot", "name", qbjMomentXMLNothing },
    { "config", "file", qbjMomentXMLNothing },
    { "auth", NULL, NULL },
    { "encryption", NULL, NULL },
    { "seclabel", NULL, NULL },
    { "reservations", NULL, NULL },
    { "initiator", NULL, NULL },
    { "address", NULL, NULL },
    { "slices", NULL, NULL },
    { "ssl", NULL, NULL },
    { "cookies", NULL, NULL },
    { "readahead", NULL, NULL },
    { "timeout", NULL, NULL },
    { "identity", NULL, NULL },
    { "knownHosts", NULL, NULL },
    { "privateData", NULL, NULL },
    { 0 }
};

static const qbjMomentXMLRow qbjMomentXMLCache[] = {
    { "max_size", "unit", qbjMomentXMLNothing },
    { 0 }
};

static const qbjMomentXMLRow qbjMomentXMLDriver[] = {
    { "metadata_cache", "", qbjMomentXMLCache },
    { 0 }
};

static const qbjMomentXMLRow qbjMomentXMLDisk[] = {
    { "driver", "type", qbjMomentXMLDriver },
    { "source", "file dev dir protocol name tls tlsHostname query pool volume mode startupPolicy index type managed "
                "namespace path", qbjMomentXMLSource },
    { 0 }
};

static const qbjMomentXMLRow qbjMomentXMLDisks[] = {
    { "disk", "name snapshot type", qbjMomentXMLDisk },
    { 0 }
};

static const qbjMomentXMLRow qbjMomentXMLParent[] = {
    { "name", "", qbjMomentXMLNothing },
    { 0 }
};

static const qbjMomentXMLRow qbjMomentXMLRoot[] = {
    { "name", "", qbjMomentXMLNothing },
    { "description", "", qbjMomentXMLNothing },
    { "memory", "snapshot file", qbjMomentXMLNothing },
    { "disks", "", qbjMomentXMLDisks },
    { "state", "", qbjMomentXMLNothing },
    { "creationTime", "", qbjMomentXMLNothing },
    { "active", "", qbjMomentXMLNothing },
    { "parent", "", qbjMomentXMLParent },
    { "domain", NULL, NULL },           /* a definition that was in force; checked when it is to be again */
    { "inactiveDomain", NULL, NULL },
    { "cookie", NULL, NULL },
    { 0 }
};

static const qbjMomentXMLRow qbjMomentXMLTop = { "domainsnapshot", "", qbjMomentXMLRoot };

static int
qbjMomentXMLCheckAttributes(const qbjMomentXMLRow *row, const xmlNode *node)
{
    g_auto(GStrv) known = row->attributes ? g_strsplit(row->attributes, " ", -1) : NULL;
    const xmlAttr *attr;

    for (attr = node->properties; known && attr; attr = attr->next) {
        if (!attr->ns && g_strv_contains((const char *const *) known, (const char *) attr->name))
            continue;
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("attribute '%s' of element '%s' of a snapshot is not known"),
                       (const char *) attr->name, row->name);
        return -1;
    }
    return 0;
}

static const qbjMomentXMLRow *
qbjMomentXMLFind(const qbjMomentXMLRow *rows, const xmlNode *node)
{
    for (; rows->name; rows++) {
        if (!node->ns && STREQ((const char *) node->name, rows->name))
            return rows;
    }
    return NULL;
}

/* @node is one of @row. Not deeper than the tables. */
static int
qbjMomentXMLCheckNode(const qbjMomentXMLRow *row, const xmlNode *node)
{
    const xmlNode *child;

    if (qbjMomentXMLCheckAttributes(row, node) < 0)
        return -1;
    for (child = row->below ? node->children : NULL; child; child = child->next) {
        const qbjMomentXMLRow *known;

        if (child->type != XML_ELEMENT_NODE)
            continue;
        if (!(known = qbjMomentXMLFind(row->below, child))) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("element '%s' in element '%s' of a snapshot is not known"),
                           (const char *) child->name, row->name);
            return -1;
        }
        if (qbjMomentXMLCheckNode(known, child) < 0)
            return -1;
    }
    return 0;
}

int
qbjMomentXMLCheck(const char *xml)
{
    g_autoptr(xmlDoc) doc = virXMLParseStringCtxt(xml, _("(domain_snapshot)"), NULL);

    return doc ? qbjMomentXMLCheckNode(&qbjMomentXMLTop, xmlDocGetRootElement(doc)) : -1;
}
