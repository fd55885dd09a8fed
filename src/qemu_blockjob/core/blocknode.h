/* Block node options of an image: what blockdev-add, blockdev-reopen and -blockdev get (behaviour/02 Q10 to Q12). Pure. */
#pragma once

#include "domain_conf.h"
#include "virjson.h"
#include "refusal.h"

/* Options of the protocol node of @src (node-name src->nodestorage). @disk gives cache, io, discard modes; may be NULL. */
virJSONValue *qbjBlockNodeStorage(const virStorageSource *src, qbjRefusal *refusal);

/* Options of the format node of @src. @backing: format node-name of the image below; "" for an explicit null;
 * NULL leaves the key out. Formats that cannot have a backing image never get the key.
 * The disk's modes are read from the fields iomode, cachemode, discard, detect_zeroes that libvirt keeps per source. */
virJSONValue *qbjBlockNodeFormat(const virStorageSource *src, const char *backing, bool readonly, qbjRefusal *refusal);

/* Copies the disk's cache, io, discard, detect_zeroes onto every image of its chain (detect_zeroes: top only), 11.2. */
void qbjBlockNodeInheritModes(virDomainDiskDef *disk);
