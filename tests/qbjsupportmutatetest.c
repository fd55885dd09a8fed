/* Every single change to a valid definition is refused, or is seen in what define makes of it: nothing may
 * vanish.
 *
 * Each test takes one golden definition and makes, for each element, attribute and text in it, all the
 * changes below. What the table calls meaningless on input (aliases, labels, node indexes) may vanish. */
#include <config.h>

#include "internal.h"
#include "argsfixture.h"
#include "deffixture.h"
#include "statusfixture.h"
#include "virerror.h"
#include "vm_support_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

typedef struct _qbjTestBase qbjTestBase;
struct _qbjTestBase {
    const char *name;
    xmlDoc *doc;
    char *result;               /* what define makes of it */
    size_t tried;
    size_t refused;
};

static qbjVmCapsCache *cache;
static virDomainXMLOption *xmlopt;

static void
qbjTestQuiet(void *opaque, virErrorPtr err)
{
}

/* --- which changes may vanish --- */

/* The row for an element of an input document; NULL when there is none. */
static const qbjVmSupportRow *
qbjTestRow(const xmlNode *node)
{
    const qbjVmSupportRow *parent;

    if (!node->parent || node->parent->type != XML_ELEMENT_NODE)
        return qbjVmSupportFind(NULL, node);

    parent = qbjTestRow(node->parent);
    return parent ? qbjVmSupportFind(parent, node) : NULL;
}

static bool
qbjTestMayVanish(const xmlNode *node, const xmlAttr *attr)
{
    const qbjVmSupportRow *row = qbjTestRow(node);

    if (attr && row) {
        const qbjVmSupportRow *known = qbjVmSupportFindAttribute(row, (const char *) attr->name);
        g_autofree char *value = qbjVmSupportAttribute(node, (const char *) attr->name);

        if (known && known->ignore && known->ignore(node, value))
            return true;
    }

    if (row && row->ignore && row->ignore(node, NULL))
        return true;
    return node->parent && node->parent->type == XML_ELEMENT_NODE && qbjTestMayVanish(node->parent, NULL);
}

/* "0" for "0x00" is no change. */
static bool
qbjTestMeansTheSame(const xmlNode *node, const xmlAttr *attr, const char *old, const char *value)
{
    const qbjVmSupportRow *row = qbjTestRow(node);
    const qbjVmSupportRow *known = row ? qbjVmSupportFindAttribute(row, (const char *) attr->name) : NULL;

    return STREQ_NULLABLE(old, value) ||
           (known && known->same == qbjVmSupportSameNumber && known->same(node, node, old, value));
}

/* --- one change --- */

/* Passwords count too. */
static char *
qbjTestResult(virDomainDef *def)
{
    char *text = virDomainDefFormat(def, xmlopt, VIR_DOMAIN_DEF_FORMAT_INACTIVE | VIR_DOMAIN_DEF_FORMAT_SECURE);

    g_assert_nonnull(text);
    return text;
}

/* libvirt's own parser does not always say where; what we say must. */
static void
qbjTestCheckError(const char *change, const xmlNode *node, const xmlAttr *attr, const char *xml)
{
    virErrorPtr err = virGetLastError();

    if (!err || err->code == VIR_ERR_OK || !err->message)
        g_error("%s: refused without an error:\n%s", change, xml);

    if (err->domain == VIR_FROM_QEMU && err->code == VIR_ERR_CONFIG_UNSUPPORTED &&
        !strstr(err->message, (const char *) node->name) &&
        !(attr && strstr(err->message, (const char *) attr->name)))
        g_test_message("%s: named otherwise: %s", change, err->message);

    virResetLastError();
}

static void
qbjTestTry(qbjTestBase *base, const char *change, const xmlNode *node, const xmlAttr *attr, bool mayVanish)
{
    g_autofree char *xml = virXMLNodeToString(base->doc, xmlDocGetRootElement(base->doc));
    g_autoptr(virDomainDef) def = NULL;
    g_autofree char *text = NULL;

    g_assert_nonnull(xml);
    base->tried++;

    def = qbjTestDefine(xml, xmlopt);
    if (!def) {
        base->refused++;
        qbjTestCheckError(change, node, attr, xml);
        return;
    }

    text = qbjTestResult(def);
    if (STREQ(text, base->result) && !mayVanish) {
        g_autofree char *path = qbjVmSupportPath(node);

        g_error("%s: a change in '%s'%s%s is silently ignored:\n%s", change, path, attr ? " attribute " : "",
                attr ? (const char *) attr->name : "", xml);
    }
}

/* --- the changes --- */

static void
qbjTestAttributeValue(qbjTestBase *base, xmlNode *node, xmlAttr *attr, const char *value)
{
    g_autofree char *old = (char *) xmlNodeListGetString(base->doc, attr->children, 1);
    bool mayVanish = qbjTestMayVanish(node, attr);

    if (qbjTestMeansTheSame(node, attr, old, value))
        return;

    xmlSetNsProp(node, attr->ns, attr->name, (const xmlChar *) value);
    qbjTestTry(base, "value", node, attr, mayVanish);
    xmlSetNsProp(node, attr->ns, attr->name, (const xmlChar *) old);
}

static void
qbjTestAttributes(qbjTestBase *base, xmlNode *node)
{
    static const char *const values[] = { "", "qbjx", "-1", "0", "18446744073709551616", "default", " ", "no", "off" };
    xmlAttr *attr;
    size_t i;

    for (attr = node->properties; attr; attr = attr->next) {
        g_autofree char *old = (char *) xmlNodeListGetString(base->doc, attr->children, 1);
        g_autofree char *longer = g_strdup_printf("%s7", old);
        g_autofree char *name = g_strdup((const char *) attr->name);
        g_autofree char *renamed = g_strdup_printf("%sx", name);

        for (i = 0; i < G_N_ELEMENTS(values); i++)
            qbjTestAttributeValue(base, node, attr, values[i]);
        qbjTestAttributeValue(base, node, attr, longer);

        xmlNodeSetName((xmlNode *) attr, (const xmlChar *) renamed);
        qbjTestTry(base, "renamed attribute", node, attr, qbjTestMayVanish(node, NULL));
        xmlNodeSetName((xmlNode *) attr, (const xmlChar *) name);
    }

    xmlSetProp(node, (const xmlChar *) "qbjx", (const xmlChar *) "1");
    qbjTestTry(base, "new attribute", node, NULL, qbjTestMayVanish(node, NULL));
    xmlUnsetProp(node, (const xmlChar *) "qbjx");
}

static void
qbjTestText(qbjTestBase *base, xmlNode *node)
{
    g_autofree char *old = qbjVmSupportText(node);
    bool mayVanish = qbjTestMayVanish(node, NULL);
    xmlNode *added;
    xmlNode *child;

    added = xmlNewText((const xmlChar *) "7");
    xmlAddChild(node, added);   /* is merged with text before it */
    qbjTestTry(base, "longer text", node, NULL, mayVanish);

    for (child = node->children; child; child = child->next) {
        if (child->type == XML_TEXT_NODE && child->next == NULL) {
            g_autofree char *content = g_strdup((const char *) child->content);

            content[strlen(content) - 1] = '\0';
            xmlNodeSetContent(child, (const xmlChar *) content);
        }
    }

    if (*old && !qbjVmSupportFirst(node)) {
        xmlNodeSetContent(node, (const xmlChar *) "qbjx");
        qbjTestTry(base, "other text", node, NULL, mayVanish);
        xmlNodeSetContent(node, (const xmlChar *) "0");
        if (STRNEQ(old, "0"))
            qbjTestTry(base, "zero text", node, NULL, mayVanish);
        xmlNodeSetContent(node, (const xmlChar *) "");
        qbjTestTry(base, "no text", node, NULL, mayVanish);
        xmlNodeSetContent(node, (const xmlChar *) old);
    }
}

static void
qbjTestElement(qbjTestBase *base, xmlNode *node)
{
    g_autofree char *name = g_strdup((const char *) node->name);
    g_autofree char *renamed = g_strdup_printf("%sx", name);
    bool mayVanish = qbjTestMayVanish(node, NULL);
    bool aboveMayVanish = node->parent->type == XML_ELEMENT_NODE && qbjTestMayVanish(node->parent, NULL);
    xmlNode *added = xmlNewChild(node, NULL, (const xmlChar *) "qbjx", NULL);
    xmlNs *ns = node->ns;

    qbjTestTry(base, "new child", node, NULL, mayVanish);
    xmlUnlinkNode(added);
    xmlFreeNode(added);

    if (node->parent->type != XML_ELEMENT_NODE)
        return;

    xmlNodeSetName(node, (const xmlChar *) renamed);
    qbjTestTry(base, "renamed element", node, NULL, aboveMayVanish);
    xmlNodeSetName(node, (const xmlChar *) name);

    added = xmlCopyNode(node, 1);
    xmlAddNextSibling(node, added);
    qbjTestTry(base, "element twice", node, NULL, mayVanish);
    xmlUnlinkNode(added);
    xmlFreeNode(added);

    node->ns = xmlNewNs(xmlDocGetRootElement(base->doc), (const xmlChar *) "urn:qbj", (const xmlChar *) "qbj");
    if (!node->ns)
        node->ns = xmlSearchNsByHref(base->doc, node, (const xmlChar *) "urn:qbj");
    qbjTestTry(base, "element of another namespace", node, NULL, aboveMayVanish);
    node->ns = ns;
}

static void
qbjTestWalk(qbjTestBase *base, xmlNode *node)
{
    xmlNode *child;

    qbjTestElement(base, node);
    qbjTestAttributes(base, node);
    qbjTestText(base, node);

    for (child = node->children; child; child = child->next) {
        if (child->type == XML_ELEMENT_NODE)
            qbjTestWalk(base, child);
    }
}

static void
qbjTestMutate(const void *opaque)
{
    qbjTestBase base = { .name = opaque };
    g_autofree char *path = g_build_filename(QBJ_TEST_DATA, "define", base.name, "in.xml", NULL);
    g_autofree char *xml = NULL;
    g_autoptr(virDomainDef) def = NULL;

    g_assert_true(g_file_get_contents(path, &xml, NULL, NULL));
    def = qbjTestDefine(xml, xmlopt);
    g_assert_nonnull(def);
    base.result = qbjTestResult(def);
    base.doc = virXMLParseStringCtxt(xml, path, NULL);

    qbjTestWalk(&base, xmlDocGetRootElement(base.doc));
    g_test_message("%zu changes, %zu refused", base.tried, base.refused);
    g_assert_cmpint(base.tried, >, 150);
    g_assert_cmpint(base.refused, >, base.tried / 2);

    xmlFreeDoc(base.doc);
    g_free(base.result);
}

int
main(int argc, char **argv)
{
    static const char *const bases[] = {
        "balloon-options", "boot-menu", "clock-with-timers", "cpu-model-features", "disk-boot-order", "disk-cache-unsafe",
        "disk-chain", "disk-full", "kernel", "live-xml-of-the-stock-driver-pc", "live-xml-of-the-stock-driver-q35",
        "pci-chassis-and-port", "pci-multifunction-on", "seclabel-both-dynamic", "serial-kinds", "serial-unix-client",
        "title-description-metadata", "topology", "usb-ich9-pc", "video-vga", "video-virtio", "virt-install-direct-kernel",
        "vnc-running-port-is-ignored", "vnc-share-ignore",
    };
    size_t i;
    int ret;

    g_test_init(&argc, &argv, NULL);
    cache = qbjTestCapsCache();
    if (virInitialize() < 0 || !(xmlopt = qbjTestDefOption(cache)))
        g_error("cannot start: %s", virGetLastErrorMessage());
    virSetErrorFunc(NULL, qbjTestQuiet);

    for (i = 0; i < G_N_ELEMENTS(bases); i++) {
        g_autofree char *name = g_strdup_printf("/support/change/%s", bases[i]);

        g_test_add_data_func(name, bases[i], qbjTestMutate);
    }

    ret = g_test_run();
    virObjectUnref(xmlopt);
    qbjVmCapsCacheFree(cache);
    return ret;
}
