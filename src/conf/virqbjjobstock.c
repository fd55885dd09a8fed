#include <config.h>

#include "internal.h"
#include "virqbjjobstock.h"
#include "virerror.h"
#include "virlog.h"
#include "virqbjxml.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

VIR_LOG_INIT("conf.virqbjjobstock");

void
virQbjJobStockFree(virQbjJobStock *stock)
{
    if (!stock)
        return;

    g_free(stock->name);
    g_free(stock->type);
    g_free(stock->brokenType);
    g_free(stock->state);
    g_free(stock->newState);
    g_free(stock->errmsg);
    g_free(stock->disk);
    g_free(stock->base);
    g_free(stock->top);
    g_free(stock->topParent);
    g_free(stock->text);
    g_free(stock);
}

static void
virQbjJobStockParseNode(xmlNodePtr job, const char *element, const char *attribute, char **to)
{
    xmlNodePtr node = virQbjXMLChild(job, element, NULL);

    if (node)
        virQbjXMLTakeProp(node, attribute, to);
}

static void
virQbjJobStockParseFlags(xmlNodePtr node, virQbjJobStock *stock)
{
    unsigned long long flags = 0;

    stock->apiFlagsUnknown = virQbjXMLPropNumber(node, "jobflags", 16, &flags) < 0 || flags > UINT_MAX;
    if (!stock->apiFlagsUnknown)
        stock->apiFlags = flags;
}

int
virQbjJobStockParse(xmlNodePtr node, virQbjJobStock **stock)
{
    g_autoptr(virQbjJobStock) found = g_new0(virQbjJobStock, 1);
    xmlNodePtr errmsg = virQbjXMLChild(node, "errmsg", NULL);

    virQbjXMLTakeProp(node, "name", &found->name);
    if (!found->name)
        return 0;

    if (!(found->text = virQbjXMLText(node, 2)))
        return -1;

    found->type = virXMLPropString(node, "type");
    found->brokenType = virXMLPropString(node, "brokentype");
    found->state = virXMLPropString(node, "state");
    found->newState = virXMLPropString(node, "newstate");
    found->shallowNew = virQbjXMLPropYes(node, "shallownew");
    virQbjJobStockParseFlags(node, found);
    virQbjJobStockParseNode(node, "disk", "dst", &found->disk);
    virQbjJobStockParseNode(node, "base", "node", &found->base);
    virQbjJobStockParseNode(node, "top", "node", &found->top);
    virQbjJobStockParseNode(node, "topparent", "node", &found->topParent);
    found->deleteImages = virQbjXMLChild(node, "deleteCommittedImages", NULL) != NULL;
    if (errmsg)
        found->errmsg = virXMLNodeContentString(errmsg);

    *stock = g_steal_pointer(&found);
    return 1;
}

bool
virQbjJobStockIsActive(const virQbjJob *job)
{
    const char *state = qbjJobStateToStock(job->state);

    return job->stockXML || STREQ(state, "running") || STREQ(state, "ready") || STREQ(state, "aborting") ||
           STREQ(state, "pivoting");
}

/* A stock daemon must not settle what we could not: for a broken job it only sends a forced cancel
 * (06/R4). */
static void
virQbjJobStockFormatType(virBuffer *attrs, const virQbjJob *job)
{
    const char *type = qbjJobTypeTypeToString(job->spec->type);

    if (job->state == QBJ_STATE_BROKEN)
        virBufferAddLit(attrs, " type='broken'");
    else
        virBufferAsprintf(attrs, " type='%s'", type);

    virBufferAsprintf(attrs, " state='%s'", qbjJobStateToStock(job->state));
    if (job->state == QBJ_STATE_BROKEN)
        virBufferAsprintf(attrs, " brokentype='%s'", type);
}

static int
virQbjJobStockFormatDetails(virBuffer *buf, const virQbjJob *job)
{
    const qbjSpec *spec = job->spec;

    switch (spec->type) {
    case QBJ_TYPE_PULL:
        virBufferEscapeString(buf, "<base node='%s'/>\n", spec->base);
        return 0;
    case QBJ_TYPE_COPY:
        return 0;
    case QBJ_TYPE_COMMIT:
    case QBJ_TYPE_ACTIVE_COMMIT:
        virBufferEscapeString(buf, "<base node='%s'/>\n", spec->base);
        virBufferEscapeString(buf, "<top node='%s'/>\n", spec->top);
        virBufferEscapeString(buf, "<topparent node='%s'/>\n", spec->topParent);
        if (job->deleteImages)
            virBufferAddLit(buf, "<deleteCommittedImages/>\n");
        return 0;
    case QBJ_TYPE_BACKUP:
    case QBJ_TYPE_CREATE:
    case QBJ_TYPE_LAST:
    default:
        /* a broken one has nothing but its name to lose */
        if (job->state == QBJ_STATE_BROKEN)
            return 0;
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
                       _("The block job '%s' is of a type whose record cannot be written yet"), spec->job);
        return -1;
    }
}

int
virQbjJobStockFormat(virBuffer *buf, const virQbjJob *job)
{
    g_auto(virBuffer) attrs = VIR_BUFFER_INITIALIZER;
    g_auto(virBuffer) children = VIR_BUFFER_INIT_CHILD(buf);
    const qbjSpec *spec = job->spec;

    if (job->stockXML) {
        virQbjXMLFormatText(buf, job->stockXML);
        return 0;
    }

    virBufferEscapeString(&attrs, " name='%s'", spec->job);
    virQbjJobStockFormatType(&attrs, job);
    if (!job->apiFlagsUnknown)
        virBufferAsprintf(&attrs, " jobflags='0x%x'", job->apiFlags);
    if (job->shallowNew)
        virBufferAddLit(&attrs, " shallownew='yes'");

    virBufferEscapeString(&children, "<errmsg>%s</errmsg>\n", job->errmsg);
    virBufferEscapeString(&children, "<disk dst='%s'", spec->disk);
    if (spec->disk)
        virBufferAddStr(&children, spec->type == QBJ_TYPE_COPY ? " mirror='yes'/>\n" : "/>\n");

    if (virQbjJobStockFormatDetails(&children, job) < 0)
        return -1;

    virXMLFormatElement(buf, "blockjob", &attrs, &children);
    return 0;
}
