/* The requests that QEMU has not answered yet, in the order of sending. No I/O; guarded by the client's
 * lock. */
#pragma once

#include "internal.h"
#include "virjson.h"
#include "virthread.h"
#include "qmp_client.h"

/* More than this many unanswered commands, given-up ones included, are refused: a hung QEMU cannot grow
 * us. */
#define QBJ_QMP_REQUESTS_MAX 1024

/* What came for one command: parsed, or, when it is large, as text that the waiting thread parses. Both
 * NULL: nothing yet. */
typedef struct _qbjQmpAnswer qbjQmpAnswer;
struct _qbjQmpAnswer {
    virJSONValue *json;
    char *text;
};

/* A call that waits for several answers; lives as long as its thread waits or collects. */
typedef struct _qbjQmpBatch qbjQmpBatch;
struct _qbjQmpBatch {
    virCond changed;            /* monotonic clock: virQbjCondInit() */
    qbjQmpAnswer *answers;      /* one for each command, in its order; they belong to the waiting thread */
    size_t missing;
    bool broken;                /* the connection ended first */
};

typedef struct _qbjQmpRequest qbjQmpRequest;
struct _qbjQmpRequest {
    unsigned int id;
    gint64 since;               /* monotonic, microseconds: when it was added to the list */

    /* somebody waits: all of a batch's requests leave the list before the batch goes out of scope */
    qbjQmpBatch *batch;
    size_t position;

    /* or nobody does: what to call, with which copies of the command */
    qbjQmpDone done;
    void *opaque;
    char *execute;
    virJSONValue *arguments;
};

void qbjQmpRequestFree(qbjQmpRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qbjQmpRequest, qbjQmpRequestFree);

typedef struct _qbjQmpRequestList qbjQmpRequestList;
struct _qbjQmpRequestList {
    GQueue waiting;
    unsigned int base;
    unsigned int next;
};

/* Ids begin at @base and do so again whenever nothing is unanswered: they stay short. */
void qbjQmpRequestListInit(qbjQmpRequestList *list, unsigned int base);
void qbjQmpRequestListClear(qbjQmpRequestList *list);

/* True when @n more are allowed. */
bool qbjQmpRequestListHasRoom(const qbjQmpRequestList *list, size_t n);

/* Adds @request (taken over) and returns the id that it was given, or gives it an @id of the caller's. */
unsigned int qbjQmpRequestListAdd(qbjQmpRequestList *list, qbjQmpRequest *request);
void qbjQmpRequestListAddAs(qbjQmpRequestList *list, qbjQmpRequest *request, unsigned int id);

/* The request with @id; NULL when there is none. */
const qbjQmpRequest *qbjQmpRequestListFind(const qbjQmpRequestList *list, unsigned int id);
/* The same, and takes it out of the list. */
qbjQmpRequest *qbjQmpRequestListTake(qbjQmpRequestList *list, unsigned int id);

/* The waiting thread of @batch gives up: its requests stay in the list until their answers come, which are
 * then dropped. */
void qbjQmpRequestListAbandon(qbjQmpRequestList *list, const qbjQmpBatch *batch);

/* Hands the answer (one of both, taken over) to the batch of @request. */
void qbjQmpRequestDeliver(qbjQmpRequest *request, virJSONValue *json, char *text);

/* The connection has ended: wakes every batch. What has a callback is moved to @unheard, in order; the
 * list is empty then. */
void qbjQmpRequestListBreak(qbjQmpRequestList *list, GQueue *unheard);
