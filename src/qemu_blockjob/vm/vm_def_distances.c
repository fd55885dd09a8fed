/* Distances of NUMA cells, looked at before libvirt's parser sees them: that of 9.0.0 writes into memory that
 * is not its own when one of them is wrong, and the daemon would go on with a damaged heap. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virstring.h"
#include "virxml.h"
#include "vm_def_parts.h"

#define VIR_FROM_THIS VIR_FROM_DOMAIN

/* ACPI: a cell is this far from itself; this far are those that cannot be reached. */
#define QBJ_VM_DEF_LOCAL 10
#define QBJ_VM_DEF_UNREACHABLE 255

static int
qbjVmDefReadDistance(xmlNode *sibling, const char *name, unsigned int min, unsigned int max, unsigned int *number)
{
    g_autofree char *text = virXMLPropString(sibling, name);

    if (!text || virStrToLong_uip(text, NULL, 10, number) < 0 || *number < min || *number > max) {
        virReportError(VIR_ERR_XML_ERROR,
                       _("attribute '%s' of a NUMA distance must be a number from %u to %u, not '%.100s'"), name, min,
                       max, NULLSTR_EMPTY(text));
        return -1;
    }
    return 0;
}

/* One sibling of cell @own. */
static int
qbjVmDefCheckDistance(xmlNode *sibling, unsigned int own, size_t ncells, virBitmap *seen)
{
    unsigned int value;
    unsigned int id;

    if (qbjVmDefReadDistance(sibling, "id", 0, ncells - 1, &id) < 0 ||
        qbjVmDefReadDistance(sibling, "value", QBJ_VM_DEF_LOCAL, QBJ_VM_DEF_UNREACHABLE, &value) < 0)
        return -1;
    if ((id == own) != (value == QBJ_VM_DEF_LOCAL)) {
        virReportError(VIR_ERR_XML_ERROR, _("NUMA cell %u cannot be at the distance %u from cell %u"), own, value, id);
        return -1;
    }
    if (virBitmapIsBitSet(seen, id)) {
        virReportError(VIR_ERR_XML_ERROR, _("NUMA distance to cell %u is given twice"), id);
        return -1;
    }
    return virBitmapSetBit(seen, id);
}

/* @own: the cell's number, if it does not say another one */
static int
qbjVmDefCheckCellDistances(xmlNode *cell, unsigned int own, xmlXPathContext *ctxt, size_t ncells)
{
    VIR_XPATH_NODE_AUTORESTORE(ctxt)
    g_autofree xmlNode **siblings = NULL;
    g_autoptr(virBitmap) seen = virBitmapNew(ncells);
    g_autofree char *id = virXMLPropString(cell, "id");
    int n;
    int i;

    if (id && virStrToLong_uip(id, NULL, 10, &own) < 0)
        return 0;                       /* the parser says so */
    ctxt->node = cell;
    if ((n = virXPathNodeSet("./distances/sibling", ctxt, &siblings)) < 0)
        return -1;
    if (n == 0 && virXPathNode("./distances", ctxt)) {
        virReportError(VIR_ERR_XML_ERROR, _("NUMA cell %u has <distances> without a sibling"), own);
        return -1;
    }
    for (i = 0; i < n; i++) {
        if (qbjVmDefCheckDistance(siblings[i], own, ncells, seen) < 0)
            return -1;
    }
    return 0;
}

int
qbjVmDefCheckDistances(const char *xml)
{
    g_autoptr(xmlDoc) doc = NULL;
    g_autoptr(xmlXPathContext) ctxt = NULL;
    g_autofree xmlNode **cells = NULL;
    int n;
    int i;

    if (!strstr(xml, "distances"))
        return 0;
    if (!(doc = virXMLParseStringCtxt(xml, _("(domain_definition)"), &ctxt)) ||
        (n = virXPathNodeSet("/domain/cpu/numa/cell", ctxt, &cells)) < 0)
        return -1;
    for (i = 0; i < n; i++) {
        if (qbjVmDefCheckCellDistances(cells[i], i, ctxt, n) < 0)
            return -1;
    }
    return 0;
}
