/* Nothing is silently ignored: what a definition says is either in force or refused by name.
 *
 * libvirt's parser skips what it does not know, and knows far more than this driver does. So the parsed
 * definition is formatted again, and (1) everything in that text must be in a table of what the driver acts
 * on, (2) everything in the document that came in must be found in that text. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virqbjxml.h"
#include "vm_def.h"
#include "vm_support_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static xmlDoc *
qbjVmSupportParse(const char *xml)
{
    return virXMLParseStringCtxt(xml, _("(domain_definition)"), NULL);
}

/* The table speaks of disks where they stand in a domain. Of formats it knows those that a VM is started
 * with; what a copy can be made into is judged by others (01/Y20). */
static xmlDoc *
qbjVmSupportDomainAround(xmlDoc *disk)
{
    xmlDoc *doc = xmlNewDoc(NULL);
    xmlNode *domain = xmlNewDocNode(doc, NULL, (const xmlChar *) "domain", NULL);
    xmlNode *devices = xmlNewChild(domain, NULL, (const xmlChar *) "devices", NULL);
    xmlNode *copy = xmlDocCopyNode(xmlDocGetRootElement(disk), doc, 1);
    xmlNode *driver;

    xmlDocSetRootElement(doc, domain);
    xmlAddChild(devices, copy);
    if (!xmlHasProp(copy, (const xmlChar *) "device"))
        xmlSetProp(copy, (const xmlChar *) "device", (const xmlChar *) "disk");
    if ((driver = virQbjXMLChild(copy, "driver", NULL)))
        xmlUnsetProp(driver, (const xmlChar *) "type");
    return doc;
}

int
qbjVmDefCheckDestination(const char *xml)
{
    g_autoptr(xmlDoc) disk = qbjVmSupportParse(xml);
    g_autoptr(xmlDoc) domain = NULL;

    if (!disk)
        return -1;
    domain = qbjVmSupportDomainAround(disk);
    return qbjVmSupportCheckKnown(qbjVmSupportFind(NULL, xmlDocGetRootElement(domain)),
                                  xmlDocGetRootElement(domain));
}

int
qbjVmDefCheckSupported(const char *xml, virDomainDef *def, virDomainXMLOption *xmlopt)
{
    g_autofree char *text =
        virDomainDefFormat(def, xmlopt, VIR_DOMAIN_DEF_FORMAT_INACTIVE | VIR_DOMAIN_DEF_FORMAT_SECURE);
    g_autoptr(xmlDoc) in = NULL;
    g_autoptr(xmlDoc) out = NULL;
    const qbjVmSupportRow *row;

    if (!text || !(out = qbjVmSupportParse(text)))
        return -1;

    row = qbjVmSupportFind(NULL, xmlDocGetRootElement(out));
    if (qbjVmSupportCheckKnown(row, xmlDocGetRootElement(out)) < 0)
        return -1;

    if (!xml)
        return 0;
    if (!(in = qbjVmSupportParse(xml)))
        return -1;

    return qbjVmSupportCompare(row, xmlDocGetRootElement(in), xmlDocGetRootElement(out));
}
