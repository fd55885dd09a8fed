/* One <blockjob> of the stock driver's <blockjobs> (05/X4), as data. */
#pragma once

#include "virqbjjob.h"

typedef struct _virQbjJobStock virQbjJobStock;
struct _virQbjJobStock {
    char *name;                 /* never NULL */
    char *type;                 /* strings as found; NULL: attribute missing */
    char *brokenType;
    char *state;
    char *newState;
    char *errmsg;
    char *disk;                 /* NULL: <chains>, or nothing */
    char *base;                 /* node names */
    char *top;
    char *topParent;
    unsigned int apiFlags;
    bool apiFlagsUnknown;
    bool deleteImages;
    bool shallowNew;
    char *text;                 /* the whole element */
};

void virQbjJobStockFree(virQbjJobStock *stock);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virQbjJobStock, virQbjJobStockFree);

/* Reads what is there; nothing is required but a name. Returns 1, 0 when there is no name (logged), -1 with
 * an error reported when memory runs out. */
int virQbjJobStockParse(xmlNodePtr node, virQbjJobStock **stock);

/* Writes @job in this form. -1 with an error reported for a type that cannot be written. */
int virQbjJobStockFormat(virBuffer *buf, const virQbjJob *job);

/* Whether the stock driver counts this job for active='yes'. */
bool virQbjJobStockIsActive(const virQbjJob *job);
