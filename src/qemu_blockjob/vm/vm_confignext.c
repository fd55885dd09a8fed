#include <config.h>

#include "internal.h"
#include "vm_confignext.h"
#include "vm_plug_record.h"
#include "domain_save.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_confignext");

static virQbjStatusNext *
qbjVmConfigNextGet(virDomainObj *vm)
{
    virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;

    return status ? status->next : NULL;
}

/* What became of the devices is not known yet. */
static bool
qbjVmConfigNextIsOpen(virDomainObj *vm)
{
    const virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;

    return status && (status->plug || status->medium);
}

/* The definition as its file has it. NULL with an error reported. */
static char *
qbjVmConfigNextSum(virDomainObj *vm, virDomainDef *def)
{
    g_autofree char *text = qbjDomainConfigText(vm, def);

    return text ? g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1) : NULL;
}

int
qbjVmConfigNextNote(virDomainObj *vm, const qbjVmConfig *config, const char *verb, const char *alias)
{
    g_autofree char *after = NULL;

    if (!config->live || !config->next)
        return 0;
    if (qbjVmConfigNextGet(vm)) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s",
                       _("the definition does not have the last device that was changed yet"));
        return -1;
    }
    if (!(after = qbjVmConfigNextSum(vm, config->next)))
        return -1;
    QBJ_DOMAIN_PRIVATE(vm)->status->next = virQbjStatusNextNew(verb, config->what, alias);
    QBJ_DOMAIN_PRIVATE(vm)->status->next->after = g_steal_pointer(&after);
    QBJ_DOMAIN_PRIVATE(vm)->status->next->called = true;
    return 0;
}

void
qbjVmConfigNextForget(virDomainObj *vm)
{
    virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;

    if (status)
        g_clear_pointer(&status->next, virQbjStatusNextFree);
}

void
qbjVmConfigNextForgetAttach(virDomainObj *vm)
{
    const virQbjStatusNext *next = qbjVmConfigNextGet(vm);

    if (next && STREQ(next->verb, "attach"))
        qbjVmConfigNextForget(vm);
}

static void
qbjVmConfigNextDrop(virDomainObj *vm)
{
    qbjVmConfigNextForget(vm);
    if (virDomainObjIsActive(vm))
        qbjDomainSaveStatusOrWarn(vm);
}

/* The call ends, the note stays: what is open is settled by whoever asks QEMU next. */
static void
qbjVmConfigNextLeave(virDomainObj *vm)
{
    virQbjStatusNext *next = qbjVmConfigNextGet(vm);

    if (next)
        next->called = false;
    qbjVmPlugLater(vm);
}

/* What went wrong once need not do so again. */
static int
qbjVmConfigNextSave(virDomainObj *vm, qbjVmConfig *config)
{
    if (qbjVmConfigCommitNext(vm, config) == 0)
        return 0;
    if (!config->next || !qbjVmConfigNextGet(vm))
        return -1;
    VIR_WARN("The definition of domain '%s' is saved once more: %s", vm->def->name, virGetLastErrorMessage());
    virResetLastError();
    g_clear_pointer(&config->save, qbjHostSaveFree);
    return qbjVmConfigPrepare(vm, config) < 0 ? -1 : qbjVmConfigCommitNext(vm, config);
}

int
qbjVmConfigNextEnd(virDomainObj *vm, qbjVmConfig *config, int rc)
{
    bool changed = rc == 0;
    virErrorPtr reason;

    if (changed)
        rc = qbjVmConfigNextSave(vm, config);
    if (!qbjVmConfigNextGet(vm))
        return rc;
    virErrorPreserveLast(&reason);
    if (changed ? config->next != NULL : qbjVmConfigNextIsOpen(vm))
        qbjVmConfigNextLeave(vm);
    else
        qbjVmConfigNextDrop(vm);
    virErrorRestore(&reason);
    return rc;
}

/* --- nobody goes on with the call ------------------------------------------------------------------ */

/* The daemon died after the definition had got its name: some devices would come, or go, twice. */
static bool
qbjVmConfigNextIsDone(virDomainObj *vm, const virQbjStatusNext *next)
{
    g_autofree char *now = next->after && vm->newDef ? qbjVmConfigNextSum(vm, vm->newDef) : NULL;

    return now && STREQ(now, next->after);
}

/* Returns 0, also when the definition cannot become that any more; -1: to be tried again. */
static int
qbjVmConfigNextApply(virDomainObj *vm, const virQbjStatusNext *next)
{
    g_auto(qbjVmConfig) config = { 0 };

    if (!vm->persistent || qbjVmConfigNextIsDone(vm, next))
        return 0;
    if (qbjVmConfigBegin(vm, VIR_DOMAIN_AFFECT_CONFIG, &config) < 0 ||
        qbjVmConfigApply(vm, &config, QBJ_DOMAIN_PRIVATE(vm)->driver->changeNext, next) < 0 ||
        qbjVmConfigCheck(vm, &config) < 0) {
        VIR_WARN("The definition of domain '%s' stays without the change of the device: %s", vm->def->name,
                 virGetLastErrorMessage());
        virResetLastError();
        return 0;
    }
    return qbjVmConfigCommit(vm, &config);
}

void
qbjVmConfigNextResume(virDomainObj *vm, const char *const *names)
{
    const virQbjStatusNext *next = qbjVmConfigNextGet(vm);

    if (!next || next->called || qbjVmConfigNextIsOpen(vm))
        return;
    /* the guest has not given it up */
    if (!(next->alias && g_strv_contains(names, next->alias)) && qbjVmConfigNextApply(vm, next) < 0) {
        VIR_WARN("The definition of domain '%s' is not saved yet: %s", vm->def->name, virGetLastErrorMessage());
        virResetLastError();
        qbjVmPlugLater(vm);
        return;
    }
    qbjVmConfigNextForget(vm);
}
