/* The snapshots of a domain, vm->snapshots, and the files that keep them: snapshotDir/DOMAIN/NAME.xml, in the
 * form of the stock driver.
 *
 * The list is guarded by the domain's lock, and changed only by whoever holds its job. The functions that
 * save or remove a file drop the lock meanwhile. A file is always as it was or as it is to be, whatever
 * happens; the list is changed when the file is. */
#pragma once

#include "domain_private.h"
#include "host_save.h"
#include "snapshot_conf.h"
#include "virdomainsnapshotobjlist.h"

/* What libvirt's protocol carries in one list of names, and in one text. */
#define QBJ_MOMENT_LIST_MAX 16384
#define QBJ_MOMENT_TEXT_MAX (4 * 1024 * 1024 - 1024)

/* The snapshot @name; NULL with VIR_ERR_NO_DOMAIN_SNAPSHOT reported. */
virDomainMomentObj *qbjMomentListFind(virDomainObj *vm, const char *name);

/* The folder of @vm's metadata, and the file of one; to be freed. NULL for a domain that has no folder of its
 * own, because its name is "." or "..". */
char *qbjMomentListFolder(virDomainObj *vm);
char *qbjMomentListPath(virDomainObj *vm, const char *name);

/* Whether @def's metadata can be kept: a name that a file can have and that neither another snapshot nor a
 * file of another one has (@old, or NULL, is replaced), and room in the list. -1 with an error reported:
 *   VIR_ERR_XML_DETAIL          the name
 *   VIR_ERR_OPERATION_FAILED    "domain moment NAME already exists"
 *   VIR_ERR_OPERATION_INVALID   there is a file of that name, which cannot be read; too many snapshots */
int qbjMomentListCheck(virDomainObj *vm, virDomainSnapshotDef *def, virDomainMomentObj *old);

/* What the file of @def would hold; to be freed. @current: it is the one that the domain is based on. NULL
 * with an error reported: VIR_ERR_CONFIG_UNSUPPORTED when it is too long. */
char *qbjMomentListText(virDomainObj *vm, virDomainSnapshotDef *def, bool current);

/* Writes the file of @def durably, and its folder if need be. */
int qbjMomentListWrite(virDomainObj *vm, virDomainSnapshotDef *def, bool current);

/* The same for one of the list, as it is. */
int qbjMomentListSave(virDomainObj *vm, virDomainMomentObj *snap);

/* Gives @def, which is planned, copies of the two definitions of @vm as they are, if it has none yet. Returns
 * 0, -1 with an error reported. */
int qbjMomentListDefinitions(virDomainObj *vm, virDomainSnapshotDef *def);

/* The list has @def, which is taken over, below its parent. NULL with an error reported. */
virDomainMomentObj *qbjMomentListAdd(virDomainObj *vm, virDomainSnapshotDef **def);

/* The same when @def's file has been written as that of the current one: it is current whatever becomes of
 * the former one's file, for the later one of two is right. @former: as below. Returns 0, -1 with an error
 * reported: it is not in the list. */
int qbjMomentListAddCurrent(virDomainObj *vm, virDomainSnapshotDef **def, qbjHostSave *former);

/* Makes @snap, or none when it is NULL, the one that the domain is based on. Its file is written before
 * that of the one that was it; a daemon that finds two takes the right one (moment_load.h). */
int qbjMomentListSetCurrent(virDomainObj *vm, virDomainMomentObj *snap);

/* The same when @snap's file has been written as that of the current one already. @former: what was prepared
 * for the one that was it, and is only renamed now; NULL: nothing was. */
int qbjMomentListTakeCurrent(virDomainObj *vm, virDomainMomentObj *snap, qbjHostSave *former);

/* The same when that fails or is not tried: the list says so, and the mark in the file of the one that was it
 * goes with the next change of this kind. */
void qbjMomentListForceCurrent(virDomainObj *vm, virDomainMomentObj *snap);

/* The file of @snap, which is not the current one, says that it is: that goes likewise. */
void qbjMomentListMarked(virDomainObj *vm, const virDomainMomentObj *snap);

/* Removes the file of @snap, then @snap itself, which has no children any more. The folder goes with the last
 * one. Whoever was based on it is based on none. Returns 0, also when the file had gone; -1 with an error
 * reported: it is still there. */
int qbjMomentListRemove(virDomainObj *vm, virDomainMomentObj *snap);

/* Removes @folder, without locks; one that holds something stays. */
void qbjMomentListRemoveFolder(const char *folder);

/* Removes all of them, and the folder unless there is something else in it. -1 with an error reported: some
 * are still there. */
int qbjMomentListForget(virDomainObj *vm);

/* The folder follows the domain to its new name; what is there makes it fail. Returns 1, 0: there is none, -1
 * with an error reported. */
int qbjMomentListRename(virDomainObj *vm, const char *oldName, const char *newName);
