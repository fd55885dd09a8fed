#include <config.h>

#include "internal.h"
#include "argsfixture.h"
#include "deffixture.h"
#include "virerror.h"
#include "virqbjstatus.h"
#include "virqbjcommandline.h"
#include "vm_def.h"

virDomainXMLOption *
qbjTestDefOption(qbjVmCapsCache *cache)
{
    static qbjVmDefContext context;
    virDomainDefParserConfig parser = { 0 };
    virDomainXMLPrivateDataCallbacks priv = {
        .diskNew = virQbjDiskPrivateNew,
        .diskParse = virQbjDiskPrivateParse,
        .diskFormat = virQbjDiskPrivateFormat,
        .storageParse = virQbjStoragePrivateParse,
        .storageFormat = virQbjStoragePrivateFormat,
    };

    context.caps = cache;
    qbjVmDefFillConfig(&parser, &context);
    return virDomainXMLOptionNew(&parser, &priv, &virQbjCommandlineNamespace, NULL, NULL, NULL);
}

virDomainDef *
qbjTestDefine(const char *xml, virDomainXMLOption *xmlopt)
{
    return qbjVmDefParse(xml, xmlopt, VIR_DOMAIN_DEF_PARSE_INACTIVE | VIR_DOMAIN_DEF_PARSE_ABI_UPDATE);
}

char *
qbjTestDefText(virDomainDef *def, virDomainXMLOption *xmlopt)
{
    char *text = virDomainDefFormat(def, xmlopt, VIR_DOMAIN_DEF_FORMAT_INACTIVE);

    if (!text)
        g_error("cannot format: %s", virGetLastErrorMessage());
    return text;
}

char *
qbjTestDefError(void)
{
    virErrorPtr err = virGetLastError();
    char *text;

    if (!err)
        g_error("a call failed without an error");

    text = g_strdup_printf("%d/%d %s\n", err->code, err->domain, err->message);
    virResetLastError();
    return text;
}
