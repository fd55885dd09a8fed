/* One device without a domain around it. */

#include <config.h>

#include "internal.h"
#include "domain_driver.h"
#include "virerror.h"
#include "virqbjxml.h"
#include "vm_def.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* @def borrows the device: an array of one. */
static int
qbjVmDefLend(virDomainDef *def, virDomainDeviceDef *dev)
{
    switch (dev->type) {
    case VIR_DOMAIN_DEVICE_DISK:
        def->disks = &dev->data.disk;
        def->ndisks = 1;
        return 0;
    case VIR_DOMAIN_DEVICE_CONTROLLER:
        def->controllers = &dev->data.controller;
        def->ncontrollers = 1;
        return 0;
    case VIR_DOMAIN_DEVICE_RNG:
        def->rngs = &dev->data.rng;
        def->nrngs = 1;
        return 0;
    case VIR_DOMAIN_DEVICE_INPUT:
        def->inputs = &dev->data.input;
        def->ninputs = 1;
        return 0;
    default:
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("a device of type '%s' cannot be plugged by this driver"),
                       virDomainDeviceTypeToString(dev->type));
        return -1;
    }
}

static void
qbjVmDefTakeBack(virDomainDef *def)
{
    def->disks = NULL;
    def->controllers = NULL;
    def->rngs = NULL;
    def->inputs = NULL;
    def->ndisks = def->ncontrollers = def->nrngs = def->ninputs = 0;
}

static char *
qbjVmDefFormatAround(virDomainDeviceDef *dev, virDomainXMLOption *xmlopt, unsigned int flags)
{
    g_autoptr(virDomainDef) def = virDomainDefNew(xmlopt);
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    int rc = def ? qbjVmDefLend(def, dev) : -1;

    if (rc < 0)
        return NULL;
    rc = virDomainDefFormatInternal(def, xmlopt, &buf, flags);
    qbjVmDefTakeBack(def);
    return rc < 0 ? NULL : virBufferContentAndReset(&buf);
}

char *
qbjVmDefFormatDevice(virDomainDeviceDef *dev, virDomainXMLOption *xmlopt, unsigned int flags)
{
    g_autofree char *text = qbjVmDefFormatAround(dev, xmlopt, flags);
    g_autoptr(xmlDoc) doc = text ? virXMLParseStringCtxt(text, _("(device)"), NULL) : NULL;
    xmlNode *devices = doc ? virQbjXMLChild(xmlDocGetRootElement(doc), "devices", NULL) : NULL;
    xmlNode *element = devices ? virQbjXMLChild(devices, virDomainDeviceTypeToString(dev->type), NULL) : NULL;

    return element ? virXMLNodeToString(doc, element) : NULL;
}
