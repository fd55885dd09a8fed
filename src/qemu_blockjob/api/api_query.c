#include <config.h>

#include "internal.h"
#include "api_query.h"
#include "api_define.h"
#include "api_domain.h"
#include "datatypes.h"
#include "domain_private.h"
#include "vm_def.h"
#include "virerror.h"
#include "vm_cpu.h"
#include "vm_migratable.h"
#include "virprocess.h"
#include "virtime.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

char *
qbjApiGetOSType(virDomainPtr domain)
{
    virDomainObj *vm = qbjApiDomain(domain);
    char *type = NULL;

    if (!vm)
        return NULL;
    if (virDomainGetOSTypeEnsureACL(domain->conn, vm->def) == 0)
        type = g_strdup(virDomainOSTypeToString(vm->def->os.type));
    virDomainObjEndAPI(&vm);
    return type;
}

int
qbjApiGetInfo(virDomainPtr domain, virDomainInfoPtr info)
{
    virDomainObj *vm = qbjApiDomain(domain);
    int ret = -1;

    if (!vm)
        return -1;
    if (virDomainGetInfoEnsureACL(domain->conn, vm->def) == 0) {
        info->state = virDomainObjGetState(vm, NULL);
        info->maxMem = virDomainDefGetMemoryTotal(vm->def);
        info->memory = vm->def->mem.cur_balloon;
        info->nrVirtCpu = virDomainDefGetVcpus(vm->def);
        info->cpuTime = 0;
        ret = 0;
        if (virDomainObjIsActive(vm) && vm->pid > 0)
            ret = virProcessGetStatInfo(&info->cpuTime, NULL, NULL, NULL, NULL, vm->pid, 0);
    }
    virDomainObjEndAPI(&vm);
    return ret;
}

int
qbjApiGetState(virDomainPtr domain, int *state, int *reason, unsigned int flags)
{
    virDomainObj *vm = NULL;
    int ret = -1;

    virCheckFlags(0, -1);

    if (!(vm = qbjApiDomain(domain)))
        return -1;
    if (virDomainGetStateEnsureACL(domain->conn, vm->def) == 0) {
        *state = virDomainObjGetState(vm, reason);
        ret = 0;
    }
    virDomainObjEndAPI(&vm);
    return ret;
}

static void
qbjApiFillControlInfo(virDomainObj *vm, virDomainControlInfoPtr info)
{
    unsigned long long now = 0;

    memset(info, 0, sizeof(*info));
    if (!QBJ_DOMAIN_PRIVATE(vm)->qmp) {
        info->state = VIR_DOMAIN_CONTROL_ERROR;
        info->details = VIR_DOMAIN_CONTROL_ERROR_REASON_MONITOR;
    } else if (vm->job->active != VIR_JOB_NONE) {
        info->state = VIR_DOMAIN_CONTROL_OCCUPIED;
        if (virTimeMillisNow(&now) == 0 && now > vm->job->started)
            info->stateTime = now - vm->job->started;
    } else {
        info->state = VIR_DOMAIN_CONTROL_OK;
    }
}

int
qbjApiGetControlInfo(virDomainPtr domain, virDomainControlInfoPtr info, unsigned int flags)
{
    virDomainObj *vm = NULL;
    int ret = -1;

    virCheckFlags(0, -1);

    if (!(vm = qbjApiDomain(domain)))
        return -1;
    if (virDomainGetControlInfoEnsureACL(domain->conn, vm->def) == 0 && virDomainObjCheckActive(vm) == 0) {
        qbjApiFillControlInfo(vm, info);
        ret = 0;
    }
    virDomainObjEndAPI(&vm);
    return ret;
}

/* UPDATE_CPU: with the model that the next start would take. */
static char *
qbjApiFormatUpdated(qbjDriver *driver, virDomainDef *from, unsigned int format)
{
    g_autoptr(virDomainDef) def = NULL;

    if (!qbjVmCpuIsHostModel(from->cpu))
        return virDomainDefFormat(from, driver->xmlopt, format);
    if (!(def = virDomainDefCopy(from, driver->xmlopt, NULL, false)) || qbjVmCpuExpand(driver->caps, def) < 0)
        return NULL;
    return virDomainDefFormat(def, driver->xmlopt, format);
}

char *
qbjApiGetXMLDesc(virDomainPtr domain, unsigned int flags)
{
    qbjDriver *driver = domain->conn->privateData;
    virDomainObj *vm = NULL;
    char *xml = NULL;

    virCheckFlags(VIR_DOMAIN_XML_SECURE | VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_UPDATE_CPU |
                  VIR_DOMAIN_XML_MIGRATABLE, NULL);

    if (!(vm = qbjApiDomain(domain)))
        return NULL;
    if (virDomainGetXMLDescEnsureACL(domain->conn, vm->def, flags) == 0) {
        bool next = (flags & VIR_DOMAIN_XML_INACTIVE) && vm->newDef;
        unsigned int format = virDomainDefFormatConvertXMLFlags(flags);

        if (flags & VIR_DOMAIN_XML_MIGRATABLE)
            xml = qbjVmMigratableFormat(vm, next, flags & VIR_DOMAIN_XML_UPDATE_CPU, format);
        else if (flags & VIR_DOMAIN_XML_UPDATE_CPU)
            xml = qbjApiFormatUpdated(driver, next ? vm->newDef : vm->def, format);
        else
            xml = virDomainDefFormat(next ? vm->newDef : vm->def, driver->xmlopt, format);
    }
    virDomainObjEndAPI(&vm);
    return xml;
}

typedef int (*qbjApiAnswer)(virDomainObj *vm);

/* The common shape of calls that answer with a number. */
static int
qbjApiAsk(virDomainPtr domain, int (*ensureACL)(virConnectPtr conn, virDomainDef *def), qbjApiAnswer answer)
{
    virDomainObj *vm = qbjApiDomain(domain);
    int ret = -1;

    if (!vm)
        return -1;
    if (ensureACL(domain->conn, vm->def) == 0)
        ret = answer(vm);
    virDomainObjEndAPI(&vm);
    return ret;
}

static int
qbjApiAnswerActive(virDomainObj *vm)
{
    return virDomainObjIsActive(vm);
}

static int
qbjApiAnswerPersistent(virDomainObj *vm)
{
    return vm->persistent;
}

static int
qbjApiAnswerUpdated(virDomainObj *vm)
{
    return vm->updated;
}

int
qbjApiIsActive(virDomainPtr domain)
{
    return qbjApiAsk(domain, virDomainIsActiveEnsureACL, qbjApiAnswerActive);
}

int
qbjApiIsPersistent(virDomainPtr domain)
{
    return qbjApiAsk(domain, virDomainIsPersistentEnsureACL, qbjApiAnswerPersistent);
}

int
qbjApiIsUpdated(virDomainPtr domain)
{
    return qbjApiAsk(domain, virDomainIsUpdatedEnsureACL, qbjApiAnswerUpdated);
}

int
qbjApiGetSecurityLabel(virDomainPtr domain, virSecurityLabelPtr label)
{
    qbjDriver *driver = domain->conn->privateData;
    virDomainObj *vm = qbjApiDomain(domain);
    int ret = -1;

    if (!vm)
        return -1;
    memset(label, 0, sizeof(*label));
    if (virDomainGetSecurityLabelEnsureACL(domain->conn, vm->def) == 0)
        ret = virDomainObjIsActive(vm)
                  ? virSecurityManagerGetProcessLabel(driver->security, vm->def, vm->pid, label)
                  : 0;
    virDomainObjEndAPI(&vm);
    return ret;
}

static int
qbjApiFillLabels(qbjDriver *driver, virDomainObj *vm, virSecurityLabelPtr *labels)
{
    g_autofree virSecurityManager **nested = virSecurityManagerGetNested(driver->security);
    size_t n = 0;
    size_t i;

    while (nested && nested[n])
        n++;
    *labels = g_new0(virSecurityLabel, n + 1);
    for (i = 0; i < n; i++) {
        if (virSecurityManagerGetProcessLabel(nested[i], vm->def, vm->pid, &(*labels)[i]) < 0) {
            g_clear_pointer(labels, g_free);
            return -1;
        }
    }
    return n;
}

int
qbjApiGetSecurityLabelList(virDomainPtr domain, virSecurityLabelPtr *labels)
{
    virDomainObj *vm = qbjApiDomain(domain);
    int ret = -1;

    if (!vm)
        return -1;
    if (virDomainGetSecurityLabelListEnsureACL(domain->conn, vm->def) == 0)
        ret = virDomainObjIsActive(vm) ? qbjApiFillLabels(domain->conn->privateData, vm, labels) : 0;
    virDomainObjEndAPI(&vm);
    return ret;
}
