/* Visits every world that can be reached from the first one, breadth first, so that the way to a broken
 * invariant is a shortest one. */
#pragma once

#include "model_world.h"

/* What was met on the way, for all setups together. */
typedef struct _modelSeen modelSeen;
struct _modelSeen {
    unsigned int *rows;         /* by row of the table: mask of qbjJobKind that used it */
    unsigned int noRow[QBJ_STATE_LAST][QBJ_EVENT_LAST];     /* mask of qbjJobKind */
};

typedef const qbjJobMove *(*modelFind)(qbjJobKind kind, qbjJobState state, qbjJobEvent event);

/* Returns what is broken, or NULL. @find, @mistake: the table, and the order of the engine. @seen may be
 * NULL; without @quiet the figures are printed, and the way to what is broken. */
const char *modelExplore(const modelSetup *setup, modelFind find, modelMistake mistake, modelSeen *seen, bool quiet);
