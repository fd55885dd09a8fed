#include <config.h>

#include "internal.h"
#include "moment_load.h"
#include "moment_apply.h"
#include "moment_list.h"
#include "moment_offline.h"
#include "moment_revertsettle.h"
#include "host_save.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.moment_load");

#define QBJ_MOMENT_LOAD_FLAGS (VIR_DOMAIN_SNAPSHOT_PARSE_REDEFINE | VIR_DOMAIN_SNAPSHOT_PARSE_INTERNAL)

static int
qbjMomentLoadCheck(virDomainObj *vm, const virDomainSnapshotDef *def, const char *file)
{
    g_autofree char *wanted = g_strdup_printf("%s.xml", def->parent.name);

    if (STRNEQ(wanted, file)) {
        virReportError(VIR_ERR_XML_ERROR, _("it is of a snapshot '%s'"), def->parent.name);
        return -1;
    }
    if (def->parent.dom && memcmp(def->parent.dom->uuid, vm->def->uuid, VIR_UUID_BUFLEN) != 0) {
        virReportError(VIR_ERR_XML_ERROR, "%s", _("it is of a domain with another UUID"));
        return -1;
    }
    return 0;
}

/* The image that a domain based on @snap has for that disk: the overlay, or the one that the state is in.
 * NULL: the snapshot does not tell. */
static const virStorageSource *
qbjMomentLoadImage(const virDomainSnapshotDef *def, const virDomainSnapshotDiskDef *part)
{
    const virDomainDiskDef *disk;

    if (part->snapshot == VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL)
        return part->src;
    if (part->snapshot != VIR_DOMAIN_SNAPSHOT_LOCATION_INTERNAL || !def->parent.dom)
        return NULL;
    disk = virDomainDiskByTarget(def->parent.dom, part->name);
    return disk ? disk->src : NULL;
}

/* Whether the next start of the domain is on the images of @snap: nothing tells better what it is based on.
 * A snapshot without any decides nothing. */
static virTristateBool
qbjMomentLoadIsOn(virDomainObj *vm, virDomainMomentObj *snap)
{
    const virDomainSnapshotDef *def = virDomainSnapshotObjGetDef(snap);
    virTristateBool on = VIR_TRISTATE_BOOL_ABSENT;
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        const virStorageSource *image = qbjMomentLoadImage(def, &def->disks[i]);
        const virDomainDiskDef *disk = virDomainDiskByTarget(vm->newDef ? vm->newDef : vm->def, def->disks[i].name);

        if (!image)
            continue;
        if (!disk || STRNEQ_NULLABLE(disk->src->path, image->path))
            return VIR_TRISTATE_BOOL_NO;
        on = VIR_TRISTATE_BOOL_YES;
    }
    return on;
}

/* Whether @snap, which says so, is the one that the domain is based on, although @other says so, too. */
static bool
qbjMomentLoadIsLater(virDomainObj *vm, virDomainMomentObj *snap, virDomainMomentObj *other)
{
    virTristateBool on = qbjMomentLoadIsOn(vm, snap);
    virTristateBool otherOn = qbjMomentLoadIsOn(vm, other);

    if (on && otherOn && on != otherOn)
        return on == VIR_TRISTATE_BOOL_YES;
    if (STREQ_NULLABLE(other->def->parent_name, snap->def->name))
        return false;
    return STREQ_NULLABLE(snap->def->parent_name, other->def->name) ||
           snap->def->creationTime > other->def->creationTime;
}

static void
qbjMomentLoadCurrent(virDomainObj *vm, virDomainMomentObj *snap)
{
    virDomainMomentObj *other = virDomainSnapshotGetCurrent(vm->snapshots);

    if (!other) {
        virDomainSnapshotSetCurrent(vm->snapshots, snap);
        return;
    }
    VIR_WARN("Domain '%s' has two current snapshots, '%s' and '%s'", vm->def->name, other->def->name, snap->def->name);
    if (qbjMomentLoadIsLater(vm, snap, other))
        qbjMomentListForceCurrent(vm, snap);
    else
        qbjMomentListMarked(vm, snap);
}

static int
qbjMomentLoadText(virDomainObj *vm, const char *text, const char *file)
{
    g_autoptr(virDomainSnapshotDef) def = NULL;
    virDomainMomentObj *snap;
    bool current = false;

    def = virDomainSnapshotDefParseString(text, QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt, NULL, &current,
                                          QBJ_MOMENT_LOAD_FLAGS);
    if (!def || qbjMomentLoadCheck(vm, def, file) < 0 || !(snap = virDomainSnapshotAssignDef(vm->snapshots, &def)))
        return -1;
    if (current)
        qbjMomentLoadCurrent(vm, snap);
    return 0;
}

static void
qbjMomentLoadFile(virDomainObj *vm, const char *folder, const char *file)
{
    g_autofree char *path = g_build_filename(folder, file, NULL);
    g_autofree char *text = NULL;

    /* what we write ourselves is no longer, but for the comment and the escapes of what is internal */
    if (virFileReadAll(path, QBJ_MOMENT_TEXT_MAX * 2, &text) >= 0 && qbjMomentLoadText(vm, text, file) == 0)
        return;
    VIR_WARN("Metadata of a snapshot of domain '%s' cannot be read and are left alone: '%s': %s", vm->def->name, path,
             virGetLastErrorMessage());
    virResetLastError();
}

static int
qbjMomentLoadDomain(virDomainObj *vm, void *opaque G_GNUC_UNUSED)
{
    VIR_LOCK_GUARD lock = virObjectLockGuard(vm);
    g_autofree char *folder = qbjMomentListFolder(vm);
    g_autoptr(DIR) entries = NULL;
    struct dirent *entry;

    if (!folder || virDirOpenQuiet(&entries, folder) < 0)
        return 0;
    if (qbjHostSaveRemoveLeftovers(folder) < 0)
        virResetLastError();        /* logged, and harmless */
    while (virDirRead(entries, &entry, folder) > 0) {
        if (entry->d_name[0] != '.' && g_str_has_suffix(entry->d_name, ".xml"))
            qbjMomentLoadFile(vm, folder, entry->d_name);
    }
    if (virDomainSnapshotUpdateRelations(vm->snapshots) < 0) {
        VIR_WARN("Snapshots of domain '%s' name parents that are not there, or each other", vm->def->name);
        virResetLastError();
    }
    return 0;
}

/* What an earlier daemon has left. The snapshots of all domains are known by then. */
static int
qbjMomentLoadRecover(virDomainObj *vm, void *opaque G_GNUC_UNUSED)
{
    VIR_LOCK_GUARD lock = virObjectLockGuard(vm);

    qbjMomentOfflineRecover(vm);
    qbjMomentRevertSettleLoad(vm);
    if (!virDomainObjIsActive(vm) && qbjMomentApplyReady(vm) < 0)
        virResetLastError();        /* logged; asked again before the domain is started */
    return 0;
}

void
qbjMomentLoad(qbjDriver *driver)
{
    virDomainObjListForEach(driver->domains, false, qbjMomentLoadDomain, NULL);
    virDomainObjListForEach(driver->domains, false, qbjMomentLoadRecover, NULL);
}
