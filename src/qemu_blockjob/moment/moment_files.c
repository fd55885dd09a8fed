#include <config.h>

#include "internal.h"
#include "moment_files.h"
#include "moment_list.h"
#include "moment_settle.h"
#include "domain_save.h"
#include "host_save_within.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* A folder that does not take small files in so long is not one to switch a guest by. */
#define QBJ_MOMENT_FILES_MS 30000
/* What nobody needs any more is not waited for so long. */
#define QBJ_MOMENT_FILES_LEFT_MS 1000

enum {
    QBJ_MOMENT_FILE_CONFIG,
    QBJ_MOMENT_FILE_METADATA,
    QBJ_MOMENT_FILE_FORMER,
    QBJ_MOMENT_FILE_LAST
};

struct _qbjMomentFiles {
    char *path[QBJ_MOMENT_FILE_LAST];
    char *text[QBJ_MOMENT_FILE_LAST];   /* NULL: there is none */
    qbjHostSaveWish wishes[QBJ_MOMENT_FILE_LAST];
    size_t first;                       /* of them that is asked for */
    qbjHostSaveTasks *tasks;            /* NULL: none is under way */
    virDomainDef *newDef;               /* NULL: it does not change */
    bool committed;
};

static int
qbjMomentFilesConfig(virDomainObj *vm, qbjMomentFiles *files)
{
    files->path[QBJ_MOMENT_FILE_CONFIG] = qbjDomainConfigPath(vm);
    if (qbjMomentSettlePersistent(vm, &files->newDef) < 0)
        return -1;
    if (files->newDef && !(files->text[QBJ_MOMENT_FILE_CONFIG] = qbjDomainConfigText(vm, files->newDef)))
        return -1;
    return 0;
}

/* @place: of the file in @files. */
static int
qbjMomentFilesMetadata(virDomainObj *vm, qbjMomentFiles *files, int place, virDomainSnapshotDef *def, bool current)
{
    files->path[place] = qbjMomentListPath(vm, def->parent.name);
    files->text[place] = qbjMomentListText(vm, def, current);
    return files->text[place] ? 0 : -1;
}

/* Of @def and of the one that is current. */
static int
qbjMomentFilesBoth(virDomainObj *vm, qbjMomentFiles *files, virDomainSnapshotDef *def)
{
    virDomainMomentObj *former = virDomainSnapshotGetCurrent(vm->snapshots);

    if (qbjMomentFilesMetadata(vm, files, QBJ_MOMENT_FILE_METADATA, def, true) < 0)
        return -1;
    return former ? qbjMomentFilesMetadata(vm, files, QBJ_MOMENT_FILE_FORMER, virDomainSnapshotObjGetDef(former),
                                           false) : 0;
}

static int
qbjMomentFilesTexts(virDomainObj *vm, qbjMomentFiles *files, virDomainSnapshotDef *def)
{
    if (qbjMomentFilesConfig(vm, files) < 0)
        return -1;
    return qbjMomentSettleRecord(vm)->name ? qbjMomentFilesBoth(vm, files, def) : 0;
}

/* The metadata are written from the persistent definition itself: a copy takes longer than its text. What
 * runs is another text than its copy. */
static int
qbjMomentFilesTextsOf(virDomainObj *vm, qbjMomentFiles *files, virDomainSnapshotDef *def)
{
    virDomainXMLOption *xmlopt = QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt;
    bool borrowed = !def->parent.inactiveDom;
    int rc;

    if (qbjMomentSettleRecord(vm)->name && !def->parent.dom &&
        !(def->parent.dom = virDomainDefCopy(vm->def, xmlopt, NULL, true)))
        return -1;
    if (borrowed)
        def->parent.inactiveDom = vm->newDef;
    rc = qbjMomentFilesTexts(vm, files, def);
    if (borrowed)
        def->parent.inactiveDom = NULL;
    return rc;
}

/* A persistent definition that is replaced becomes the snapshot's when it is: until then that has none, which
 * is as good, for the domain has it. */
static int
qbjMomentFilesList(virDomainObj *vm, const qbjMomentFiles *files, virDomainSnapshotDef **def)
{
    if (!files->text[QBJ_MOMENT_FILE_METADATA])
        return 0;
    if (!files->newDef && qbjMomentListDefinitions(vm, *def) < 0)
        return -1;
    return qbjMomentListAdd(vm, def) ? 0 : -1;
}

/* In debug builds: the metadata are what would be written now. */
static int
qbjMomentFilesCheckText(virDomainObj *vm G_GNUC_UNUSED, const qbjMomentFiles *files G_GNUC_UNUSED,
                        virDomainSnapshotDef *def G_GNUC_UNUSED)
{
#ifdef QBJ_DEBUG_CHECKS
    g_autofree char *text = qbjMomentListText(vm, def, true);

    if (STRNEQ_NULLABLE(text, files->text[QBJ_MOMENT_FILE_METADATA])) {
        virReportError(VIR_ERR_INTERNAL_ERROR, _("metadata '%s' do not read as they were written"), def->parent.name);
        return -1;
    }
#endif
    return 0;
}

/* @vm's persistent definition changes over. */
static int
qbjMomentFilesSwitch(virDomainObj *vm, qbjMomentFiles *files)
{
    const char *name = qbjMomentSettleRecord(vm)->name;
    virDomainMomentObj *snap = name ? virDomainSnapshotFindByName(vm->snapshots, name) : NULL;

    if (files->newDef && snap && !snap->def->inactiveDom)
        snap->def->inactiveDom = g_steal_pointer(&vm->newDef);
    if (files->newDef) {
        virDomainDefFree(vm->newDef);
        vm->newDef = g_steal_pointer(&files->newDef);
    }
    return snap ? qbjMomentFilesCheckText(vm, files, virDomainSnapshotObjGetDef(snap)) : 0;
}

static void
qbjMomentFilesStart(qbjMomentFiles *files, size_t first)
{
    size_t i;

    files->first = first;
    for (i = 0; i < QBJ_MOMENT_FILE_LAST; i++) {
        files->wishes[i].path = files->path[i];
        files->wishes[i].text = files->text[i];
        files->wishes[i].folder = i == QBJ_MOMENT_FILE_METADATA;
    }
    files->tasks = qbjHostSaveWithinBegin(files->wishes + first, QBJ_MOMENT_FILE_LAST - first);
}

qbjMomentFiles *
qbjMomentFilesBegin(virDomainObj *vm, virDomainSnapshotDef **def)
{
    qbjMomentFiles *files = g_new0(qbjMomentFiles, 1);

    if (qbjMomentFilesTextsOf(vm, files, *def) == 0) {
        qbjMomentFilesStart(files, QBJ_MOMENT_FILE_CONFIG);
        if (qbjMomentFilesList(vm, files, def) == 0)
            return files;
    }
    qbjMomentFilesFree(vm, files);
    return NULL;
}

qbjMomentFiles *
qbjMomentFilesBeginMetadata(virDomainObj *vm, virDomainSnapshotDef *def)
{
    qbjMomentFiles *files = g_new0(qbjMomentFiles, 1);

    if (qbjMomentFilesBoth(vm, files, def) < 0) {
        qbjMomentFilesFree(vm, files);
        return NULL;
    }
    qbjMomentFilesStart(files, QBJ_MOMENT_FILE_METADATA);
    return files;
}

/* Without locks. */
static int
qbjMomentFilesRename(qbjMomentFiles *files, int place)
{
    bool renamed;

    return files->wishes[place].save ? qbjHostSaveCommit(files->wishes[place].save, &renamed) : 0;
}

int
qbjMomentFilesWrite(virDomainObj *vm, qbjMomentFiles *files)
{
    int rc;

    virObjectUnlock(vm);
    rc = qbjHostSaveWithinEnd(g_steal_pointer(&files->tasks), files->wishes + files->first, QBJ_MOMENT_FILES_MS);
    virObjectLock(vm);
    return rc;
}

int
qbjMomentFilesCommit(virDomainObj *vm, qbjMomentFiles *files, GPtrArray *overlays)
{
    int rc;

    if (virDomainObjCheckActive(vm) < 0 || qbjMomentFilesSwitch(vm, files) < 0)
        return -1;
    virObjectUnlock(vm);
    rc = qbjMomentOverlaysSync(overlays);
    if (rc == 0)
        rc = qbjMomentFilesRename(files, QBJ_MOMENT_FILE_CONFIG);
    if (rc == 0)
        rc = qbjMomentFilesRename(files, QBJ_MOMENT_FILE_METADATA);
    virObjectLock(vm);
    files->committed = rc == 0;
    return rc;
}

int
qbjMomentFilesCommitMetadata(virDomainObj *vm, qbjMomentFiles *files)
{
    int rc;

    virObjectUnlock(vm);
    rc = qbjMomentFilesRename(files, QBJ_MOMENT_FILE_METADATA);
    virObjectLock(vm);
    files->committed = rc == 0;
    return rc;
}

qbjHostSave *
qbjMomentFilesFormer(qbjMomentFiles *files)
{
    return files->wishes[QBJ_MOMENT_FILE_FORMER].save;
}

/* One that was made for metadata that are not there. */
static void
qbjMomentFilesRemoveFolder(const qbjMomentFiles *files)
{
    const char *path = files->path[QBJ_MOMENT_FILE_METADATA];
    g_autofree char *folder = path ? g_path_get_dirname(path) : NULL;

    if (folder)
        qbjMomentListRemoveFolder(folder);
}

/* The client does not wait until a file system has removed what was replaced; whether the folder is empty can
 * be told only when nothing is left in it. */
static void
qbjMomentFilesLetGo(const qbjMomentFiles *files, qbjHostSave *save)
{
    if (files->committed)
        qbjHostSaveLetGo(save);
    else
        qbjHostSaveFree(save);
}

void
qbjMomentFilesFree(virDomainObj *vm, qbjMomentFiles *files)
{
    virErrorPtr reason;
    size_t i;

    if (!files)
        return;
    virErrorPreserveLast(&reason);
    virObjectUnlock(vm);
    if (files->tasks)
        ignore_value(qbjHostSaveWithinEnd(files->tasks, files->wishes + files->first, QBJ_MOMENT_FILES_LEFT_MS));
    for (i = 0; i < QBJ_MOMENT_FILE_LAST; i++)
        qbjMomentFilesLetGo(files, files->wishes[i].save);
    if (!files->committed)
        qbjMomentFilesRemoveFolder(files);
    virObjectLock(vm);
    for (i = 0; i < QBJ_MOMENT_FILE_LAST; i++) {
        g_free(files->path[i]);
        g_free(files->text[i]);
    }
    virDomainDefFree(files->newDef);
    g_free(files);
    virErrorRestore(&reason);
}
