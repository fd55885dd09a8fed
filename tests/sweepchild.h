/* One process of qbjsweeptest.c. */
#pragma once

#define SWEEP_LAYERS 4

typedef enum {
    SWEEP_KIND_PIVOT,           /* active commit and pivot */
    SWEEP_KIND_INTERMEDIATE,
    SWEEP_KIND_ABORT,           /* active commit and abort */
    SWEEP_KIND_PULL,            /* of everything */
    SWEEP_KIND_REBASE,          /* pull down to a base */
    SWEEP_KIND_COPY,            /* of everything, and pivot */
    SWEEP_KIND_STOPPED,         /* SWEEP_KIND_PIVOT, with a guest that is stopped for it */
    SWEEP_KIND_LAST
} sweepKind;

/* PROGRAM run|recover|recover-end|recover-gone ROOT NAME KIND: defines the domain NAME, whose images are in
 * ROOT/NAME, and goes through a job; or goes on with what another process left; or waits only for the end of
 * that domain, which has come already when its process is gone. Says on its standard output:
 *   top N      the persistent definition names disk.N at the end ("-": there is none)
 *   wrote MIB  that MiB was written and flushed in between
 *   end NEW    0: the job left the old chain, 1: the new one
 *   destroying from here on the domain is to go
 *   bad TEXT   a check failed
 * Returns the exit code. */
int sweepChildMain(char **argv);
