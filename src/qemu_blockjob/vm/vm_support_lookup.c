/* Finding the row of the table that speaks about an element or attribute. */

#include <config.h>

#include "internal.h"
#include "virthread.h"
#include "vm_support_parts.h"

static GHashTable *qbjVmSupportByPath;
static GHashTable *qbjVmSupportFamilyByPath;

static int
qbjVmSupportOnceInit(void)
{
    size_t i;

    qbjVmSupportByPath = g_hash_table_new(g_str_hash, g_str_equal);
    for (i = 0; qbjVmSupportRows[i].path; i++)
        g_hash_table_insert(qbjVmSupportByPath, (gpointer) (uintptr_t) qbjVmSupportRows[i].path,
                            (gpointer) (uintptr_t) &qbjVmSupportRows[i]);

    qbjVmSupportFamilyByPath = g_hash_table_new(g_str_hash, g_str_equal);
    for (i = 0; qbjVmSupportFamilies[i].path; i++)
        g_hash_table_insert(qbjVmSupportFamilyByPath, (gpointer) (uintptr_t) qbjVmSupportFamilies[i].path,
                            (gpointer) (uintptr_t) &qbjVmSupportFamilies[i]);

    return 0;
}
VIR_ONCE_GLOBAL_INIT(qbjVmSupport);

static const void *
qbjVmSupportFindAt(GHashTable *table, const char *place, const char *below)
{
    /* children of the root have no prefix */
    g_autofree char *path = *place ? g_strdup_printf("%s/%s", place, below) : g_strdup(below);

    return g_hash_table_lookup(table, path);
}

/* Looks for @below under the row itself, then under its group, the group's group and so on. */
static const void *
qbjVmSupportFindBelow(GHashTable *table, const qbjVmSupportRow *parent, const char *below)
{
    const void *found = qbjVmSupportFindAt(table, parent->path, below);

    while (!found && parent && parent->base) {
        found = qbjVmSupportFindAt(table, parent->base, below);
        parent = g_hash_table_lookup(qbjVmSupportByPath, parent->base);
    }

    return found;
}

const qbjVmSupportFamily *
qbjVmSupportFindFamily(const qbjVmSupportRow *parent, const xmlNode *node)
{
    if (qbjVmSupportInitialize() < 0 || !parent || node->ns)
        return NULL;

    return qbjVmSupportFindBelow(qbjVmSupportFamilyByPath, parent, (const char *) node->name);
}

/* The most special row wins: controller:usb:qemu-xhci, then controller:usb, then controller. */
static const qbjVmSupportRow *
qbjVmSupportFindKind(const qbjVmSupportRow *parent, const xmlNode *node, const char *kinds)
{
    g_auto(GStrv) names = g_strsplit(kinds, " ", -1);
    g_autoptr(GString) name = g_string_new((const char *) node->name);
    const qbjVmSupportRow *found = qbjVmSupportFindBelow(qbjVmSupportByPath, parent, name->str);
    size_t i;

    for (i = 0; names[i]; i++) {
        g_autofree char *value = qbjVmSupportAttribute(node, names[i]);
        const qbjVmSupportRow *special;

        if (!value)
            break;
        g_string_append_printf(name, ":%s", value);
        special = qbjVmSupportFindBelow(qbjVmSupportByPath, parent, name->str);
        if (special)
            found = special;
    }

    return found;
}

const qbjVmSupportRow *
qbjVmSupportFind(const qbjVmSupportRow *parent, const xmlNode *node)
{
    const qbjVmSupportFamily *family = NULL;

    if (qbjVmSupportInitialize() < 0 || node->ns)
        return NULL;
    if (!parent)
        return g_hash_table_lookup(qbjVmSupportByPath, "");

    family = qbjVmSupportFindFamily(parent, node);
    if (family && family->kinds)
        return qbjVmSupportFindKind(parent, node, family->kinds);

    return qbjVmSupportFindBelow(qbjVmSupportByPath, parent, (const char *) node->name);
}

const qbjVmSupportRow *
qbjVmSupportFindAttribute(const qbjVmSupportRow *parent, const char *name)
{
    g_autofree char *below = g_strdup_printf("@%s", name);

    if (qbjVmSupportInitialize() < 0)
        return NULL;

    return qbjVmSupportFindBelow(qbjVmSupportByPath, parent, below);
}
