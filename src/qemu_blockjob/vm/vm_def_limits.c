/* Numbers that libvirt's parser makes room for, or takes a step for each one, before anybody is asked
 * whether they make sense: a client must not be able to use up the daemon's memory with one of them. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virstring.h"
#include "virxml.h"
#include "vm_def_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* More than any machine type has; which of them are too many for the one at hand is said later. */
#define QBJ_VM_DEF_MANY 4096

typedef struct _qbjVmDefLimit qbjVmDefLimit;
struct _qbjVmDefLimit {
    const char *xpath;          /* of the number, as the parser reads it */
    const char *name;           /* for the error */
};

static const qbjVmDefLimit qbjVmDefLimits[] = {
    { "string(./vcpu[1])", "vcpu" },
    { "string(./iothreads[1])", "iothreads" },
};

int
qbjVmDefCheckLimits(const char *xml)
{
    g_autoptr(xmlXPathContext) ctxt = NULL;
    g_autoptr(xmlDoc) doc = virXMLParseStringCtxt(xml, _("(domain_definition)"), &ctxt);
    size_t i;

    if (!doc) {     /* what is wrong with it is the parser's to say */
        virResetLastError();
        return 0;
    }

    for (i = 0; i < G_N_ELEMENTS(qbjVmDefLimits); i++) {
        g_autofree char *text = virXPathString(qbjVmDefLimits[i].xpath, ctxt);
        unsigned long long number;
        char *end;

        /* takes a negative number for a large one, as the parser does */
        if (text && virStrToLong_ull(text, &end, 10, &number) == 0 && number > QBJ_VM_DEF_MANY) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("The value '%s' of '%s' is greater than the limit of %u"),
                           text, qbjVmDefLimits[i].name, QBJ_VM_DEF_MANY);
            return -1;
        }
    }

    return 0;
}
