/* Status files: whatever is in one, reading it does not crash or leak, a job name that can be read is a job
 * afterwards, and what is written from it reads back as the same. */
#include <config.h>

#include "internal.h"

#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>

#include "fuzz_main.h"
#include "fuzz_xml.h"
#include "statusfixture.h"
#include "virerror.h"
#include "virqbjxml.h"

static virDomainXMLOption *xmlopt;

static void
qbjFuzzIgnoreError(void *opaque, virErrorPtr error)
{
}

static void
qbjFuzzStart(void)
{
    if (xmlopt)
        return;

    if (virInitialize() < 0 || !(xmlopt = qbjTestXMLOption()))
        g_error("cannot start: %s", virGetLastErrorMessage());
    virSetErrorFunc(NULL, qbjFuzzIgnoreError);
}

/* The domain of the input when it can be read; else one without disks. */
static virDomainDef *
qbjFuzzDomain(xmlDocPtr doc, xmlNodePtr root)
{
    xmlNodePtr node = virQbjXMLChild(root, "domain", NULL);
    g_autofree char *text = node ? virXMLNodeToString(doc, node) : NULL;
    virDomainDef *def = NULL;

    if (text)
        def = virDomainDefParseString(text, xmlopt, NULL,
                                      VIR_DOMAIN_DEF_PARSE_STATUS | VIR_DOMAIN_DEF_PARSE_SKIP_VALIDATE);

    return def ? def : virDomainDefNew(xmlopt);
}

static bool
qbjFuzzHasJob(const virQbjStatus *status, const char *name)
{
    size_t i;

    for (i = 0; i < status->jobs->len; i++) {
        const virQbjJob *job = status->jobs->pdata[i];

        g_assert_nonnull(job->spec);
        g_assert_nonnull(job->spec->disk);
        if (STREQ(job->spec->job, name))
            return true;
    }

    return false;
}

static void
qbjFuzzCheckNames(xmlXPathContextPtr ctxt, const virQbjStatus *status)
{
    g_autofree xmlNodePtr *jobs = NULL;
    int njobs;
    int i;

    xmlXPathRegisterNs(ctxt, (const xmlChar *) "qbj", (const xmlChar *) VIR_QBJ_XML_NAMESPACE);
    njobs = virXPathNodeSet("./blockjobs/blockjob[@name!=''] | ./qbj:jobs/qbj:job[@name!='']", ctxt, &jobs);
    for (i = 0; i < njobs; i++) {
        g_autofree char *name = virXMLPropString(jobs[i], "name");

        if (name && !qbjFuzzHasJob(status, name))
            g_error("the job '%s' is lost", name);
    }
}

static virQbjStatus *
qbjFuzzParse(xmlDocPtr doc, const virDomainDef *def)
{
    g_autoptr(xmlXPathContext) ctxt = xmlXPathNewContext(doc);
    virQbjStatus *status = NULL;

    ctxt->node = xmlDocGetRootElement(doc);
    if (virQbjStatusParse(ctxt, def, &status) < 0)
        return NULL;

    qbjFuzzCheckNames(ctxt, status);
    return status;
}

/* NULL when it holds a job that cannot be written. */
static char *
qbjFuzzFormat(const virQbjStatus *status)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;

    virBufferAddLit(&buf, "<domstatus>\n");
    virBufferAdjustIndent(&buf, 2);
    if (virQbjStatusFormat(&buf, status) < 0)
        return NULL;

    virBufferAdjustIndent(&buf, -2);
    virBufferAddLit(&buf, "</domstatus>\n");
    return virBufferContentAndReset(&buf);
}

static void
qbjFuzzRoundTrip(const virQbjStatus *status, const virDomainDef *def)
{
    g_autofree char *text = qbjFuzzFormat(status);
    g_autoptr(xmlDoc) doc = NULL;
    g_autoptr(virQbjStatus) again = NULL;
    g_autofree char *second = NULL;

    if (!text)
        return;

    doc = xmlReadMemory(text, strlen(text), NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (!doc)
        g_error("what was written is no XML:\n%s", text);

    again = qbjFuzzParse(doc, def);
    g_assert_nonnull(again);
    second = qbjFuzzFormat(again);
    if (STRNEQ_NULLABLE(second, text))
        g_error("written:\n%s\nread, and written again:\n%s", text, NULLSTR(second));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(xmlDoc) doc = NULL;
    g_autoptr(virDomainDef) def = NULL;
    g_autoptr(virQbjStatus) status = NULL;

    qbjFuzzStart();
    if (!(doc = qbjFuzzXmlRead(data, size)))
        return 0;

    def = qbjFuzzDomain(doc, xmlDocGetRootElement(doc));
    status = qbjFuzzParse(doc, def);
    if (status)
        qbjFuzzRoundTrip(status, def);
    virResetLastError();
    return 0;
}

static void
qbjFuzzChange(GRand *rand, xmlNodePtr node, xmlNodePtr other)
{
    static const char *const values[] = { "", "no", "-1", "99999999999999999999", "broken", "completed", "vda", "&" };

    qbjFuzzXmlChange(rand, node, other, values[g_rand_int_range(rand, 0, G_N_ELEMENTS(values))]);
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned int seed)
{
    return qbjFuzzXmlMutate(data, size, room, seed, qbjFuzzChange);
}
