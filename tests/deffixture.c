#include <config.h>

#include "internal.h"
#include "deffixture.h"
#include "virerror.h"
#include "virqbjstatus.h"
#include "vm_caps.h"
#include "vm_def.h"

#define QBJ_TEST_EMULATOR "/usr/bin/qemu-system-x86_64"

#define VIR_FROM_THIS VIR_FROM_QEMU

static void
qbjTestAddMachine(GPtrArray *machines, const char *name, const char *alias, unsigned int maxCpus, bool isDefault)
{
    qbjVmMachine *machine = g_new0(qbjVmMachine, 1);

    machine->name = g_strdup(name);
    machine->alias = g_strdup(alias);
    machine->maxCpus = maxCpus;
    machine->isDefault = isDefault;
    g_ptr_array_add(machines, machine);
}

static const qbjVmCaps *
qbjTestCaps(void)
{
    static char binary[] = QBJ_TEST_EMULATOR;
    static qbjVmCaps caps = { .binary = binary, .arch = VIR_ARCH_X86_64, .version = 7002022, .kvm = true };

    if (!caps.machines) {
        caps.machines = g_ptr_array_new();
        qbjTestAddMachine(caps.machines, "pc-i440fx-7.2", "pc", 255, true);
        qbjTestAddMachine(caps.machines, "pc-i440fx-6.2", NULL, 255, false);
        qbjTestAddMachine(caps.machines, "pc-q35-7.2", "q35", 288, false);
        qbjTestAddMachine(caps.machines, "pc-q35-5.0", NULL, 288, false);
        qbjTestAddMachine(caps.machines, "isapc", NULL, 1, false);
        qbjTestAddMachine(caps.machines, "microvm", NULL, 288, false);
    }

    return &caps;
}

/* These two stand in for vm_caps.c, which the linker then leaves out. */
const qbjVmCaps *
qbjVmCapsGet(qbjVmCapsCache *cache, const char *binary)
{
    if (STREQ(binary, QBJ_TEST_EMULATOR))
        return qbjTestCaps();

    virReportSystemError(ENOENT, _("Cannot check QEMU binary %s"), binary);
    return NULL;
}

char *
qbjVmCapsFindBinary(virArch arch)
{
    return arch == VIR_ARCH_X86_64 ? g_strdup(QBJ_TEST_EMULATOR) : NULL;
}

virDomainXMLOption *
qbjTestDefOption(void)
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

    qbjVmDefFillConfig(&parser, &context);
    return virDomainXMLOptionNew(&parser, &priv, NULL, NULL, NULL, NULL);
}

virDomainDef *
qbjTestDefine(const char *xml, virDomainXMLOption *xmlopt)
{
    g_autoptr(virDomainDef) def = NULL;

    def = virDomainDefParseString(xml, xmlopt, NULL,
                                  VIR_DOMAIN_DEF_PARSE_INACTIVE | VIR_DOMAIN_DEF_PARSE_ABI_UPDATE);
    if (!def || qbjVmDefCheckSupported(xml, def, xmlopt) < 0)
        return NULL;

    return g_steal_pointer(&def);
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
