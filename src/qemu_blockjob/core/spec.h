/* A job spec: the whole plan of one block job, made before the first side effect.
 *
 * A planner turns disk definition + chain + request into a spec; the engine runs its phases in the order that
 * the state table gives, and the record keeps it as JSON so that a restarted daemon goes on with the same
 * plan. Every step may be run twice: "already done" answers count as done. */
#pragma once

#include "internal.h"
#include "virjson.h"
#include "virenum.h"
#include "job.h"

typedef enum {
    QBJ_PHASE_PREPARE,          /* before the start command, each step with its undo */
    QBJ_PHASE_START,            /* exactly one step: the start command */
    QBJ_PHASE_ATTACH,           /* A, READY, each time before it is completed: what the new image stands on */
    QBJ_PHASE_PENDING,          /* job is PENDING: parent writable, bitmaps, flush (order matters) */
    QBJ_PHASE_NODES,            /* outcome new: nodes of the images that left the chain; reopen read-only */
    QBJ_PHASE_RIGHTS,           /* outcome new: access rights lowered and revoked */
    QBJ_PHASE_UNLINK,           /* outcome new: files that the caller asked to have deleted */
    QBJ_PHASE_ABORT,            /* outcome old: nodes and rights as they were before the job */
    QBJ_PHASE_LAST
} qbjSpecPhase;
VIR_ENUM_DECL(qbjSpecPhase);            /* prepare start attach pending nodes rights unlink abort */

typedef enum {
    QBJ_STEP_QMP,
    QBJ_STEP_ACCESS,
    QBJ_STEP_UNLINK,
    QBJ_STEP_FILE,              /* PREPARE: the file is still the one meant, and empty unless it is filled */
    QBJ_STEP_EMPTY,             /* undo of FILE: a file that is not ours has no content again */
    QBJ_STEP_SECRET,            /* PREPARE: QEMU gets a passphrase or a password, which no record has */
    QBJ_STEP_LAST
} qbjStepType;

typedef enum {
    QBJ_ACCESS_NONE,            /* revoked: image belongs to nobody's chain any more */
    QBJ_ACCESS_RO,
    QBJ_ACCESS_RW,
    QBJ_ACCESS_LAST
} qbjAccess;
VIR_ENUM_DECL(qbjAccess);               /* none ro rw */

/* Names one image so that a later daemon, which no longer has it in any chain, can act on it. */
typedef struct _qbjImage qbjImage;
struct _qbjImage {
    int storageType;            /* virStorageType (actual type) */
    int format;                 /* virStorageFileFormat */
    char *path;                 /* NULL for network sources */
    char *formatNode;
    char *storageNode;
};

typedef struct _qbjStep qbjStep;
struct _qbjStep {
    qbjStepType type;
    char *command;              /* QMP, SECRET: name of the command */
    virJSONValue *arguments;    /* QMP: an object, or NULL. SECRET: NULL in a plan and in a record; who carries it
                                 * out has them */
    char *secret;               /* SECRET: name of QEMU's object */
    bool optional;              /* QMP: an error answer is logged, and the phase goes on ("not found" is
                                 * success) */
    char *job;                  /* QMP: the job that the command starts; the phase goes on when it has ended
                                 * without error and is dismissed. Undone by waiting for its end; NULL:
                                 * none */
    qbjImage *image;            /* ACCESS, UNLINK, FILE, EMPTY */
    char *identity;             /* FILE, UNLINK and EMPTY as its undo: which file of that path is meant
                                 * (host_target.h) */
    bool filled;                /* FILE: it is an image already */
    bool begun;                 /* EMPTY: the file may hold what we have written; before that it stays as it is */
    unsigned long long capacity; /* EMPTY: bytes that the guest sees in the image that is made; 0: not known */
    char *backing;              /* EMPTY: what its header names below it, or NULL */
    bool encrypted;             /* EMPTY: with LUKS */
    qbjAccess access;           /* ACCESS */
    qbjStep *undo;              /* PREPARE only; may be NULL */
};

/* What the job does to the definitions when its outcome is new. */
typedef enum {
    QBJ_CHANGE_NONE,
    QBJ_CHANGE_SWITCH,          /* A: the disk's source becomes the image with node @nowOn */
    QBJ_CHANGE_CUT,             /* B: the image with node @above gets @nowOn (NULL: nothing) as its backing
                                 * image */
    QBJ_CHANGE_LAST
} qbjChangeType;
VIR_ENUM_DECL(qbjChangeType);           /* none switch cut */

typedef struct _qbjChange qbjChange;
struct _qbjChange {
    qbjChangeType type;
    char *disk;                 /* target, e.g. vda */
    char *above;                /* format node-name */
    char *nowOn;                /* format node-name */
    char *relative;             /* CUT: backing name as written into @above when it is a relative one, else
                                 * NULL */
};

typedef struct _qbjSpec qbjSpec;
struct _qbjSpec {
    qbjJobType type;
    char *job;                  /* QEMU job id, 02/Q3 */
    char *disk;
    char *device;               /* node that the job's `device` argument names, 02/Q4. A: when it is not rootOld
                                 * it is a copy-on-read filter, which stays the guest device's root for ever:
                                 * then rootOld and rootNew are the node below it
                                 * (x-debug-query-block-graph tells, qom-get does not) */
    char *rootOld;              /* A: format node that the device uses when the outcome is old */
    char *rootNew;              /* A: ... when it is new */
    char *base;                 /* format node, commit and pull; shallow copy: below the active image */
    char *top;                  /* format node, commit */
    char *topParent;            /* format node, intermediate commit */
    GPtrArray *phase[QBJ_PHASE_LAST];   /* of qbjStep */
    qbjChange change;
};

qbjImage *qbjImageNew(int storageType, int format, const char *path, const char *formatNode, const char *storageNode);
void qbjImageFree(qbjImage *image);
void qbjStepFree(qbjStep *step);
qbjSpec *qbjSpecNew(qbjJobType type, const char *job, const char *disk);
void qbjSpecFree(qbjSpec *spec);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qbjImage, qbjImageFree);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qbjStep, qbjStepFree);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qbjSpec, qbjSpecFree);

/* Steps on their own, for undo; @arguments and @image are stolen. */
qbjStep *qbjStepNewCommand(const char *command, virJSONValue *arguments);
/* {@key: @name} to be deleted by @command; what is not there any more counts as deleted. */
qbjStep *qbjStepNewDelete(const char *command, const char *key, const char *name);
qbjStep *qbjStepNewAccess(qbjImage *image, qbjAccess access);

/* Appends a step; @arguments and @image are stolen. The returned step is owned by the spec. */
qbjStep *qbjSpecAddCommand(qbjSpec *spec, qbjSpecPhase phase, const char *command, virJSONValue *arguments);
qbjStep *qbjSpecAddAccess(qbjSpec *spec, qbjSpecPhase phase, qbjImage *image, qbjAccess access);
qbjStep *qbjSpecAddUnlink(qbjSpec *spec, qbjImage *image);

/* Appends to the prepare phase: the empty file @image is the one of this identity. Undone, if it still is, by
 * removing it when it was @made for the job; else it was there before, and gets empty again. */
qbjStep *qbjSpecAddFile(qbjSpec *spec, qbjImage *image, const char *identity, bool made);

/* Appends to the prepare phase: QEMU gets the secret object @name. Undone by deleting it. */
qbjStep *qbjSpecAddSecret(qbjSpec *spec, const char *name);

/* Limits of a spec, far above what a planner makes of 200 layers (01/Y10): FromJSON refuses more. */
#define QBJ_SPEC_MAX_CHAIN 200           /* images of a disk */
#define QBJ_SPEC_MAX_STEPS 2048         /* in one phase */
#define QBJ_SPEC_MAX_VALUES 200000      /* JSON values in the arguments of one command */
#define QBJ_SPEC_MAX_DEPTH 16           /* nesting of these arguments */
#define QBJ_SPEC_MAX_STRING 65536       /* bytes of one string */

/* JSON: fixed order of keys. ToJSON never fails for a well-formed spec; FromJSON refuses what ToJSON does not
 * write (VIR_ERR_INTERNAL_ERROR in @refusal) and never crashes on any input: it reads files that may be
 * damaged. */
virJSONValue *qbjSpecToJSON(const qbjSpec *spec);
qbjSpec *qbjSpecFromJSON(const virJSONValue *json, qbjRefusal *refusal);
