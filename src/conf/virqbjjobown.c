#include <config.h>

#include "internal.h"
#include "virqbjjobown.h"
#include "virerror.h"
#include "virlog.h"
#include "virqbjxml.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

VIR_LOG_INIT("conf.virqbjjobown");

void
virQbjJobOwnFree(virQbjJobOwn *own)
{
    if (!own)
        return;

    virQbjJobFree(own->job);
    g_free(own->name);
    g_free(own);
}

#define VIR_QBJ_SPEC_DEPTH 64

/* libvirt frees JSON by recursion: a damaged file must not take the stack of the daemon. */
static bool
virQbjJobOwnIsShallow(const char *text)
{
    bool string = false;
    size_t depth = 0;

    for (; *text && depth <= VIR_QBJ_SPEC_DEPTH; text++) {
        if (string && *text == '\\' && text[1])
            text++;
        else if (*text == '"')
            string = !string;
        else if (!string && (*text == '{' || *text == '['))
            depth++;
        else if (!string && (*text == '}' || *text == ']') && depth > 0)
            depth--;
    }

    return depth <= VIR_QBJ_SPEC_DEPTH;
}

/* Only a spec that is about this job; else NULL, logged. */
static qbjSpec *
virQbjJobOwnParseSpec(xmlNodePtr node, const char *name)
{
    xmlNodePtr element = virQbjXMLChild(node, "spec", VIR_QBJ_XML_NAMESPACE);
    g_autofree char *text = element ? virXMLNodeContentString(element) : NULL;
    g_autoptr(virJSONValue) json = text && virQbjJobOwnIsShallow(text) ? virJSONValueFromString(text) : NULL;
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autoptr(qbjSpec) spec = json ? qbjSpecFromJSON(json, &refusal) : NULL;

    if (!spec || !spec->disk || STRNEQ_NULLABLE(spec->job, name)) {
        VIR_WARN("the plan of block job '%s' in the status file cannot be read: %s", name, NULLSTR(refusal.message));
        virResetLastError();
        return NULL;
    }

    return g_steal_pointer(&spec);
}

/* An unknown word is not "no outcome": the state is then not trusted, either. */
static int
virQbjJobOwnParseOutcome(xmlNodePtr node, virQbjJob *job)
{
    g_autofree char *outcome = virXMLPropString(node, "outcome");

    job->outcomeKnown = outcome != NULL;
    job->outcomeNew = STREQ_NULLABLE(outcome, "new");
    return !outcome || job->outcomeNew || STREQ(outcome, "old") ? 0 : -1;
}

static virQbjJob *
virQbjJobOwnParseJob(xmlNodePtr node, const char *name)
{
    g_autofree char *state = virXMLPropString(node, "state");
    g_autoptr(virQbjJob) job = virQbjJobNew(NULL, 0);
    unsigned long long flags = 0;
    unsigned long long members = 0;
    xmlNodePtr old;
    int value = state ? qbjJobStateTypeFromString(state) : -1;

    if (value < 0 || virQbjJobOwnParseOutcome(node, job) < 0) {
        VIR_WARN("the state of block job '%s' in the status file cannot be read", name);
        return NULL;
    }

    job->state = value;
    job->apiFlagsUnknown = virQbjXMLPropNumber(node, "flags", 16, &flags) < 0 || flags > UINT_MAX;
    job->apiFlags = job->apiFlagsUnknown ? 0 : flags;
    job->deleteImages = virQbjXMLPropYes(node, "delete");
    job->shallowNew = virQbjXMLPropYes(node, "shallownew");
    job->cancelled = virQbjXMLPropYes(node, "cancelled");
    job->cancelSoft = virQbjXMLPropYes(node, "soft");
    job->readyEmitted = virQbjXMLPropYes(node, "ready");
    job->acknowledged = virQbjXMLPropYes(node, "acknowledged");
    job->stopGuest = virQbjXMLPropYes(node, "stopguest");
    /* a group of unknown size is never whole: it can be given up, but not pivoted */
    if ((job->group = virXMLPropString(node, "group")) &&
        virQbjXMLPropNumber(node, "members", 10, &members) == 0 && members <= UINT_MAX)
        job->groupSize = members;
    job->spec = virQbjJobOwnParseSpec(node, name);
    if ((old = virQbjXMLChild(node, "olddisk", VIR_QBJ_XML_NAMESPACE)))
        job->oldDisk = virXMLNodeContentString(old);
    return g_steal_pointer(&job);
}

virQbjJobOwn *
virQbjJobOwnParse(xmlNodePtr node)
{
    g_autoptr(virQbjJobOwn) own = g_new0(virQbjJobOwn, 1);

    virQbjXMLTakeProp(node, "name", &own->name);
    if (!own->name)
        return NULL;

    own->kept = virQbjXMLPropYes(node, "kept");
    own->job = virQbjJobOwnParseJob(node, own->name);
    return g_steal_pointer(&own);
}

static void
virQbjJobOwnFormatAttributes(virBuffer *attrs, const virQbjJob *job)
{
    const struct {
        const char *name;
        bool set;
    } yes[] = {
        { "delete", job->deleteImages },
        { "shallownew", job->shallowNew },
        { "cancelled", job->cancelled },
        { "soft", job->cancelSoft },
        { "ready", job->readyEmitted },
        { "acknowledged", job->acknowledged },
        { "stopguest", job->stopGuest },
        { "kept", job->stockXML != NULL },
    };
    size_t i;

    virBufferEscapeString(attrs, " name='%s'", job->spec->job);
    virBufferAsprintf(attrs, " state='%s'", qbjJobStateTypeToString(job->state));
    if (!job->apiFlagsUnknown)
        virBufferAsprintf(attrs, " flags='0x%x'", job->apiFlags);
    if (job->group) {
        virBufferEscapeString(attrs, " group='%s'", job->group);
        virBufferAsprintf(attrs, " members='%u'", job->groupSize);
    }
    if (job->outcomeKnown)
        virBufferAsprintf(attrs, " outcome='%s'", job->outcomeNew ? "new" : "old");

    for (i = 0; i < G_N_ELEMENTS(yes); i++) {
        if (yes[i].set)
            virBufferAsprintf(attrs, " %s='yes'", yes[i].name);
    }
}

/* These three characters stand only in strings of JSON, which has its own way to write them. So the text
 * needs no quoting in XML, stays legible, and is a third of the size. */
static void
virQbjJobOwnFormatJSON(virBuffer *buf, const char *text)
{
    virBufferAddLit(buf, "<qbj:spec>");
    while (*text) {
        size_t plain = strcspn(text, "<>&");

        virBufferAdd(buf, text, plain);
        text += plain;
        if (*text)
            virBufferAsprintf(buf, "\\u%04x", *text++);
    }
    virBufferAddLit(buf, "</qbj:spec>\n");
}

int
virQbjJobOwnFormat(virBuffer *buf, const virQbjJob *job)
{
    g_auto(virBuffer) attrs = VIR_BUFFER_INITIALIZER;
    g_auto(virBuffer) children = VIR_BUFFER_INIT_CHILD(buf);
    g_autoptr(virJSONValue) json = qbjSpecToJSON(job->spec);
    g_autofree char *text = json ? virJSONValueToString(json, false) : NULL;

    if (!text) {
        virReportError(VIR_ERR_INTERNAL_ERROR, _("The plan of block job '%s' cannot be written"), job->spec->job);
        return -1;
    }

    virQbjJobOwnFormatAttributes(&attrs, job);
    virQbjJobOwnFormatJSON(&children, text);
    virBufferEscapeString(&children, "<qbj:olddisk>%s</qbj:olddisk>\n", job->oldDisk);
    virXMLFormatElement(buf, "qbj:job", &attrs, &children);
    return 0;
}
