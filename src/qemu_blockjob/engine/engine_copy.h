/* virDomainBlockCopy: checks, target, plan, start. */
#pragma once

#include "engine_job.h"
#include "spec_copy.h"

/* Checks Y7 to Y28 of behaviour/01 in their order, then starts the job. @req: from the client, its target
 * without node names, and qbjGuardCopyRequest() passed; it is completed here. @vm is locked, the caller holds
 * its MODIFY job; the lock is dropped while storage or QEMU are looked at.
 * Returns 0 when QEMU accepted the job, -1 with an error reported and nothing changed. */
int qbjEngineCopy(virDomainObj *vm, const char *disk, qbjCopyRequest *req);

/* What a copy's target and the overlay of a snapshot have in common; each returns 0, -1 with an error
 * reported. */

/* @req->target is no image of any disk of @def (01/Y27). No lock may be held, but a job, which keeps @def. */
int qbjEngineCopyCheckImages(const virDomainDef *def, const qbjCopyRequest *req);

/* Fills @req->source, as QEMU says it of @disk. @vm is locked; the lock is dropped meanwhile. */
int qbjEngineCopyAskSource(virDomainObj *vm, const virDomainDiskDef *disk, qbjCopyRequest *req);

/* Gives @image its node names, and what it takes over from @disk. @active: the guest will write into it. */
void qbjEngineCopySetImage(virDomainObj *vm, const virDomainDiskDef *disk, virStorageSource *image, bool active);

/* Fetches what @req->target needs into @secrets (qbjHostSecretsNew()). @libDir: the VM's. No lock may be
 * held. */
int qbjEngineCopySecrets(const qbjCopyRequest *req, const char *libDir, GHashTable *secrets);

/* Gives them to the steps of @spec, for QEMU alone: no record has them. */
int qbjEngineCopyGiveSecrets(qbjSpec *spec, GHashTable *secrets);
