#include <config.h>

#include "internal.h"
#include "virqbjstatus.h"
#include "virlog.h"
#include "virobject.h"
#include "virqbjxml.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

VIR_LOG_INIT("conf.virqbjstatusdisk");

VIR_ENUM_IMPL(virQbjSecret, VIR_QBJ_SECRET_LAST, "auth", "encryption", "httpcookie", "tlskey");

static virClass *virQbjDiskPrivateClass;
static virClass *virQbjStoragePrivateClass;

static void
virQbjDiskPrivateDispose(void *obj)
{
    virQbjDiskPrivate *priv = obj;

    g_free(priv->qomName);
    g_free(priv->nodeCopyOnRead);
}

static void
virQbjStoragePrivateDispose(void *obj)
{
    virQbjStoragePrivate *priv = obj;
    size_t i;

    for (i = 0; i < VIR_QBJ_SECRET_LAST; i++)
        g_free(priv->secretAlias[i]);
}

static int
virQbjPrivateOnceInit(void)
{
    if (!VIR_CLASS_NEW(virQbjDiskPrivate, virClassForObject()) ||
        !VIR_CLASS_NEW(virQbjStoragePrivate, virClassForObject()))
        return -1;

    return 0;
}

VIR_ONCE_GLOBAL_INIT(virQbjPrivate);

virObject *
virQbjDiskPrivateNew(void)
{
    if (virQbjPrivateInitialize() < 0)
        return NULL;

    return virObjectNew(virQbjDiskPrivateClass);
}

virQbjStoragePrivate *
virQbjStoragePrivateGet(virStorageSource *src)
{
    if (!src->privateData && virQbjPrivateInitialize() == 0)
        src->privateData = virObjectNew(virQbjStoragePrivateClass);

    return (virQbjStoragePrivate *) src->privateData;
}

int
virQbjDiskPrivateParse(xmlXPathContextPtr ctxt, virDomainDiskDef *disk)
{
    virQbjDiskPrivate *priv = VIR_QBJ_DISK_PRIVATE(disk);
    xmlNodePtr qom = virXPathNode("./qom", ctxt);
    xmlNodePtr copyOnRead = virXPathNode("./nodenames/nodename[@type='copyOnRead']", ctxt);

    if (qom)
        virQbjXMLTakeProp(qom, "name", &priv->qomName);
    if (copyOnRead)
        virQbjXMLTakeProp(copyOnRead, "name", &priv->nodeCopyOnRead);

    return 0;
}

int
virQbjDiskPrivateFormat(virDomainDiskDef *disk, virBuffer *buf)
{
    virQbjDiskPrivate *priv = VIR_QBJ_DISK_PRIVATE(disk);
    g_auto(virBuffer) nodenames = VIR_BUFFER_INIT_CHILD(buf);

    virBufferEscapeString(buf, "<qom name='%s'/>\n", priv->qomName);
    virBufferEscapeString(&nodenames, "<nodename type='copyOnRead' name='%s'/>\n", priv->nodeCopyOnRead);
    virXMLFormatElement(buf, "nodenames", NULL, &nodenames);
    return 0;
}

static void
virQbjStorageParseNodenames(xmlNodePtr parent, virStorageSource *src)
{
    xmlNodePtr node;

    for (node = parent->children; node; node = node->next) {
        g_autofree char *type = NULL;

        if (!virQbjXMLIsElement(node, "nodename", NULL))
            continue;

        type = virXMLPropString(node, "type");
        if (STREQ_NULLABLE(type, "storage"))
            virQbjXMLTakeProp(node, "name", &src->nodestorage);
        else if (STREQ_NULLABLE(type, "format"))
            virQbjXMLTakeProp(node, "name", &src->nodeformat);
        else if (STREQ_NULLABLE(type, "slice-storage") && src->sliceStorage)
            virQbjXMLTakeProp(node, "name", &src->sliceStorage->nodename);
        else
            VIR_WARN("a node name of type '%s' in a status file is not known", NULLSTR(type));
    }
}

static int
virQbjStorageParseObjects(xmlNodePtr parent, virStorageSource *src)
{
    xmlNodePtr node;

    for (node = parent->children; node; node = node->next) {
        if (virQbjXMLIsElement(node, "TLSx509", NULL)) {
            virQbjXMLTakeProp(node, "alias", &src->tlsAlias);
        } else if (virQbjXMLIsElement(node, "secret", NULL)) {
            g_autofree char *typestr = virXMLPropString(node, "type");
            int type = typestr ? virQbjSecretTypeFromString(typestr) : -1;
            virQbjStoragePrivate *priv = virQbjStoragePrivateGet(src);

            if (!priv)
                return -1;
            if (type >= 0)
                virQbjXMLTakeProp(node, "alias", &priv->secretAlias[type]);
            else
                VIR_WARN("a secret of type '%s' in a status file is not known", NULLSTR(typestr));
        }
    }

    return 0;
}

int
virQbjStoragePrivateParse(xmlXPathContextPtr ctxt, virStorageSource *src)
{
    xmlNodePtr nodenames = virXPathNode("./nodenames", ctxt);
    xmlNodePtr objects = virXPathNode("./objects", ctxt);
    xmlNodePtr reservations = virXPathNode("./reservations", ctxt);

    if (nodenames)
        virQbjStorageParseNodenames(nodenames, src);
    if (reservations && src->pr)
        virQbjXMLTakeProp(reservations, "mgralias", &src->pr->mgralias);
    if (virStorageSourcePrivateDataParseRelPath(ctxt, src) < 0 ||
        (objects && virQbjStorageParseObjects(objects, src) < 0))
        return -1;

    src->thresholdEventWithIndex = virXPathBoolean("boolean(./thresholdEvent[@indexUsed='yes'])", ctxt) > 0;
    return 0;
}

static void
virQbjStorageFormatNodenames(virStorageSource *src, virBuffer *buf)
{
    g_auto(virBuffer) nodenames = VIR_BUFFER_INIT_CHILD(buf);

    virBufferEscapeString(&nodenames, "<nodename type='storage' name='%s'/>\n", src->nodestorage);
    virBufferEscapeString(&nodenames, "<nodename type='format' name='%s'/>\n", src->nodeformat);
    if (src->sliceStorage)
        virBufferEscapeString(&nodenames, "<nodename type='slice-storage' name='%s'/>\n", src->sliceStorage->nodename);

    virXMLFormatElement(buf, "nodenames", NULL, &nodenames);
}

static void
virQbjStorageFormatObjects(virStorageSource *src, virBuffer *buf)
{
    g_auto(virBuffer) objects = VIR_BUFFER_INIT_CHILD(buf);
    virQbjStoragePrivate *priv = (virQbjStoragePrivate *) src->privateData;
    int i;

    for (i = 0; priv && i < VIR_QBJ_SECRET_LAST; i++) {
        if (priv->secretAlias[i]) {
            virBufferAsprintf(&objects, "<secret type='%s'", virQbjSecretTypeToString(i));
            virBufferEscapeString(&objects, " alias='%s'/>\n", priv->secretAlias[i]);
        }
    }

    virBufferEscapeString(&objects, "<TLSx509 alias='%s'/>\n", src->tlsAlias);
    virXMLFormatElement(buf, "objects", NULL, &objects);
}

int
virQbjStoragePrivateFormat(virStorageSource *src, virBuffer *buf)
{
    virQbjStorageFormatNodenames(src, buf);
    if (src->pr)
        virBufferEscapeString(buf, "<reservations mgralias='%s'/>\n", src->pr->mgralias);
    if (virStorageSourcePrivateDataFormatRelPath(src, buf) < 0)
        return -1;
    virQbjStorageFormatObjects(src, buf);
    if (src->thresholdEventWithIndex)
        virBufferAddLit(buf, "<thresholdEvent indexUsed='yes'/>\n");

    return 0;
}
