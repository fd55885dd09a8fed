/* The record of one block job: what a restarted daemon must know, and its XML.
 *
 * It is written twice into the status file: as the stock driver's <blockjobs> (05/X4), so that a stock daemon
 * can take the VM over, and as an element of our own namespace, which the stock driver ignores, with the
 * exact state and the spec. */
#pragma once

#include "internal.h"
#include "virbuffer.h"
#include "virxml.h"
#include "domain_conf.h"
#include "job.h"
#include "spec.h"

#define VIR_QBJ_XML_NAMESPACE "https://libvirt.org/schemas/qemu-blockjob/1.0"

typedef struct _virQbjJob virQbjJob;
struct _virQbjJob {
    qbjJobState state;          /* written by qbjEngineStep() and the parser only */
    qbjSpec *spec;              /* never NULL; type, job name, disk, nodes are in there */
    unsigned int apiFlags;      /* as the client passed them (jobflags=) */
    bool apiFlagsUnknown;       /* no jobflags= in the file: it is not written, either */
    bool deleteImages;          /* <deleteCommittedImages/> */
    bool shallowNew;            /* copy: at the pivot the target inherits the source's backing chain
                                 * (shallownew=) */
    bool cancelled;             /* a client asked to end it: final event CANCELED (03/T4) */
    bool cancelSoft;            /* the recorded kind of cancel: soft (copy that shall stay usable), else
                                 * forced */
    bool readyEmitted;          /* public READY went out */
    bool acknowledged;          /* the start call returned success: failures are told by event from then on */
    bool outcomeKnown;          /* SETTLING and later */
    bool outcomeNew;            /* the new chain is in force */
    bool timedOut;              /* a pivot was called off because it took too long; not saved */
    bool dismissed;             /* QEMU has no such job any more; not saved */
    bool flushed;               /* pull: the active image has been flushed since the last write of the job;
                                 * not saved */
    bool configDirty;           /* the persistent definition in memory is not on disk yet; not saved: until
                                 * it is, the live one and this record stay as they are
                                 * (qbjEngineDoSettle) */
    int targetFd;               /* PREPARING of a copy: its file, which has no name until the record is saved
                                 * (qbjHostTargetCreate), else -1; not saved */
    char *group;                /* name of the group that the job belongs to (job_group.h), NULL: none */
    bool stopGuest;             /* from the start of a pivot until the guest goes on: the driver may have stopped
                                 * it (engine_hold.h) */
    unsigned int groupSize;     /* how many jobs that group was made of; 0: none, or not known */
    bool pendingSeen;           /* PENDING: QEMU has said so to this very daemon; not saved */
    bool settled;               /* the definitions say the outcome, the status file not yet (qbjEngineDoSettle);
                                 * not saved */
    char *errmsg;               /* QEMU's reason, or NULL */
    char *oldDisk;              /* A, from the first rename of a pivot on: <disk> text with the source and
                                 * chain from before, or NULL; saved */
    unsigned long long speed;   /* bytes/s as last set; not saved (01/S3) */
    unsigned long long cur;     /* progress as QEMU last said it, bytes; not saved */
    unsigned long long end;
    unsigned long long curSpeed;
    unsigned int news;          /* counts what may have made that untrue; not saved */
    unsigned int askedNews;     /* @news and the time when QEMU was asked for it; not saved */
    gint64 asked;               /* microseconds of the monotonic clock, 0: never */
    unsigned int serial;        /* tells this job from a later one of the same name; not saved */
    gint64 pivotUntil;          /* milliseconds of the monotonic clock: when a pivot that was sent is called off,
                                 * 0: not known; not saved */
    unsigned int retryMs;       /* present back-off of QBJ_DO_RETRY_LATER; not saved */
    char *paused;               /* why QEMU has paused it, or NULL; not saved */
    unsigned int pausedMs;      /* present back-off until its writing is tried again; not saved */
    char *stockXML;             /* a <blockjob> that we could not understand: written back as it was, or
                                 * NULL */
};

virQbjJob *virQbjJobNew(qbjSpec *spec, unsigned int apiFlags);  /* steals @spec */
void virQbjJobFree(virQbjJob *job);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virQbjJob, virQbjJobFree);

/* Whether a stock daemon has started it: QEMU then finalizes it without asking us, so PENDING is over when we
 * hear of it. */
bool virQbjJobIsAdopted(const virQbjJob *job);

/* Writes <blockjobs active=...> with the jobs sorted by name, then our own element when there is a job.
 * @jobs: of virQbjJob, any order. Returns 0, -1 with an error reported (a job of type backup or create that
 * we did not take over has no stock form yet: VIR_ERR_OPERATION_UNSUPPORTED). */
int virQbjJobsFormat(virBuffer *buf, GPtrArray *jobs);

/* Reads both forms; ctxt->node is <domstatus>. The jobs are those that either form names.
 *
 * Our form is there: it decides, for a stock daemon drops it at its first save, so nobody has changed the
 * file since.
 * Its spec cannot be read (damage, newer version): the spec is rebuilt from the stock form, the state stays
 * ours.
 * Our form is not there: a stock daemon has saved the file; state and spec are made from the stock form and
 * the node names in @def's chains, so that our engine goes on with the job (commit, active commit, pull).
 * None of this works: the job is BROKEN under its name, never dropped (05/X4 "broken"), and a stock form is
 * kept to be written back. spec->disk is then "" when the disk is not known, and spec->type a guess.
 *
 * @jobs: new array of virQbjJob with free func set, in order of names. Returns 0, -1 with an error reported
 * only when memory runs out. */
int virQbjJobsParse(xmlXPathContextPtr ctxt, const virDomainDef *def, GPtrArray **jobs);
