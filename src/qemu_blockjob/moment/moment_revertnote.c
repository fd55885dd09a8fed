#include <config.h>

#include <unistd.h>

#include "internal.h"
#include "moment_revertnote.h"
#include "moment_list.h"
#include "moment_names.h"
#include "moment_undo.h"
#include "host_save.h"
#include "host_target.h"
#include "storage_file/storage_source.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virqbjjson.h"
#include "viruuid.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.moment_revertnote");

#define QBJ_MOMENT_REVERT_NOTE "reverting.json"
#define QBJ_MOMENT_REVERT_NOTE_MAX (1024 * 1024)

/* One image: a fresh overlay, or one without use. */
typedef struct _qbjMomentRevertFile qbjMomentRevertFile;
struct _qbjMomentRevertFile {
    char *target;               /* NULL: without use */
    char *was;
    char *path;
    char *identity;
    char *base;                 /* of a fresh overlay: what it is made over, and its size in bytes */
    unsigned long long capacity;
};

struct _qbjMomentRevertNote {
    char *file;                 /* NULL: the domain's name can have none */
    char *name;                 /* of the snapshot */
    char uuid[VIR_UUID_STRING_BUFLEN];  /* of the domain */
    GPtrArray *files;           /* of qbjMomentRevertFile */
};

static void
qbjMomentRevertFileFree(void *opaque)
{
    qbjMomentRevertFile *file = opaque;

    g_free(file->target);
    g_free(file->was);
    g_free(file->path);
    g_free(file->identity);
    g_free(file->base);
    g_free(file);
}

qbjMomentRevertNote *
qbjMomentRevertNoteNew(virDomainObj *vm, const char *name)
{
    qbjMomentRevertNote *note = g_new0(qbjMomentRevertNote, 1);
    g_autofree char *folder = qbjMomentListFolder(vm);

    note->file = folder ? g_strdup_printf("%s/" QBJ_MOMENT_REVERT_NOTE, folder) : NULL;
    note->name = g_strdup(name);
    virUUIDFormat(vm->def->uuid, note->uuid);
    note->files = g_ptr_array_new_with_free_func(qbjMomentRevertFileFree);
    return note;
}

void
qbjMomentRevertNoteFree(qbjMomentRevertNote *note)
{
    if (!note)
        return;
    g_free(note->file);
    g_free(note->name);
    g_ptr_array_unref(note->files);
    g_free(note);
}

void
qbjMomentRevertNoteAdd(qbjMomentRevertNote *note, const char *target, const char *was, const char *path,
                       const char *identity, const char *base, unsigned long long capacity)
{
    qbjMomentRevertFile *file = g_new0(qbjMomentRevertFile, 1);

    file->target = g_strdup(target);
    file->was = g_strdup(was);
    file->path = g_strdup(path);
    file->identity = g_strdup(identity);
    file->base = g_strdup(base);
    file->capacity = capacity;
    g_ptr_array_add(note->files, file);
}

void
qbjMomentRevertNoteAbandon(qbjMomentRevertNote *note, const char *path)
{
    g_autofree char *identity = qbjHostTargetIdentify(path);

    qbjMomentRevertNoteAdd(note, NULL, NULL, path, identity, NULL, 0);
}

/* --- the file --------------------------------------------------------------------------------------- */

static virJSONValue *
qbjMomentRevertNoteFiles(const qbjMomentRevertNote *note)
{
    g_autoptr(virJSONValue) files = virJSONValueNewArray();
    size_t i;

    for (i = 0; i < note->files->len; i++) {
        const qbjMomentRevertFile *file = g_ptr_array_index(note->files, i);
        g_autoptr(virJSONValue) one = NULL;

        if (virJSONValueObjectAdd(&one, "S:disk", file->target, "S:was", file->was, "s:path", file->path,
                                  "S:identity", file->identity, "S:base", file->base, "P:capacity", file->capacity,
                                  NULL) < 0 ||
            virJSONValueArrayAppend(files, &one) < 0)
            return NULL;
    }
    return g_steal_pointer(&files);
}

int
qbjMomentRevertNoteSave(qbjMomentRevertNote *note)
{
    g_autoptr(virJSONValue) files = NULL;
    g_autoptr(virJSONValue) json = NULL;
    g_autofree char *text = NULL;

    if (!note->file)
        return 0;
    if (!(files = qbjMomentRevertNoteFiles(note)) ||
        virJSONValueObjectAdd(&json, "s:snapshot", note->name, "s:uuid", note->uuid, "a:files", &files, NULL) < 0 ||
        !(text = virJSONValueToString(json, true)))
        return -1;
    return qbjHostSaveFile(note->file, text, 0600);
}

void
qbjMomentRevertNoteDrop(qbjMomentRevertNote *note)
{
    g_autofree char *folder = note && note->file ? g_path_get_dirname(note->file) : NULL;

    if (!folder)
        return;
    if (unlink(note->file) < 0 && errno != ENOENT)
        VIR_WARN("cannot remove '%s': %s", note->file, g_strerror(errno));
    if (qbjHostSaveSyncFolder(folder) == 0)
        return;
    VIR_WARN("'%s' may be there again after a power cut: %s", note->file, virGetLastErrorMessage());
    virResetLastError();
}

static void
qbjMomentRevertNoteParseFile(qbjMomentRevertNote *note, virJSONValue *one)
{
    const char *path = virJSONValueObjectGetString(one, "path");
    unsigned long long capacity = 0;

    ignore_value(virJSONValueObjectGetNumberUlong(one, "capacity", &capacity));
    if (path)
        qbjMomentRevertNoteAdd(note, virJSONValueObjectGetString(one, "disk"), virJSONValueObjectGetString(one, "was"),
                               path, virJSONValueObjectGetString(one, "identity"),
                               virJSONValueObjectGetString(one, "base"), capacity);
}

/* Returns 0; 1: it is of another domain; -1 with an error reported. */
static int
qbjMomentRevertNoteParse(qbjMomentRevertNote *note)
{
    g_autofree char *text = NULL;
    g_autoptr(virJSONValue) json = NULL;
    virJSONValue *files;
    const char *uuid;
    size_t i;

    if (virFileReadAll(note->file, QBJ_MOMENT_REVERT_NOTE_MAX, &text) < 0)
        return -1;
    json = virJSONValueFromString(text);
    note->name = json ? g_strdup(virJSONValueObjectGetString(json, "snapshot")) : NULL;
    if (!note->name || !(files = virJSONValueObjectGetArray(json, "files"))) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("'%s' is no record of a revert"), note->file);
        return -1;
    }
    for (i = 0; i < virQbjJSONArraySize(files); i++)
        qbjMomentRevertNoteParseFile(note, virJSONValueArrayGet(files, i));
    uuid = virJSONValueObjectGetString(json, "uuid");
    return uuid && STRNEQ(uuid, note->uuid) ? 1 : 0;
}

/* Without locks. As above; 1 also: there is none. */
static int
qbjMomentRevertNoteFind(qbjMomentRevertNote *note)
{
    int rc = 1;

    if (!note->file || !virFileExists(note->file))
        return rc;
    if ((rc = qbjMomentRevertNoteParse(note)) == 1) {
        VIR_WARN("'%s' is of another domain: it goes, and its images stay", note->file);
        qbjMomentRevertNoteDrop(note);
    }
    return rc;
}

int
qbjMomentRevertNoteRead(virDomainObj *vm, qbjMomentRevertNote **note)
{
    g_autoptr(qbjMomentRevertNote) found = qbjMomentRevertNoteNew(vm, NULL);
    int rc;

    *note = NULL;
    virObjectUnlock(vm);
    rc = qbjMomentRevertNoteFind(found);
    virObjectLock(vm);
    if (rc == 0)
        *note = g_steal_pointer(&found);
    return rc < 0 ? -1 : 0;
}

const char *
qbjMomentRevertNoteName(const qbjMomentRevertNote *note)
{
    return note->name;
}

/* --- what becomes of the images --------------------------------------------------------------------- */

/* @made: only while it is that image; NULL: whatever it holds. */
static void
qbjMomentRevertFileRemove(const qbjMomentRevertFile *file, const qbjHostFresh *made)
{
    if (!file->identity || (made ? qbjHostTargetRemoveFresh(file->path, file->identity, made) :
                                   qbjHostTargetRemove(file->path, file->identity)) == 0)
        return;
    VIR_WARN("'%s' stays: %s", file->path, virGetLastErrorMessage());
    virResetLastError();
}

void
qbjMomentRevertNoteRemoveMade(qbjMomentRevertNote *note, bool own)
{
    size_t i;

    for (i = 0; i < note->files->len; i++) {
        const qbjMomentRevertFile *file = g_ptr_array_index(note->files, i);
        qbjHostFresh made = { .format = VIR_STORAGE_FILE_QCOW2, .bitmaps = true, .capacity = file->capacity,
                              .backing = file->base };

        if (file->target)
            qbjMomentRevertFileRemove(file, own ? NULL : &made);
    }
}

/* Without locks. @view: NULL: what others have is not known. */
static void
qbjMomentRevertNoteSpareAll(qbjMomentRevertNote *note, qbjMomentUndo *view)
{
    size_t i;

    for (i = note->files->len; i > 0; i--) {
        const qbjMomentRevertFile *file = g_ptr_array_index(note->files, i - 1);

        if (file->target || (view && !qbjMomentUndoForeign(view, file->path) &&
                             !qbjMomentUndoHas(view, file->path, NULL)))
            continue;
        VIR_WARN("'%s', which a revert has abandoned, stays: somebody has it by now, or may have it", file->path);
        g_ptr_array_remove_index(note->files, i - 1);
    }
}

static bool
qbjMomentRevertNoteAbandons(const qbjMomentRevertNote *note)
{
    size_t i;

    for (i = 0; i < note->files->len; i++) {
        if (!((const qbjMomentRevertFile *) g_ptr_array_index(note->files, i))->target)
            return true;
    }
    return false;
}

/* The revert has looked who has what it abandons, but that was some time ago. */
static void
qbjMomentRevertNoteSpare(virDomainObj *vm, qbjMomentRevertNote *note)
{
    g_autoptr(qbjMomentUndo) view = NULL;

    if (!qbjMomentRevertNoteAbandons(note))
        return;
    if (!(view = qbjMomentUndoNew(vm, true))) {
        VIR_WARN("Domain '%s': %s", vm->def->name, virGetLastErrorMessage());
        virResetLastError();
    }
    virObjectUnlock(vm);
    qbjMomentRevertNoteSpareAll(note, view);
    virObjectLock(vm);
}

/* Nobody may have begun to use one meanwhile. */
static void
qbjMomentRevertNoteRemoveAbandoned(virDomainObj *vm, const qbjMomentRevertNote *note)
{
    size_t i;

    for (i = 0; i < note->files->len; i++) {
        const qbjMomentRevertFile *file = g_ptr_array_index(note->files, i);

        if (file->target || qbjMomentNamesForData(vm, file->path))
            continue;
        virObjectUnlock(vm);
        qbjMomentRevertFileRemove(file, NULL);
        virObjectLock(vm);
    }
}

static void
qbjMomentRevertNoteLay(virDomainSnapshotDef *def, const qbjMomentRevertFile *file)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        virDomainSnapshotDiskDef *disk = &def->disks[i];

        if (disk->snapshot != VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL || STRNEQ_NULLABLE(disk->name, file->target))
            continue;
        virObjectUnref(disk->src);
        disk->src = virStorageSourceNew();
        disk->src->type = VIR_STORAGE_TYPE_FILE;
        disk->src->format = VIR_STORAGE_FILE_QCOW2;
        disk->src->path = g_strdup(file->path);
    }
}

int
qbjMomentRevertNoteFinish(virDomainObj *vm, virDomainMomentObj *snap, qbjMomentRevertNote *note)
{
    virDomainSnapshotDef *def = virDomainSnapshotObjGetDef(snap);
    size_t i;

    for (i = 0; i < note->files->len; i++)
        qbjMomentRevertNoteLay(def, g_ptr_array_index(note->files, i));
    if (qbjMomentListSetCurrent(vm, snap) < 0)
        return -1;
    qbjMomentRevertNoteSpare(vm, note);
    qbjMomentRevertNoteRemoveAbandoned(vm, note);
    return 0;
}

bool
qbjMomentRevertNoteIs(virDomainObj *vm, const qbjMomentRevertNote *note, bool fresh)
{
    virDomainDef *def = vm->newDef ? vm->newDef : vm->def;
    bool any = false;
    size_t i;

    for (i = 0; i < note->files->len; i++) {
        const qbjMomentRevertFile *file = g_ptr_array_index(note->files, i);
        const virDomainDiskDef *disk = file->target ? virDomainDiskByTarget(def, file->target) : NULL;

        if (!file->target)
            continue;
        any = true;
        if (STRNEQ(disk ? NULLSTR_EMPTY(disk->src->path) : "", NULLSTR_EMPTY(fresh ? file->path : file->was)) ||
            (!fresh && qbjMomentNames(vm, NULL, file->path)))
            return false;
    }
    return any;
}
