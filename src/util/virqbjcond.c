#include <config.h>

#include "internal.h"
#include "virqbjcond.h"

#include <time.h>

int
virQbjCondInit(virCond *cond)
{
    pthread_condattr_t attributes;
    int rc;

    if ((rc = pthread_condattr_init(&attributes)) == 0) {
        if ((rc = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)) == 0)
            rc = pthread_cond_init(&cond->cond, &attributes);
        pthread_condattr_destroy(&attributes);
    }
    errno = rc;
    return rc == 0 ? 0 : -1;
}

int
virQbjCondWaitUntil(virCond *cond, virMutex *mutex, gint64 until)
{
    struct timespec when = { .tv_sec = until / G_USEC_PER_SEC,
                             .tv_nsec = until % G_USEC_PER_SEC * 1000 };
    int rc = pthread_cond_timedwait(&cond->cond, &mutex->lock, &when);

    errno = rc;
    return rc == 0 ? 0 : -1;
}
