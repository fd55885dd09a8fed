/* Pairing the children of an element in the input with those in the result.
 *
 * The result has other children beside them and sorts some (disks, controllers), so children of one name are
 * paired by the attributes that tell them apart, those with most of these attributes first, and else in their
 * order. Each attempt is one pass with a hash table: the whole is linear in the size of the documents. */

#include <config.h>

#include "internal.h"
#include "vm_support_parts.h"

struct _qbjVmSupportMatch {
    GHashTable *partner;        /* child of the input -> child of the result */
    GHashTable *taken;          /* set of children of the result */
    GHashTable *result;         /* name -> GPtrArray of children of the result */
};

/* Namespace and name in one string. The caller frees. */
static char *
qbjVmSupportFullName(const xmlNode *node)
{
    if (!node->ns)
        return g_strdup((const char *) node->name);

    return g_strconcat((const char *) node->name, " ", (const char *) node->ns->href, NULL);
}

static GHashTable *
qbjVmSupportGroup(const xmlNode *parent)
{
    GHashTable *groups = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
    const xmlNode *child;

    for (child = qbjVmSupportFirst(parent); child; child = qbjVmSupportNext(child)) {
        g_autofree char *name = qbjVmSupportFullName(child);
        GPtrArray *group = g_hash_table_lookup(groups, name);

        if (!group) {
            group = g_ptr_array_new();
            g_hash_table_insert(groups, g_steal_pointer(&name), group);
        }
        g_ptr_array_add(group, (gpointer) (uintptr_t) child);
    }

    return groups;
}

/* @key: "attribute" or "child/@attribute" */
static char *
qbjVmSupportKeyValue(const xmlNode *node, const char *key)
{
    const char *slash = strstr(key, "/@");
    const xmlNode *child;

    if (!slash)
        return qbjVmSupportAttribute(node, key);

    for (child = qbjVmSupportFirst(node); child; child = qbjVmSupportNext(child)) {
        if (strlen((const char *) child->name) == (size_t) (slash - key) &&
            STRPREFIX(key, (const char *) child->name))
            return qbjVmSupportAttribute(child, slash + 2);
    }

    return NULL;
}

/* The values of the keys in @mask, or NULL when @node does not have them all. The caller frees. */
static char *
qbjVmSupportIdentity(const xmlNode *node, char **keys, unsigned int mask)
{
    g_autoptr(GString) identity = g_string_new(NULL);
    size_t i;

    for (i = 0; keys[i]; i++) {
        g_autofree char *value = NULL;

        if (!(mask & (1U << i)))
            continue;
        if (!(value = qbjVmSupportKeyValue(node, keys[i])))
            return NULL;
        g_string_append(identity, value);
        g_string_append_c(identity, '\n');
    }

    return g_strdup(identity->str);
}

static GHashTable *
qbjVmSupportIndex(qbjVmSupportMatch *match, GPtrArray *nodes, char **keys, unsigned int mask)
{
    GHashTable *found = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_queue_free);
    size_t i;

    for (i = 0; i < nodes->len; i++) {
        g_autofree char *identity = NULL;
        GQueue *queue;

        if (g_hash_table_contains(match->taken, nodes->pdata[i]) ||
            !(identity = qbjVmSupportIdentity(nodes->pdata[i], keys, mask)))
            continue;

        queue = g_hash_table_lookup(found, identity);
        if (!queue) {
            queue = g_queue_new();
            g_hash_table_insert(found, g_steal_pointer(&identity), queue);
        }
        g_queue_push_tail(queue, nodes->pdata[i]);
    }

    return found;
}

/* Pairs those of @in that are not paired yet and have all the keys in @mask. */
static void
qbjVmSupportPair(qbjVmSupportMatch *match, GPtrArray *in, GPtrArray *out, char **keys, unsigned int mask)
{
    g_autoptr(GHashTable) found = qbjVmSupportIndex(match, out, keys, mask);
    size_t i;

    for (i = 0; i < in->len; i++) {
        g_autofree char *identity = NULL;
        GQueue *queue;
        gpointer partner;

        if (g_hash_table_contains(match->partner, in->pdata[i]) ||
            !(identity = qbjVmSupportIdentity(in->pdata[i], keys, mask)))
            continue;

        queue = g_hash_table_lookup(found, identity);
        if (queue && (partner = g_queue_pop_head(queue))) {
            g_hash_table_insert(match->partner, in->pdata[i], partner);
            g_hash_table_add(match->taken, partner);
        }
    }
}

static void
qbjVmSupportPairGroup(qbjVmSupportMatch *match, const qbjVmSupportRow *row, GPtrArray *in, GPtrArray *out)
{
    const qbjVmSupportFamily *family = qbjVmSupportFindFamily(row, in->pdata[0]);
    g_auto(GStrv) keys = g_strsplit(family && family->keys ? family->keys : "", " ", -1);
    unsigned int all = 1U << g_strv_length(keys);
    unsigned int bits;
    unsigned int mask;

    for (bits = g_strv_length(keys); bits > 0; bits--) {
        for (mask = 1; mask < all; mask++) {
            if ((unsigned int) __builtin_popcount(mask) == bits)
                qbjVmSupportPair(match, in, out, keys, mask);
        }
    }

    qbjVmSupportPair(match, in, out, keys, 0);
}

qbjVmSupportMatch *
qbjVmSupportMatchNew(const qbjVmSupportRow *row, const xmlNode *in, const xmlNode *out)
{
    g_autoptr(GHashTable) input = qbjVmSupportGroup(in);
    qbjVmSupportMatch *match = g_new0(qbjVmSupportMatch, 1);
    GHashTableIter iter;
    gpointer name;
    gpointer group;

    match->partner = g_hash_table_new(NULL, NULL);
    match->taken = g_hash_table_new(NULL, NULL);
    match->result = qbjVmSupportGroup(out);

    g_hash_table_iter_init(&iter, input);
    while (g_hash_table_iter_next(&iter, &name, &group)) {
        GPtrArray *others = g_hash_table_lookup(match->result, name);

        if (others)
            qbjVmSupportPairGroup(match, row, group, others);
    }

    return match;
}

void
qbjVmSupportMatchFree(qbjVmSupportMatch *match)
{
    if (!match)
        return;

    g_hash_table_unref(match->partner);
    g_hash_table_unref(match->taken);
    g_hash_table_unref(match->result);
    g_free(match);
}

const xmlNode *
qbjVmSupportMatchGet(qbjVmSupportMatch *match, const xmlNode *child, bool *others)
{
    g_autofree char *name = qbjVmSupportFullName(child);

    *others = g_hash_table_contains(match->result, name);
    return g_hash_table_lookup(match->partner, child);
}
