#include <config.h>

#include "fuzz_main.h"
#include "fuzz_xml.h"
#include "virxml.h"

xmlDocPtr
qbjFuzzXmlRead(const uint8_t *data, size_t size)
{
    xmlDocPtr doc = xmlReadMemory((const char *) data, size, NULL, NULL,
                                  XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);

    if (doc && !xmlDocGetRootElement(doc))
        g_clear_pointer(&doc, xmlFreeDoc);
    return doc;
}

static void
qbjFuzzXmlCollect(xmlNodePtr node, GPtrArray *elements)
{
    for (; node; node = node->next) {
        if (node->type == XML_ELEMENT_NODE) {
            g_ptr_array_add(elements, node);
            qbjFuzzXmlCollect(node->children, elements);
        }
    }
}

xmlNodePtr
qbjFuzzXmlPick(GRand *rand, xmlDocPtr doc)
{
    g_autoptr(GPtrArray) elements = g_ptr_array_new();

    qbjFuzzXmlCollect(xmlDocGetRootElement(doc), elements);
    return elements->pdata[g_rand_int_range(rand, 0, elements->len)];
}

static xmlAttrPtr
qbjFuzzXmlPickAttribute(GRand *rand, xmlNodePtr node)
{
    xmlAttrPtr attribute = node->properties;

    while (attribute && attribute->next && g_rand_boolean(rand))
        attribute = attribute->next;
    return attribute;
}

/* @node is not the root. */
static void
qbjFuzzXmlChangeElement(GRand *rand, xmlNodePtr node, xmlNodePtr other)
{
    switch (g_rand_int_range(rand, 0, 3)) {
    case 0:
        xmlUnlinkNode(node);
        xmlFreeNode(node);
        return;
    case 1:
        xmlAddNextSibling(node, xmlDocCopyNode(node, node->doc, 1));
        return;
    default:
        xmlAddNextSibling(node, xmlDocCopyNode(other, node->doc, 1));
        return;
    }
}

static void
qbjFuzzXmlChangeAttribute(GRand *rand, xmlNodePtr node, xmlNodePtr other, const char *value)
{
    xmlAttrPtr attribute = qbjFuzzXmlPickAttribute(rand, node);
    xmlAttrPtr source = qbjFuzzXmlPickAttribute(rand, other);
    g_autofree char *another = source ? virXMLPropString(other, (const char *) source->name) : NULL;

    if (!attribute)
        return;

    switch (g_rand_int_range(rand, 0, 3)) {
    case 0:
        xmlRemoveProp(attribute);
        return;
    case 1:
        xmlSetProp(node, attribute->name, (const xmlChar *) value);
        return;
    default:
        xmlSetProp(node, attribute->name, (const xmlChar *) another);
        return;
    }
}

void
qbjFuzzXmlChange(GRand *rand, xmlNodePtr node, xmlNodePtr other, const char *value)
{
    if (g_rand_boolean(rand))
        qbjFuzzXmlChangeAttribute(rand, node, other, value);
    else if (node->parent->type == XML_ELEMENT_NODE)
        qbjFuzzXmlChangeElement(rand, node, other);
}

size_t
qbjFuzzXmlMutate(uint8_t *data, size_t size, size_t room, unsigned int seed, qbjFuzzXmlChanger change)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    g_autoptr(xmlDoc) doc = qbjFuzzXmlRead(data, size);
    xmlChar *text = NULL;
    int length = 0;
    int changes = g_rand_int_range(rand, 1, 4);

    if (LLVMFuzzerMutate && (!doc || g_rand_int_range(rand, 0, 5) == 0))
        return LLVMFuzzerMutate(data, size, room);
    if (!doc)
        return size;

    while (changes-- > 0)
        change(rand, qbjFuzzXmlPick(rand, doc), qbjFuzzXmlPick(rand, doc));

    xmlDocDumpMemory(doc, &text, &length);
    if (length > 0 && (size_t) length <= room) {
        memcpy(data, text, length);
        size = length;
    }
    xmlFree(text);
    return size;
}
