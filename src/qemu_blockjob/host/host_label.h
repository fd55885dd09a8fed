/* Rights of QEMU on one image, through the security manager. */
#pragma once

#include "domain_conf.h"
#include "security/security_manager.h"
#include "spec.h"

/* The owner that the security driver remembers for @from is from now on the one of @to, which takes its place
 * as the image that QEMU writes (02/Q85): so a later restore gives @to back to it. Nothing remembered is
 * fine, as is a second call; an owner that is remembered for @to stays.
 * Returns 0, -1 with the security driver's error reported. */
int qbjHostLabelMoveOwner(virSecurityManager *mgr, const qbjImage *from, virStorageSource *to);

/* Gives QEMU the lower images of all chains of @def in such a way that their owners are remembered; to be
 * called before virSecurityManagerSetAllLabel(), which does not remember them.
 * Returns 0, -1 with the first error reported: some may be given then. */
int qbjHostLabelRememberLower(virSecurityManager *mgr, virDomainDef *def);

/* Gives the lower images of all chains of @def back to their owners, as far as the driver has remembered
 * these: with them it remembers how many domains use the image, and only the last one gives it back. What is
 * not remembered stays as it is, for another domain may read it.
 * Returns 0, -1 with the first error reported; the other images are done nevertheless. */
int qbjHostLabelRestoreLower(virSecurityManager *mgr, virDomainDef *def);

/* Both for one chain, of a disk that is plugged in or a medium that is put in: as a start, and as the end
 * of the VM, for all of them. Nothing for an empty drive. */
int qbjHostLabelChain(virSecurityManager *mgr, virDomainDef *def, virStorageSource *top);
int qbjHostLabelRestoreChain(virSecurityManager *mgr, virDomainDef *def, virStorageSource *top);

/* Whether qbjHostLabelChain() may have been called for @top: false when the owner of @top would be remembered
 * then, and is not. */
bool qbjHostLabelMayBeSet(const virStorageSource *top);

/* Gives QEMU of @def the rights @access on @image. @chain (may be NULL) is the disk's live chain: when the
 * image is in it, its description there is used, so that its own <seclabel> counts. NONE restores the image
 * to its owner, if it is still there. @top: its present owner is remembered for that, as of the top of a
 * chain.
 * Returns 0, -1 with the security driver's error reported. */
int qbjHostLabelImage(virSecurityManager *mgr, virDomainDef *def, const qbjImage *image, qbjAccess access, bool top,
                      virStorageSource *chain);
