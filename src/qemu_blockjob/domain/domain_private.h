/* What hangs on one virDomainObj: connection, queue of events, jobs.
 *
 * Rules
 * - Everything but the queue is guarded by the domain's lock.
 * - The domain's lock is never held across QMP: qbjDomainQmp*() drop it.
 * - The queue is drained only by whoever holds the domain's job (virDomainObjBeginJob): a worker when nobody
 *   else does, or an API call that waits for the end of a block job. So events of one VM are handled one
 *   after the other, in order. */
#pragma once

#include "domain_driver.h"
#include "conf/virchrdev.h"
#include "util/vircgroup.h"
#include "virqbjstatus.h"
#include "agent_client.h"
#include "host_save.h"
#include "qmp_client.h"

typedef enum {
    QBJ_DOMAIN_EVENT_QMP,               /* an event of QEMU */
    QBJ_DOMAIN_EVENT_ESTABLISHED,       /* monitor answered its greeting */
    QBJ_DOMAIN_EVENT_MONITOR_CLOSED,
    QBJ_DOMAIN_EVENT_PROCESS_GONE,      /* pidfd became readable */
    QBJ_DOMAIN_EVENT_JOB_TIMER,         /* a timer set by qbjDomainTimerStart() went off */
    QBJ_DOMAIN_EVENT_LOST,              /* events of QEMU were dropped here, because there were too many */
} qbjDomainEventType;

struct _qbjDomainEvent {
    qbjDomainEventType type;
    virJSONValue *qmp;                  /* QMP: the whole event object */
    char *text;                         /* MONITOR_CLOSED: reason; JOB_TIMER: name of the job */
    int code;                           /* JOB_TIMER: what the setter gave */
    int domainId;                       /* the run of the domain that it belongs to; older ones are dropped */
    size_t weight;                      /* QMP: bytes that it takes, roughly; set by the queue */
};
void qbjDomainEventFree(qbjDomainEvent *event);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qbjDomainEvent, qbjDomainEventFree);

typedef struct _qbjDomainOperation qbjDomainOperation;
typedef struct _qbjDomainQuestions qbjDomainQuestions;
typedef struct _qbjDomainPrivate qbjDomainPrivate;
struct _qbjDomainPrivate {
    qbjDriver *driver;

    virQbjStatus *status;               /* never NULL while the VM is active */
    qbjQmp *qmp;                        /* NULL: not connected */
    char *lost;                         /* why it is not, while the VM runs and it is tried again; or NULL */
    qbjDomainQuestions *questions;      /* sent, and waited for by nobody yet (domain_questions.h); or NULL */
    qbjAgent *agent;                    /* not NULL while the guest has its end of the channel open */
    int pidfd;                          /* -1: none */
    virCgroup *cgroup;                  /* of the running VM; NULL: none */
    virQbjWatch *pidWatch;
    bool reconnecting;                  /* the daemon has restarted: the job is held for the recovery of
                                         * this VM */
    bool unreached;                     /* the daemon has restarted: the monitor is still to be connected, by its
                                         * thread or by whoever needs it first (qbjDomainReach) */
    bool recovering;                    /* a worker is at that recovery: it alone drains the queue */
    char *unread;                       /* why nothing is asked of QEMU, and the status file is not written: the
                                         * end of a sentence; NULL: all is well (vm_unread.h) */
    char *unreadStamp;                  /* the state of that file of which this was said */
    unsigned int unreadMs;              /* how long until it is looked at again */
    qbjDomainOperation *operation;      /* a save that is under way, see domain_operation.h; NULL: none */
    qbjDomainOperation *completed;      /* the last one, until it is asked for or another one begins */
    bool starting;                      /* qbjVmStart is running */
    bool labelled;                      /* security labels of this run were set, at least in part */
    bool stopping;                      /* qbjVmStop is running */
    bool reverting;                     /* a revert is under way: another run follows, so a transient domain does not
                                         * go with the one that ends, and no definition is taken */
    qbjHostSave *ended;                 /* with that: the status file as it is to be when the run has ended, prepared;
                                         * NULL: not yet, or used */
    bool halfway;                       /* of a transient domain: its last run has ended for a revert, or in one, before
                                         * its guest had begun: the revert is not done */
    GSList *marked;                     /* names of snapshots whose files may say wrongly that they are the current one
                                         * (qbjMomentListMarked()) */
    bool revertOpen;                    /* of a transient domain: a revert to external images may have left a note,
                                         * for when the guest has begun, or the domain goes
                                         * (moment_revertsettle.h) */
    bool ending;                        /* qbjVmStop found the process still there after all signals: what it
                                         * was told is carried out when the process ends */
    bool unsettled;                     /* the process has ended, but a persistent definition that a job has
                                         * changed cannot be saved: the status file stays as it is */
    virDomainShutoffReason endReason;
    int endEvent;
    bool guestShutdown;                 /* QEMU said SHUTDOWN: the end of the process is a shutdown, not a
                                         * crash */
    virChrdevs *chrdevs;                /* streams of clients to consoles and channels */
    bool ownStop;                       /* it is the driver that stops the guest and continues it (after a
                                         * power-off or crash, for a pivot), until QEMU says so */
    gint64 heldUntil;                   /* the guest stands still for a pivot: so long at most, milliseconds of
                                         * the monotonic clock; 0: it does not (engine_hold.h) */
    bool destroyed;                     /* virDomainDestroy asked for the end, or AUTODESTROY; of a transient domain
                                         * that is being reverted it is about the run that follows as well */
    unsigned long long generation;      /* of the status file: counts saves */
    bool saveWanted;                    /* the next worker saves it (qbjDomainSaveStatusSoon) */
    int saveAgain;                      /* run of the domain for which a timer goes, after a save that failed */
    unsigned int saveAgainMs;           /* how long that goes, 0: the last save was good */
    unsigned int applyAgainMs;          /* how long the timer goes that tries to take back a revert, 0: there is none */
    gint64 applyAgainFrom;              /* a try that fails starts another from then on, milliseconds of the
                                         * monotonic clock */
    GPtrArray *strays;                  /* of virQbjJob: jobs in QEMU without a record, see engine_stray.h */
    GSList *waits;                      /* of qbjEngineWait, see engine_wait.h */
    GSList *unplugWaits;                /* of qbjVmUnplugWait, see vm_unplug.c */
    bool plugging;                      /* a call is at the device or medium that the record names, and will settle it:
                                         * whoever hears from QEMU meanwhile leaves it alone */
    GSList *unplugged;                  /* aliases of disks that the guest has no more, and that are listed until their
                                         * block job has ended */
    GHashTable *switches;               /* name of a job -> qbjEngineSwitch, see engine_switch.h; NULL: none yet */

    virMutex queueLock;
    virCond queueCond;                  /* something was queued */
    GQueue queue;                       /* of qbjDomainEvent */
    size_t queueWeight;                 /* sum of theirs */
    int queueLost;                      /* run of the domain that a LOST is queued for: what its QEMU says
                                         * meanwhile is dropped; -1: none */
    int queueWarned;                    /* run that a log line has told this of, -1: none */
    bool scheduled;                     /* a worker will look at the queue */
    unsigned int waiting;               /* callers in qbjDomainQueueWait(), who will look at it themselves */
};
#define QBJ_DOMAIN_PRIVATE(vm) ((qbjDomainPrivate *) (vm)->privateData)

/* Callbacks for virDomainXMLOptionNew(); @opaque is the driver. */
void *qbjDomainPrivateNew(void *opaque);
void qbjDomainPrivateFree(void *data);

/* -1 with VIR_ERR_OPERATION_INVALID when @vm runs, but nothing is to be asked of its QEMU. The status file is
 * looked at again soon. */
int qbjDomainCheckRead(virDomainObj *vm);
int qbjDomainPrivateFormat(virBuffer *buf, virDomainObj *vm);
int qbjDomainPrivateParse(xmlXPathContextPtr ctxt, virDomainObj *vm, virDomainDefParserConfig *config);
