/* The driver: one per daemon (or per embedding program), alive from stateInitialize to stateCleanup. */
#pragma once

#include "internal.h"
#include "driver.h"
#include "virdomainobjlist.h"
#include "virportallocator.h"
#include "virthread.h"
#include "virthreadpool.h"
#include "object_event.h"
#include "security/security_manager.h"
#include "virqbjconf.h"
#include "virqbjpoll.h"

typedef struct _qbjDomainEvent qbjDomainEvent;
typedef struct _qbjVmCapsCache qbjVmCapsCache;

/* What the layer moment/ does for vm/, which is below it. */
typedef struct _qbjDriver qbjDriver;
typedef struct _qbjDriverMoments qbjDriverMoments;
struct _qbjDriverMoments {
    /* All domains have been read, none is connected yet. */
    void (*load)(qbjDriver *driver);

    /* QEMU answers again: goes on with the record of a snapshot, if there is one and no call is at it. @vm is
     * locked, its job held. Returns 0, -1 with an error reported: to be called again. */
    int (*settle)(virDomainObj *vm);

    /* QEMU has ended: the definitions are made right for such a record. Returns false when that is to be
     * tried again. */
    bool (*gone)(virDomainObj *vm);

    /* @vm, which is locked, is shut off and its job is held, is to be started: ends what an earlier call or
     * daemon has left of its images. Returns 0, -1 with an error reported: it must not be started. */
    int (*ready)(virDomainObj *vm);

    /* @vm, which is transient and locked, has ended and leaves the list. */
    void (*forget)(virDomainObj *vm);

    /* @vm runs, is locked, and its job is held: a new daemon has connected to it, or the time of
     * QBJ_DOMAIN_TIMER_MOMENT has come. */
    void (*resume)(virDomainObj *vm);
};

/* What the layer api/ does for vm/: @next, a copy of the persistent definition, is changed as @what, a
 * virQbjStatusNext, says. Returns 0, -1 with an error reported. */
typedef int (*qbjDriverChangeNext)(virDomainObj *vm, virDomainDef *next, const void *what);

struct _qbjDriver {
    virMutex lock;                      /* guards nactive, nextId and shuttingDown; the rest never changes
                                         * after start */
    virQbjConf *conf;
    virDomainObjList *domains;
    virDomainXMLOption *xmlopt;
    virObjectEventState *events;
    virSecurityManager *security;       /* a stack; DAC is in it when the daemon is privileged */
    char *securityRefused;              /* name of a configured security driver that we cannot serve, or
                                         * NULL */
    virQbjPoll *poll;                   /* the event thread: serves the sockets and pidfds of all VMs */
    virThreadPool *workers;             /* drain the queues of VMs that have something to do */
    virPortAllocatorRange *vncPorts;        /* SPICE takes its ports from here too */
    virPortAllocatorRange *websocketPorts;
    qbjVmCapsCache *caps;
    struct _qbjVmDefContext *defContext;
    virStateInhibitCallback inhibit;
    void *inhibitOpaque;
    unsigned int nactive;
    int nextId;
    bool shuttingDown;
    virThread closer;                   /* closes the monitors when the daemon ends */
    bool closing;                       /* it was started and not yet joined; the daemon's main thread only */
    virThread ender;                    /* settles VMs that ended while no daemon was there */
    bool ending;                        /* as closing */
    virThread reacher;                  /* connects the monitors of VMs that were running before the daemon */
    bool reaching;                      /* as closing */
    bool crowded;                       /* there are many of these: what can wait is asked a little later */
    int pidFileFd;                      /* driver.pid, -1 when not held */

    const qbjDriverMoments *moments;
    qbjDriverChangeNext changeNext;

    /* What the layers above do with one queued event; @vm is locked and its job is held. */
    void (*handleEvent)(virDomainObj *vm, qbjDomainEvent *event);

    /* Connects the monitor of @vm, which is locked and unreached, without waiting for QEMU. What fails is
     * tried again later. */
    void (*reach)(virDomainObj *vm);
};

/* Counts running VMs and keeps the daemon alive while there are any (10.1 inhibit). */
void qbjDriverActiveAdd(qbjDriver *driver);
void qbjDriverActiveRemove(qbjDriver *driver);

/* True from stateShutdownPrepare on: whoever waits for a VM goes home. */
bool qbjDriverIsShuttingDown(qbjDriver *driver);

/* The next domain id; also learns from @seen (an id found in a status file), -1: nothing to learn. */
int qbjDriverNextId(qbjDriver *driver, int seen);

/* Flags for everything that is written to a status file, and for reading it back (05/X1.5). */
#define QBJ_STATUS_FORMAT_FLAGS \
    (VIR_DOMAIN_DEF_FORMAT_SECURE | VIR_DOMAIN_DEF_FORMAT_STATUS | VIR_DOMAIN_DEF_FORMAT_ACTUAL_NET | \
     VIR_DOMAIN_DEF_FORMAT_PCI_ORIG_STATES | VIR_DOMAIN_DEF_FORMAT_CLOCK_ADJUST)
#define QBJ_STATUS_PARSE_FLAGS \
    (VIR_DOMAIN_DEF_PARSE_STATUS | VIR_DOMAIN_DEF_PARSE_ACTUAL_NET | VIR_DOMAIN_DEF_PARSE_PCI_ORIG_STATES | \
     VIR_DOMAIN_DEF_PARSE_SKIP_VALIDATE | VIR_DOMAIN_DEF_PARSE_ALLOW_POST_PARSE_FAIL)
