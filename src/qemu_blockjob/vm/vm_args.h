/* The QEMU command line of one VM. Pure: the same input gives the same arguments; files and sockets are the caller's. */
#pragma once

#include "domain_conf.h"
#include "vircommand.h"
#include "vm_caps.h"

typedef struct _qbjVmArgsInput qbjVmArgsInput;
struct _qbjVmArgsInput {
    const virDomainDef *def;    /* aliases, addresses, node names, vnc ports, chardev paths are set */
    const qbjVmCaps *caps;
    const char *libDir;         /* HOME of the process, master key */
    const char *monitorPath;    /* for the text form; used when monitorFd is -1 */
    int monitorFd;              /* listening socket to pass, or -1: "path=" form (domxml-to-native) */
    int *serialFds;             /* per serial of type unix in server mode, or NULL: "path=" form */
    bool sandbox;
    bool deferBlockdev;         /* deep chains: format nodes start with backing null and are linked later (performance.md 4.9) */
};

/* Appends binary, environment and arguments to a new command. Order of options as in 11.2.
 * Returns NULL with an error reported (VIR_ERR_CONFIG_UNSUPPORTED names what cannot be expressed). */
virCommand *qbjVmArgsBuild(const qbjVmArgsInput *input);
