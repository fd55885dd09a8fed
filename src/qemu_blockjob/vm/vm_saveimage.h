/* The image that the state of a running guest is written into, by a save or a snapshot: which file, and what
 * stands before QEMU's stream. @vm is locked and its job held; the lock is dropped while the host is asked,
 * whose storage may hang. */
#pragma once

#include "domain_private.h"
#include "host_image.h"

/* As qbjHostImageNames(). Returns 0, -1 with an error reported:
 *   VIR_ERR_OPERATION_INVALID   @wanted is an image of one of the domain's disks, by whatever name */
int qbjVmSaveImageNames(virDomainObj *vm, const char *wanted, char **path, char **part);

/* The format of the stream that @word, the value of @key in qemu.conf, asks for; NULL: raw. Returns 0, -1
 * with VIR_ERR_OPERATION_FAILED reported. */
int qbjVmSaveImageFormat(const char *key, const char *word, virQbjSaveFormat *format);

/* What is to stand in it. @xml: the client's own definition, NULL: the domain's; @running: what the guest is
 * to be when it is restored, -1: what it is now. NULL with an error reported. */
virQbjSaveImage *qbjVmSaveImageNew(virDomainObj *vm, const char *xml, int running, virQbjSaveFormat format);

/* As qbjHostImageCreateBare(). */
qbjHostImage *qbjVmSaveImageCreateBare(virDomainObj *vm, const char *path, const char *part, virQbjSaveFormat format,
                                       bool bypass);

/* As qbjHostImageCreate(). */
qbjHostImage *qbjVmSaveImageCreate(virDomainObj *vm, const char *path, const char *part, virQbjSaveImage *image,
                                   bool bypass);
