#include <config.h>

#include "internal.h"
#include "api_agent.h"
#include "domain_agent.h"
#include "virerror.h"
#include "virtypedparam.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

typedef struct _qbjApiInfo qbjApiInfo;
struct _qbjApiInfo {
    virTypedParameterPtr params;
    int n;
    int max;
};

static void
qbjApiInfoClear(qbjApiInfo *info)
{
    virTypedParamsFree(info->params, info->n);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(qbjApiInfo, qbjApiInfoClear);

/* Names that are too long for the interface are left out: the numbers of a hostile guest are in them. */
static int
qbjApiInfoString(qbjApiInfo *info, const char *value, const char *fmt, ...) G_GNUC_PRINTF(3, 4);

static int
qbjApiInfoString(qbjApiInfo *info, const char *value, const char *fmt, ...)
{
    g_autofree char *name = NULL;
    va_list args;

    va_start(args, fmt);
    name = g_strdup_vprintf(fmt, args);
    va_end(args);

    if (!value || strlen(name) >= VIR_TYPED_PARAM_FIELD_LENGTH)
        return 0;
    return virTypedParamsAddString(&info->params, &info->n, &info->max, name, value);
}

static int
qbjApiInfoCount(qbjApiInfo *info, const char *name, size_t n)
{
    return virTypedParamsAddUInt(&info->params, &info->n, &info->max, name, n);
}

static int
qbjApiInfoUsers(virDomainDef *def G_GNUC_UNUSED, virJSONValue *reply, qbjApiInfo *info)
{
    size_t n = virJSONValueArraySize(reply);
    size_t i;

    if (qbjApiInfoCount(info, "user.count", n) < 0)
        return -1;
    for (i = 0; i < n; i++) {
        virJSONValue *user = virJSONValueArrayGet(reply, i);
        g_autofree char *login = g_strdup_printf("user.%zu.login-time", i);
        double seconds;

        if (qbjApiInfoString(info, virJSONValueObjectGetString(user, "user"), "user.%zu.name", i) < 0 ||
            qbjApiInfoString(info, virJSONValueObjectGetString(user, "domain"), "user.%zu.domain", i) < 0)
            return -1;
        if (virJSONValueObjectGetNumberDouble(user, "login-time", &seconds) == 0 && seconds >= 0 &&
            seconds < 1e12 &&
            virTypedParamsAddULLong(&info->params, &info->n, &info->max, login, seconds * 1000) < 0)
            return -1;
    }
    return 0;
}

static int
qbjApiInfoOS(virDomainDef *def G_GNUC_UNUSED, virJSONValue *reply, qbjApiInfo *info)
{
    static const char *const names[] = {
        "id", "name", "pretty-name", "version", "version-id", "machine", "variant", "variant-id", "kernel-release",
        "kernel-version",
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        if (qbjApiInfoString(info, virJSONValueObjectGetString(reply, names[i]), "os.%s", names[i]) < 0)
            return -1;
    }
    return 0;
}

static int
qbjApiInfoTimezone(virDomainDef *def G_GNUC_UNUSED, virJSONValue *reply, qbjApiInfo *info)
{
    int offset;

    if (qbjApiInfoString(info, virJSONValueObjectGetString(reply, "zone"), "timezone.name") < 0)
        return -1;
    if (virJSONValueObjectGetNumberInt(reply, "offset", &offset) < 0)
        return 0;
    return virTypedParamsAddInt(&info->params, &info->n, &info->max, "timezone.offset", offset);
}

static int
qbjApiInfoHostname(virDomainDef *def G_GNUC_UNUSED, virJSONValue *reply, qbjApiInfo *info)
{
    return qbjApiInfoString(info, virJSONValueObjectGetString(reply, "host-name"), "hostname");
}

static int
qbjApiInfoBytes(qbjApiInfo *info, virJSONValue *fs, const char *key, size_t i)
{
    g_autofree char *name = g_strdup_printf("fs.%zu.%s", i, key);
    unsigned long long bytes;

    if (virJSONValueObjectGetNumberUlong(fs, key, &bytes) < 0)
        return 0;
    return virTypedParamsAddULLong(&info->params, &info->n, &info->max, name, bytes);
}

static int
qbjApiInfoFilesystem(virDomainDef *def G_GNUC_UNUSED, virJSONValue *reply, qbjApiInfo *info)
{
    size_t n = virJSONValueArraySize(reply);
    size_t i;

    if (n == 0)                 /* as the stock driver: no count either */
        return 0;
    if (qbjApiInfoCount(info, "fs.count", n) < 0)
        return -1;
    for (i = 0; i < n; i++) {
        virJSONValue *fs = virJSONValueArrayGet(reply, i);

        if (qbjApiInfoString(info, virJSONValueObjectGetString(fs, "name"), "fs.%zu.name", i) < 0 ||
            qbjApiInfoString(info, virJSONValueObjectGetString(fs, "mountpoint"), "fs.%zu.mountpoint", i) < 0 ||
            qbjApiInfoString(info, virJSONValueObjectGetString(fs, "type"), "fs.%zu.fstype", i) < 0 ||
            qbjApiInfoBytes(info, fs, "total-bytes", i) < 0 ||
            qbjApiInfoBytes(info, fs, "used-bytes", i) < 0)
            return -1;
    }
    return 0;
}

static int
qbjApiInfoAddresses(virJSONValue *list, size_t i, qbjApiInfo *info)
{
    g_autofree char *count = g_strdup_printf("if.%zu.addr.count", i);
    size_t n = list ? virJSONValueArraySize(list) : 0;
    size_t j;

    if (qbjApiInfoCount(info, count, n) < 0)
        return -1;
    for (j = 0; j < n; j++) {
        virJSONValue *address = virJSONValueArrayGet(list, j);
        g_autofree char *prefix = g_strdup_printf("if.%zu.addr.%zu.prefix", i, j);
        unsigned int bits;

        if (qbjApiInfoString(info, virJSONValueObjectGetString(address, "ip-address-type"),
                             "if.%zu.addr.%zu.type", i, j) < 0 ||
            qbjApiInfoString(info, virJSONValueObjectGetString(address, "ip-address"),
                             "if.%zu.addr.%zu.addr", i, j) < 0)
            return -1;
        if (virJSONValueObjectGetNumberUint(address, "prefix", &bits) == 0 && qbjApiInfoCount(info, prefix, bits) < 0)
            return -1;
    }
    return 0;
}

static int
qbjApiInfoInterfaces(virDomainDef *def G_GNUC_UNUSED, virJSONValue *reply, qbjApiInfo *info)
{
    size_t n = virJSONValueArraySize(reply);
    size_t i;

    if (qbjApiInfoCount(info, "if.count", n) < 0)
        return -1;
    for (i = 0; i < n; i++) {
        virJSONValue *iface = virJSONValueArrayGet(reply, i);

        if (qbjApiInfoString(info, virJSONValueObjectGetString(iface, "name"), "if.%zu.name", i) < 0 ||
            qbjApiInfoString(info, virJSONValueObjectGetString(iface, "hardware-address"), "if.%zu.hwaddr", i) < 0 ||
            qbjApiInfoAddresses(virJSONValueObjectGetArray(iface, "ip-addresses"), i, info) < 0)
            return -1;
    }
    return 0;
}

/* One group of information: who asks for all gets those that the agent has. */
typedef struct _qbjApiInfoGroup qbjApiInfoGroup;
struct _qbjApiInfoGroup {
    unsigned int type;
    const char *execute;
    bool list;                  /* the answer is an array, else an object */
    int (*add)(virDomainDef *def, virJSONValue *reply, qbjApiInfo *info);
};

static const qbjApiInfoGroup qbjApiInfoGroups[] = {
    { VIR_DOMAIN_GUEST_INFO_USERS, "guest-get-users", true, qbjApiInfoUsers },
    { VIR_DOMAIN_GUEST_INFO_OS, "guest-get-osinfo", false, qbjApiInfoOS },
    { VIR_DOMAIN_GUEST_INFO_TIMEZONE, "guest-get-timezone", false, qbjApiInfoTimezone },
    { VIR_DOMAIN_GUEST_INFO_HOSTNAME, "guest-get-host-name", false, qbjApiInfoHostname },
    { VIR_DOMAIN_GUEST_INFO_FILESYSTEM, "guest-get-fsinfo", true, qbjApiInfoFilesystem },
    { VIR_DOMAIN_GUEST_INFO_INTERFACES, "guest-network-get-interfaces", true, qbjApiInfoInterfaces },
};

static int
qbjApiInfoAsk(virDomainObj *vm, const qbjApiInfoGroup *group, qbjApiInfo *info)
{
    g_autoptr(virJSONValue) reply = NULL;

    if (qbjDomainAgentCall(vm, group->execute, NULL, &reply) < 0)
        return -1;
    if (group->list ? !virJSONValueIsArray(reply) : !virJSONValueIsObject(reply)) {
        virReportError(VIR_ERR_INTERNAL_ERROR, _("the guest agent's answer to '%s' cannot be read"), group->execute);
        return -1;
    }
    return group->add(vm->def, reply, info);
}

/* An agent that is too old for a group says so; one that does not answer any more ends the call. */
static int
qbjApiInfoAll(virDomainObj *vm, unsigned int types, qbjApiInfo *info)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(qbjApiInfoGroups); i++) {
        if (types != 0 && !(types & qbjApiInfoGroups[i].type))
            continue;
        if (qbjApiInfoAsk(vm, &qbjApiInfoGroups[i], info) == 0)
            continue;
        if (types != 0 || virGetLastErrorCode() != VIR_ERR_INTERNAL_ERROR)
            return -1;
        virResetLastError();
    }
    return 0;
}

int
qbjApiGetGuestInfo(virDomainPtr domain, unsigned int types, virTypedParameterPtr *params, int *nparams,
                   unsigned int flags)
{
    g_auto(qbjApiInfo) info = { 0 };
    unsigned int known = 0;
    virDomainObj *vm;
    int ret;
    size_t i;

    virCheckFlags(0, -1);

    for (i = 0; i < G_N_ELEMENTS(qbjApiInfoGroups); i++)
        known |= qbjApiInfoGroups[i].type;
    if (types & ~known) {
        virReportError(VIR_ERR_INVALID_ARG, _("unsupported guest information types '0x%x'"), types & ~known);
        return -1;
    }
    if (!(vm = qbjApiAgentBegin(domain, virDomainGetGuestInfoEnsureACL)))
        return -1;
    if ((ret = qbjApiInfoAll(vm, types, &info)) == 0) {
        *params = g_steal_pointer(&info.params);
        *nparams = info.n;
        info.n = 0;
    }
    qbjApiAgentEnd(vm);
    return ret;
}
