#include <config.h>

#include "internal.h"
#include "engine_stray_disk.h"
#include "engine_query.h"

/* The part of @text from its last @prefix on that reads @prefix, digits, @suffix; NULL when it does not. */
static const char *
qbjEngineStrayNodePart(const char *text, const char *prefix, const char *suffix)
{
    const char *part = g_strrstr(text, prefix);
    const char *digits = part ? part + strlen(prefix) : NULL;
    size_t n = digits ? strspn(digits, "0123456789") : 0;

    return n > 0 && STREQ(digits + n, suffix) ? part : NULL;
}

bool
qbjEngineStrayIsOurs(const char *name, char **disk)
{
    static const char *const verbs[] = { "commit-", "pull-", "copy-" };
    const char *node = qbjEngineStrayNodePart(name, "-libvirt-", "-format");
    size_t i;

    for (i = 0; node && i < G_N_ELEMENTS(verbs); i++) {
        const char *target = STRSKIP(name, verbs[i]);

        if (!target || target >= node)
            continue;
        if (disk)
            *disk = g_strndup(target, node - target);
        return true;
    }
    return false;
}

static bool
qbjEngineStrayIsOurNode(const char *name)
{
    return STRPREFIX(name, "libvirt-") && (qbjEngineStrayNodePart(name, "libvirt-", "-format") == name ||
                                           qbjEngineStrayNodePart(name, "libvirt-", "-storage") == name);
}

/* Appends the nodes below @id to @names, parents first, each once. @edge: the only one of
 * @id that is followed, NULL: all. */
static void
qbjEngineStrayBelow(virJSONValue *graph, unsigned long long id, const char *edge, GPtrArray *names)
{
    virJSONValue *nodes = virJSONValueObjectGetArray(graph, "nodes");
    virJSONValue *edges = virJSONValueObjectGetArray(graph, "edges");
    size_t i;

    for (i = 0; nodes && edges && i < virJSONValueArraySize(edges); i++) {
        virJSONValue *entry = virJSONValueArrayGet(edges, i);
        unsigned long long parent;
        unsigned long long child;
        const char *name;

        if (virJSONValueObjectGetNumberUlong(entry, "parent", &parent) < 0 || parent != id ||
            virJSONValueObjectGetNumberUlong(entry, "child", &child) < 0 ||
            (edge && STRNEQ_NULLABLE(virJSONValueObjectGetString(entry, "name"), edge)) ||
            !(name = qbjEngineQueryGraphName(nodes, child)) ||
            g_ptr_array_find_with_equal_func(names, name, g_str_equal, NULL))
            continue;
        g_ptr_array_add(names, g_strdup(name));
        qbjEngineStrayBelow(graph, child, NULL, names);
    }
}

static GPtrArray *
qbjEngineStrayNodes(virJSONValue *graph, const char *job, const char *edge)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    virJSONValue *nodes = virJSONValueObjectGetArray(graph, "nodes");
    size_t i;

    for (i = 0; nodes && i < virJSONValueArraySize(nodes); i++) {
        virJSONValue *node = virJSONValueArrayGet(nodes, i);
        unsigned long long id;

        if (STREQ_NULLABLE(virJSONValueObjectGetString(node, "type"), "block-job") &&
            STREQ_NULLABLE(virJSONValueObjectGetString(node, "name"), job) &&
            virJSONValueObjectGetNumberUlong(node, "id", &id) == 0)
            qbjEngineStrayBelow(graph, id, edge, names);
    }
    return names;
}

static bool
qbjEngineStrayChainHas(virStorageSource *chain, const char *node)
{
    virStorageSource *src;

    for (src = chain; virStorageSourceIsBacking(src); src = src->backingStore) {
        if (STREQ_NULLABLE(src->nodeformat, node) || STREQ_NULLABLE(src->nodestorage, node))
            return true;
    }
    return false;
}

/* Whether @node belongs to what the guest has as @disk. */
static bool
qbjEngineStrayDiskHas(const virDomainDiskDef *disk, const char *node)
{
    const virQbjDiskPrivate *priv = VIR_QBJ_DISK_PRIVATE(disk);

    return (priv && STREQ_NULLABLE(priv->nodeCopyOnRead, node)) || qbjEngineStrayChainHas(disk->src, node);
}

/* The disk of the uppermost of @names that is one's: images further down may be shared. */
static const virDomainDiskDef *
qbjEngineStrayDisk(const virDomainDef *def, const GPtrArray *names)
{
    size_t i;
    size_t n;

    for (n = 0; n < names->len; n++) {
        for (i = 0; i < def->ndisks; i++) {
            if (qbjEngineStrayDiskHas(def->disks[i], g_ptr_array_index(names, n)))
                return def->disks[i];
        }
    }
    return NULL;
}

static bool
qbjEngineStrayIsKept(const virDomainDef *def, const char *node)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        const virDomainDiskDef *disk = def->disks[i];

        if (qbjEngineStrayDiskHas(disk, node) || (disk->mirror && qbjEngineStrayChainHas(disk->mirror, node)))
            return true;
    }
    return false;
}

/* QEMU refuses to delete what another one uses. */
static void
qbjEngineStrayPlanNodes(const virDomainDef *def, virQbjJob *job, virJSONValue *graph)
{
    g_autoptr(GPtrArray) names = qbjEngineStrayNodes(graph, job->spec->job, NULL);
    size_t i;

    for (i = 0; i < names->len; i++) {
        const char *node = g_ptr_array_index(names, i);

        if (qbjEngineStrayIsOurNode(node) && !qbjEngineStrayIsKept(def, node))
            g_ptr_array_add(job->spec->phase[QBJ_PHASE_ABORT], qbjStepNewDelete("blockdev-del", "node-name", node));
    }
}

bool
qbjEngineStrayComplete(virDomainObj *vm, virQbjJob *job, virJSONValue *graph)
{
    g_autoptr(GPtrArray) names = qbjEngineStrayNodes(graph, job->spec->job, "main node");
    const virDomainDiskDef *disk = qbjEngineStrayDisk(vm->def, names);
    g_autofree char *target = NULL;
    bool ours = qbjEngineStrayIsOurs(job->spec->job, &target);

    if (!disk && target)                /* one that has ended has no node any more */
        disk = virDomainDiskByTarget(vm->def, target);
    /* a filter of its own on top: it is a mirror into an image of the chain */
    if (disk && job->spec->type == QBJ_TYPE_COMMIT && names->len > 0 &&
        !qbjEngineStrayDiskHas(disk, g_ptr_array_index(names, 0)))
        job->spec->type = QBJ_TYPE_ACTIVE_COMMIT;
    if (ours)
        qbjEngineStrayPlanNodes(vm->def, job, graph);
    if (!disk)
        return false;
    g_free(job->spec->disk);
    job->spec->disk = g_strdup(disk->dst);
    return true;
}
