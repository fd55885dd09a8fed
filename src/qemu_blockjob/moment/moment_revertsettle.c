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
    qbjMomentRevertNoteRemoveMade(note);
    virObjectLock(vm);
}

/* The definition decides. Returns whether the note has no use any more. */
static bool
qbjMomentRevertSettle(virDomainObj *vm, qbjMomentRevertNote *note)
{
    const char *name = qbjMomentRevertNoteName(note);
    virDomainMomentObj *snap = virDomainSnapshotFindByName(vm->snapshots, name);

    if (qbjMomentRevertNoteIs(vm, note, false)) {
        qbjMomentRevertSettleBack(vm, note);
    } else if (snap && qbjMomentRevertNoteIs(vm, note, true)) {
        VIR_WARN("Domain '%s': the revert to snapshot '%s' is noted", vm->def->name, name);
        if (qbjMomentRevertNoteFinish(vm, snap, note) == 0)
            return true;
        VIR_WARN("Domain '%s': %s", vm->def->name, virGetLastErrorMessage());
        virResetLastError();
        return false;
    }
    return true;
}

/* @back: the guest has not begun. */
static void
qbjMomentRevertSettleNote(virDomainObj *vm, bool back)
{
    g_autoptr(qbjMomentRevertNote) note = NULL;

    if (qbjMomentRevertNoteRead(vm, &note) < 0) {
        VIR_WARN("Domain '%s': the record of a revert cannot be read: %s", vm->def->name, virGetLastErrorMessage());
        virResetLastError();
    }
    if (!note)
        return;
    if (back)
        qbjMomentRevertSettleBack(vm, note);
    else if (!qbjMomentRevertSettle(vm, note))
        return;
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

void
qbjMomentRevertSettleResume(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (!priv->revertOpen || !virDomainObjIsActive(vm) || qbjMomentRevertSettleIsOpen(vm))
        return;
    priv->revertOpen = false;
    qbjMomentRevertSettleNote(vm, false);
}

void
qbjMomentRevertSettleGone(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (!priv->revertOpen)
        return;
    priv->revertOpen = false;
    qbjMomentRevertSettleNote(vm, priv->halfway);
}
