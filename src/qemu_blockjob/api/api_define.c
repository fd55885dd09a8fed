#include <config.h>

#include <unistd.h>

#include "internal.h"
#include "api_define.h"
#include "api_domain.h"
#include "api_guard.h"
#include "api_save.h"
#include "api_saved.h"
#include "datatypes.h"
#include "domain_notify.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "moment_list.h"
#include "vm_def.h"
#include "vm_firmware.h"
#include "vm_leftover.h"
#include "vm_tpm.h"
#include "virerror.h"
#include "virlog.h"
#include "virfile.h"
#include "virstring.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.api_define");

virDomainDef *
qbjApiParse(qbjDriver *driver, const char *xml, unsigned int parseFlags)
{
    g_autoptr(virDomainDef) def = qbjVmDefParse(xml, driver->xmlopt, parseFlags);

    if (!def || virXMLCheckIllegalChars("name", def->name, "\n") < 0)
        return NULL;
    return g_steal_pointer(&def);
}

/* Takes a definition back that could not be saved. @old: what was there before, or NULL for a new domain. */
static void
qbjApiDefineUndo(qbjDriver *driver, virDomainObj *vm, virDomainDef *old, bool wasPersistent)
{
    virErrorPtr reason;

    virErrorPreserveLast(&reason);
    vm->persistent = wasPersistent;
    if (old) {
        if (virDomainObjIsActive(vm))
            vm->newDef = old;
        else
            vm->def = old;
    } else if (!virDomainObjIsActive(vm)) {
        virDomainObjListRemove(driver->domains, vm);
    }
    virErrorRestore(&reason);
}

/* An operation on a domain that is shut off may have dropped the lock in the middle, and goes on with the
 * definition that it has begun with; those on a running one look at it again. *@held: the domain that @def is
 * of, referenced and its job held, but not locked, because the list is locked first; NULL: there is none, or
 * it runs. Returns 0, -1 with an error reported. */
static int
qbjApiDefineBegin(qbjDriver *driver, const virDomainDef *def, virDomainObj **held)
{
    virDomainObj *vm = virDomainObjListFindByUUID(driver->domains, def->uuid);
    int rc = 0;

    if (!vm)
        return 0;
    vm->job->maxQueuedJobs = driver->conf->maxQueued;       /* as qbjApiDomain() */
    if (!virDomainObjIsActive(vm) && (rc = virDomainObjBeginJob(vm, VIR_JOB_MODIFY)) == 0) {
        if (!vm->removing) {
            *held = vm;
            virObjectUnlock(vm);
            return 0;
        }
        qbjDomainJobEnd(vm);            /* undefined meanwhile */
    }
    virDomainObjEndAPI(&vm);
    return rc;
}

/* @held may be NULL. */
static void
qbjApiDefineEnd(virDomainObj *held)
{
    if (!held)
        return;
    virObjectLock(held);
    qbjDomainJobEnd(held);
    virDomainObjEndAPI(&held);
}

/* Whether the definition @old of @vm, NULL for none, may have been replaced, as it has been. @held: by
 * whoever holds the job. */
static int
qbjApiDefineCheck(virDomainObj *vm, virDomainDef *old, bool held)
{
    const virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;

    if (virDomainObjIsActive(vm) && status && (status->snapshot || status->inside)) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("a snapshot of the domain is being made or taken back"));
        return -1;
    }
    if (virDomainObjIsActive(vm) && QBJ_DOMAIN_PRIVATE(vm)->reverting) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("the domain is being reverted to a snapshot"));
        return -1;
    }
    if (!held && old && !virDomainObjIsActive(vm) && vm->job->active != VIR_JOB_NONE) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("domain has been changed by another client meanwhile"));
        return -1;
    }
    return vm->newDef ? qbjApiGuardDefinition(vm, old, vm->newDef) : 0;
}

virDomainPtr
qbjApiDefineXMLFlags(virConnectPtr conn, const char *xml, unsigned int flags)
{
    qbjDriver *driver = conn->privateData;
    unsigned int parseFlags = VIR_DOMAIN_DEF_PARSE_INACTIVE | VIR_DOMAIN_DEF_PARSE_ABI_UPDATE;
    g_autoptr(virDomainDef) def = NULL;
    virDomainDef *old = NULL;
    virDomainObj *held = NULL;
    virDomainObj *vm = NULL;
    virDomainPtr domain = NULL;
    bool wasPersistent;

    virCheckFlags(VIR_DOMAIN_DEFINE_VALIDATE, NULL);

    if (flags & VIR_DOMAIN_DEFINE_VALIDATE)
        parseFlags |= VIR_DOMAIN_DEF_PARSE_VALIDATE_SCHEMA;
    if (!(def = qbjApiParse(driver, xml, parseFlags)) ||
        virDomainDefineXMLFlagsEnsureACL(conn, def) < 0 || qbjApiDefineBegin(driver, def, &held) < 0)
        return NULL;
    if (!(vm = virDomainObjListAdd(driver->domains, &def, driver->xmlopt, 0, &old))) {
        qbjApiDefineEnd(held);
        return NULL;
    }

    wasPersistent = vm->persistent;
    vm->persistent = 1;
    if (qbjApiDefineCheck(vm, old, held != NULL) < 0 ||
        qbjDomainSaveConfig(vm, vm->newDef ? vm->newDef : vm->def) < 0) {
        virDomainDef *rejected = vm->newDef ? g_steal_pointer(&vm->newDef) : old ? g_steal_pointer(&vm->def) : NULL;

        qbjApiDefineUndo(driver, vm, g_steal_pointer(&old), wasPersistent);
        virDomainDefFree(rejected);
    } else {
        qbjDomainNotifyLifecycle(vm, VIR_DOMAIN_EVENT_DEFINED,
                                 old ? VIR_DOMAIN_EVENT_DEFINED_UPDATED : VIR_DOMAIN_EVENT_DEFINED_ADDED);
        domain = virGetDomain(conn, vm->def->name, vm->def->uuid, vm->def->id);
    }
    virDomainDefFree(old);
    virDomainObjEndAPI(&vm);
    qbjApiDefineEnd(held);
    return domain;
}

virDomainPtr
qbjApiDefineXML(virConnectPtr conn, const char *xml)
{
    return qbjApiDefineXMLFlags(conn, xml, 0);
}

static int
qbjApiUndefineCheck(virDomainObj *vm, unsigned int flags)
{
    int snapshots = virDomainSnapshotObjListNum(vm->snapshots, NULL, 0);

    if (!vm->persistent) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("cannot undefine transient domain"));
        return -1;
    }
    if (qbjApiSavedImageExists(vm) && !(flags & VIR_DOMAIN_UNDEFINE_MANAGED_SAVE)) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s",
                       _("Refusing to undefine while domain managed save image exists"));
        return -1;
    }
    if (!virDomainObjIsActive(vm) && !(flags & VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA) && snapshots > 0) {
        virReportError(VIR_ERR_OPERATION_INVALID, _("cannot delete inactive domain with %d snapshots"), snapshots);
        return -1;
    }
    /* left behind by another driver: this one cannot remove them and must not orphan them */
    return qbjApiSavedRefuse(vm);
}

/* The file with the variables of the firmware: removed or kept as @flags say; without a word the domain
 * stays. */
static int
qbjApiUndefineNvram(qbjDriver *driver, virDomainObj *vm, unsigned int flags)
{
    g_autofree char *path = qbjVmFirmwareNvram(vm->def, driver->conf->nvramDir);

    if (!path || !virFileExists(path) || (flags & VIR_DOMAIN_UNDEFINE_KEEP_NVRAM))
        return 0;

    if (!(flags & VIR_DOMAIN_UNDEFINE_NVRAM)) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("cannot undefine domain with nvram"));
        return -1;
    }
    if (virDomainObjIsActive(vm)) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s", _("cannot remove the nvram of a running domain"));
        return -1;
    }
    if (unlink(path) < 0) {
        virReportSystemError(errno, _("failed to remove nvram: %s"), path);
        return -1;
    }

    return 0;
}

/* The state of its TPM goes with a domain, unless @flags keep it; that of a running one is in use. */
static int
qbjApiUndefineTpm(qbjDriver *driver, virDomainObj *vm, unsigned int flags)
{
    if (virDomainObjIsActive(vm) || (flags & VIR_DOMAIN_UNDEFINE_KEEP_TPM))
        return 0;

    return qbjVmTpmForget(driver->conf, vm->def);
}

static int
qbjApiUndefineFiles(qbjDriver *driver, virDomainObj *vm)
{
    return virDomainDeleteConfig(driver->conf->configDir, driver->conf->autostartDir, vm);
}

/* What a revert that a daemon did not end keeps within the images goes with the domain, unless they cannot be
 * reached by now. */
static void
qbjApiUndefineSettle(qbjDriver *driver, virDomainObj *vm)
{
    if (virDomainObjIsActive(vm) || driver->moments->ready(vm) == 0)
        return;
    VIR_WARN("Domain '%s' is undefined, and its images keep what a revert has left: %s", vm->def->name,
             virGetLastErrorMessage());
    virResetLastError();
}

/* @vm is locked and its job held */
static int
qbjApiUndefineNow(qbjDriver *driver, virDomainObj *vm, unsigned int flags)
{
    if (qbjApiUndefineCheck(vm, flags) < 0)
        return -1;
    qbjApiUndefineSettle(driver, vm);
    if (qbjApiUndefineNvram(driver, vm, flags) < 0 ||
        qbjApiUndefineTpm(driver, vm, flags) < 0 ||
        (qbjApiSavedImageExists(vm) && qbjApiSaveForget(vm) < 0) ||
        (!virDomainObjIsActive(vm) && qbjMomentListForget(vm) < 0))
        return -1;
    qbjVmLeftoverForget(vm, vm->newDef ? vm->newDef : vm->def);
    if (qbjApiUndefineFiles(driver, vm) < 0)
        return -1;

    vm->persistent = 0;
    vm->autostart = 0;
    /* else the end of a block job would save it again */
    if (virDomainObjIsActive(vm))
        g_clear_pointer(&vm->newDef, virDomainDefFree);
    qbjDomainNotifyLifecycle(vm, VIR_DOMAIN_EVENT_UNDEFINED, VIR_DOMAIN_EVENT_UNDEFINED_REMOVED);
    if (!virDomainObjIsActive(vm))
        virDomainObjListRemove(driver->domains, vm);
    return 0;
}

int
qbjApiUndefineFlags(virDomainPtr domain, unsigned int flags)
{
    virDomainObj *vm = NULL;
    int ret = -1;

    /* what the flag of checkpoints would remove cannot exist here: qbjApiUndefineCheck refuses a domain that
     * has any of it */
    virCheckFlags(VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
                      VIR_DOMAIN_UNDEFINE_NVRAM | VIR_DOMAIN_UNDEFINE_KEEP_NVRAM |
                      VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA | VIR_DOMAIN_UNDEFINE_TPM |
                      VIR_DOMAIN_UNDEFINE_KEEP_TPM,
                  -1);

    VIR_EXCLUSIVE_FLAGS_RET(VIR_DOMAIN_UNDEFINE_TPM, VIR_DOMAIN_UNDEFINE_KEEP_TPM, -1);
    VIR_EXCLUSIVE_FLAGS_RET(VIR_DOMAIN_UNDEFINE_NVRAM, VIR_DOMAIN_UNDEFINE_KEEP_NVRAM, -1);

    if (!(vm = qbjApiDomain(domain)))
        return -1;
    if (virDomainUndefineFlagsEnsureACL(domain->conn, vm->def) == 0 &&
        virDomainObjBeginJob(vm, VIR_JOB_MODIFY) == 0) {
        ret = qbjApiUndefineNow(domain->conn->privateData, vm, flags);
        qbjDomainJobEnd(vm);
    }
    virDomainObjEndAPI(&vm);
    return ret;
}

int
qbjApiUndefine(virDomainPtr domain)
{
    return qbjApiUndefineFlags(domain, 0);
}
