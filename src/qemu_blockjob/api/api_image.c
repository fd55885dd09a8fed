#include <config.h>

#include "internal.h"
#include "api_image.h"
#include "api_save.h"
#include "datatypes.h"
#include "host_image.h"
#include "qbj_acl.h"
#include "vm_def.h"
#include "virerror.h"
#include "virfile.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

void
qbjApiImageClear(qbjApiImage *image)
{
    g_clear_pointer(&image->image, virQbjSaveImageFree);
    g_clear_pointer(&image->def, virDomainDefFree);
    VIR_FORCE_CLOSE(image->fd);
}

int
qbjApiImageOpen(qbjDriver *driver, const char *path, bool partial, qbjApiImage *image)
{
    g_auto(qbjApiImage) open = QBJ_API_IMAGE_INIT;

    if (!(open.image = qbjHostImageOpen(path, &open.fd)))
        return -1;
    if (!open.image->complete) {
        if (partial)
            return 1;
        virReportError(VIR_ERR_OPERATION_FAILED, "%s", _("save image is incomplete"));
        return -1;
    }
    if (!(open.def = qbjVmDefParse(open.image->xml, driver->xmlopt, VIR_DOMAIN_DEF_PARSE_INACTIVE)))
        return -1;
    *image = open;
    open = (qbjApiImage) QBJ_API_IMAGE_INIT;
    return 0;
}

int
qbjApiImageReplace(qbjDriver *driver, qbjApiImage *image, const char *xml)
{
    g_autoptr(virDomainDef) def = qbjVmDefParse(xml, driver->xmlopt, VIR_DOMAIN_DEF_PARSE_INACTIVE);

    if (!def || !virDomainDefCheckABIStability(image->def, def, driver->xmlopt))
        return -1;
    virDomainDefFree(image->def);
    image->def = g_steal_pointer(&def);
    return 0;
}

static char *
qbjApiImageFormat(qbjDriver *driver, virDomainDef *def, unsigned int flags)
{
    return virDomainDefFormat(def, driver->xmlopt, flags | VIR_DOMAIN_DEF_FORMAT_INACTIVE |
                              VIR_DOMAIN_DEF_FORMAT_MIGRATABLE);
}

char *
qbjApiImageXml(qbjDriver *driver, const char *path, unsigned int flags)
{
    g_auto(qbjApiImage) image = QBJ_API_IMAGE_INIT;

    if (qbjApiImageOpen(driver, path, false, &image) < 0)
        return NULL;
    return qbjApiImageFormat(driver, image.def,
                             flags & VIR_DOMAIN_SAVE_IMAGE_XML_SECURE ? VIR_DOMAIN_DEF_FORMAT_SECURE : 0);
}

int
qbjApiImageDefine(virConnectPtr conn, const char *path, const char *xml, unsigned int flags,
                  int (*may)(virConnectPtr conn, virDomainDef *def))
{
    qbjDriver *driver = conn->privateData;
    g_auto(qbjApiImage) image = QBJ_API_IMAGE_INIT;

    VIR_EXCLUSIVE_FLAGS_RET(VIR_DOMAIN_SAVE_RUNNING, VIR_DOMAIN_SAVE_PAUSED, -1);

    if (qbjApiImageOpen(driver, path, false, &image) < 0 || (may && may(conn, image.def) < 0) ||
        qbjApiImageReplace(driver, &image, xml) < 0)
        return -1;
    if (flags & (VIR_DOMAIN_SAVE_RUNNING | VIR_DOMAIN_SAVE_PAUSED))
        image.image->running = flags & VIR_DOMAIN_SAVE_RUNNING;
    g_free(image.image->xml);
    if (!(image.image->xml = qbjApiImageFormat(driver, image.def, VIR_DOMAIN_DEF_FORMAT_SECURE)))
        return -1;
    return qbjHostImageRewrite(path, image.fd, image.image);
}

char *
qbjApiSaveImageGetXMLDesc(virConnectPtr conn, const char *path, unsigned int flags)
{
    qbjDriver *driver = conn->privateData;
    g_auto(qbjApiImage) image = QBJ_API_IMAGE_INIT;

    virCheckFlags(VIR_DOMAIN_SAVE_IMAGE_XML_SECURE, NULL);

    if (qbjApiImageOpen(driver, path, false, &image) < 0 ||
        virDomainSaveImageGetXMLDescEnsureACL(conn, image.def) < 0)
        return NULL;
    return qbjApiImageFormat(driver, image.def,
                             flags & VIR_DOMAIN_SAVE_IMAGE_XML_SECURE ? VIR_DOMAIN_DEF_FORMAT_SECURE : 0);
}

int
qbjApiSaveImageDefineXML(virConnectPtr conn, const char *path, const char *xml, unsigned int flags)
{
    virCheckFlags(VIR_DOMAIN_SAVE_RUNNING | VIR_DOMAIN_SAVE_PAUSED, -1);

    return qbjApiImageDefine(conn, path, xml, flags, virDomainSaveImageDefineXMLEnsureACL);
}
