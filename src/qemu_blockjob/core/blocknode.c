#include <config.h>

#include "internal.h"
#include "blocknode.h"
#include "blocknode_net.h"
#include "virqbjjson.h"

typedef struct _qbjBlockModes qbjBlockModes;
struct _qbjBlockModes {
    int iomode;
    int cachemode;
    int discard;
    int detectZeroes;
};

static qbjBlockModes
qbjBlockModesOfSource(const virStorageSource *src)
{
    return (qbjBlockModes) { src->iomode, src->cachemode, src->discard, src->detect_zeroes };
}

/* @active: of the image that the guest writes into. */
static qbjBlockModes
qbjBlockModesOfDisk(const virDomainDiskDef *disk, bool active)
{
    qbjBlockModes modes = { disk->iomode, disk->cachemode, disk->discard, VIR_DOMAIN_DISK_DETECT_ZEROES_DEFAULT };

    if (active)
        modes.detectZeroes = virDomainDiskGetDetectZeroesMode(disk->discard, disk->detect_zeroes);
    return modes;
}

void
qbjBlockNodeSetModes(virStorageSource *src, const virDomainDiskDef *disk, bool active)
{
    qbjBlockModes modes = qbjBlockModesOfDisk(disk, active);

    src->iomode = modes.iomode;
    src->cachemode = modes.cachemode;
    src->discard = modes.discard;
    src->detect_zeroes = modes.detectZeroes;
}

void
qbjBlockNodeInheritModes(virDomainDiskDef *disk)
{
    virStorageSource *src;

    /* what somebody else writes too must not be kept in this host's memory */
    if (disk->src->shared && !disk->src->readonly && disk->cachemode == VIR_DOMAIN_DISK_CACHE_DEFAULT)
        disk->cachemode = VIR_DOMAIN_DISK_CACHE_DISABLE;

    for (src = disk->src; virStorageSourceIsBacking(src); src = src->backingStore)
        qbjBlockNodeSetModes(src, disk, src == disk->src);
}

/* The last word of a function that found no better reason: an earlier one is kept. */
static void
qbjBlockNotMade(const virStorageSource *src, qbjRefusal *refusal)
{
    qbjRefusalSet(refusal, VIR_ERR_INTERNAL_ERROR, _("the block node options of image '%s' could not be made"),
                  NULLSTR(src->path));
}

/* NULL when the disk has no cache mode: then nothing is said and QEMU's defaults hold. */
static virJSONValue *
qbjBlockCacheOptions(int cachemode)
{
    g_autoptr(virJSONValue) cache = NULL;
    bool direct = cachemode == VIR_DOMAIN_DISK_CACHE_DISABLE || cachemode == VIR_DOMAIN_DISK_CACHE_DIRECTSYNC;
    bool noFlush = cachemode == VIR_DOMAIN_DISK_CACHE_UNSAFE;

    if (cachemode == VIR_DOMAIN_DISK_CACHE_DEFAULT)
        return NULL;
    if (virJSONValueObjectAdd(&cache, "b:direct", direct, "b:no-flush", noFlush, NULL) < 0)
        return NULL;

    return g_steal_pointer(&cache);
}

static virJSONValue *
qbjBlockLocalLocation(const virStorageSource *src, const char *driver)
{
    g_autoptr(virJSONValue) location = NULL;

    if (virJSONValueObjectAdd(&location, "s:driver", driver, "s:filename", src->path, NULL) < 0)
        return NULL;

    return g_steal_pointer(&location);
}

/* What of a source we cannot give to QEMU yet; by name, so that nothing is dropped. */
static int
qbjBlockCheckLocation(const virStorageSource *src, qbjRefusal *refusal)
{
    const char *what = qbjBlockNetUnused(src);

    if (src->encryption && src->encryption->format != VIR_STORAGE_ENCRYPTION_FORMAT_LUKS)
        what = "encryption";
    else if (src->pr)
        what = "reservations";
    else if (src->fdgroup)
        what = "fdgroup";

    if (!what)
        return 0;

    qbjRefusalSet(refusal, VIR_ERR_CONFIG_UNSUPPORTED, _("'%s' is not supported yet for a disk source"), what);
    return -1;
}

/* Driver and place of the protocol node: the part that also goes into a json: backing string, there without
 * the name of the password. */
static virJSONValue *
qbjBlockLocation(const virStorageSource *src, const char *secret, qbjRefusal *refusal)
{
    virStorageType type = virStorageSourceGetActualType(src);

    if (qbjBlockCheckLocation(src, refusal) < 0)
        return NULL;

    if (type == VIR_STORAGE_TYPE_NETWORK)
        return qbjBlockNetLocation(src, secret, refusal);

    if ((type == VIR_STORAGE_TYPE_FILE || type == VIR_STORAGE_TYPE_BLOCK) && src->path) {
        if (type == VIR_STORAGE_TYPE_FILE)
            return qbjBlockLocalLocation(src, "file");
        return qbjBlockLocalLocation(src, src->hostcdrom ? "host_cdrom" : "host_device");
    }

    qbjRefusalSet(refusal, VIR_ERR_CONFIG_UNSUPPORTED, _("disk source of type '%s' is not supported yet"),
                  NULLSTR(virStorageTypeToString(type)));
    return NULL;
}

virJSONValue *
qbjBlockNodeStorage(const virStorageSource *src, qbjRefusal *refusal)
{
    g_autoptr(virJSONValue) cache = qbjBlockCacheOptions(src->cachemode);
    g_autofree char *secret = qbjBlockNodeAuthSecret(src);
    g_autoptr(virJSONValue) node = qbjBlockLocation(src, secret, refusal);
    const char *aio = NULL;

    if (!node || !src->nodestorage) {
        qbjBlockNotMade(src, refusal);
        return NULL;
    }

    /* only the local drivers have this option */
    if (src->iomode != VIR_DOMAIN_DISK_IO_DEFAULT && virStorageSourceIsLocalStorage(src))
        aio = virDomainDiskIoTypeToString(src->iomode);

    if (virJSONValueObjectAdd(&node,
                              "S:aio", aio,
                              "s:node-name", src->nodestorage,
                              "A:cache", &cache,
                              "b:auto-read-only", true,
                              "s:discard", "unmap",
                              NULL) < 0)
        return NULL;

    return g_steal_pointer(&node);
}

/* QEMU's name of the format driver, or NULL with @refusal set (01/Y20). */
static const char *
qbjBlockFormatDriver(const virStorageSource *src, qbjRefusal *refusal)
{
    const char *name = virStorageFileFormatTypeToString(src->format);

    switch ((virStorageFileFormat) src->format) {
    case VIR_STORAGE_FILE_RAW:
    case VIR_STORAGE_FILE_BOCHS:
    case VIR_STORAGE_FILE_CLOOP:
    case VIR_STORAGE_FILE_DMG:
    case VIR_STORAGE_FILE_VPC:
    case VIR_STORAGE_FILE_VDI:
    case VIR_STORAGE_FILE_QCOW:
    case VIR_STORAGE_FILE_QCOW2:
    case VIR_STORAGE_FILE_QED:
    case VIR_STORAGE_FILE_VMDK:
        return name;
    case VIR_STORAGE_FILE_VHD:
        return "vhdx";
    case VIR_STORAGE_FILE_PLOOP:
        return "parallels";
    case VIR_STORAGE_FILE_AUTO_SAFE:
    case VIR_STORAGE_FILE_AUTO:
    case VIR_STORAGE_FILE_NONE:
    case VIR_STORAGE_FILE_DIR:
    case VIR_STORAGE_FILE_ISO:
    case VIR_STORAGE_FILE_FAT:
    case VIR_STORAGE_FILE_COW:
    case VIR_STORAGE_FILE_LAST:
        break;
    }

    qbjRefusalSet(refusal, VIR_ERR_CONFIG_UNSUPPORTED,
                  _("storage format '%s' is not directly supported by QEMU, use 'raw' instead"), NULLSTR(name));
    return NULL;
}

static int
qbjBlockAddBacking(virJSONValue *node, const virStorageSource *src, const char *backing)
{
    if (!backing || src->format < VIR_STORAGE_FILE_BACKING)
        return 0;
    if (!*backing)
        return virJSONValueObjectAdd(&node, "n:backing", NULL);

    return virJSONValueObjectAdd(&node, "s:backing", backing, NULL);
}

static int
qbjBlockAddSlice(virJSONValue *node, const virStorageSource *src, qbjRefusal *refusal)
{
    if (!src->sliceStorage)
        return 0;

    if (src->format != VIR_STORAGE_FILE_RAW) {
        qbjRefusalSet(refusal, VIR_ERR_CONFIG_UNSUPPORTED,
                      _("a storage slice is not supported yet for images of format '%s'"),
                      NULLSTR(virStorageFileFormatTypeToString(src->format)));
        return -1;
    }

    return virJSONValueObjectAdd(&node, "U:offset", src->sliceStorage->offset, "U:size", src->sliceStorage->size, NULL);
}

/* In qcow2 encryption is a property, on a bare image it is the format. */
static int
qbjBlockAddEncryption(virJSONValue *node, const virStorageSource *src, qbjRefusal *refusal)
{
    g_autofree char *secret = NULL;
    g_autoptr(virJSONValue) encrypt = NULL;

    if (!src->encryption)
        return 0;

    secret = qbjBlockNodeSecret(src);
    if (src->format == VIR_STORAGE_FILE_RAW)
        return virJSONValueObjectAdd(&node, "s:key-secret", secret, NULL);

    if (src->format != VIR_STORAGE_FILE_QCOW2) {
        qbjRefusalSet(refusal, VIR_ERR_CONFIG_UNSUPPORTED, _("encryption is not supported for images of format '%s'"),
                      NULLSTR(virStorageFileFormatTypeToString(src->format)));
        return -1;
    }

    if (virJSONValueObjectAdd(&encrypt, "s:format", "luks", "s:key-secret", secret, NULL) < 0)
        return -1;

    return virJSONValueObjectAdd(&node, "a:encrypt", &encrypt, NULL);
}

/* What each node of a format has. */
static int
qbjBlockAddModes(virJSONValue **node, const virStorageSource *src, const char *driver, const qbjBlockModes *modes,
                 bool readonly)
{
    g_autoptr(virJSONValue) cache = qbjBlockCacheOptions(modes->cachemode);
    const char *discard = NULL;
    const char *zeroes = NULL;

    if (modes->discard != VIR_DOMAIN_DISK_DISCARD_DEFAULT)
        discard = virDomainDiskDiscardTypeToString(modes->discard);
    if (modes->detectZeroes != VIR_DOMAIN_DISK_DETECT_ZEROES_DEFAULT)
        zeroes = virDomainDiskDetectZeroesTypeToString(modes->detectZeroes);

    return virJSONValueObjectAdd(node,
                                 "s:node-name", src->nodeformat,
                                 "b:read-only", readonly,
                                 "S:discard", discard,
                                 "S:detect-zeroes", zeroes,
                                 "A:cache", &cache,
                                 "s:driver", src->encryption && src->format == VIR_STORAGE_FILE_RAW ? "luks" : driver,
                                 NULL);
}

static virJSONValue *
qbjBlockFormatOptions(const virStorageSource *src, const qbjBlockModes *modes, const char *backing, bool readonly,
                      qbjRefusal *refusal)
{
    g_autoptr(virJSONValue) node = NULL;
    const char *driver = qbjBlockFormatDriver(src, refusal);

    if (!driver || qbjBlockCheckLocation(src, refusal) < 0 || !src->nodeformat || !src->nodestorage) {
        qbjBlockNotMade(src, refusal);
        return NULL;
    }

    if (qbjBlockAddModes(&node, src, driver, modes, readonly) < 0 ||
        qbjBlockAddSlice(node, src, refusal) < 0 ||
        qbjBlockAddEncryption(node, src, refusal) < 0)
        return NULL;

    /* other formats have no such option */
    if (src->format == VIR_STORAGE_FILE_QCOW2 &&
        virJSONValueObjectAdd(&node, "P:cache-size", src->metadataCacheMaxSize, NULL) < 0)
        return NULL;

    if (virJSONValueObjectAdd(&node, "s:file", src->nodestorage, NULL) < 0 ||
        qbjBlockAddBacking(node, src, backing) < 0)
        return NULL;

    return g_steal_pointer(&node);
}

virJSONValue *
qbjBlockNodeFormat(const virStorageSource *src, const char *backing, bool readonly, qbjRefusal *refusal)
{
    qbjBlockModes modes = qbjBlockModesOfSource(src);

    return qbjBlockFormatOptions(src, &modes, backing, readonly, refusal);
}

char *
qbjBlockNodeSecret(const virStorageSource *src)
{
    return g_strdup_printf("%s-encryption-secret0", src->nodeformat);
}

char *
qbjBlockNodeAuthSecret(const virStorageSource *src)
{
    return src->auth ? g_strdup_printf("%s-auth-secret0", src->nodestorage) : NULL;
}

void
qbjBlockNodeSetEngine(virStorageSource *src)
{
    if (src->encryption && src->encryption->engine == VIR_STORAGE_ENCRYPTION_ENGINE_DEFAULT)
        src->encryption->engine = VIR_STORAGE_ENCRYPTION_ENGINE_QEMU;
}

char *
qbjBlockNodeCopyOnReadName(const virDomainDiskDef *disk)
{
    return disk->copy_on_read == VIR_TRISTATE_SWITCH_ON ? g_strdup_printf("libvirt-CoR-%s", disk->dst) : NULL;
}

virJSONValue *
qbjBlockNodeCopyOnRead(const virStorageSource *src, const char *nodeName)
{
    g_autoptr(virJSONValue) node = NULL;

    if (virJSONValueObjectAdd(&node,
                              "s:driver", "copy-on-read",
                              "s:node-name", nodeName,
                              "s:file", src->nodeformat,
                              "s:discard", "unmap",
                              NULL) < 0)
        return NULL;

    return g_steal_pointer(&node);
}

static virJSONValue *
qbjBlockReopen(const virStorageSource *src, const qbjBlockModes *modes, const char *backing, bool readonly,
               qbjRefusal *refusal)
{
    g_autoptr(virJSONValue) node = qbjBlockFormatOptions(src, modes, backing, readonly, refusal);
    g_autoptr(virJSONValue) list = virJSONValueNewArray();
    g_autoptr(virJSONValue) arguments = NULL;

    if (!node || virJSONValueArrayAppend(list, &node) < 0 ||
        virJSONValueObjectAdd(&arguments, "a:options", &list, NULL) < 0)
        return NULL;

    return g_steal_pointer(&arguments);
}

virJSONValue *
qbjBlockNodeReopen(const virDomainDiskDef *disk, const virStorageSource *src, const char *backing, bool readonly,
                   qbjRefusal *refusal)
{
    qbjBlockModes modes = qbjBlockModesOfDisk(disk, src == disk->src);

    return qbjBlockReopen(src, &modes, backing, readonly, refusal);
}

int
qbjBlockNodeSize(virJSONValue *nodes, const char *name, unsigned long long *size)
{
    size_t i;

    for (i = 0; i < virQbjJSONArraySize(nodes); i++) {
        virJSONValue *node = virJSONValueArrayGet(nodes, i);
        virJSONValue *image = virJSONValueObjectGetObject(node, "image");

        if (image && STREQ_NULLABLE(virJSONValueObjectGetString(node, "node-name"), name) &&
            virJSONValueObjectGetNumberUlong(image, "virtual-size", size) == 0)
            return 0;
    }

    return -1;
}

bool
qbjBlockNodeDetectsZeroes(const virDomainDiskDef *disk)
{
    int mode = virDomainDiskGetDetectZeroesMode(disk->discard, disk->detect_zeroes);

    return mode != VIR_DOMAIN_DISK_DETECT_ZEROES_DEFAULT && mode != VIR_DOMAIN_DISK_DETECT_ZEROES_OFF;
}

virJSONValue *
qbjBlockNodeReopenActive(const virDomainDiskDef *disk, const virStorageSource *src, const char *backing,
                         bool readonly, qbjRefusal *refusal)
{
    qbjBlockModes modes = qbjBlockModesOfDisk(disk, true);

    return qbjBlockReopen(src, &modes, backing, readonly, refusal);
}

char *
qbjBlockNodeBackingString(const virStorageSource *src, qbjRefusal *refusal)
{
    g_autoptr(virJSONValue) location = qbjBlockLocation(src, NULL, refusal);
    g_autoptr(virJSONValue) json = NULL;
    g_autofree char *text = NULL;

    if (!location) {
        qbjBlockNotMade(src, refusal);
        return NULL;
    }
    /* a slice below a raw image would be lost with a plain name, and the whole file would be the backing
     * image */
    if (src->sliceStorage) {
        qbjRefusalSet(refusal, VIR_ERR_OPERATION_UNSUPPORTED, "%s",
                      _("an image with a storage slice cannot be named as the backing image of another one yet"));
        return NULL;
    }
    if (virStorageSourceIsLocalStorage(src))
        return g_strdup(src->path);
    if ((text = qbjBlockNetUri(src)))
        return g_steal_pointer(&text);

    if (virJSONValueObjectAdd(&json, "a:file", &location, NULL) < 0 ||
        !(text = virJSONValueToString(json, false)))
        return NULL;

    return g_strdup_printf("json:%s", text);
}
