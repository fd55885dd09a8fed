/* The domain's long-running operation, which clients call its job: what is told of it while it runs and
 * afterwards. */
#pragma once

#include "domain_private.h"

/* As a client is told that the domain is busy with it. */
VIR_ENUM_DECL(qbjDomainOperationKind);

struct _qbjDomainOperation {
    virDomainJobOperation kind;
    bool aborted;               /* a client has asked for its end */
    bool endless;               /* there is no way to end it before its time */
    char failure[256];          /* what QEMU has said of its failure by an event, or "" */
    unsigned long long started; /* ms since 1970 */
    unsigned long long stopped; /* when the guest's CPUs were stopped, 0: they were not */
    unsigned long long elapsed; /* ms; of one that has ended */
    unsigned long long downtime;
    unsigned long long setup;
    unsigned long long total;   /* memory, bytes */
    unsigned long long processed;
    unsigned long long remaining;
    unsigned long long constant;        /* pages */
    unsigned long long normal;
    unsigned long long normalBytes;
    unsigned long long bps;
    unsigned long long dirtyRate;
    unsigned long long iteration;
    unsigned long long pageSize;
    unsigned long long requests;
};

/* Begins one of @vm, which has none; what was told of the last one is forgotten. @vm is locked, its job
 * held. */
void qbjDomainOperationBegin(virDomainObj *vm, virDomainJobOperation kind);

/* Ends it. @completed: it is told, by an event and to those who ask. Nothing when there is none. */
void qbjDomainOperationEnd(virDomainObj *vm, bool completed);

/* Whether the one that is under way may go on. Returns 0; -1 with an error reported: the process has ended,
 * or VIR_ERR_OPERATION_ABORTED, a client has called it off. */
int qbjDomainOperationCheck(virDomainObj *vm);

/* Takes the figures from an answer to query-migrate. */
void qbjDomainOperationRead(qbjDomainOperation *operation, virJSONValue *reply);

/* The figures in both forms that clients ask for. @params: NULL, to be freed with virTypedParamsFree(). */
void qbjDomainOperationInfo(const qbjDomainOperation *operation, virDomainJobInfoPtr info);
int qbjDomainOperationParams(const qbjDomainOperation *operation, virTypedParameterPtr *params, int *nparams);
