#include <config.h>

#include "internal.h"
#include "moment_revertsettle.h"
#include "moment_revertnote.h"
#include "virdomainsnapshotobjlist.h"
#include "virerror.h"
#include "virlog.h"
#include "vm_stop.h"

VIR_LOG_INIT("qbj.moment_revertsettle");

static void
qbjMomentRevertSettleBack(virDomainObj *vm, qbjMomentRevertNote *note)
{
    VIR_WARN("Domain '%s': a revert that was not decided is taken back", vm->def->name);
    virObjectUnlock(vm);
    qbjMomentRevertNoteRemoveMade(note, false);
    virObjectLock(vm);
}

/* The definition decides. Returns 0; -1 with an error reported: the note is needed. */
static int
qbjMomentRevertSettleByDef(virDomainObj *vm, qbjMomentRevertNote *note)
{
    const char *name = qbjMomentRevertNoteName(note);
    virDomainMomentObj *snap = virDomainSnapshotFindByName(vm->snapshots, name);

    if (qbjMomentRevertNoteIs(vm, note, false)) {
        qbjMomentRevertSettleBack(vm, note);
    } else if (snap && qbjMomentRevertNoteIs(vm, note, true)) {
        VIR_WARN("Domain '%s': the revert to snapshot '%s' is noted", vm->def->name, name);
        return qbjMomentRevertNoteFinish(vm, snap, note);
    }
    return 0;
}

/* @back: the guest has not begun. Returns 0; -1 with an error reported: the note stays. */
static int
qbjMomentRevertSettleTry(virDomainObj *vm, bool back)
{
    g_autoptr(qbjMomentRevertNote) note = NULL;

    if (qbjMomentRevertNoteRead(vm, &note) < 0)
        return -1;
    if (!note)
        return 0;
    if (back)
        qbjMomentRevertSettleBack(vm, note);
    else if (qbjMomentRevertSettleByDef(vm, note) < 0)
        return -1;
    virObjectUnlock(vm);
    qbjMomentRevertNoteDrop(note);
    virObjectLock(vm);
    return 0;
}

/* A transient domain has one more try, when it goes. Returns whether it was done. */
static bool
qbjMomentRevertSettleNote(virDomainObj *vm, bool back)
{
    bool done = qbjMomentRevertSettleTry(vm, back) == 0;

    QBJ_DOMAIN_PRIVATE(vm)->revertOpen = !done && !vm->persistent;
    if (done)
        return true;
    VIR_WARN("Domain '%s': what a revert has left cannot be settled: %s", vm->def->name, virGetLastErrorMessage());
    virResetLastError();
    return false;
}

/* The next domain of that name and UUID would take it for its own. No image is touched. */
static void
qbjMomentRevertSettleForget(virDomainObj *vm)
{
    g_autoptr(qbjMomentRevertNote) note = qbjMomentRevertNoteNew(vm, NULL);

    virObjectUnlock(vm);
    qbjMomentRevertNoteDrop(note);
    virObjectLock(vm);
}

/* --- when --- */

/* Nothing but a guest that has begun says of a transient domain that it was reverted. */
static bool
qbjMomentRevertSettleIsOpen(virDomainObj *vm)
{
    const virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;

    return !vm->persistent && status && !qbjVmStopHasBegun(status);
}

void
qbjMomentRevertSettleLoad(virDomainObj *vm)
{
    QBJ_DOMAIN_PRIVATE(vm)->revertOpen = qbjMomentRevertSettleIsOpen(vm);
    if (!QBJ_DOMAIN_PRIVATE(vm)->revertOpen)
        qbjMomentRevertSettleNote(vm, false);
}

void
qbjMomentRevertSettleReady(virDomainObj *vm)
{
    if (!QBJ_DOMAIN_PRIVATE(vm)->reverting)         /* else the note is of the call */
        qbjMomentRevertSettleNote(vm, false);
}

int
qbjMomentRevertSettleBefore(virDomainObj *vm)
{
    if (qbjMomentRevertSettleTry(vm, false) < 0)
        return -1;
    QBJ_DOMAIN_PRIVATE(vm)->revertOpen = false;
    return 0;
}

void
qbjMomentRevertSettleResume(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (!priv->revertOpen || !virDomainObjIsActive(vm) || qbjMomentRevertSettleIsOpen(vm))
        return;
    qbjMomentRevertSettleNote(vm, false);
}

void
qbjMomentRevertSettleGone(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (!priv->revertOpen)
        return;
    if (!qbjMomentRevertSettleNote(vm, priv->halfway))
        qbjMomentRevertSettleForget(vm);
    priv->revertOpen = false;
}
