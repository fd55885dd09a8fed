/* Everything in the formatted definition must be in the table of what we act on. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_support_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static bool
qbjVmSupportIsListed(const char *values, const char *value)
{
    size_t length = strlen(value);
    const char *found;

    if (length == 0 || strchr(value, ' '))
        return false;

    for (found = strstr(values, value); found; found = strstr(found + 1, value)) {
        if ((found == values || found[-1] == ' ') && (found[length] == ' ' || !found[length]))
            return true;
    }

    return false;
}

static int
qbjVmSupportCheckText(const qbjVmSupportRow *row, const xmlNode *node)
{
    g_autofree char *text = qbjVmSupportText(node);
    g_autofree char *path = NULL;

    if (!*text || ((row->flags & QBJ_VM_SUPPORT_TEXT) && (!row->values || qbjVmSupportIsListed(row->values, text))))
        return 0;

    path = qbjVmSupportPath(node);
    virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("value '%.100s' of element '%s' is not supported by this driver"),
                   text, path);
    return -1;
}

static int
qbjVmSupportCheckAttribute(const qbjVmSupportRow *row, const xmlNode *node, const xmlAttr *attr)
{
    const char *name = (const char *) attr->name;
    const qbjVmSupportRow *known = attr->ns ? NULL : qbjVmSupportFindAttribute(row, name);
    g_autofree char *value = (char *) xmlNodeListGetString(node->doc, attr->children, 1);
    g_autofree char *path = NULL;

    if (known && (!known->values || qbjVmSupportIsListed(known->values, NULLSTR_EMPTY(value))))
        return 0;

    path = qbjVmSupportPath(node);
    if (known) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("value '%.100s' of attribute '%s' of '%s' is not supported by this driver"),
                       NULLSTR_EMPTY(value), name, path);
    } else {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("attribute '%s' of '%s' is not supported by this driver"),
                       name, path);
    }
    return -1;
}

/* " with type='scsi' model='lsilogic'", or "" */
static char *
qbjVmSupportDescribeAttributes(const xmlNode *node, const char *attributes)
{
    g_auto(GStrv) names = g_strsplit(attributes ? attributes : "", " ", -1);
    GString *text = g_string_new(NULL);
    size_t i;

    for (i = 0; names[i]; i++) {
        g_autofree char *value = qbjVmSupportAttribute(node, names[i]);

        if (value)
            g_string_append_printf(text, "%s%s='%.100s'", text->len == 0 ? " with " : " ", names[i], value);
    }

    return g_string_free(text, FALSE);
}

/* What tells @node from those of its name that are supported. */
static char *
qbjVmSupportDescribe(const qbjVmSupportRow *parent, const xmlNode *node)
{
    const qbjVmSupportFamily *family = qbjVmSupportFindFamily(parent, node);
    g_autofree char *kind = NULL;

    if (!family)
        return g_strdup("");

    kind = qbjVmSupportDescribeAttributes(node, family->kinds);
    return *kind ? g_steal_pointer(&kind) : qbjVmSupportDescribeAttributes(node, family->keys);
}

static int
qbjVmSupportRefuse(const qbjVmSupportRow *parent, const xmlNode *node)
{
    g_autofree char *path = qbjVmSupportPath(node);
    g_autofree char *kind = qbjVmSupportDescribe(parent, node);

    virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("element '%s'%s is not supported by this driver"), path, kind);
    return -1;
}

static int
qbjVmSupportCheckChild(const qbjVmSupportRow *parent, const xmlNode *node, GHashTable *seen)
{
    const qbjVmSupportRow *row = qbjVmSupportFind(parent, node);
    g_autofree char *path = NULL;

    if (!row)
        return qbjVmSupportRefuse(parent, node);

    if ((row->flags & QBJ_VM_SUPPORT_ONCE) && !g_hash_table_add(seen, (gpointer) (uintptr_t) row)) {
        path = qbjVmSupportPath(node);
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("more than one element '%s' is not supported by this driver"), path);
        return -1;
    }

    return qbjVmSupportCheckKnown(row, node);
}

static int
qbjVmSupportCheckChildren(const qbjVmSupportRow *row, const xmlNode *out, GHashTable *seen, bool controllers)
{
    const xmlNode *child;

    for (child = qbjVmSupportFirst(out); child; child = qbjVmSupportNext(child)) {
        if (STREQ((const char *) child->name, "controller") == controllers &&
            qbjVmSupportCheckChild(row, child, seen) < 0)
            return -1;
    }

    return 0;
}

int
qbjVmSupportCheckKnown(const qbjVmSupportRow *row, const xmlNode *out)
{
    g_autoptr(GHashTable) seen = NULL;
    const xmlAttr *attr;

    if (row->flags & QBJ_VM_SUPPORT_OPAQUE)
        return 0;

    if (qbjVmSupportCheckText(row, out) < 0)
        return -1;

    for (attr = out->properties; attr; attr = attr->next) {
        if (qbjVmSupportCheckAttribute(row, out, attr) < 0)
            return -1;
    }

    /* a controller may be there because of another device only: name that one first */
    seen = g_hash_table_new(NULL, NULL);
    if (qbjVmSupportCheckChildren(row, out, seen, false) < 0)
        return -1;

    return qbjVmSupportCheckChildren(row, out, seen, true);
}
