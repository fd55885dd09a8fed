#include <config.h>

#include "internal.h"
#include "engine_note.h"
#include "engine_change.h"
#include "host_note.h"
#include "host_target.h"
#include "virerror.h"
#include "virlog.h"
#include "virqbjnote.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.engine_note");

/* So long a start waits for it, and the end of a job. */
#define QBJ_ENGINE_NOTE_START_MS 2000
#define QBJ_ENGINE_NOTE_END_MS 10000

char *
qbjEngineNotePath(virDomainObj *vm, const char *target)
{
    char uuid[VIR_UUID_STRING_BUFLEN];
    const char *c;

    for (c = target; g_ascii_isalnum(*c); c++) {
    }
    if (*c || c == target || c - target > 64)
        return NULL;
    virUUIDFormat(vm->def->uuid, uuid);
    return g_strdup_printf("%s/.qbj-%s-%s.job", QBJ_DOMAIN_PRIVATE(vm)->driver->conf->configDir, uuid, target);
}

/* The file that the job has made for its copy, with its identity; NULL: none. */
static const qbjStep *
qbjEngineNoteMade(const virQbjJob *job)
{
    GPtrArray *steps = job->spec->phase[QBJ_PHASE_PREPARE];
    size_t i;

    for (i = 0; i < steps->len; i++) {
        const qbjStep *step = g_ptr_array_index(steps, i);

        if (step->undo && step->undo->type == QBJ_STEP_UNLINK && step->undo->identity)
            return step->undo;
    }
    return NULL;
}

static bool
qbjEngineNoteWanted(const virQbjJob *job)
{
    return qbjEngineNoteMade(job) || job->spec->phase[QBJ_PHASE_UNLINK]->len > 0;
}

/* Files that the end of a commit deletes: they are in the chain now. */
static virQbjNote *
qbjEngineNoteOfCommit(virDomainDiskDef *disk, const virQbjJob *job)
{
    GPtrArray *steps = job->spec->phase[QBJ_PHASE_UNLINK];
    const virStorageSource *source = qbjEngineJobKind(job) == QBJ_KIND_A ? qbjEngineChangeTarget(disk, job) : disk->src;
    g_autoptr(virQbjNote) note = NULL;
    size_t i;

    if (!source || !virStorageSourceIsLocalStorage(source) || !source->path)
        return NULL;
    note = virQbjNoteNew(source->path);
    for (i = 0; i < steps->len; i++) {
        const qbjStep *step = g_ptr_array_index(steps, i);
        g_autofree char *identity = step->image->path ? qbjHostTargetIdentify(step->image->path) : NULL;

        if (identity)
            virQbjNoteAdd(note, step->image->path, identity);
    }
    return g_steal_pointer(&note);
}

static virQbjNote *
qbjEngineNoteOfCopy(virDomainDiskDef *disk, const qbjStep *made)
{
    g_autofree char *now = qbjHostTargetIdentify(made->image->path);
    virQbjNote *note;

    /* without the time of its birth it could be another one by then */
    if (STRNEQ_NULLABLE(now, made->identity) || !virStorageSourceIsLocalStorage(disk->src) || !disk->src->path)
        return NULL;
    note = virQbjNoteNew(disk->src->path);
    virQbjNoteAdd(note, made->image->path, made->identity);
    return note;
}

static char *
qbjEngineNoteText(virDomainObj *vm, const virQbjJob *job)
{
    virDomainDiskDef *disk = qbjEngineChangeDisk(vm, job);
    const qbjStep *made = qbjEngineNoteMade(job);
    g_autoptr(virQbjNote) note = NULL;

    if (!disk || !vm->newDef)           /* nothing would say whether it may be removed */
        return NULL;
    note = made ? qbjEngineNoteOfCopy(disk, made) : qbjEngineNoteOfCommit(disk, job);
    return note && note->files->len > 0 ? virQbjNoteFormat(note) : NULL;
}

static void
qbjEngineNoteWarn(virDomainObj *vm, const char *path)
{
    VIR_WARN("vm=%s: '%s': %s", vm->def->name, path, virGetLastErrorMessage());
    virResetLastError();
}

void
qbjEngineNoteKeep(virDomainObj *vm, const virQbjJob *job)
{
    g_autofree char *path = NULL;
    g_autofree char *text = NULL;
    int rc;

    if (!qbjEngineNoteWanted(job) || !(path = qbjEngineNotePath(vm, job->spec->disk)) ||
        !(text = qbjEngineNoteText(vm, job))) {
        virResetLastError();
        return;
    }
    virObjectUnlock(vm);
    rc = qbjHostNoteWrite(path, text, QBJ_ENGINE_NOTE_START_MS);
    virObjectLock(vm);
    if (rc < 0)
        qbjEngineNoteWarn(vm, path);
}

int
qbjEngineNoteForget(virDomainObj *vm, const virQbjJob *job, bool durable)
{
    g_autofree char *path = qbjEngineNoteWanted(job) ? qbjEngineNotePath(vm, job->spec->disk) : NULL;
    int rc;

    if (!path)
        return 0;
    virObjectUnlock(vm);
    rc = qbjHostNoteRemove(path, durable, QBJ_ENGINE_NOTE_END_MS);
    if (rc < 0 && !durable && virGetLastErrorCode() != VIR_ERR_OPERATION_TIMEOUT)
        rc = qbjHostNoteRemove(path, durable, QBJ_ENGINE_NOTE_END_MS);     /* nobody comes back to it */
    virObjectLock(vm);
    if (rc < 0 && !durable)
        qbjEngineNoteWarn(vm, path);
    return rc;
}
