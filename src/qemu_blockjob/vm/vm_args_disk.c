/* Disks: -blockdev for each image of the chain, base first, then the -device. */

#include <config.h>

#include "internal.h"
#include "blocknode.h"
#include "virerror.h"
#include "virqbjstatus.h"
#include "vm_args_disk.h"
#include "vm_chain.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static int
qbjVmArgsReportRefusal(const qbjRefusal *refusal)
{
    virReportError(refusal->code, "%s", refusal->message);
    return -1;
}

/* What goes in as the format node's "backing": a node-name, "" for an explicit end or what is linked
 * later, NULL when the definition does not say what is below (then QEMU looks into the image, as with
 * domxml-to-native). */
static const char *
qbjVmArgsBacking(const virStorageSource *src, bool linkLater)
{
    if (!src->backingStore)
        return NULL;

    return virStorageSourceIsBacking(src->backingStore) && !linkLater ? src->backingStore->nodeformat : "";
}

/* A passphrase or password, encrypted with the master key: nothing here is of use to who sees the command
 * line. @name: of the object; NULL when the image needs none. */
static int
qbjVmArgsAddSecret(virCommand *cmd, const qbjVmArgsInput *input, const virStorageSource *src, const char *name)
{
    g_autoptr(virJSONValue) props = NULL;
    const qbjHostSecret *secret;

    if (!name)
        return 0;

    secret = input->secrets ? g_hash_table_lookup(input->secrets, name) : NULL;
    if (!secret && input->secrets) {
        virReportError(VIR_ERR_INTERNAL_ERROR, _("There is no secret for image '%s'."), NULLSTR(src->path));
        return -1;
    }

    if (!(props = qbjHostSecretObject(name, secret)))
        return -1;

    return qbjVmArgsAddJSON(cmd, "-object", props);
}

static int
qbjVmArgsAddSecrets(virCommand *cmd, const qbjVmArgsInput *input, const virStorageSource *src)
{
    g_autofree char *auth = qbjBlockNodeAuthSecret(src);
    g_autofree char *encryption = src->encryption ? qbjBlockNodeSecret(src) : NULL;

    if (qbjVmArgsAddSecret(cmd, input, src, auth) < 0)
        return -1;

    return qbjVmArgsAddSecret(cmd, input, src, encryption);
}

static int
qbjVmArgsAddImage(virCommand *cmd, const qbjVmArgsInput *input, const virStorageSource *src, const char *backing,
                  bool readonly)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autoptr(virJSONValue) storage = NULL;
    g_autoptr(virJSONValue) format = NULL;

    if (!(storage = qbjBlockNodeStorage(src, &refusal)) ||
        !(format = qbjBlockNodeFormat(src, backing, readonly, &refusal)))
        return qbjVmArgsReportRefusal(&refusal);

    if (qbjVmArgsAddSecrets(cmd, input, src) < 0 ||
        qbjVmArgsAddJSON(cmd, "-blockdev", storage) < 0)
        return -1;

    return qbjVmArgsAddJSON(cmd, "-blockdev", format);
}

/* QEMU opens a node when it meets it, so the one that names a backing node must come after it. */
int
qbjVmArgsAddChain(virCommand *cmd, const qbjVmArgsInput *input, const virDomainDiskDef *disk)
{
    g_autoptr(GPtrArray) chain = g_ptr_array_new();
    bool linkLater = input->linkLater && qbjVmChainIsDeep(disk);
    virStorageSource *src;
    size_t i;

    for (src = disk->src; virStorageSourceIsBacking(src); src = src->backingStore)
        g_ptr_array_add(chain, src);

    for (i = chain->len; i > 0; i--) {
        src = g_ptr_array_index(chain, i - 1);
        if (qbjVmArgsAddImage(cmd, input, src, qbjVmArgsBacking(src, linkLater), i > 1 || src->readonly) < 0)
            return -1;
    }

    return 0;
}

/* What goes through it is read from the images below once and then kept in the top one. */
static int
qbjVmArgsAddCopyOnRead(virCommand *cmd, const virDomainDiskDef *disk)
{
    virQbjDiskPrivate *priv = VIR_QBJ_DISK_PRIVATE(disk);
    g_autoptr(virJSONValue) node = NULL;

    if (disk->copy_on_read != VIR_TRISTATE_SWITCH_ON)
        return 0;

    if (!(node = qbjBlockNodeCopyOnRead(disk->src, priv->nodeCopyOnRead)))
        return -1;

    return qbjVmArgsAddJSON(cmd, "-blockdev", node);
}

typedef struct _qbjVmArgsSetting qbjVmArgsSetting;
struct _qbjVmArgsSetting {
    bool used;
    const char *name;
};

static const char *
qbjVmArgsFirstUsed(const qbjVmArgsSetting *settings, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (settings[i].used)
            return settings[i].name;
    }

    return NULL;
}

/* Returns the name of a setting that has no place on our command line, or NULL. */
static const char *
qbjVmArgsDiskUnknown(const virDomainDiskDef *disk)
{
    const virQbjDiskPrivate *priv = VIR_QBJ_DISK_PRIVATE(disk);
    bool virtio = disk->bus == VIR_DOMAIN_DISK_BUS_VIRTIO;
    bool scsi = disk->bus == VIR_DOMAIN_DISK_BUS_SCSI;
    bool ata = disk->bus == VIR_DOMAIN_DISK_BUS_IDE || disk->bus == VIR_DOMAIN_DISK_BUS_SATA;
    bool lun = disk->device == VIR_DOMAIN_DISK_DEVICE_LUN;
    const qbjVmArgsSetting settings[] = {
        { lun && !scsi, "device" },
        { disk->copy_on_read == VIR_TRISTATE_SWITCH_ON && (!priv || !priv->nodeCopyOnRead), "copy_on_read" },
        { !virtio && disk->model != VIR_DOMAIN_DISK_MODEL_DEFAULT, "model" },
        { !virtio && disk->iothread != 0, "iothread" },
        { !virtio && disk->ioeventfd != VIR_TRISTATE_SWITCH_ABSENT, "ioeventfd" },
        { !virtio && disk->event_idx != VIR_TRISTATE_SWITCH_ABSENT, "event_idx" },
        { !virtio && (disk->queues != 0 || disk->queue_size != 0), "queues or queue_size" },
        { !virtio && qbjVmArgsHasVirtioOptions(disk->virtio), "iommu, ats, packed or page_per_vq" },
        { disk->transient, "transient" },
        { !ata && !scsi && disk->rotation_rate != 0, "rotation_rate" },
        { disk->bus != VIR_DOMAIN_DISK_BUS_USB && disk->removable != VIR_TRISTATE_SWITCH_ABSENT, "removable" },
        { !ata && !scsi && disk->wwn != NULL, "wwn" },
        { !scsi && disk->vendor != NULL, "vendor" },
        { !scsi && disk->product != NULL, "product" },
        { disk->rawio != VIR_TRISTATE_BOOL_ABSENT, "rawio" },
        { disk->sgio != VIR_DOMAIN_DEVICE_SGIO_DEFAULT, "sgio" },
    };

    return qbjVmArgsFirstUsed(settings, G_N_ELEMENTS(settings));
}

/* Only drives with removable media can be without one, and QEMU's USB stick is none. */
static bool
qbjVmArgsMayBeEmpty(const virDomainDiskDef *disk)
{
    return (disk->device == VIR_DOMAIN_DISK_DEVICE_CDROM && disk->bus != VIR_DOMAIN_DISK_BUS_USB) ||
           disk->device == VIR_DOMAIN_DISK_DEVICE_FLOPPY;
}

int
qbjVmArgsAddDisk(virCommand *cmd, const qbjVmArgsInput *input, const virDomainDiskDef *disk)
{
    const char *unknown = qbjVmArgsDiskUnknown(disk);

    if (unknown) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("This setting of '%s' is not supported for disk '%s'."),
                       unknown, disk->dst);
        return -1;
    }

    if (virStorageSourceIsEmpty(disk->src)) {
        if (!qbjVmArgsMayBeEmpty(disk)) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Disk '%s' has no source."), disk->dst);
            return -1;
        }
    } else if (qbjVmArgsAddChain(cmd, input, disk) < 0 || qbjVmArgsAddCopyOnRead(cmd, disk) < 0) {
        return -1;
    }

    return qbjVmArgsAddDiskDevice(cmd, input, disk);
}

int
qbjVmArgsAddDisks(virCommand *cmd, const qbjVmArgsInput *input)
{
    size_t i;

    for (i = 0; i < input->def->ndisks; i++) {
        if (qbjVmArgsAddDisk(cmd, input, input->def->disks[i]) < 0)
            return -1;
    }

    return 0;
}
