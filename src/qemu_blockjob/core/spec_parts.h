/* Parts of which the planners of all block jobs make their specs. Pure. */
#pragma once

#include "domain_conf.h"
#include "virjson.h"
#include "bitmap.h"
#include "spec.h"

/* What names @src to a later daemon. The caller frees. */
qbjImage *qbjSpecImage(const virStorageSource *src);

/* For a plan that cannot be made for a reason that nobody could change; an earlier reason is kept. Always -1,
 * VIR_ERR_INTERNAL_ERROR. */
int qbjSpecNotMade(const qbjSpec *spec, qbjRefusal *refusal);

/* Refuses images without a node name (06/R6.5) and chains of more than 200 layers: -1 with
 * VIR_ERR_OPERATION_UNSUPPORTED in @refusal. */
int qbjSpecCheckChain(const virDomainDiskDef *disk, qbjRefusal *refusal);

/* True for the only node of a chain that is writable when no job runs. */
bool qbjSpecIsWritable(const virDomainDiskDef *disk, const virStorageSource *src);

/* What the header of an image above @src says of its format: an encrypted one without a format of its own
 * must not be taken for a raw one. */
const char *qbjSpecBackingFormat(const virStorageSource *src);

/* What blockdev-reopen of @src says of its backing node: its name, "" when there is none, NULL when nobody
 * knows: then the node was added without saying (02/Q11). Borrowed. */
const char *qbjSpecBackingNode(const virStorageSource *src);

/* What a job does when @written, which it writes, cannot be written (protocol 7). "stop": it is paused,
 * and nothing is lost. "enospc": so only for want of space; for a connection that is lost does not come
 * back, and of a pull nobody learns whether it was reading or writing. @written: NULL for a pull. */
const char *qbjSpecErrorPolicy(const virStorageSource *written);

/* First image of the chain @from whose node has this name; NULL for none, or for @node NULL. */
const virStorageSource *qbjSpecFindImage(const virStorageSource *from, const char *node);

/* Appends a step that reopens @src read-only, which may fail: a node that stays writable is no reason to keep
 * a job from ending. Returns 0, -1 with @refusal set. */
int qbjSpecAddReopen(qbjSpec *spec, qbjSpecPhase phase, const virDomainDiskDef *disk, const virStorageSource *src,
                     const char *backing, qbjRefusal *refusal);

/* The node above the disk's images, of which commits and copies are a job (02/Q4): the copy-on-read filter,
 * which is there for the life of the disk, else the active image. The caller frees. */
char *qbjSpecDevice(const virDomainDiskDef *disk);

/* Appends to the prepare phase: @src gets access rights for writing, and loses them when that is undone. */
void qbjSpecAddRaise(qbjSpec *spec, const virStorageSource *src);

/* Appends to @phase the deletion of both nodes of @src. */
void qbjSpecAddNodesOnlyDelete(qbjSpec *spec, qbjSpecPhase phase, const virStorageSource *src);

/* The same, and of the objects with its passphrase and password (02/Q13). */
void qbjSpecAddNodesDelete(qbjSpec *spec, qbjSpecPhase phase, const virStorageSource *src);

/* Appends to @actions what brings each valid bitmap of @top, from there down to above @stop (NULL: all), into
 * @target (behaviour/20, 2). @added (may be NULL): gets the names of those that @target has not held before,
 * borrowed from @set. Returns 0, -1 with @refusal set. */
int qbjSpecPlanMerges(qbjBitmapSet *set, const virStorageSource *top, const virStorageSource *stop,
                      const virStorageSource *target, virJSONValue *actions, GPtrArray *added, qbjRefusal *refusal);

/* Appends one transaction of *@actions to @steps and steals them; none when there is no action. Returns 0, -1
 * when there is no memory. */
int qbjSpecAddTransaction(GPtrArray *steps, virJSONValue **actions);
