#include <config.h>

#include "internal.h"
#include "jobfixture.h"

GPtrArray *
qbjTestJobsParse(virDomainObj *vm, const char *elements)
{
    g_autofree char *text = g_strdup_printf("<domstatus>\n%s</domstatus>", elements);
    g_autoptr(xmlXPathContext) ctxt = NULL;
    g_autoptr(xmlDoc) doc = virXMLParseHelper(VIR_FROM_QEMU, NULL, text, NULL, NULL, &ctxt, NULL, false);
    GPtrArray *jobs = NULL;

    g_assert_nonnull(doc);
    g_assert_cmpint(virQbjJobsParse(ctxt, vm->def, &jobs), ==, 0);
    return jobs;
}

virQbjJob *
qbjTestJobParse(virDomainObj *vm, const char *elements)
{
    g_autoptr(GPtrArray) jobs = qbjTestJobsParse(vm, elements);

    g_assert_cmpuint(jobs->len, ==, 1);
    g_ptr_array_set_free_func(jobs, NULL);
    return jobs->pdata[0];
}

void
qbjTestSameSpec(const qbjSpec *one, const qbjSpec *other)
{
    g_autoptr(virJSONValue) oneJSON = qbjSpecToJSON(one);
    g_autoptr(virJSONValue) otherJSON = qbjSpecToJSON(other);
    g_autofree char *oneText = virJSONValueToString(oneJSON, true);
    g_autofree char *otherText = virJSONValueToString(otherJSON, true);

    g_assert_cmpstr(oneText, ==, otherText);
}
