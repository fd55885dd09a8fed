/* Finding the row of the table that speaks about an element or attribute. */

#include <config.h>

#include "internal.h"
#include "virqbjcommandline.h"
#include "virthread.h"
#include "vm_support_parts.h"

/* What stands below one path of the table. */
typedef struct _qbjVmSupportPlace qbjVmSupportPlace;
struct _qbjVmSupportPlace {
    GHashTable *elements;       /* "name" or "name:kind:kind" -> row */
    GHashTable *attributes;     /* "name" -> row */
    GHashTable *families;       /* "name" -> family */
    const char *base;           /* path of the group, or NULL */
};

static GHashTable *qbjVmSupportPlaces;  /* path -> place; made once, never changed */
static GHashTable *qbjVmSupportBelow;   /* row -> the place below it */

static qbjVmSupportPlace *
qbjVmSupportPlaceAt(const char *path)
{
    qbjVmSupportPlace *place = g_hash_table_lookup(qbjVmSupportPlaces, path);

    if (!place) {
        place = g_new0(qbjVmSupportPlace, 1);
        place->elements = g_hash_table_new(g_str_hash, g_str_equal);
        place->attributes = g_hash_table_new(g_str_hash, g_str_equal);
        place->families = g_hash_table_new(g_str_hash, g_str_equal);
        g_hash_table_insert(qbjVmSupportPlaces, g_strdup(path), place);
    }

    return place;
}

/* The place that @path is in, and its name there. */
static qbjVmSupportPlace *
qbjVmSupportPlaceOf(const char *path, const char **name)
{
    const char *slash = strrchr(path, '/');
    g_autofree char *above = slash ? g_strndup(path, slash - path) : g_strdup("");

    *name = slash ? slash + 1 : path;
    return qbjVmSupportPlaceAt(above);
}

static void
qbjVmSupportAddRow(const qbjVmSupportRow *row)
{
    qbjVmSupportPlace *below = qbjVmSupportPlaceAt(row->path);
    const char *name;
    qbjVmSupportPlace *place = qbjVmSupportPlaceOf(row->path, &name);

    below->base = row->base;
    g_hash_table_insert(qbjVmSupportBelow, (gpointer) (uintptr_t) row, below);

    if (*name == '@')
        g_hash_table_insert(place->attributes, (gpointer) (uintptr_t) (name + 1), (gpointer) (uintptr_t) row);
    else
        g_hash_table_insert(place->elements, (gpointer) (uintptr_t) name, (gpointer) (uintptr_t) row);
}

static void
qbjVmSupportAddFamily(const qbjVmSupportFamily *family)
{
    const char *name;
    qbjVmSupportPlace *place = qbjVmSupportPlaceOf(family->path, &name);

    g_hash_table_insert(place->families, (gpointer) (uintptr_t) name, (gpointer) (uintptr_t) family);
}

static int
qbjVmSupportOnceInit(void)
{
    const qbjVmSupportTable *table;
    const qbjVmSupportRow *row;
    const qbjVmSupportFamily *family;

    qbjVmSupportPlaces = g_hash_table_new(g_str_hash, g_str_equal);
    qbjVmSupportBelow = g_hash_table_new(NULL, NULL);

    for (table = qbjVmSupportTables; table->rows; table++) {
        for (row = table->rows; row->path; row++)
            qbjVmSupportAddRow(row);
        for (family = table->families; family->path; family++)
            qbjVmSupportAddFamily(family);
    }

    return 0;
}
VIR_ONCE_GLOBAL_INIT(qbjVmSupport);

/* The place below @row, then that of its group, of the group's group and so on. */
static const qbjVmSupportPlace *
qbjVmSupportFirstPlace(const qbjVmSupportRow *row)
{
    if (qbjVmSupportInitialize() < 0)
        return NULL;

    return g_hash_table_lookup(qbjVmSupportBelow, row);
}

static const qbjVmSupportPlace *
qbjVmSupportNextPlace(const qbjVmSupportPlace *place)
{
    return place->base ? g_hash_table_lookup(qbjVmSupportPlaces, place->base) : NULL;
}

static const qbjVmSupportRow *
qbjVmSupportFindName(const qbjVmSupportRow *parent, const char *name)
{
    const qbjVmSupportPlace *place;
    const qbjVmSupportRow *row;

    for (place = qbjVmSupportFirstPlace(parent); place; place = qbjVmSupportNextPlace(place)) {
        if ((row = g_hash_table_lookup(place->elements, name)))
            return row;
    }

    return NULL;
}

const qbjVmSupportRow *
qbjVmSupportFindAttribute(const qbjVmSupportRow *parent, const char *name)
{
    const qbjVmSupportPlace *place;
    const qbjVmSupportRow *row;

    for (place = qbjVmSupportFirstPlace(parent); place; place = qbjVmSupportNextPlace(place)) {
        if ((row = g_hash_table_lookup(place->attributes, name)))
            return row;
    }

    return NULL;
}

const qbjVmSupportFamily *
qbjVmSupportFindFamily(const qbjVmSupportRow *parent, const xmlNode *node)
{
    const qbjVmSupportPlace *place;
    const qbjVmSupportFamily *family;

    if (!parent || node->ns)
        return NULL;

    for (place = qbjVmSupportFirstPlace(parent); place; place = qbjVmSupportNextPlace(place)) {
        if ((family = g_hash_table_lookup(place->families, node->name)))
            return family;
    }

    return NULL;
}

/* The most special row wins: controller:usb:qemu-xhci, then controller:usb, then controller. */
static const qbjVmSupportRow *
qbjVmSupportFindKind(const qbjVmSupportRow *parent, const xmlNode *node, const char *kinds)
{
    g_auto(GStrv) names = g_strsplit(kinds, " ", -1);
    g_autoptr(GString) name = g_string_new((const char *) node->name);
    const qbjVmSupportRow *found = qbjVmSupportFindName(parent, name->str);
    size_t i;

    for (i = 0; names[i]; i++) {
        g_autofree char *value = qbjVmSupportAttribute(node, names[i]);
        const qbjVmSupportRow *special;

        if (!value)
            break;
        g_string_append_c(name, ':');
        g_string_append(name, value);
        special = qbjVmSupportFindName(parent, name->str);
        if (special)
            found = special;
    }

    return found;
}

/* Of the other namespaces there is one that we act on. */
static const qbjVmSupportRow *
qbjVmSupportFindForeign(const qbjVmSupportRow *parent, const xmlNode *node)
{
    g_autofree char *name = g_strconcat("qemu:", (const char *) node->name, NULL);

    if (STRNEQ_NULLABLE((const char *) node->ns->href, VIR_QBJ_COMMANDLINE_URI))
        return NULL;

    return qbjVmSupportFindName(parent, name);
}

const qbjVmSupportRow *
qbjVmSupportFind(const qbjVmSupportRow *parent, const xmlNode *node)
{
    const qbjVmSupportFamily *family;

    if (node->ns)
        return parent ? qbjVmSupportFindForeign(parent, node) : NULL;
    if (!parent)
        return &qbjVmSupportTables[0].rows[0];

    family = qbjVmSupportFindFamily(parent, node);
    if (family && family->kinds)
        return qbjVmSupportFindKind(parent, node, family->kinds);

    return qbjVmSupportFindName(parent, (const char *) node->name);
}
