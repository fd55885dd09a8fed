/* The support check for one device that is plugged into a domain, or changed in it. */

#include <config.h>

#include "internal.h"
#include "virqbjxml.h"
#include "vm_def.h"
#include "vm_support_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* The tables speak of devices where they stand in a domain. */
static xmlDoc *
qbjVmSupportDeviceDocument(const char *xml)
{
    g_autoptr(xmlDoc) device = virXMLParseStringCtxt(xml, _("(device_definition)"), NULL);
    xmlDoc *doc;
    xmlNode *domain;

    if (!device)
        return NULL;
    doc = xmlNewDoc(NULL);
    domain = xmlNewDocNode(doc, NULL, (const xmlChar *) "domain", NULL);
    xmlDocSetRootElement(doc, domain);
    xmlAddChild(xmlNewChild(domain, NULL, (const xmlChar *) "devices", NULL),
                xmlDocCopyNode(xmlDocGetRootElement(device), doc, 1));
    return doc;
}

int
qbjVmDefCheckDevice(const char *xml, virDomainDeviceDef *dev, virDomainXMLOption *xmlopt)
{
    g_autofree char *text =
        qbjVmDefFormatDevice(dev, xmlopt, VIR_DOMAIN_DEF_FORMAT_INACTIVE | VIR_DOMAIN_DEF_FORMAT_SECURE);
    g_autoptr(xmlDoc) out = text ? qbjVmSupportDeviceDocument(text) : NULL;
    g_autoptr(xmlDoc) in = out ? qbjVmSupportDeviceDocument(xml) : NULL;
    const xmlNode *domain;
    const xmlNode *devices;
    const qbjVmSupportRow *row;

    if (!in)
        return -1;
    domain = xmlDocGetRootElement(out);
    devices = qbjVmSupportFirst(domain);
    row = qbjVmSupportFind(qbjVmSupportFind(NULL, domain), devices);
    if (qbjVmSupportCheckKnown(row, devices) < 0)
        return -1;
    return qbjVmSupportCompare(row, qbjVmSupportFirst(xmlDocGetRootElement(in)), devices);
}
