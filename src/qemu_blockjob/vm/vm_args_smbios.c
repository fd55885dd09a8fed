/* -smbios: what the guest reads about the machine that it seems to be. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virsysinfo.h"
#include "vm_args_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static void
qbjVmArgsAppendSystemField(virBuffer *buf, const char *key, const char *value)
{
    if (value)
        qbjVmArgsAppendValue(buf, key, value);
}

static int
qbjVmArgsRefuseSysinfo(const char *what)
{
    virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("This %s of element 'sysinfo' is not supported."), what);
    return -1;
}

static int
qbjVmArgsCheckSysinfo(const virSysinfoDef *info)
{
    if (info->type != VIR_SYSINFO_SMBIOS)
        return qbjVmArgsRefuseSysinfo("type");
    if (info->bios || info->nbaseBoard > 0 || info->chassis || info->oemStrings)
        return qbjVmArgsRefuseSysinfo("part");

    return 0;
}

int
qbjVmArgsAddSmbios(virCommand *cmd, const qbjVmArgsInput *input)
{
    const virDomainDef *def = input->def;
    const virSysinfoSystemDef *system;
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;

    if (def->os.smbios_mode != VIR_DOMAIN_SMBIOS_SYSINFO)
        return def->nsysinfo > 0 ? qbjVmArgsRefuseSysinfo("use, without smbios mode 'sysinfo',") : 0;
    if (def->nsysinfo != 1)
        return qbjVmArgsRefuseSysinfo("number");
    if (qbjVmArgsCheckSysinfo(def->sysinfo[0]) < 0)
        return -1;
    if (!(system = def->sysinfo[0]->system))
        return 0;

    virBufferAddLit(&buf, "type=1");
    qbjVmArgsAppendSystemField(&buf, "manufacturer", system->manufacturer);
    qbjVmArgsAppendSystemField(&buf, "product", system->product);
    qbjVmArgsAppendSystemField(&buf, "version", system->version);
    qbjVmArgsAppendSystemField(&buf, "serial", system->serial);
    qbjVmArgsAppendSystemField(&buf, "uuid", system->uuid);
    qbjVmArgsAppendSystemField(&buf, "sku", system->sku);
    qbjVmArgsAppendSystemField(&buf, "family", system->family);
    virCommandAddArgList(cmd, "-smbios", virBufferCurrentContent(&buf), NULL);
    return 0;
}
