/* TPM: QEMU's side of the emulator. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_args_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* Without a start there is no socket: the text form has what the stock driver writes there. */
static void
qbjVmArgsAddTpmChardev(virCommand *cmd, const virDomainTPMDef *tpm)
{
    const virDomainChrSourceDef *source = tpm->data.emulator.source;
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;

    if (source->type == VIR_DOMAIN_CHR_TYPE_UNIX && source->data.nix.path) {
        virBufferAddLit(&buf, "socket,id=chrtpm");
        qbjVmArgsAppendValue(&buf, "path", source->data.nix.path);
    } else {
        virBufferAddLit(&buf, "null,id=chrtpm");
    }

    virCommandAddArgList(cmd, "-chardev", virBufferCurrentContent(&buf), NULL);
}

int
qbjVmArgsAddTpm(virCommand *cmd, const qbjVmArgsInput *input)
{
    const virDomainTPMDef *tpm = input->def->ntpms > 0 ? input->def->tpms[0] : NULL;
    g_autoptr(virJSONValue) props = NULL;
    g_autofree char *id = NULL;

    if (!tpm)
        return 0;

    if (tpm->type != VIR_DOMAIN_TPM_TYPE_EMULATOR ||
        (tpm->model != VIR_DOMAIN_TPM_MODEL_CRB && tpm->model != VIR_DOMAIN_TPM_MODEL_TIS)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("TPM model '%s' on backend '%s' is not supported."),
                       virDomainTPMModelTypeToString(tpm->model), virDomainTPMBackendTypeToString(tpm->type));
        return -1;
    }

    if (tpm->data.emulator.hassecretuuid || tpm->data.emulator.activePcrBanks) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s",
                       _("Encryption and active_pcr_banks of a TPM are not supported."));
        return -1;
    }

    qbjVmArgsAddTpmChardev(cmd, tpm);
    id = g_strdup_printf("tpm-%s", tpm->info.alias);
    virCommandAddArg(cmd, "-tpmdev");
    virCommandAddArgFormat(cmd, "emulator,id=%s,chardev=chrtpm", id);

    if (virJSONValueObjectAdd(&props,
                              "s:driver", virDomainTPMModelTypeToString(tpm->model),
                              "s:tpmdev", id,
                              "s:id", tpm->info.alias,
                              NULL) < 0)
        return -1;

    return qbjVmArgsAddJSON(cmd, "-device", props);
}
