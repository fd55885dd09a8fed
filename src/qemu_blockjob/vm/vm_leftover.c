#include <config.h>

#include <unistd.h>

#include "internal.h"
#include "vm_leftover.h"
#include "engine_note.h"
#include "host_chain.h"
#include "host_note.h"
#include "host_target.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virqbjnote.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_leftover");

#define QBJ_VM_LEFTOVER_MS 2000

/* What one disk's note may let go, and the note itself. */
typedef struct _qbjVmLeftover qbjVmLeftover;
struct _qbjVmLeftover {
    char *path;
    virQbjNote *note;
};

static void
qbjVmLeftoverFree(void *opaque)
{
    qbjVmLeftover *left = opaque;

    g_free(left->path);
    virQbjNoteFree(left->note);
    g_free(left);
}

/* Whether the persistent definition has decided as the note asks for. */
static bool
qbjVmLeftoverDecided(virDomainDef *def, const char *target, const virQbjNote *note)
{
    virDomainDiskDef *disk = virDomainDiskByTarget(def, target);

    return disk && virStorageSourceIsLocalStorage(disk->src) && STREQ_NULLABLE(disk->src->path, note->source);
}

/* The notes of @def's disks. One that decides nothing, or cannot be read, has no files. */
static GPtrArray *
qbjVmLeftoverRead(virDomainObj *vm, virDomainDef *def)
{
    GPtrArray *notes = g_ptr_array_new_with_free_func(qbjVmLeftoverFree);
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        g_autofree char *path = qbjEngineNotePath(vm, def->disks[i]->dst);
        g_autofree char *text = path ? qbjHostNoteRead(path, VIR_QBJ_NOTE_MAX_SIZE) : NULL;
        qbjVmLeftover *left;

        if (!text)
            continue;
        left = g_new0(qbjVmLeftover, 1);
        left->path = g_steal_pointer(&path);
        if (!(left->note = virQbjNoteParse(text))) {
            VIR_WARN("vm=%s: '%s' says nothing: %s", vm->def->name, left->path, virGetLastErrorMessage());
            virResetLastError();
        } else if (!qbjVmLeftoverDecided(def, def->disks[i]->dst, left->note)) {
            g_clear_pointer(&left->note, virQbjNoteFree);
        }
        g_ptr_array_add(notes, left);
    }
    return notes;
}

static void
qbjVmLeftoverSources(GPtrArray *sources, const virDomainDef *def)
{
    size_t i;

    for (i = 0; def && i < def->ndisks; i++) {
        const virDomainDiskDef *disk = def->disks[i];

        if (!virStorageSourceIsEmpty(disk->src))
            g_ptr_array_add(sources, virStorageSourceCopy(disk->src, true));
        if (disk->mirror)
            g_ptr_array_add(sources, virStorageSourceCopy(disk->mirror, true));
    }
}

/* Copies of every chain of every domain, as far as the definitions state them. */
static GPtrArray *
qbjVmLeftoverAllSources(qbjDriver *driver)
{
    GPtrArray *sources = g_ptr_array_new_with_free_func(virObjectUnref);
    virDomainObj **vms = NULL;
    size_t nvms = 0;
    size_t i;

    virDomainObjListCollectAll(driver->domains, &vms, &nvms);
    for (i = 0; i < nvms; i++) {
        VIR_LOCK_GUARD lock = virObjectLockGuard(vms[i]);

        qbjVmLeftoverSources(sources, vms[i]->def);
        qbjVmLeftoverSources(sources, vms[i]->newDef);
    }
    virObjectListFreeCount(vms, nvms);
    return sources;
}

/* Whether an image of the chain @top is the file. */
static bool
qbjVmLeftoverHas(virStorageSource *top, const char *path, const char *identity)
{
    const virStorageSource *src;

    for (src = top; virStorageSourceIsBacking(src); src = src->backingStore) {
        g_autofree char *now = NULL;

        if (!virStorageSourceIsLocalStorage(src) || !src->path)
            continue;
        now = qbjHostTargetIdentify(src->path);
        if (STREQ(src->path, path) || STREQ_NULLABLE(now, identity))
            return true;
    }
    return false;
}

/* The same of all chains, completed by what the headers say. Returns 1 or 0; -1 with an error reported. */
static int
qbjVmLeftoverIsNamed(GPtrArray *sources, const virQbjConf *conf, const char *path, const char *identity)
{
    size_t i;

    for (i = 0; i < sources->len; i++) {
        virStorageSource *top = g_ptr_array_index(sources, i);

        if (qbjVmLeftoverHas(top, path, identity))
            return 1;
        /* an image that is not there names nothing */
        if (virStorageSourceIsLocalStorage(top) && top->path && access(top->path, F_OK) < 0 && errno == ENOENT)
            continue;
        if (qbjHostChainProbe(top, "", conf->user, conf->group) < 0)
            return -1;
        if (qbjVmLeftoverHas(top, path, identity))
            return 1;
    }
    return 0;
}

/* Returns false when it cannot be found out now. */
static bool
qbjVmLeftoverRemove(const char *name, const virQbjNoteFile *file, GPtrArray *sources, const virQbjConf *conf)
{
    g_autofree char *now = qbjHostTargetIdentify(file->path);
    int named;

    if (STRNEQ_NULLABLE(now, file->identity))
        return true;                            /* has gone, or is another one */
    if ((named = qbjVmLeftoverIsNamed(sources, conf, file->path, file->identity)) < 0) {
        VIR_WARN("vm=%s: '%s' of an earlier block job stays: %s", name, file->path, virGetLastErrorMessage());
        virResetLastError();
        return false;
    }
    if (named == 1)
        return true;
    if (qbjHostTargetIsInUse(file->path)) {
        VIR_WARN("vm=%s: '%s' of an earlier block job stays: it is in use", name, file->path);
        return true;
    }
    if (qbjHostTargetWrittenSinceBoot(file->path)) {
        VIR_WARN("vm=%s: '%s' of an earlier block job stays: it was written after the host had crashed", name,
                 file->path);
        return true;
    }
    if (qbjHostTargetRemove(file->path, file->identity) < 0) {
        VIR_WARN("vm=%s: %s", name, virGetLastErrorMessage());
        virResetLastError();
        return true;
    }
    VIR_INFO("vm=%s: removed '%s', which a block job had left when the host crashed", name, file->path);
    return true;
}

/* Without any domain's lock. */
static void
qbjVmLeftoverCleanOne(qbjDriver *driver, const char *name, const qbjVmLeftover *left)
{
    g_autoptr(GPtrArray) sources = NULL;
    bool known = true;
    size_t i;

    if (left->note)
        sources = qbjVmLeftoverAllSources(driver);
    for (i = 0; left->note && i < left->note->files->len; i++)
        known &= qbjVmLeftoverRemove(name, g_ptr_array_index(left->note->files, i), sources, driver->conf);
    if (known && qbjHostNoteRemove(left->path, true, QBJ_VM_LEFTOVER_MS) < 0) {
        VIR_WARN("vm=%s: %s", name, virGetLastErrorMessage());
        virResetLastError();
    }
}

void
qbjVmLeftoverClean(virDomainObj *vm)
{
    qbjDriver *driver = QBJ_DOMAIN_PRIVATE(vm)->driver;
    g_autofree char *name = g_strdup(vm->def->name);
    g_autoptr(GPtrArray) notes = NULL;
    size_t i;

    if (!vm->newDef)                    /* a transient one has no notes */
        return;
    notes = qbjVmLeftoverRead(vm, vm->newDef);
    if (notes->len == 0)
        return;
    virObjectUnlock(vm);
    for (i = 0; i < notes->len; i++)
        qbjVmLeftoverCleanOne(driver, name, g_ptr_array_index(notes, i));
    virObjectLock(vm);
}

void
qbjVmLeftoverForget(virDomainObj *vm, const virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        g_autofree char *path = qbjEngineNotePath(vm, def->disks[i]->dst);

        if (!path || !virFileExists(path))
            continue;
        virObjectUnlock(vm);
        if (qbjHostNoteRemove(path, false, QBJ_VM_LEFTOVER_MS) < 0)
            VIR_WARN("'%s' stays: %s", path, virGetLastErrorMessage());
        virObjectLock(vm);
        virResetLastError();
    }
}
