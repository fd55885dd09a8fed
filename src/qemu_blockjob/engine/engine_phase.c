#include <config.h>

#include <unistd.h>

#include "internal.h"
#include "engine_phase.h"
#include "engine_change.h"
#include "engine_create.h"
#include "domain_qmp.h"
#include "domain_save.h"
#include "host_label.h"
#include "host_target.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.engine_phase");

/* How many steps from the QMP step @first on go in one write: those that are optional. Of what is prepared
 * all, up to one that starts a job: whether or not a step that stands on one that failed fails as well, all
 * of them are undone. */
static size_t
qbjEnginePhaseBatch(GPtrArray *steps, size_t first, bool all)
{
    size_t i;

    for (i = first; i < steps->len; i++) {
        const qbjStep *step = g_ptr_array_index(steps, i);

        if (step->type != QBJ_STEP_QMP || (i > first && !all && !step->optional))
            break;
        if (step->job || (!all && !step->optional))
            return i - first + 1;
    }
    return i - first;
}

/* @refused (may be NULL): the optional steps that QEMU refused are appended. Returns 0, -1 with an error
 * reported. */
static int
qbjEnginePhaseSend(virDomainObj *vm, qbjStep **steps, size_t n, GPtrArray *refused)
{
    g_autofree qbjQmpCommand *commands = g_new0(qbjQmpCommand, n);
    int ret;
    size_t i;

    for (i = 0; i < n; i++) {
        commands[i].execute = steps[i]->command;
        commands[i].arguments = steps[i]->arguments;
    }

    ret = qbjDomainQmpRun(vm, commands, n);
    for (i = 0; i < n; i++) {
        if (ret == 0 && commands[i].failed) {
            if (!steps[i]->optional) {
                qbjQmpReportError(&commands[i]);
                ret = -1;
            } else if (refused) {
                g_ptr_array_add(refused, steps[i]);
            } else {
                VIR_DEBUG("vm=%s: %s: %s", vm->def->name, commands[i].execute, commands[i].errorText);
            }
        }
        qbjQmpCommandClear(&commands[i]);
    }
    return ret;
}

/* What QEMU refuses is said once more: a node that stays although it could have gone would keep its image
 * from the disk's next job. One that is not there is refused twice, which is as good. */
static int
qbjEnginePhaseQmp(virDomainObj *vm, qbjStep **steps, size_t n)
{
    g_autoptr(GPtrArray) refused = g_ptr_array_new();

    if (qbjEnginePhaseSend(vm, steps, n, refused) < 0)
        return -1;
    return refused->len == 0 ? 0 : qbjEnginePhaseSend(vm, (qbjStep **) refused->pdata, refused->len, NULL);
}

/* Of steps that go in one write only the last may start a job. */
static int
qbjEnginePhaseTogether(virDomainObj *vm, qbjStep **steps, size_t n)
{
    if (qbjEnginePhaseQmp(vm, steps, n) < 0)
        return -1;
    return steps[n - 1]->job ? qbjEngineCreateWait(vm, steps[n - 1]->job) : 0;
}

static int
qbjEnginePhaseAccess(virDomainObj *vm, const virQbjJob *job, const qbjStep *step)
{
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);

    /* 02/Q85: the owner of a copy's target is remembered from the start */
    bool top = job->spec->type == QBJ_TYPE_COPY && STREQ_NULLABLE(step->image->formatNode, job->spec->rootNew);

    return qbjHostLabelImage(QBJ_DOMAIN_PRIVATE(vm)->driver->security, vm->def, step->image, step->access, top,
                             disk ? disk->src : NULL);
}

static int
qbjEnginePhaseFile(const qbjStep *step)
{
    if (step->filled ? qbjHostTargetIsThere(step->image->path, step->identity)
                     : qbjHostTargetIsEmpty(step->image->path, step->identity))
        return 0;
    virReportError(VIR_ERR_OPERATION_FAILED, _("file '%s' has been replaced or written to meanwhile"),
                   step->image->path);
    return -1;
}

/* The record says that we write into a file that is not ours before we do; it is looked at as late as can
 * be. */
static int
qbjEnginePhaseBeginFile(virDomainObj *vm, qbjStep *step)
{
    if (!step->undo || step->undo->type != QBJ_STEP_EMPTY || step->undo->begun)
        return qbjEnginePhaseFile(step);
    step->undo->begun = true;
    if (qbjDomainSaveStatus(vm) == 0 && qbjEnginePhaseFile(step) == 0)
        return 0;
    step->undo->begun = false;
    return -1;
}

/* Its owner may have written into the file since the daemon died that was about to. */
static int
qbjEnginePhaseEmpty(const qbjStep *step)
{
    qbjHostFresh made = { .format = step->image->format, .encrypted = step->encrypted, .capacity = step->capacity,
                          .backing = step->backing };

    return step->begun ? qbjHostTargetEmpty(step->image->path, step->identity, &made) : 0;
}

/* The target of a copy that does not start. */
static void
qbjEnginePhaseUndoFile(virDomainObj *vm, const qbjStep *step)
{
    int rc = step->type == QBJ_STEP_EMPTY ? qbjEnginePhaseEmpty(step)
                                          : qbjHostTargetRemove(step->image->path, step->identity);

    if (rc < 0) {
        VIR_WARN("vm=%s: %s", vm->def->name, virGetLastErrorMessage());
        virResetLastError();
    }
}

/* Files go last, when nothing names them any more; one that cannot be removed is no reason to keep the job
 * (01/C22). */
static void
qbjEnginePhaseUnlink(virDomainObj *vm, const qbjStep *step)
{
    if (step->image->path && unlink(step->image->path) < 0 && errno != ENOENT)
        VIR_WARN("vm=%s: cannot remove committed image '%s': %s", vm->def->name, step->image->path, g_strerror(errno));
}

static int
qbjEnginePhaseStep(virDomainObj *vm, const virQbjJob *job, qbjStep *step, qbjPhaseRun run)
{
    switch (step->type) {
    case QBJ_STEP_SECRET:
    case QBJ_STEP_QMP:
        if (run == QBJ_PHASE_RUN_HOST)
            return 0;
        return qbjEnginePhaseTogether(vm, &step, 1);
    case QBJ_STEP_ACCESS:
        return qbjEnginePhaseAccess(vm, job, step);
    case QBJ_STEP_UNLINK:
        if (step->identity)
            qbjEnginePhaseUndoFile(vm, step);
        else
            qbjEnginePhaseUnlink(vm, step);
        return 0;
    case QBJ_STEP_EMPTY:
        qbjEnginePhaseUndoFile(vm, step);
        return 0;
    case QBJ_STEP_FILE:
        return qbjEnginePhaseBeginFile(vm, step);
    case QBJ_STEP_LAST:
    default:
        return 0;
    }
}

/* Up to step number @end: nothing that goes in one write lies on both sides of it. */
static int
qbjEnginePhaseRunTo(virDomainObj *vm, const virQbjJob *job, qbjSpecPhase phase, qbjPhaseRun run, size_t *next,
                    size_t end)
{
    GPtrArray *steps = job->spec->phase[phase];
    int rc = 0;

    while (rc == 0 && *next < end) {
        size_t i = *next;
        qbjStep *step = g_ptr_array_index(steps, i);

        if (step->type == QBJ_STEP_QMP && run == QBJ_PHASE_RUN_ALL) {
            *next += qbjEnginePhaseBatch(steps, i, phase == QBJ_PHASE_PREPARE);
            rc = qbjEnginePhaseTogether(vm, (qbjStep **) steps->pdata + i, *next - i);
        } else {
            *next += 1;
            rc = qbjEnginePhaseStep(vm, job, step, run);
        }
    }
    return rc;
}

int
qbjEnginePhaseRunFrom(virDomainObj *vm, const virQbjJob *job, qbjSpecPhase phase, qbjPhaseRun run, size_t *next)
{
    return qbjEnginePhaseRunTo(vm, job, phase, run, next, job->spec->phase[phase]->len);
}

int
qbjEnginePhaseRun(virDomainObj *vm, const virQbjJob *job, qbjSpecPhase phase, qbjPhaseRun run)
{
    size_t next = 0;

    return qbjEnginePhaseRunFrom(vm, job, phase, run, &next);
}

/* --- a write of commands that is waited for later --- */

/* The steps may be gone by then, with the VM. */
struct _qbjEnginePhaseSent {
    qbjQmpCommand *commands;
    size_t n;
    qbjDomainQmpBegun *begun;
};

static void
qbjEnginePhaseSentFree(qbjEnginePhaseSent *sent)
{
    size_t i;

    for (i = 0; i < sent->n; i++)
        qbjQmpCommandClear(&sent->commands[i]);
    g_free(sent->commands);
    g_free(sent);
}

static qbjEnginePhaseSent *
qbjEnginePhaseSentNew(virDomainObj *vm, qbjStep **steps, size_t n)
{
    qbjEnginePhaseSent *sent = g_new0(qbjEnginePhaseSent, 1);
    size_t i;

    sent->n = n;
    sent->commands = g_new0(qbjQmpCommand, n);
    for (i = 0; i < n; i++) {
        sent->commands[i].execute = g_intern_string(steps[i]->command);
        sent->commands[i].arguments = steps[i]->arguments;
    }
    sent->begun = qbjDomainQmpBegin(vm, sent->commands, n);
    for (i = 0; i < n; i++)
        sent->commands[i].arguments = NULL;     /* on their way */
    if (!sent->begun)
        g_clear_pointer(&sent, qbjEnginePhaseSentFree);
    return sent;
}

static bool
qbjEnginePhaseCanWait(const qbjStep *step)
{
    return step->type == QBJ_STEP_QMP && !step->job && !step->optional;
}

int
qbjEnginePhaseBegin(virDomainObj *vm, const virQbjJob *job, qbjSpecPhase phase, qbjEnginePhaseSent **sent)
{
    GPtrArray *steps = job->spec->phase[phase];
    size_t last = steps->len;
    size_t next = 0;

    while (last > 0 && qbjEnginePhaseCanWait(g_ptr_array_index(steps, last - 1)))
        last--;
    if (qbjEnginePhaseRunTo(vm, job, phase, QBJ_PHASE_RUN_ALL, &next, last) < 0)
        return -1;
    if (next < steps->len && !(*sent = qbjEnginePhaseSentNew(vm, (qbjStep **) steps->pdata + next, steps->len - next)))
        return -1;
    return 0;
}

int
qbjEnginePhaseEnd(virDomainObj *vm, qbjEnginePhaseSent *sent)
{
    int rc = qbjDomainQmpCollect(vm, sent->begun);

    if (rc == 0)
        rc = qbjQmpReportFirst(sent->commands, sent->n);
    qbjEnginePhaseSentFree(sent);
    return rc;
}

void
qbjEnginePhaseAbandon(qbjEnginePhaseSent *sent)
{
    if (!sent)
        return;
    qbjDomainQmpAbandon(sent->begun);
    qbjEnginePhaseSentFree(sent);
}

/* A create job that failed is undone as well as one that did not. */
static int
qbjEnginePhaseUndoJob(virDomainObj *vm, const qbjStep *step)
{
    if (qbjEngineCreateWait(vm, step->job) == 0)
        return 0;
    if (virGetLastErrorCode() != VIR_ERR_OPERATION_FAILED || !virDomainObjIsActive(vm))
        return -1;
    virResetLastError();
    return 0;
}

int
qbjEnginePhaseUndo(virDomainObj *vm, const virQbjJob *job, qbjPhaseRun run)
{
    GPtrArray *steps = job->spec->phase[QBJ_PHASE_PREPARE];
    size_t i;
    int ret = 0;

    for (i = steps->len; i > 0; i--) {
        const qbjStep *step = g_ptr_array_index(steps, i - 1);

        /* goes on after a failure: what can be put back is put back */
        if (step->undo && qbjEnginePhaseStep(vm, job, step->undo, run) < 0)
            ret = -1;
        if (step->job && run == QBJ_PHASE_RUN_ALL && qbjEnginePhaseUndoJob(vm, step) < 0)
            ret = -1;
    }
    return ret;
}
