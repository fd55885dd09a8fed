/* One mistake each, in the table or in the order of the engine's steps, and the invariant that finds it. */
#pragma once

#include "model_world.h"

typedef struct _modelSpoiled modelSpoiled;
struct _modelSpoiled {
    const char *name;           /* begins with the hole of the protocol that it opens again, if there is one */
    const char *setup;
    modelMistake mistake;       /* of the engine, or */
    qbjJobMove row;             /* in place of the table's: with kinds 0 there is none; state LAST: no such mistake */
    int invariant;
};

extern const modelSpoiled modelSpoileds[];
extern const size_t modelNSpoileds;
