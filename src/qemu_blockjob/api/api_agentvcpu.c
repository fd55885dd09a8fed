#include <config.h>

#include "internal.h"
#include "api_agent.h"
#include "domain_agent.h"
#include "virbitmap.h"
#include "virerror.h"
#include "virqbjjson.h"
#include "virtypedparam.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* More than any machine type has; a guest cannot make the bitmaps larger. */
#define QBJ_GUEST_VCPUS_MAX 4096

/* What the guest says of its CPUs, by their numbers in the guest. */
typedef struct _qbjApiGuestVcpus qbjApiGuestVcpus;
struct _qbjApiGuestVcpus {
    virBitmap *there;
    virBitmap *online;
    virBitmap *offlinable;
};

static void
qbjApiGuestVcpusClear(qbjApiGuestVcpus *vcpus)
{
    virBitmapFree(vcpus->there);
    virBitmapFree(vcpus->online);
    virBitmapFree(vcpus->offlinable);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(qbjApiGuestVcpus, qbjApiGuestVcpusClear);

static int
qbjApiGuestVcpusAdd(qbjApiGuestVcpus *vcpus, virJSONValue *entry)
{
    unsigned int id;
    bool online;
    bool offlinable = false;

    if (!entry || virJSONValueObjectGetNumberUint(entry, "logical-id", &id) < 0 || id >= QBJ_GUEST_VCPUS_MAX ||
        virJSONValueObjectGetBoolean(entry, "online", &online) < 0) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s", _("the guest agent's list of CPUs cannot be read"));
        return -1;
    }
    ignore_value(virJSONValueObjectGetBoolean(entry, "can-offline", &offlinable));
    virBitmapSetBitExpand(vcpus->there, id);
    if (online)
        virBitmapSetBitExpand(vcpus->online, id);
    if (offlinable)
        virBitmapSetBitExpand(vcpus->offlinable, id);
    return 0;
}

static int
qbjApiGuestVcpusAsk(virDomainObj *vm, qbjApiGuestVcpus *vcpus)
{
    g_autoptr(virJSONValue) reply = NULL;
    size_t i;

    vcpus->there = virBitmapNew(0);
    vcpus->online = virBitmapNew(0);
    vcpus->offlinable = virBitmapNew(0);
    if (qbjDomainAgentCall(vm, "guest-get-vcpus", NULL, &reply) < 0)
        return -1;
    for (i = 0; i < virQbjJSONArraySize(reply); i++) {
        if (qbjApiGuestVcpusAdd(vcpus, virJSONValueArrayGet(reply, i)) < 0)
            return -1;
    }
    return 0;
}

static int
qbjApiGuestVcpusParams(const qbjApiGuestVcpus *vcpus, virTypedParameterPtr *params, unsigned int *nparams)
{
    const struct {
        const char *name;
        virBitmap *map;
    } maps[] = {
        { "vcpus", vcpus->there }, { "online", vcpus->online }, { "offlinable", vcpus->offlinable },
    };
    virTypedParameterPtr list = NULL;
    int max = 0;
    int n = 0;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(maps); i++) {
        g_autofree char *text = virBitmapFormat(maps[i].map);

        if (!text || virTypedParamsAddString(&list, &n, &max, maps[i].name, text) < 0) {
            virTypedParamsFree(list, n);
            return -1;
        }
    }
    *params = list;
    *nparams = n;
    return 0;
}

int
qbjApiGetGuestVcpus(virDomainPtr domain, virTypedParameterPtr *params, unsigned int *nparams, unsigned int flags)
{
    g_auto(qbjApiGuestVcpus) vcpus = { 0 };
    virDomainObj *vm;
    int ret = -1;

    virCheckFlags(0, -1);

    if (!(vm = qbjApiAgentBegin(domain, virDomainGetGuestVcpusEnsureACL)))
        return -1;
    if (qbjApiGuestVcpusAsk(vm, &vcpus) == 0)
        ret = qbjApiGuestVcpusParams(&vcpus, params, nparams);
    qbjApiAgentEnd(vm);
    return ret;
}

/* All CPUs of @wanted are there, and those that shall go can. */
static int
qbjApiGuestVcpusCheck(const qbjApiGuestVcpus *vcpus, virBitmap *wanted, bool online)
{
    ssize_t id = -1;

    while ((id = virBitmapNextSetBit(wanted, id)) >= 0) {
        if (!virBitmapIsBitSet(vcpus->there, id)) {
            virReportError(VIR_ERR_INVALID_ARG, _("vCPU '%zd' is not present in the guest"), id);
            return -1;
        }
        if (!online && !virBitmapIsBitSet(vcpus->offlinable, id)) {
            virReportError(VIR_ERR_INVALID_ARG, _("vCPU '%zd' cannot be taken offline"), id);
            return -1;
        }
    }
    return 0;
}

static int
qbjApiGuestVcpusArguments(virBitmap *wanted, bool online, virJSONValue **arguments)
{
    g_autoptr(virJSONValue) list = virJSONValueNewArray();
    ssize_t id = -1;

    while ((id = virBitmapNextSetBit(wanted, id)) >= 0) {
        g_autoptr(virJSONValue) entry = NULL;

        if (virJSONValueObjectAdd(&entry, "u:logical-id", (unsigned int) id, "b:online", online, NULL) < 0 ||
            virJSONValueArrayAppend(list, &entry) < 0)
            return -1;
    }
    return virJSONValueObjectAdd(arguments, "a:vcpus", &list, NULL) < 0 ? -1 : 0;
}

/* The agent does one CPU after the other, and stops at the first that fails. */
static int
qbjApiGuestVcpusSet(virDomainObj *vm, virBitmap *wanted, bool online)
{
    g_auto(qbjApiGuestVcpus) vcpus = { 0 };
    g_autoptr(virJSONValue) arguments = NULL;
    g_autoptr(virJSONValue) reply = NULL;
    int done;

    if (qbjApiGuestVcpusAsk(vm, &vcpus) < 0 ||
        qbjApiGuestVcpusCheck(&vcpus, wanted, online) < 0 ||
        qbjApiGuestVcpusArguments(wanted, online, &arguments) < 0 ||
        qbjDomainAgentCall(vm, "guest-set-vcpus", arguments, &reply) < 0)
        return -1;
    if (virJSONValueGetNumberInt(reply, &done) < 0 || done < (int) virBitmapCountBits(wanted)) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s", _("failed to set state of all requested guest CPUs"));
        return -1;
    }
    return 0;
}

int
qbjApiSetGuestVcpus(virDomainPtr domain, const char *cpumap, int state, unsigned int flags)
{
    g_autoptr(virBitmap) wanted = NULL;
    virDomainObj *vm;
    int ret;

    virCheckFlags(0, -1);

    if (state != 0 && state != 1) {
        virReportError(VIR_ERR_INVALID_ARG, "%s", _("unsupported state value"));
        return -1;
    }
    if (virBitmapParse(cpumap, &wanted, QBJ_GUEST_VCPUS_MAX) < 0)
        return -1;
    if (virBitmapIsAllClear(wanted)) {
        virReportError(VIR_ERR_INVALID_ARG, "%s", _("no vCPU is selected for modification"));
        return -1;
    }
    if (!(vm = qbjApiAgentBegin(domain, virDomainSetGuestVcpusEnsureACL)))
        return -1;
    ret = qbjApiGuestVcpusSet(vm, wanted, state);
    qbjApiAgentEnd(vm);
    return ret;
}

int
qbjApiGuestVcpusCount(virDomainPtr domain, unsigned int flags)
{
    g_auto(qbjApiGuestVcpus) vcpus = { 0 };
    virDomainObj *vm;
    int ret = -1;

    if (!(vm = qbjApiAgentBeginFlags(domain, virDomainGetVcpusFlagsEnsureACL, flags)))
        return -1;
    if (qbjApiGuestVcpusAsk(vm, &vcpus) == 0)
        ret = virBitmapCountBits(flags & VIR_DOMAIN_VCPU_MAXIMUM ? vcpus.there : vcpus.online);
    qbjApiAgentEnd(vm);
    return ret;
}

/* The CPUs whose state has to change for @wanted of them to be online; fewer when there are no more. */
static virBitmap *
qbjApiGuestVcpusChoose(const qbjApiGuestVcpus *vcpus, size_t wanted, bool *online)
{
    virBitmap *chosen = virBitmapNew(0);
    size_t n = virBitmapCountBits(vcpus->online);
    ssize_t id;

    *online = n < wanted;
    if (*online) {
        for (id = -1; n < wanted && (id = virBitmapNextSetBit(vcpus->there, id)) >= 0;) {
            if (!virBitmapIsBitSet(vcpus->online, id)) {
                virBitmapSetBitExpand(chosen, id);
                n++;
            }
        }
        return chosen;
    }
    for (id = virBitmapLastSetBit(vcpus->online); n > wanted && id >= 0; id--) {
        if (virBitmapIsBitSet(vcpus->online, id) && virBitmapIsBitSet(vcpus->offlinable, id)) {
            virBitmapSetBitExpand(chosen, id);
            n--;
        }
    }
    return chosen;
}

static int
qbjApiGuestVcpusSetTo(virDomainObj *vm, unsigned int wanted)
{
    g_auto(qbjApiGuestVcpus) vcpus = { 0 };
    g_autoptr(virBitmap) chosen = NULL;
    size_t before;
    bool online;

    if (qbjApiGuestVcpusAsk(vm, &vcpus) < 0)
        return -1;
    before = virBitmapCountBits(vcpus.online);
    chosen = qbjApiGuestVcpusChoose(&vcpus, wanted, &online);
    if (virBitmapCountBits(chosen) != (online ? wanted - before : before - wanted)) {
        virReportError(VIR_ERR_INVALID_ARG, _("the guest cannot use %u CPUs"), wanted);
        return -1;
    }
    return virBitmapIsAllClear(chosen) ? 0 : qbjApiGuestVcpusSet(vm, chosen, online);
}

int
qbjApiGuestVcpusSetCount(virDomainPtr domain, unsigned int wanted, unsigned int flags)
{
    virDomainObj *vm;
    int ret;

    if (flags & (VIR_DOMAIN_AFFECT_CONFIG | VIR_DOMAIN_VCPU_MAXIMUM | VIR_DOMAIN_VCPU_HOTPLUGGABLE)) {
        virReportError(VIR_ERR_INVALID_ARG, "%s", _("the guest agent can only change the CPUs of a live domain"));
        return -1;
    }
    if (!(vm = qbjApiAgentBeginFlags(domain, virDomainSetVcpusFlagsEnsureACL, flags)))
        return -1;
    ret = qbjApiGuestVcpusSetTo(vm, wanted);
    qbjApiAgentEnd(vm);
    return ret;
}
