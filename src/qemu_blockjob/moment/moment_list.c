#include <config.h>

#include <stdio.h>
#include <unistd.h>

#include "internal.h"
#include "moment_list.h"
#include "host_save.h"
#include "virerror.h"
#include "virfile.h"
#include "virqbjxml.h"
#include "virlog.h"
#include "virstring.h"
#include "viruuid.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.moment_list");

#define QBJ_MOMENT_FILE_WARNING \
    "<!--\n" \
    "WARNING: THIS IS AN AUTO-GENERATED FILE. CHANGES TO IT ARE LIKELY TO BE\n" \
    "OVERWRITTEN AND LOST. Changes to this xml configuration should be made using:\n" \
    "  virsh snapshot-edit\n" \
    "or other application using the libvirt API.\n" \
    "-->\n\n%s"

virDomainMomentObj *
qbjMomentListFind(virDomainObj *vm, const char *name)
{
    virDomainMomentObj *snap = virDomainSnapshotFindByName(vm->snapshots, name);

    if (!snap)
        virReportError(VIR_ERR_NO_DOMAIN_SNAPSHOT, _("no domain snapshot with matching name '%s'"), name);
    return snap;
}

/* --- names --- */

static char *
qbjMomentListFolderOf(virDomainObj *vm, const char *name)
{
    if (STREQ(name, ".") || STREQ(name, ".."))
        return NULL;
    return g_build_filename(QBJ_DOMAIN_PRIVATE(vm)->driver->conf->snapshotDir, name, NULL);
}

char *
qbjMomentListFolder(virDomainObj *vm)
{
    return qbjMomentListFolderOf(vm, vm->def->name);
}

char *
qbjMomentListPath(virDomainObj *vm, const char *name)
{
    g_autofree char *folder = qbjMomentListFolder(vm);

    return folder ? g_strdup_printf("%s/%s.xml", folder, name) : NULL;
}

static int
qbjMomentListCheckName(virDomainObj *vm, const char *name)
{
    if (!virQbjXMLCanHold(name)) {
        virReportError(VIR_ERR_XML_DETAIL, "%s", _("invalid snapshot name: it has control characters"));
        return -1;
    }
    if (strchr(name, '/')) {
        virReportError(VIR_ERR_XML_DETAIL, _("invalid snapshot name '%s': name can't contain '/'"), name);
        return -1;
    }
    if (name[0] == '.') {
        virReportError(VIR_ERR_XML_DETAIL, _("invalid snapshot name '%s': name can't start with '.'"), name);
        return -1;
    }
    if (strlen(name) + strlen(".xml") > NAME_MAX) {
        virReportError(VIR_ERR_XML_DETAIL, _("invalid snapshot name '%s': name is too long"), name);
        return -1;
    }
    if (STRNEQ(vm->def->name, ".") && STRNEQ(vm->def->name, ".."))
        return 0;
    virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("metadata of snapshots of a domain that is named '%s'"),
                   vm->def->name);
    return -1;
}

/* The lock is dropped. */
static int
qbjMomentListCheckFile(virDomainObj *vm, const char *name)
{
    g_autofree char *path = qbjMomentListPath(vm, name);
    bool there;

    virObjectUnlock(vm);
    there = virFileExists(path);
    virObjectLock(vm);
    if (!there)
        return 0;
    virReportError(VIR_ERR_OPERATION_INVALID,
                   _("there is metadata of a snapshot '%s' that could not be read, see the log: '%s'"), name, path);
    return -1;
}

int
qbjMomentListCheck(virDomainObj *vm, virDomainSnapshotDef *def, virDomainMomentObj *old)
{
    virDomainMomentObj *other = virDomainSnapshotFindByName(vm->snapshots, def->parent.name);

    if (qbjMomentListCheckName(vm, def->parent.name) < 0)
        return -1;
    if (other && other == old)
        return 0;
    if (other) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("domain moment %s already exists"), def->parent.name);
        return -1;
    }
    if (virDomainSnapshotObjListNum(vm->snapshots, NULL, 0) >= QBJ_MOMENT_LIST_MAX) {
        virReportError(VIR_ERR_OPERATION_INVALID, _("domain '%s' has %d snapshots, the limit"), vm->def->name,
                       QBJ_MOMENT_LIST_MAX);
        return -1;
    }
    return qbjMomentListCheckFile(vm, def->parent.name);
}

/* --- files --- */

int
qbjMomentListDefinitions(virDomainObj *vm, virDomainSnapshotDef *def)
{
    virDomainXMLOption *xmlopt = QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt;

    if (!def->parent.dom && !(def->parent.dom = virDomainDefCopy(vm->def, xmlopt, NULL, true)))
        return -1;
    if (vm->newDef && !def->parent.inactiveDom &&
        !(def->parent.inactiveDom = virDomainDefCopy(vm->newDef, xmlopt, NULL, true)))
        return -1;
    return 0;
}

char *
qbjMomentListText(virDomainObj *vm, virDomainSnapshotDef *def, bool current)
{
    char uuid[VIR_UUID_STRING_BUFLEN];
    unsigned int flags = VIR_DOMAIN_SNAPSHOT_FORMAT_SECURE | VIR_DOMAIN_SNAPSHOT_FORMAT_INTERNAL;
    g_autofree char *xml = NULL;

    if (current)
        flags |= VIR_DOMAIN_SNAPSHOT_FORMAT_CURRENT;
    virUUIDFormat(vm->def->uuid, uuid);
    if (!(xml = virDomainSnapshotDefFormat(uuid, def, QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt, flags)))
        return NULL;
    if (strlen(xml) > QBJ_MOMENT_TEXT_MAX) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("the metadata of snapshot '%s' have %zu bytes, the limit is %d"),
                       def->parent.name, strlen(xml), QBJ_MOMENT_TEXT_MAX);
        return NULL;
    }
    return g_strdup_printf(QBJ_MOMENT_FILE_WARNING, xml);
}

int
qbjMomentListWrite(virDomainObj *vm, virDomainSnapshotDef *def, bool current)
{
    g_autofree char *folder = qbjMomentListFolder(vm);
    g_autofree char *path = qbjMomentListPath(vm, def->parent.name);
    g_autofree char *text = qbjMomentListText(vm, def, current);
    int rc = -1;

    if (!text)
        return -1;
    virObjectUnlock(vm);
    if (qbjHostSaveMakeFolder(folder) == 0)
        rc = qbjHostSaveFile(path, text, 0600);
    virObjectLock(vm);
    return rc;
}

int
qbjMomentListSave(virDomainObj *vm, virDomainMomentObj *snap)
{
    return qbjMomentListWrite(vm, virDomainSnapshotObjGetDef(snap),
                              snap == virDomainSnapshotGetCurrent(vm->snapshots));
}

void
qbjMomentListMarked(virDomainObj *vm, const virDomainMomentObj *snap)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (!g_slist_find_custom(priv->marked, snap->def->name, (GCompareFunc) g_strcmp0))
        priv->marked = g_slist_prepend(priv->marked, g_strdup(snap->def->name));
}

static int
qbjMomentListUnmark(virDomainObj *vm, const virDomainMomentObj *current)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    while (priv->marked) {
        virDomainMomentObj *snap = virDomainSnapshotFindByName(vm->snapshots, priv->marked->data);

        if (snap && snap != current && qbjMomentListWrite(vm, virDomainSnapshotObjGetDef(snap), false) < 0)
            return -1;
        g_free(priv->marked->data);
        priv->marked = g_slist_delete_link(priv->marked, priv->marked);
    }
    return 0;
}

void
qbjMomentListForceCurrent(virDomainObj *vm, virDomainMomentObj *snap)
{
    virDomainMomentObj *before = virDomainSnapshotGetCurrent(vm->snapshots);

    if (before && before != snap)
        qbjMomentListMarked(vm, before);
    virDomainSnapshotSetCurrent(vm->snapshots, snap);
}

/* Not synced: of two that say that they are it moment_load.h finds the right one. */
static int
qbjMomentListPut(virDomainObj *vm, qbjHostSave *save)
{
    int rc;

    virObjectUnlock(vm);
    rc = qbjHostSaveRename(save);
    virObjectLock(vm);
    return rc;
}

int
qbjMomentListTakeCurrent(virDomainObj *vm, virDomainMomentObj *snap, qbjHostSave *former)
{
    virDomainMomentObj *before = virDomainSnapshotGetCurrent(vm->snapshots);

    if (before && before != snap &&
        (former ? qbjMomentListPut(vm, former) :
                  qbjMomentListWrite(vm, virDomainSnapshotObjGetDef(before), false)) < 0)
        return -1;
    if (qbjMomentListUnmark(vm, snap) < 0)
        return -1;
    virDomainSnapshotSetCurrent(vm->snapshots, snap);
    return 0;
}

int
qbjMomentListSetCurrent(virDomainObj *vm, virDomainMomentObj *snap)
{
    if (snap && qbjMomentListWrite(vm, virDomainSnapshotObjGetDef(snap), true) < 0)
        return -1;
    return qbjMomentListTakeCurrent(vm, snap, NULL);
}

virDomainMomentObj *
qbjMomentListAdd(virDomainObj *vm, virDomainSnapshotDef **def)
{
    virDomainMomentObj *snap = virDomainSnapshotAssignDef(vm->snapshots, def);

    if (snap)
        virDomainSnapshotLinkParent(vm->snapshots, snap);
    return snap;
}

int
qbjMomentListAddCurrent(virDomainObj *vm, virDomainSnapshotDef **def, qbjHostSave *former)
{
    virDomainMomentObj *snap = qbjMomentListAdd(vm, def);

    if (!snap)
        return -1;
    if (qbjMomentListTakeCurrent(vm, snap, former) < 0) {
        qbjMomentListForceCurrent(vm, snap);
        virResetLastError();            /* logged: the later one of two is right */
    }
    return 0;
}

/* Without locks. What is not there is fine. */
static int
qbjMomentListUnlink(const char *path)
{
    if (unlink(path) == 0 || errno == ENOENT)
        return 0;
    virReportSystemError(errno, _("cannot remove '%s'"), path);
    return -1;
}

void
qbjMomentListRemoveFolder(const char *folder)
{
    if (rmdir(folder) < 0 && errno != ENOENT && errno != ENOTEMPTY && errno != EEXIST)
        VIR_WARN("cannot remove the folder '%s': %s", folder, g_strerror(errno));
}

int
qbjMomentListRemove(virDomainObj *vm, virDomainMomentObj *snap)
{
    g_autofree char *folder = qbjMomentListFolder(vm);
    g_autofree char *path = qbjMomentListPath(vm, snap->def->name);
    bool last = virDomainSnapshotObjListNum(vm->snapshots, NULL, 0) == 1;
    int rc;

    virObjectUnlock(vm);
    rc = qbjMomentListUnlink(path);
    if (rc == 0 && last)
        qbjMomentListRemoveFolder(folder);
    virObjectLock(vm);
    if (rc < 0)
        return -1;
    if (snap == virDomainSnapshotGetCurrent(vm->snapshots))
        virDomainSnapshotSetCurrent(vm->snapshots, NULL);
    if (snap->parent)
        virDomainMomentDropParent(snap);
    virDomainSnapshotObjListRemove(vm->snapshots, snap);
    return 0;
}

/* --- all of them --- */

static int
qbjMomentListAddPath(void *payload, const char *name G_GNUC_UNUSED, void *opaque)
{
    virDomainMomentObj *snap = payload;
    GPtrArray *names = opaque;

    g_ptr_array_add(names, g_strdup(snap->def->name));
    return 0;
}

int
qbjMomentListForget(virDomainObj *vm)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *folder = qbjMomentListFolder(vm);
    int rc = 0;
    size_t i;

    virDomainSnapshotForEach(vm->snapshots, qbjMomentListAddPath, names);
    if (!folder || names->len == 0)
        return 0;
    virObjectUnlock(vm);
    for (i = 0; i < names->len && rc == 0; i++) {
        g_autofree char *path = g_strdup_printf("%s/%s.xml", folder, (const char *) g_ptr_array_index(names, i));

        rc = qbjMomentListUnlink(path);
    }
    if (rc == 0)
        qbjMomentListRemoveFolder(folder);
    virObjectLock(vm);
    if (rc == 0)
        virDomainSnapshotObjListRemoveAll(vm->snapshots);
    return rc;
}

int
qbjMomentListRename(virDomainObj *vm, const char *oldName, const char *newName)
{
    g_autofree char *from = qbjMomentListFolderOf(vm, oldName);
    g_autofree char *to = qbjMomentListFolderOf(vm, newName);

    if (!from || !virFileExists(from))
        return 0;
    if (!to) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, _("metadata of snapshots of a domain that is named '%s'"),
                       newName);
        return -1;
    }
    if (rename(from, to) < 0) {
        virReportSystemError(errno, _("cannot rename the folder '%s' to '%s'"), from, to);
        return -1;
    }
    if (qbjHostSaveSyncFolder(QBJ_DOMAIN_PRIVATE(vm)->driver->conf->snapshotDir) < 0)
        virResetLastError();        /* logged: it has its name, and only a crash of the host could tell */
    return 1;
}
