/* The QEMU command line of one VM. Pure: the same input gives the same arguments; files and sockets are
 * the caller's. */
#pragma once

#include "domain_conf.h"
#include "vircommand.h"
#include "virqbjconf.h"
#include "vm_caps.h"
#include "host_secret.h"
#include "vm_memory.h"

/* What a start has opened for one network interface. */
typedef struct _qbjVmArgsNet qbjVmArgsNet;
struct _qbjVmArgsNet {
    int *tap;                   /* one for each queue */
    size_t ntap;
    int *vhost;                 /* as many, or none */
    size_t nvhost;
};

typedef struct _qbjVmArgsInput qbjVmArgsInput;
struct _qbjVmArgsInput {
    const virDomainDef *def;    /* aliases, addresses, node names, vnc ports, chardev paths are set, and each
                                 * disk's modes are on its images (qbjBlockNodeInheritModes) */
    const qbjVmCaps *caps;
    const char *libDir;         /* master key, and what the process caches */
    const char *home;           /* HOME of the process, in a session the user's; NULL: libDir */
    const char *monitorPath;    /* for the text form; used when monitorFd is -1 */
    int monitorFd;              /* listening socket to pass, or -1: "path=" form (domxml-to-native) */
    const qbjVmArgsNet *nets;   /* one per interface; NULL: text form */
    GHashTable *chardevFds;     /* alias -> listening socket of a device of type unix in server mode; NULL:
                                 * "path=" form for all */
    GHashTable *secrets;        /* name of the QEMU object -> qbjHostSecret; NULL: text form, without their data */
    const qbjVmMemoryPlaces *memory;    /* for @def's name and id */
    const int *vsockFd;         /* NULL: none, for the text form */
    time_t now;                 /* start of a clock that is not the host's; 0: the present time */
    bool linkLater;             /* who runs it calls qbjVmChainLink(): deep chains come without backing nodes */
    bool incoming;              /* QEMU waits for the state of a guest ("migrate-incoming") */
    bool sandbox;
    bool processName;           /* "qemu:NAME" is seen in lists of processes */
    bool dumpGuestCore;         /* unless the definition says something else */
    bool noTimestamp;           /* before QEMU's messages */
    bool vncPassword;           /* displays have a password, whatever the definition says */
};

/* Fills what qemu.conf says. */
void qbjVmArgsSettings(qbjVmArgsInput *input, const virQbjConf *conf);

/* A new command with binary, environment and arguments. Order of options as in 11.2. The descriptors are
 * passed to QEMU but stay the caller's to close, after virCommandRun, whatever happens. With monitorFd -1 the
 * result is only for virCommandToString or virCommandGetArgList: a VNC port that has not been chosen yet is
 * written as 5900.
 * Returns NULL with an error reported (VIR_ERR_CONFIG_UNSUPPORTED names what cannot be expressed). */
virCommand *qbjVmArgsBuild(const qbjVmArgsInput *input);
