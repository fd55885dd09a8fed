/* The record of one block job: what a restarted daemon must know, and its XML.
 *
 * It is written twice into the status file: as the stock driver's <blockjobs> (05/X4), so that a stock daemon can take
 * the VM over, and as an element of our own namespace, which the stock driver ignores, with the exact state and the spec. */
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
    bool deleteImages;          /* <deleteCommittedImages/> */
    bool cancelled;             /* a client asked to end it: final event CANCELED (03/T4) */
    bool cancelSoft;            /* the recorded kind of cancel: soft (copy that shall stay usable), else forced */
    bool readyEmitted;          /* public READY went out */
    bool acknowledged;          /* the start call returned success: failures are told by event from then on */
    bool outcomeKnown;          /* SETTLING and later */
    bool outcomeNew;            /* the new chain is in force */
    char *errmsg;               /* QEMU's reason, or NULL */
    unsigned long long speed;   /* bytes/s as last set; not saved (01/S3) */
};

virQbjJob *virQbjJobNew(qbjSpec *spec, unsigned int apiFlags);  /* steals @spec */
void virQbjJobFree(virQbjJob *job);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virQbjJob, virQbjJobFree);

/* Writes <blockjobs active=...> with the jobs sorted by name, then our own element when there is a job.
 * @jobs: of virQbjJob, any order. Returns 0, -1 with an error reported. */
int virQbjJobsFormat(virBuffer *buf, GPtrArray *jobs);

/* Reads both forms; ctxt->node is <domstatus>. Jobs that only the stock form knows (take-over from the stock driver) get a
 * spec rebuilt from @def's chains by their node names. A job that cannot be understood is kept as BROKEN under its
 * name, never dropped (05/X4 "broken"). @jobs: new array of virQbjJob with free func set. Returns 0, -1 with an error
 * reported only when the XML is not readable at all. */
int virQbjJobsParse(xmlXPathContextPtr ctxt, const virDomainDef *def, GPtrArray **jobs);
