#include <config.h>

#include "internal.h"
#include "api_power.h"
#include "api_agent.h"
#include "api_domain.h"
#include "datatypes.h"
#include "domain_qmp.h"
#include "vm_power.h"
#include "virerror.h"
#include "virkeycode.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

int
qbjApiShutdownFlags(virDomainPtr domain, unsigned int flags)
{
    virDomainObj *vm;
    int ret = -1;

    virCheckFlags(VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN | VIR_DOMAIN_SHUTDOWN_GUEST_AGENT, -1);

    if (!flags || flags & VIR_DOMAIN_SHUTDOWN_GUEST_AGENT) {
        ret = qbjApiAgentPower(domain, virDomainShutdownFlagsEnsureACL, flags, "powerdown",
                               !flags || flags & VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN);
        if (ret <= 0)
            return ret;
    }
    ret = -1;
    if (!(vm = qbjApiBeginFlags(domain, virDomainShutdownFlagsEnsureACL, flags)))
        return -1;
    if (virDomainObjGetState(vm, NULL) != VIR_DOMAIN_RUNNING)   /* 11.16: one that is paused will not hear it */
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("domain is not running"));
    else
        ret = qbjVmPowerButton(vm, false);
    qbjApiEnd(&vm);
    return ret;
}

int
qbjApiShutdown(virDomainPtr domain)
{
    return qbjApiShutdownFlags(domain, 0);
}

int
qbjApiReboot(virDomainPtr domain, unsigned int flags)
{
    virDomainObj *vm;
    int ret = -1;

    virCheckFlags(VIR_DOMAIN_REBOOT_ACPI_POWER_BTN | VIR_DOMAIN_REBOOT_GUEST_AGENT, -1);

    if (!flags || flags & VIR_DOMAIN_REBOOT_GUEST_AGENT) {
        ret = qbjApiAgentPower(domain, virDomainRebootEnsureACL, flags, "reboot",
                               !flags || flags & VIR_DOMAIN_REBOOT_ACPI_POWER_BTN);
        if (ret <= 0)
            return ret;
    }
    ret = -1;
    if (!(vm = qbjApiBeginFlags(domain, virDomainRebootEnsureACL, flags)))
        return -1;
    if (virDomainObjCheckActive(vm) == 0)
        ret = qbjVmPowerButton(vm, true);
    qbjApiEnd(&vm);
    return ret;
}

/* A command without arguments for a VM that is active. */
static int
qbjApiPress(virDomainPtr domain, qbjApiMayCall may, const char *command)
{
    virDomainObj *vm;
    int ret = -1;

    if (!(vm = qbjApiBegin(domain, may)))
        return -1;
    if (virDomainObjCheckActive(vm) == 0)
        ret = qbjDomainQmpCall(vm, command, NULL, NULL);
    qbjApiEnd(&vm);
    return ret;
}

int
qbjApiReset(virDomainPtr domain, unsigned int flags)
{
    virDomainObj *vm;
    int ret = -1;

    virCheckFlags(0, -1);

    if (!(vm = qbjApiBegin(domain, virDomainResetEnsureACL)))
        return -1;
    if (virDomainObjCheckActive(vm) == 0)
        ret = qbjVmPowerHardReset(vm);
    qbjApiEnd(&vm);
    return ret;
}

int
qbjApiInjectNMI(virDomainPtr domain, unsigned int flags)
{
    virCheckFlags(0, -1);

    return qbjApiPress(domain, virDomainInjectNMIEnsureACL, "inject-nmi");
}

int
qbjApiPMWakeup(virDomainPtr domain, unsigned int flags)
{
    virCheckFlags(0, -1);

    return qbjApiPress(domain, virDomainPMWakeupEnsureACL, "system_wakeup");
}

int
qbjApiPMSuspendForDuration(virDomainPtr domain, unsigned int target, unsigned long long duration, unsigned int flags)
{
    virCheckFlags(0, -1);

    if (duration) {
        virReportError(VIR_ERR_ARGUMENT_UNSUPPORTED, "%s", _("Duration not supported. Use 0 for now"));
        return -1;
    }
    if (target >= VIR_NODE_SUSPEND_TARGET_LAST) {
        virReportError(VIR_ERR_INVALID_ARG, _("Unknown suspend target: %u"), target);
        return -1;
    }
    return qbjApiAgentSuspend(domain, target);
}

/* The keys' numbers as QEMU wants them, or NULL with an error reported. */
static virJSONValue *
qbjApiKeys(unsigned int codeset, const unsigned int *keycodes, int nkeycodes)
{
    g_autoptr(virJSONValue) keys = virJSONValueNewArray();
    int i;

    for (i = 0; i < nkeycodes; i++) {
        g_autoptr(virJSONValue) key = NULL;
        int code = keycodes[i];

        if (codeset != VIR_KEYCODE_SET_QNUM)
            code = virKeycodeValueTranslate(codeset, VIR_KEYCODE_SET_QNUM, keycodes[i]);
        if (code < 0) {
            virReportError(VIR_ERR_INTERNAL_ERROR, _("cannot translate keycode %u of %s codeset to qnum keycode"),
                           keycodes[i], virKeycodeSetTypeToString(codeset));
            return NULL;
        }
        if (virJSONValueObjectAdd(&key, "s:type", "number", "i:data", code, NULL) < 0 ||
            virJSONValueArrayAppend(keys, &key) < 0)
            return NULL;
    }
    return g_steal_pointer(&keys);
}

int
qbjApiSendKey(virDomainPtr domain, unsigned int codeset, unsigned int holdtime, unsigned int *keycodes, int nkeycodes,
              unsigned int flags)
{
    virDomainObj *vm;
    g_autoptr(virJSONValue) keys = NULL;
    g_autoptr(virJSONValue) arguments = NULL;
    int ret = -1;

    virCheckFlags(0, -1);

    if (!(vm = qbjApiBegin(domain, virDomainSendKeyEnsureACL)))
        return -1;
    if ((keys = qbjApiKeys(codeset, keycodes, nkeycodes)) && virDomainObjCheckActive(vm) == 0 &&
        virJSONValueObjectAdd(&arguments, "a:keys", &keys, "p:hold-time", holdtime, NULL) == 1)
        ret = qbjDomainQmpCall(vm, "send-key", arguments, NULL);
    qbjApiEnd(&vm);
    return ret;
}
