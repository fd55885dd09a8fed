/* The private part of a running VM's status file (05/X2), as data. */
#pragma once

#include "internal.h"
#include "virbuffer.h"
#include "virxml.h"
#include "cpu_conf.h"
#include "domain_conf.h"
#include "virqbjjob.h"

typedef struct _virQbjStatus virQbjStatus;
struct _virQbjStatus {
    char *monitorPath;
    char *libDir;
    char *channelTargetDir;
    char **caps;                /* names of the stock driver's capability flags, NULL terminated; written back as read */
    pid_t *vcpuPids;            /* index = vcpu, 0 unknown */
    size_t nvcpuPids;
    char **devices;             /* aliases under /machine/peripheral, NULL terminated, or NULL */
    virCPUDef *origCPU;         /* guest CPU as the user wrote it, or NULL */
    bool mountNamespace;        /* a stock driver's VM; we make none */
    bool chardevStdioLogd;
    bool rememberOwner;
    bool fakeReboot;
    virTristateBool allowReboot;
    unsigned long long nodeIndex;       /* last N handed out for libvirt-N-... */
    unsigned int fdsetIndex;
    int agentTimeout;           /* -2: wait for ever */
    bool mayHaveBitmaps;        /* ours: false only when no image of any chain can hold a dirty bitmap */
    GPtrArray *jobs;            /* of virQbjJob, owns them; never NULL */
};

virQbjStatus *virQbjStatusNew(void);
void virQbjStatusFree(virQbjStatus *status);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virQbjStatus, virQbjStatusFree);

/* Elements in the stock driver's order. One virBuffer call per line (building.md 5). */
int virQbjStatusFormat(virBuffer *buf, const virQbjStatus *status);

/* ctxt->node is <domstatus>; @def: already parsed. Tolerates every missing element (05/X8) except what cannot be
 * guessed: without <monitor> it returns a status whose monitorPath is NULL, and the caller keeps the VM listed.
 * Elements that we know and cannot honour (prDaemon, slirp, dbusVMState, backups, an async job) are kept as text and
 * written back unchanged. */
int virQbjStatusParse(xmlXPathContextPtr ctxt, const virDomainDef *def, virQbjStatus **status);

/* <nodenames>, <relPath>, ... of one storage source and <qom> of one disk: the callbacks for virDomainXMLOption (05/X5).
 * ctxt->node is the <privateData> element. Damaged entries are logged and left out: a disk without node names can have
 * no block job, but a VM must not be forgotten because of it (06/R7). They fail only when memory for a class does.
 *
 * Private data of a disk is a virQbjDiskPrivate, made by virQbjDiskPrivateNew. */
typedef struct _virQbjDiskPrivate virQbjDiskPrivate;
struct _virQbjDiskPrivate {
    virObject parent;
    char *qomName;              /* /machine/peripheral/ALIAS/virtio-backend, 05/X5 */
    char *nodeCopyOnRead;       /* libvirt-CoR-vda, or NULL */
};
virObject *virQbjDiskPrivateNew(void);
#define VIR_QBJ_DISK_PRIVATE(disk) ((virQbjDiskPrivate *) (disk)->privateData)
int virQbjDiskPrivateParse(xmlXPathContextPtr ctxt, virDomainDiskDef *disk);
int virQbjDiskPrivateFormat(virDomainDiskDef *disk, virBuffer *buf);
int virQbjStoragePrivateParse(xmlXPathContextPtr ctxt, virStorageSource *src);
int virQbjStoragePrivateFormat(virStorageSource *src, virBuffer *buf);

/* QEMU `secret` objects that belong to a storage source. */
typedef enum {
    VIR_QBJ_SECRET_AUTH,
    VIR_QBJ_SECRET_ENCRYPTION,
    VIR_QBJ_SECRET_HTTPCOOKIE,
    VIR_QBJ_SECRET_TLSKEY,
    VIR_QBJ_SECRET_LAST
} virQbjSecret;
VIR_ENUM_DECL(virQbjSecret);            /* auth encryption httpcookie tlskey, as <secret type=...> has them */

/* The aliases of those objects hang on src->privateData. virStorageSourceCopy() does not copy them. */
typedef struct _virQbjStoragePrivate virQbjStoragePrivate;
struct _virQbjStoragePrivate {
    virObject parent;
    char *secretAlias[VIR_QBJ_SECRET_LAST];     /* or NULL */
};
/* The private data of @src, made on first use; owned by @src. NULL with an error reported when the class cannot be
 * registered. */
virQbjStoragePrivate *virQbjStoragePrivateGet(virStorageSource *src);

/* The capability flags that the stock driver 9.0.0 writes for QEMU 7.2: interface data, NULL terminated, static. */
const char *const *virQbjCapsFlags(void);
