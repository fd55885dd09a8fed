/* Block node options of an image: what blockdev-add, blockdev-reopen and -blockdev get (behaviour/02 Q10 to
 * Q12). Pure.
 *
 * What is not known here (a protocol, an encryption, a slice under a format) is refused by name with
 * VIR_ERR_CONFIG_UNSUPPORTED or VIR_ERR_OPERATION_UNSUPPORTED; NULL is returned and nothing is changed. */
#pragma once

#include "domain_conf.h"
#include "virjson.h"
#include "refusal.h"

/* Options of the protocol node of @src (node-name src->nodestorage): file, host_device, host_cdrom, or one of
 * blocknode_net.h. The disk's modes are read from the fields iomode, cachemode that libvirt keeps per source.
 * The caller frees. */
virJSONValue *qbjBlockNodeStorage(const virStorageSource *src, qbjRefusal *refusal);

/* Options of the format node of @src. @backing: format node-name of the image below; "" for an explicit null;
 * NULL leaves the key out. Formats that cannot have a backing image never get the key.
 * The disk's modes are read from the fields cachemode, discard, detect_zeroes that libvirt keeps per
 * source. */
virJSONValue *qbjBlockNodeFormat(const virStorageSource *src, const char *backing, bool readonly, qbjRefusal *refusal);

/* Options of a copy-on-read filter @nodeName above the format node of @src. NULL when memory runs out. */
virJSONValue *qbjBlockNodeCopyOnRead(const virStorageSource *src, const char *nodeName);

/* Name of the QEMU object that holds the passphrase of @src, for an encrypted image with node names. The
 * caller frees. */
char *qbjBlockNodeSecret(const virStorageSource *src);

/* Name of the QEMU object that holds the password by which @src is reached on the network; NULL when its
 * definition names none. The caller frees. */
char *qbjBlockNodeAuthSecret(const virStorageSource *src);

/* An encryption that does not say who decrypts is QEMU's own. */
void qbjBlockNodeSetEngine(virStorageSource *src);

/* Arguments of blockdev-reopen for the format node of @src, a member of @disk's chain: all options of the
 * node as at blockdev-add, which QEMU wants repeated. The modes are taken from @disk, for those in @src
 * are not in a status file. */
virJSONValue *qbjBlockNodeReopen(const virDomainDiskDef *disk, const virStorageSource *src, const char *backing,
                                 bool readonly, qbjRefusal *refusal);

/* The same for an image that the guest writes into from now on in the place of the active one: with the mode
 * for zeroes, which only that one has. */
virJSONValue *qbjBlockNodeReopenActive(const virDomainDiskDef *disk, const virStorageSource *src, const char *backing,
                                       bool readonly, qbjRefusal *refusal);

/* Bytes that a guest sees of node @name; @nodes: the "return" array of query-named-block-nodes. Returns 0, -1
 * with @size unchanged when it does not tell. */
int qbjBlockNodeSize(virJSONValue *nodes, const char *name, unsigned long long *size);

/* Whether zeroes that the guest writes are to be found out. */
bool qbjBlockNodeDetectsZeroes(const virDomainDiskDef *disk);

/* Node name of the copy-on-read filter above the disk's images, which is there for the life of the disk; NULL
 * when it has none. The caller frees. */
char *qbjBlockNodeCopyOnReadName(const virDomainDiskDef *disk);

/* The name by which @src is written into the header of an image above it (02/Q41): absolute path, URI, or
 * json:.
 * NULL with @refusal set when there is none that we can make. The caller frees. */
char *qbjBlockNodeBackingString(const virStorageSource *src, qbjRefusal *refusal);

/* Copies the disk's cache, io, discard, detect_zeroes onto every image of its chain (detect_zeroes: top
 * only), 11.2. A shared disk without cache mode gets 'none'. */
void qbjBlockNodeInheritModes(virDomainDiskDef *disk);

/* The same for one image. @active: the guest writes into it. */
void qbjBlockNodeSetModes(virStorageSource *src, const virDomainDiskDef *disk, bool active);
