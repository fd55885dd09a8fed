/* The part of a block node's options that says where an image is on the network. Pure; for blocknode.c.
 *
 * What a protocol has no place for is refused by name with VIR_ERR_CONFIG_UNSUPPORTED; NULL is returned and
 * nothing is changed. */
#pragma once

#include "domain_conf.h"
#include "virjson.h"
#include "refusal.h"

/* Name of a setting of @src that its protocol, or a source that is not on the network, has no place for;
 * NULL when there is none. Static. */
const char *qbjBlockNetUnused(const virStorageSource *src);

/* Driver and place of @src, which is on the network: nbd over tcp and unix, iscsi over tcp, rbd.
 * @secret: name of the QEMU object with the password of src->auth; NULL leaves user and password out, as in
 * the header of an image. The caller frees. */
virJSONValue *qbjBlockNetLocation(const virStorageSource *src, const char *secret, qbjRefusal *refusal);

/* The URI that says the same as qbjBlockNetLocation() without the password. NULL, and no refusal, when there
 * is none that QEMU and libvirt both read. @src has passed qbjBlockNetLocation(). The caller frees. */
char *qbjBlockNetUri(const virStorageSource *src);
