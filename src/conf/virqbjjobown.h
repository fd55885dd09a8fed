/* Our own form of a job record: exact state, what we know, and the spec as JSON text. */
#pragma once

#include "virqbjjob.h"

typedef struct _virQbjJobOwn virQbjJobOwn;
struct _virQbjJobOwn {
    char *name;                 /* never NULL */
    virQbjJob *job;             /* NULL: state not readable. job->spec may be NULL here: spec not readable */
    bool kept;                  /* its stock form is one that we keep unread */
};

void virQbjJobOwnFree(virQbjJobOwn *own);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virQbjJobOwn, virQbjJobOwnFree);

/* Returns NULL (logged) when there is no name. */
virQbjJobOwn *virQbjJobOwnParse(xmlNodePtr node);

/* -1 with an error reported when the spec cannot be turned into JSON. */
int virQbjJobOwnFormat(virBuffer *buf, const virQbjJob *job);
