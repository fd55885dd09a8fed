/* The private part of a running VM's status file (05/X2), as data. */
#pragma once

#include "internal.h"
#include "virbuffer.h"
#include "virxml.h"
#include "cpu_conf.h"
#include "domain_conf.h"
#include "virqbjjob.h"
#include "virqbjstatusinside.h"
#include "virqbjstatussnapshot.h"

/* Elements of the stock driver that we know and do not act on: kept as text, and written back in their
 * places. */
typedef enum {
    VIR_QBJ_KEPT_DBUS_DAEMON,
    VIR_QBJ_KEPT_DBUS_VMSTATE,
    VIR_QBJ_KEPT_LOCKSTATE,
    VIR_QBJ_KEPT_JOB,           /* an async job that a stock daemon had begun, e.g. a backup */
    VIR_QBJ_KEPT_NUMAD,
    VIR_QBJ_KEPT_PR_DAEMON,
    VIR_QBJ_KEPT_MEM_PREALLOC,
    VIR_QBJ_KEPT_SLIRP,
    VIR_QBJ_KEPT_BACKUPS,
    VIR_QBJ_KEPT_ORIGINAL_MEMLOCK,
    VIR_QBJ_KEPT_PRE_MIGRATION_MEMLOCK,
    VIR_QBJ_KEPT_LAST
} virQbjKept;
VIR_ENUM_DECL(virQbjKept);              /* the names of the elements */

/* A save or a restore that is under way: what a daemon that has been restarted must know of it
 * (recovery.rst). */
typedef struct _virQbjStatusSave virQbjStatusSave;
struct _virQbjStatusSave {
    bool restore;               /* else a save */
    bool dump;                  /* a save that is none: the guest goes on, and any file is as good as another */
    char *path;                 /* the save image */
    char *part;                 /* save: the name that the file has until it is complete */
    bool managed;               /* it is the domain's managed save image */
    bool running;               /* the guest was running, or is to run */
    bool revert;                /* restore: of a revert to a snapshot */
    bool loaded;                /* restore: QEMU has it all */
    unsigned long long started; /* ms since 1970 */
    unsigned long long device;  /* save: which file it is, by either name; 0: none yet */
    unsigned long long inode;
};
virQbjStatusSave *virQbjStatusSaveNew(bool restore, const char *path, const char *part);
void virQbjStatusSaveFree(virQbjStatusSave *save);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virQbjStatusSave, virQbjStatusSaveFree);

/* A call that changes a running VM and its persistent definition: what the latter is to become as soon as
 * the VM has it. */
typedef struct _virQbjStatusNext virQbjStatusNext;
struct _virQbjStatusNext {
    char *verb;                 /* "attach", "detach", "alias" or "update" */
    char *text;                 /* XML of the device; for "alias" the device's alias */
    char *alias;                /* of the device that the guest is to give up, or NULL */
    char *after;                /* SHA-256 of the file of the definition with the change, or NULL: not known */
    bool called;                /* a call of this daemon is at it; not written */
};
virQbjStatusNext *virQbjStatusNextNew(const char *verb, const char *text, const char *alias);
void virQbjStatusNextFree(virQbjStatusNext *next);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virQbjStatusNext, virQbjStatusNextFree);

typedef struct _virQbjStatus virQbjStatus;
struct _virQbjStatus {
    char *monitorPath;
    char *libDir;
    char *channelTargetDir;
    char **caps;                /* names of the stock driver's capability flags, NULL terminated; written
                                 * back as read; NULL: those of virQbjCapsFlags() */
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
    virTristateBool starting;   /* ours: QEMU is there, the guest has not run yet; whether it is to. ABSENT: it has,
                                 * or another driver has begun it */
    bool ended;                 /* ours: of a transient domain that a revert has ended: nothing of this run is left, and
                                 * there is none that follows yet */
    bool thaw;                  /* ours: the guest's file systems are to be thawed (domain_freeze.h) */
    bool frozen;                /* a call of this daemon does that in its time; not written */
    virQbjStatusSave *save;     /* ours; NULL: none is under way */
    virQbjStatusSnapshot *snapshot;     /* ours; NULL: none is being made */
    virQbjStatusInside *inside; /* ours, of an internal one; NULL: none is being made */
    char **plug;                /* ours; XML of the devices that are being plugged in, NULL terminated, in the order
                                 * in which QEMU gets them; NULL: none */
    char *medium;               /* ours; XML of the disk whose medium is being changed, with the new one; NULL:
                                 * none */
    virQbjStatusNext *next;     /* ours; NULL: none */
    GPtrArray *jobs;            /* of virQbjJob, owns them; never NULL */
    char *kept[VIR_QBJ_KEPT_LAST];      /* XML text, or NULL */
    GPtrArray *unknown;         /* of XML texts: elements that nobody here knows, in order; never NULL */
    char *foreign;              /* why only another driver can go on with the VM: the end of a sentence, or
                                 * NULL; not written */
};

/* MayHaveBitmaps is true, the agent's timeout -2, everything else
 * empty. */
virQbjStatus *virQbjStatusNew(void);
void virQbjStatusFree(virQbjStatus *status);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virQbjStatus, virQbjStatusFree);

/* Names the nodes of an image that QEMU is about to open (02/Q1). */
void virQbjStatusNumberImage(virQbjStatus *status, virStorageSource *src);

/* Elements in the stock driver's order, our own after <blockjobs>. -1 with an error reported: a job that
 * cannot be written; then the file must not be saved. */
int virQbjStatusFormat(virBuffer *buf, const virQbjStatus *status);

/* ctxt->node is <domstatus>; @def: already parsed. Tolerates every missing element (05/X8) except what cannot
 * be guessed: without <monitor> it returns a status whose monitorPath is NULL, and the caller keeps the VM
 * listed.
 * Without flags in <qemuCaps> caps is NULL: writing none would make a stock daemon kill the VM.
 * nodeIndex is at least the highest index of any image in the file. Damage is logged and read as missing. -1
 * with an error reported only when memory runs out. */
int virQbjStatusParse(xmlXPathContextPtr ctxt, const virDomainDef *def, virQbjStatus **status);

/* The capability flags are four fifths of a status file, and nothing looks at them: they need not go through
 * the parser. Returns the status file @text without <qemuCaps>, to be freed, and the names in @caps as
 * virQbjStatus has them. NULL: that element is not there, or not where and as drivers write it; then @text is
 * to be read as it is. */
char *virQbjStatusCutCaps(const char *text, char ***caps);

/* <job> of a job or async job of ours that a restarted daemon must know of (05/X3): vm->job is DESTROY, or
 * has an async job, or a save or a snapshot with memory is under way. Writes nothing otherwise, and nothing
 * while a kept one is written by virQbjStatusFormat(). @vm is locked. */
void virQbjStatusFormatJob(virBuffer *buf, virDomainObj *vm, const virQbjStatus *status);

/* What such an element says. */
typedef struct _virQbjStatusJob virQbjStatusJob;
struct _virQbjStatusJob {
    virDomainJob job;                   /* VIR_JOB_NONE or VIR_JOB_DESTROY */
    virDomainAsyncJob asyncJob;
    unsigned int apiFlags;
    unsigned long long asyncStarted;    /* ms since 1970 */
    bool asyncPaused;
    char *phase;                        /* migration only; a word of the stock driver, or NULL */
};
void virQbjStatusJobClear(virQbjStatusJob *job);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(virQbjStatusJob, virQbjStatusJobClear);

/* Reads <job> of <domstatus>; nothing there, or unknown words: VIR_JOB_NONE, VIR_ASYNC_JOB_NONE. The caller
 * acts on it:
 * a VM found in DESTROY is to be ended. A domain's async job is for the caller to restore; its element is
 * kept as text. */
void virQbjStatusParseJob(xmlXPathContextPtr ctxt, virQbjStatusJob *job);

/* <nodenames>, <relPath>, ... of one storage source and <qom> of one disk: the callbacks for
 * virDomainXMLOption (05/X5).
 * ctxt->node is the <privateData> element. Damaged entries are logged and left out: a disk without node names
 * can have no block job, but a VM must not be forgotten because of it (06/R7). They fail only when memory for
 * a class does.
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
/* The private data of @src, made on first use; owned by @src. NULL with an error reported when the class
 * cannot be registered. */
virQbjStoragePrivate *virQbjStoragePrivateGet(virStorageSource *src);

/* The capability flags that the stock driver 9.0.0 writes for QEMU 7.2: interface data, NULL terminated,
 * static. */
const char *const *virQbjCapsFlags(void);
