/* The record of an internal snapshot that is being made of a running guest (undo.rst), as data. */
#pragma once

#include "internal.h"
#include "virbuffer.h"
#include "virxml.h"

typedef struct _virQbjStatusInside virQbjStatusInside;
struct _virQbjStatusInside {
    char *name;                 /* within the images, none of which had one of that name before */
    char **nodes;               /* those images, by their nodes in QEMU; NULL terminated */
    bool metadata;              /* it is to have metadata: once they are there, it has been made */
    bool running;               /* the guest was running, and is to go on */
    bool underWay;              /* this daemon is at it; not saved */
};
/* Steals @nodes. */
virQbjStatusInside *virQbjStatusInsideNew(const char *name, char **nodes);
void virQbjStatusInsideFree(virQbjStatusInside *inside);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virQbjStatusInside, virQbjStatusInsideFree);

/* Our own element; @inside NULL writes nothing. */
void virQbjStatusInsideFormat(virBuffer *buf, const virQbjStatusInside *inside);

/* The record in the <domstatus> @root; *@inside NULL when there is none. Returns 0, -1 when there is one
 * that cannot be read, which is logged: nobody knows whether the guest stands still because of it. */
int virQbjStatusInsideParse(xmlNodePtr root, virQbjStatusInside **inside);
