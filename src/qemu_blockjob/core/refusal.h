/* A refusal by value: core/ says why something cannot be done, api/ reports it.
 *
 * core/ does not call virReportError, because that logs and touches thread-local state. A function that can
 * refuse takes a qbjRefusal as its last argument, fills it where the reason is found and returns -1. */
#pragma once

#include "internal.h"
#include "virerror.h"

typedef struct _qbjRefusal qbjRefusal;
struct _qbjRefusal {
    virErrorNumber code;        /* VIR_ERR_OK: nothing refused */
    char *message;              /* translated detail, without libvirt's prefix for the code */
};

#define QBJ_REFUSAL_INIT { VIR_ERR_OK, NULL }

/* Sets code and message; an earlier reason is kept, for the first one found is the one to tell. */
void qbjRefusalSet(qbjRefusal *refusal, virErrorNumber code, const char *fmt, ...) G_GNUC_PRINTF(3, 4);

void qbjRefusalClear(qbjRefusal *refusal);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(qbjRefusal, qbjRefusalClear);
