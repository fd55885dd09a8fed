#include <config.h>

#include "internal.h"
#include "viralloc.h"
#include "virbuffer.h"
#include "virerror.h"
#include "virqbjcommandline.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static void
virQbjCommandlineFree(void *data)
{
    virQbjCommandline *commandline = data;

    if (!commandline)
        return;

    g_strfreev(commandline->args);
    g_strfreev(commandline->envNames);
    g_strfreev(commandline->envValues);
    g_free(commandline);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virQbjCommandline, virQbjCommandlineFree);

static int
virQbjCommandlineCheckName(const char *name)
{
    const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";

    if (!name || !*name) {
        virReportError(VIR_ERR_XML_ERROR, "%s", _("No qemu command-line environment name specified"));
        return -1;
    }
    if (!strchr(letters, *name) || strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
                                                "0123456789") != strlen(name)) {
        virReportError(VIR_ERR_XML_ERROR, _("'%s' is not the name of an environment variable"), name);
        return -1;
    }

    return 0;
}

static int
virQbjCommandlineParseArgs(xmlXPathContextPtr ctxt, virQbjCommandline *commandline)
{
    g_autofree xmlNodePtr *nodes = NULL;
    ssize_t n = virXPathNodeSet("./qemu:commandline/qemu:arg", ctxt, &nodes);
    ssize_t i;

    if (n < 0)
        return -1;

    commandline->args = g_new0(char *, n + 1);
    for (i = 0; i < n; i++) {
        if (!(commandline->args[i] = virXMLPropString(nodes[i], "value"))) {
            virReportError(VIR_ERR_XML_ERROR, "%s", _("No qemu command-line argument specified"));
            return -1;
        }
    }

    return n;
}

static int
virQbjCommandlineParseEnv(xmlXPathContextPtr ctxt, virQbjCommandline *commandline)
{
    g_autofree xmlNodePtr *nodes = NULL;
    ssize_t n = virXPathNodeSet("./qemu:commandline/qemu:env", ctxt, &nodes);
    ssize_t i;

    if (n < 0)
        return -1;

    commandline->envNames = g_new0(char *, n + 1);
    commandline->envValues = g_new0(char *, n + 1);
    for (i = 0; i < n; i++) {
        commandline->envNames[i] = virXMLPropString(nodes[i], "name");
        if (virQbjCommandlineCheckName(commandline->envNames[i]) < 0)
            return -1;
        if (!(commandline->envValues[i] = virXMLPropString(nodes[i], "value")))
            commandline->envValues[i] = g_strdup("");
    }

    return n;
}

static int
virQbjCommandlineParse(xmlXPathContextPtr ctxt, void **data)
{
    g_autoptr(virQbjCommandline) commandline = g_new0(virQbjCommandline, 1);
    int nargs = virQbjCommandlineParseArgs(ctxt, commandline);
    int nenv = nargs < 0 ? -1 : virQbjCommandlineParseEnv(ctxt, commandline);

    if (nargs < 0 || nenv < 0)
        return -1;

    if (nargs > 0 || nenv > 0)
        *data = g_steal_pointer(&commandline);
    return 0;
}

static int
virQbjCommandlineFormat(virBuffer *buf, void *data)
{
    const virQbjCommandline *commandline = data;
    size_t i;

    virBufferAddLit(buf, "<qemu:commandline>\n");
    virBufferAdjustIndent(buf, 2);
    for (i = 0; commandline->args[i]; i++)
        virBufferEscapeString(buf, "<qemu:arg value='%s'/>\n", commandline->args[i]);
    for (i = 0; commandline->envNames[i]; i++) {
        virBufferEscapeString(buf, "<qemu:env name='%s'", commandline->envNames[i]);
        if (*commandline->envValues[i])
            virBufferEscapeString(buf, " value='%s'", commandline->envValues[i]);
        virBufferAddLit(buf, "/>\n");
    }
    virBufferAdjustIndent(buf, -2);
    virBufferAddLit(buf, "</qemu:commandline>\n");
    return 0;
}

virXMLNamespace virQbjCommandlineNamespace = {
    .parse = virQbjCommandlineParse,
    .free = virQbjCommandlineFree,
    .format = virQbjCommandlineFormat,
    .prefix = "qemu",
    .uri = VIR_QBJ_COMMANDLINE_URI,
};
