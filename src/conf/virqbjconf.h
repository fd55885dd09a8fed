/* Driver configuration: directories of this daemon, and the stock qemu.conf. */
#pragma once

#include "internal.h"
#include "domain_conf.h"

typedef enum {
    VIR_QBJ_STDIO_DEFAULT,      /* virtlogd where it can be reached */
    VIR_QBJ_STDIO_FILE,
    VIR_QBJ_STDIO_LOGD,
} virQbjStdio;

typedef struct _virQbjConf virQbjConf;
struct _virQbjConf {
    bool privileged;
    char *root;                 /* embed mode, else NULL */
    /* directories, 05/X1.1, 10.1, 11.4 */
    char *configDir;            /* NAME.xml: /etc/libvirt/qemu, $XDG_CONFIG_HOME/libvirt/qemu,
                                 * ROOT/etc/qemu */
    char *autostartDir;
    char *stateDir;             /* status files */
    char *libDir;               /* domain-ID-NAME per running VM */
    char *channelTargetDir;
    char *saveDir;              /* NAME.save; these six are beside libDir in a session, below it otherwise */
    char *snapshotDir;
    char *checkpointDir;
    char *dumpDir;
    char *nvramDir;
    char *ramDir;
    char *logDir;
    char *cacheDir;
    char *uri;                  /* qemu:///system, qemu:///session, qemu:///embed?root=... */
    /* qemu.conf */
    uid_t user;                 /* (uid_t)-1: as the daemon */
    gid_t group;
    bool dynamicOwnership;      /* default: true when privileged; never in a session */
    bool rememberOwner;
    char **securityDrivers;     /* NULL: not set, the host's default applies; else never empty, never with
                                 * "dac" */
    bool securityDefaultConfined;
    bool securityRequireConfined;
    char *vncListen;
    char *vncPassword;          /* of a display that has none itself; "": nobody gets in */
    unsigned int displayPortMin, displayPortMax;    /* VNC and SPICE, both included */
    int cgroupControllers;      /* bits 1 << VIR_CGROUP_CONTROLLER_...; -1: all that the host has, 0: none. Never
                                 * any in a session. */
    bool pivotStopGuest;        /* a guest that runs stands still while its disk is switched to another image */
    unsigned int maxQueued;     /* calls that wait for one domain; 0: no limit */
    unsigned int maxProcesses;  /* of QEMU; 0: as the daemon's */
    unsigned int maxFiles;      /* of QEMU; 0: as the daemon's */
    unsigned long long maxCore; /* bytes; ULLONG_MAX: no limit */
    char *saveImageFormat;      /* a word for virQbjSaveFormat, perhaps an unknown one: it is found when it is needed;
                                 * NULL: raw */
    char *snapshotImageFormat;  /* the same, for the memory of a snapshot */
    char *dumpImageFormat;      /* the same, for core dumps */
    bool autoStartBypassCache;  /* when a domain with autostart has a managed save image */
    bool dumpGuestCore;
    bool setProcessName;
    bool logTimestamp;          /* before QEMU's messages */
    bool namespacesSet;         /* to whatever */
    int seccompSandbox;         /* -1 default (on), 0, 1 */
    virQbjStdio stdioHandler;
    char **hugetlbfsMounts;     /* of hugetlbfs; NULL: those of /proc/mounts; without any: no huge pages */
    char *memoryBackingDir;     /* for files with guests' memory, in libvirt/qemu below it; NULL: ramDir */
    char *lockManager;          /* NULL or a name */
    /* Keys of the file that we do not act on, each list sorted, without doubles, NULL terminated, never NULL.
     * A key whose value asks for what we do anyway (vnc_tls = 0) is in none of them. */
    char **ignoredKeys;         /* known, no effect here: a warning */
    char **unknownKeys;         /* not in the stock qemu.conf: a typing mistake, or a newer file; a warning */
    char **unsafeKeys;          /* known, the administrator relies on them: a start that they concern is
                                 * refused */
};

/* Defaults for this mode. @root: embed root (absolute) or NULL. NULL with an error reported when the account
 * that QEMU shall run as (Debian: libvirt-qemu) does not exist. */
virQbjConf *virQbjConfNew(bool privileged, const char *root);
void virQbjConfFree(virQbjConf *conf);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virQbjConf, virQbjConfFree);

/* Reads qemu.conf (missing: fine, the defaults apply). The settings are replaced as a whole. -1 with an error
 * reported for a file that cannot be parsed, a value of the wrong type for any known key, or an unknown word
 * for a key that we act on; the message names file and key; @conf is then unchanged. */
int virQbjConfLoad(virQbjConf *conf, const char *filename);

/* The same for the text of a file. */
int virQbjConfLoadText(virQbjConf *conf, const char *text);

/* Path of the file for this mode: /etc/libvirt/qemu.conf, $XDG_CONFIG_HOME/libvirt/qemu.conf,
 * ROOT/etc/qemu.conf. */
char *virQbjConfPath(const virQbjConf *conf);

/* Logs one warning for each key that has no effect; to be called once after a load. */
void virQbjConfWarn(const virQbjConf *conf);

/* The first of unsafeKeys that concerns @def (vnc_tls only a VM with VNC, ...), for refusing its start by
 * this name with VIR_ERR_CONFIG_UNSUPPORTED; NULL: none. The string is the conf's. */
const char *virQbjConfUnsafeKeyFor(const virQbjConf *conf, const virDomainDef *def);

/* Makes every directory that is missing, 0700 in a session; in system and privileged embed mode 0755, and
 * libDir and below belong to user:group (11.4). Modes of existing ones stay; a symbolic link made by another
 * user is refused.
 * configDir and autostartDir may be on a read-only file system. Returns 0, -1 with an error reported. */
int virQbjConfMakeDirs(const virQbjConf *conf);
