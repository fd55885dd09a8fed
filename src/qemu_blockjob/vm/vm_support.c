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

/* What the parser has made of the destination, as a <disk>. */
static char *
qbjVmSupportFormatDestination(virStorageSource *target, virDomainXMLOption *xmlopt)
{
    g_auto(virBuffer) text = VIR_BUFFER_INITIALIZER;

    virBufferAddLit(&text, "<disk>");
    if (virDomainDiskSourceFormat(&text, target, "source", 0, false, VIR_DOMAIN_DEF_FORMAT_SECURE, false, false,
                                  xmlopt) < 0 ||
        virDomainDiskBackingStoreFormat(&text, target, xmlopt, VIR_DOMAIN_DEF_FORMAT_SECURE) < 0)
        return NULL;
    virBufferAddLit(&text, "</disk>");
    return virBufferContentAndReset(&text);
}

static xmlNode *
qbjVmSupportDisk(xmlDoc *domain)
{
    return virQbjXMLChild(virQbjXMLChild(xmlDocGetRootElement(domain), "devices", NULL), "disk", NULL);
}

/* What names the images. */
static const char *const qbjVmSupportDestinationNames[] = { "source", "backingStore" };

/* The destination @in with its images as @disk says them, which is how they were understood. */
static xmlDoc *
qbjVmSupportUnderstood(xmlDoc *in, xmlDoc *disk)
{
    xmlDoc *doc = qbjVmSupportDomainAround(in);
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(qbjVmSupportDestinationNames); i++) {
        xmlNode *child = virQbjXMLChild(qbjVmSupportDisk(doc), qbjVmSupportDestinationNames[i], NULL);
        xmlNode *same = virQbjXMLChild(xmlDocGetRootElement(disk), qbjVmSupportDestinationNames[i], NULL);

        if (child && same)
            xmlFreeNode(xmlReplaceNode(child, xmlDocCopyNode(same, doc, 1)));
    }
    return doc;
}

static int
qbjVmSupportCompareDestination(xmlDoc *in, xmlDoc *out)
{
    const xmlNode *domain = xmlDocGetRootElement(out);
    const qbjVmSupportRow *row = qbjVmSupportFind(qbjVmSupportFind(NULL, domain), qbjVmSupportFirst(domain));
    size_t i;

    row = qbjVmSupportFind(row, qbjVmSupportDisk(out));
    for (i = 0; i < G_N_ELEMENTS(qbjVmSupportDestinationNames); i++) {
        const xmlNode *child = virQbjXMLChild(qbjVmSupportDisk(in), qbjVmSupportDestinationNames[i], NULL);
        const xmlNode *same = virQbjXMLChild(qbjVmSupportDisk(out), qbjVmSupportDestinationNames[i], NULL);

        if (child && qbjVmSupportCompare(qbjVmSupportFind(row, same), child, same) < 0)
            return -1;
    }
    return 0;
}

int
qbjVmDefCheckDestination(const char *xml, virStorageSource *target, virDomainXMLOption *xmlopt)
{
    g_autoptr(xmlDoc) disk = qbjVmSupportParse(xml);
    g_autofree char *text = disk ? qbjVmSupportFormatDestination(target, xmlopt) : NULL;
    g_autoptr(xmlDoc) formatted = text ? qbjVmSupportParse(text) : NULL;
    g_autoptr(xmlDoc) in = NULL;
    g_autoptr(xmlDoc) out = NULL;

    if (!formatted)
        return -1;
    in = qbjVmSupportDomainAround(disk);
    out = qbjVmSupportUnderstood(disk, formatted);
    if (qbjVmSupportCheckKnown(qbjVmSupportFind(NULL, xmlDocGetRootElement(out)), xmlDocGetRootElement(out)) < 0)
        return -1;
    return qbjVmSupportCompareDestination(in, out);
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
