/* The support check for one device that is plugged into a domain, or changed in it. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
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

/* What belongs to the medium, or is given by the driver; startupPolicy is an attribute of <source>. */
static const char *const qbjVmSupportMedium[] = { "source", "backingStore", "alias", "address", NULL };

/* The element of a disk as a tree without its medium, and without what its tray is doing just now. */
static xmlDoc *
qbjVmSupportWithoutMedium(virDomainDiskDef *disk, virDomainXMLOption *xmlopt)
{
    virDomainDeviceDef dev = { .type = VIR_DOMAIN_DEVICE_DISK, .data.disk = disk };
    g_autofree char *text =
        qbjVmDefFormatDevice(&dev, xmlopt, VIR_DOMAIN_DEF_FORMAT_INACTIVE | VIR_DOMAIN_DEF_FORMAT_SECURE);
    xmlDoc *doc = text ? virXMLParseStringCtxt(text, _("(device)"), NULL) : NULL;
    xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
    xmlNode *node = root ? root->children : NULL;

    if (root)
        xmlUnsetProp(root, (const xmlChar *) "type");
    while (node) {
        xmlNode *next = node->next;

        if (node->type == XML_ELEMENT_NODE && g_strv_contains(qbjVmSupportMedium, (const char *) node->name)) {
            xmlUnlinkNode(node);
            xmlFreeNode(node);
        } else if (node->type == XML_ELEMENT_NODE && STREQ((const char *) node->name, "driver")) {
            xmlUnsetProp(node, (const xmlChar *) "type");
        } else if (node->type == XML_ELEMENT_NODE && STREQ((const char *) node->name, "target")) {
            xmlUnsetProp(node, (const xmlChar *) "tray");
        }
        node = next;
    }
    return doc;
}

/* The name of the first attribute or element of @in that @out has not, or not so; NULL: there is none. */
static const char *
qbjVmSupportDiffers(const xmlNode *in, const xmlNode *out)
{
    const xmlNode *child = qbjVmSupportFirst(in);
    const xmlNode *other = qbjVmSupportFirst(out);
    const xmlAttr *attr;

    for (attr = in->properties; attr; attr = attr->next) {
        g_autofree char *a = qbjVmSupportAttribute(in, (const char *) attr->name);
        g_autofree char *b = qbjVmSupportAttribute(out, (const char *) attr->name);

        if (STRNEQ_NULLABLE(a, b))
            return (const char *) attr->name;
    }
    for (; child; child = qbjVmSupportNext(child), other = qbjVmSupportNext(other)) {
        const char *below = NULL;
        g_autofree char *a = qbjVmSupportText(child);
        g_autofree char *b = other ? qbjVmSupportText(other) : NULL;

        if (!other || !qbjVmSupportSameName(child, other) || STRNEQ_NULLABLE(a, b))
            return (const char *) child->name;
        if ((below = qbjVmSupportDiffers(child, other)))
            return below;
    }
    return NULL;
}

int
qbjVmDefCheckSameDisk(virDomainDiskDef *disk, virDomainDiskDef *wanted, virDomainXMLOption *xmlopt)
{
    g_autoptr(xmlDoc) has = qbjVmSupportWithoutMedium(disk, xmlopt);
    g_autoptr(xmlDoc) wants = has ? qbjVmSupportWithoutMedium(wanted, xmlopt) : NULL;
    const char *name;

    if (!wants)
        return -1;
    name = qbjVmSupportDiffers(xmlDocGetRootElement(wants), xmlDocGetRootElement(has));
    if (!name)
        name = qbjVmSupportDiffers(xmlDocGetRootElement(has), xmlDocGetRootElement(wants));
    if (!name && wanted->info.type != VIR_DOMAIN_DEVICE_ADDRESS_TYPE_NONE &&
        !virDomainDeviceInfoAddressIsEqual(&disk->info, &wanted->info))
        name = "address";
    if (!name)
        return 0;
    virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("cannot modify field '%s' of the disk"), name);
    return -1;
}
