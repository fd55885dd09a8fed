/* Both forms together: <blockjobs> of the stock driver, then ours. */
#include <config.h>

#include "internal.h"
#include "virqbjjob.h"
#include "virqbjjobadopt.h"
#include "virqbjjobown.h"
#include "virqbjjobstock.h"
#include "virerror.h"
#include "virlog.h"
#include "virqbjxml.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

VIR_LOG_INIT("conf.virqbjjobxml");

static int
virQbjJobsCompare(const void *a, const void *b)
{
    const virQbjJob *one = *(virQbjJob *const *) a;
    const virQbjJob *other = *(virQbjJob *const *) b;

    return strcmp(one->spec->job, other->spec->job);
}

static GPtrArray *
virQbjJobsSorted(GPtrArray *jobs)
{
    GPtrArray *sorted = g_ptr_array_sized_new(jobs->len);
    size_t i;

    for (i = 0; i < jobs->len; i++)
        g_ptr_array_add(sorted, jobs->pdata[i]);

    g_ptr_array_sort(sorted, virQbjJobsCompare);
    return sorted;
}

static int
virQbjJobsFormatStock(virBuffer *buf, GPtrArray *jobs)
{
    g_auto(virBuffer) attrs = VIR_BUFFER_INITIALIZER;
    g_auto(virBuffer) children = VIR_BUFFER_INIT_CHILD(buf);
    bool active = false;
    size_t i;

    for (i = 0; i < jobs->len; i++) {
        active = active || virQbjJobStockIsActive(jobs->pdata[i]);
        if (virQbjJobStockFormat(&children, jobs->pdata[i]) < 0)
            return -1;
    }

    virBufferAsprintf(&attrs, " active='%s'", active ? "yes" : "no");
    virXMLFormatElement(buf, "blockjobs", &attrs, &children);
    return 0;
}

static int
virQbjJobsFormatOwn(virBuffer *buf, GPtrArray *jobs)
{
    g_auto(virBuffer) attrs = VIR_BUFFER_INITIALIZER;
    g_auto(virBuffer) children = VIR_BUFFER_INIT_CHILD(buf);
    size_t i;

    for (i = 0; i < jobs->len; i++) {
        if (virQbjJobOwnFormat(&children, jobs->pdata[i]) < 0)
            return -1;
    }

    if (jobs->len > 0) {
        virBufferAddLit(&attrs, " xmlns:qbj='" VIR_QBJ_XML_NAMESPACE "'");
        virXMLFormatElement(buf, "qbj:jobs", &attrs, &children);
    }
    return 0;
}

int
virQbjJobsFormat(virBuffer *buf, GPtrArray *jobs)
{
    g_autoptr(GPtrArray) sorted = virQbjJobsSorted(jobs);

    if (virQbjJobsFormatStock(buf, sorted) < 0)
        return -1;

    return virQbjJobsFormatOwn(buf, sorted);
}

/* Tables by name; a second record of the same name is logged and left out. */
static bool
virQbjJobsTake(GHashTable *table, char *name, void *record)
{
    if (g_hash_table_contains(table, name)) {
        VIR_WARN("the status file has more than one record of block job '%s'; the first one is taken", name);
        return false;
    }

    g_hash_table_insert(table, name, record);
    return true;
}

static int
virQbjJobsReadStock(xmlNodePtr root, GHashTable *table)
{
    xmlNodePtr list;
    xmlNodePtr node;

    for (list = root->children; list; list = list->next) {
        if (!virQbjXMLIsElement(list, "blockjobs", NULL))
            continue;

        for (node = list->children; node; node = node->next) {
            g_autoptr(virQbjJobStock) stock = NULL;

            if (virQbjXMLIsElement(node, "blockjob", NULL) && virQbjJobStockParse(node, &stock) < 0)
                return -1;
            if (stock && virQbjJobsTake(table, stock->name, stock))
                stock = NULL;
        }
    }

    return 0;
}

static void
virQbjJobsReadOwn(xmlNodePtr root, GHashTable *table)
{
    xmlNodePtr list;
    xmlNodePtr node;

    for (list = root->children; list; list = list->next) {
        if (!virQbjXMLIsElement(list, "jobs", VIR_QBJ_XML_NAMESPACE))
            continue;

        for (node = list->children; node; node = node->next) {
            g_autoptr(virQbjJobOwn) own = NULL;

            if (virQbjXMLIsElement(node, "job", VIR_QBJ_XML_NAMESPACE))
                own = virQbjJobOwnParse(node);
            if (own && virQbjJobsTake(table, own->name, own))
                own = NULL;
        }
    }
}

/* @stock: may be NULL. Our form decides; what of it cannot be read is rebuilt, or the job is BROKEN. */
static virQbjJob *
virQbjJobsMerge(virQbjJobOwn *own, const virQbjJobStock *stock, const virDomainDef *def)
{
    g_autoptr(virQbjJob) job = g_steal_pointer(&own->job);

    if (job && !job->spec && stock)
        job->spec = virQbjJobAdoptSpec(stock, def);
    if (!job || !job->spec)
        return virQbjJobAdoptBroken(own->name, stock, def);

    if (stock) {
        job->errmsg = g_strdup(stock->errmsg);
        if (own->kept)
            job->stockXML = g_strdup(stock->text);
    }
    return g_steal_pointer(&job);
}

/* Moves every own record to @jobs, with its stock one, which is taken out of @stocks. */
static void
virQbjJobsMergeAll(GHashTable *owns, GHashTable *stocks, const virDomainDef *def, GPtrArray *jobs)
{
    GHashTableIter iter;
    void *name;
    void *record;

    g_hash_table_iter_init(&iter, owns);
    while (g_hash_table_iter_next(&iter, &name, &record)) {
        g_ptr_array_add(jobs, virQbjJobsMerge(record, g_hash_table_lookup(stocks, name), def));
        g_hash_table_remove(stocks, name);
    }

    g_hash_table_iter_init(&iter, stocks);
    while (g_hash_table_iter_next(&iter, &name, &record))
        g_ptr_array_add(jobs, virQbjJobAdopt(record, def));
}

int
virQbjJobsParse(xmlXPathContextPtr ctxt, const virDomainDef *def, GPtrArray **jobs)
{
    g_autoptr(GHashTable) owns =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify) virQbjJobOwnFree);
    g_autoptr(GHashTable) stocks =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify) virQbjJobStockFree);
    g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func((GDestroyNotify) virQbjJobFree);

    virQbjJobsReadOwn(ctxt->node, owns);
    if (virQbjJobsReadStock(ctxt->node, stocks) < 0)
        return -1;

    virQbjJobsMergeAll(owns, stocks, def, found);
    g_ptr_array_sort(found, virQbjJobsCompare);
    *jobs = g_steal_pointer(&found);
    return 0;
}
