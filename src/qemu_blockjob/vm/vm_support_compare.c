/* Everything in the document that came in must be found in the formatted definition, and mean the same
 * there. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_support_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static bool
qbjVmSupportSameValue(const qbjVmSupportRow *row, const xmlNode *in, const xmlNode *out, const char *inValue,
                      const char *outValue)
{
    g_autofree char *inText = NULL;
    g_autofree char *outText = NULL;

    if (STREQ(inValue, outValue))
        return true;

    inText = g_strstrip(g_strdup(inValue));
    outText = g_strstrip(g_strdup(outValue));
    return STREQ(inText, outText) || (row && row->same && row->same(in, out, inText, outText));
}

static int
qbjVmSupportCompareText(const qbjVmSupportRow *row, const xmlNode *in, const xmlNode *out)
{
    g_autofree char *inText = qbjVmSupportText(in);
    g_autofree char *outText = qbjVmSupportText(out);
    g_autofree char *path = NULL;

    if (STREQ(inText, outText) || (*inText && qbjVmSupportSameValue(row, in, out, inText, outText)))
        return 0;

    if (!*inText && row && (row->flags & QBJ_VM_SUPPORT_FILLED))
        return 0;

    path = qbjVmSupportPath(in);
    if (!*outText) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("text '%.100s' of element '%s' is not known"), inText, path);
    } else {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("value '%.100s' of element '%s' cannot be used: it would become '%.100s'"), inText,
                       path, outText);
    }
    return -1;
}

static const xmlAttr *
qbjVmSupportFindSameAttribute(const xmlNode *node, const xmlAttr *wanted)
{
    const xmlAttr *attr;

    for (attr = node->properties; attr; attr = attr->next) {
        if (xmlStrEqual(attr->name, wanted->name) &&
            xmlStrEqual(attr->ns ? attr->ns->href : NULL, wanted->ns ? wanted->ns->href : NULL))
            return attr;
    }

    return NULL;
}

static int
qbjVmSupportCompareAttribute(const qbjVmSupportRow *row, const xmlNode *in, const xmlNode *out, const xmlAttr *attr)
{
    const char *name = (const char *) attr->name;
    const qbjVmSupportRow *known = row && !attr->ns ? qbjVmSupportFindAttribute(row, name) : NULL;
    const xmlAttr *same = qbjVmSupportFindSameAttribute(out, attr);
    g_autofree char *inValue = (char *) xmlNodeListGetString(in->doc, attr->children, 1);
    g_autofree char *outValue = same ? (char *) xmlNodeListGetString(out->doc, same->children, 1) : NULL;
    g_autofree char *path = NULL;

    if (known && known->ignore && known->ignore(in, NULLSTR_EMPTY(inValue)))
        return 0;
    if (same && qbjVmSupportSameValue(known, in, out, NULLSTR_EMPTY(inValue), NULLSTR_EMPTY(outValue)))
        return 0;

    path = qbjVmSupportPath(in);
    if (same) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("value '%.100s' of attribute '%s' of '%s' cannot be used: it would become '%.100s'"),
                       NULLSTR_EMPTY(inValue), name, path, NULLSTR_EMPTY(outValue));
    } else {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("attribute '%s' of '%s' is not known"), name, path);
    }
    return -1;
}

/* Whether @child says nothing at all. */
static bool
qbjVmSupportIsEmpty(const qbjVmSupportRow *row, const xmlNode *child)
{
    g_autofree char *text = NULL;

    if (!(row->flags & QBJ_VM_SUPPORT_VANISH) || child->properties || qbjVmSupportFirst(child))
        return false;

    text = qbjVmSupportText(child);
    return !*text;
}

static int
qbjVmSupportRefuseChild(const qbjVmSupportRow *parent, const xmlNode *child, bool others)
{
    g_autofree char *path = qbjVmSupportPath(child);

    if (others)
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("element '%s' is given more often than it can be used"), path);
    else if (parent && qbjVmSupportFind(parent, child))
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("element '%s' cannot be used in this form"), path);
    else
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("element '%s' is not known"), path);
    return -1;
}

static int
qbjVmSupportCompareChild(const qbjVmSupportRow *parent, qbjVmSupportMatch *match, const xmlNode *child)
{
    bool others = false;
    const xmlNode *partner = qbjVmSupportMatchGet(match, child, &others);
    const qbjVmSupportRow *row = parent ? qbjVmSupportFind(parent, partner ? partner : child) : NULL;

    if (partner)
        return qbjVmSupportCompare(row, child, partner);
    /* meaningless, but not shapeless */
    if (row && row->ignore && row->ignore(child, NULL))
        return qbjVmSupportCheckKnown(row, child);
    if (row && qbjVmSupportIsEmpty(row, child))
        return 0;

    return qbjVmSupportRefuseChild(parent, child, others);
}

/* Without a row, in metadata, everything must come out as it went in. */
int
qbjVmSupportCompare(const qbjVmSupportRow *row, const xmlNode *in, const xmlNode *out)
{
    const qbjVmSupportRow *below = row && (row->flags & QBJ_VM_SUPPORT_OPAQUE) ? NULL : row;
    g_autoptr(qbjVmSupportMatch) match = NULL;
    const xmlAttr *attr;
    const xmlNode *child;

    if (qbjVmSupportCompareText(row, in, out) < 0)
        return -1;

    for (attr = in->properties; attr; attr = attr->next) {
        if (qbjVmSupportCompareAttribute(row, in, out, attr) < 0)
            return -1;
    }

    if (!qbjVmSupportFirst(in))
        return 0;

    match = qbjVmSupportMatchNew(below, in, out);
    for (child = qbjVmSupportFirst(in); child; child = qbjVmSupportNext(child)) {
        if (qbjVmSupportCompareChild(below, match, child) < 0)
            return -1;
    }

    return 0;
}
