/* The keys of the stock qemu.conf, and what we do about each. */
#pragma once

#include "virqbjconf.h"
#include "virconf.h"

typedef enum {
    VIR_QBJ_KEY_BOOL,
    VIR_QBJ_KEY_UINT,
    VIR_QBJ_KEY_INT,
    VIR_QBJ_KEY_STRING,
    VIR_QBJ_KEY_LIST,
    VIR_QBJ_KEY_STRING_OR_LIST,
    VIR_QBJ_KEY_UINT_OR_STRING,
} virQbjKeyType;

typedef enum {
    VIR_QBJ_KEY_ACTED_ON,
    VIR_QBJ_KEY_SYSTEM_ONLY,    /* acted on when privileged, else ignored: QEMU runs as the daemon's user */
    VIR_QBJ_KEY_IGNORED,
    VIR_QBJ_KEY_UNSAFE,
} virQbjKeyClass;

/* Which domains an unsafe key matters for. */
typedef enum {
    VIR_QBJ_CONCERN_ALL,
    VIR_QBJ_CONCERN_VNC,
    VIR_QBJ_CONCERN_SPICE,
    VIR_QBJ_CONCERN_NET,
    VIR_QBJ_CONCERN_TPM,
    VIR_QBJ_CONCERN_TCP,        /* devices with a TCP connection */
    VIR_QBJ_CONCERN_NBD,
    VIR_QBJ_CONCERN_VXHS,
} virQbjKeyConcern;

typedef struct _virQbjKey virQbjKey;
struct _virQbjKey {
    const char *name;
    virQbjKeyType type;
    virQbjKeyClass class;
    const char *same;           /* the value, as virQbjKeyText() gives it, that asks for what we do anyway;
                                 * or NULL */
    virQbjKeyConcern concern;   /* UNSAFE */
    const char *note;           /* for the page of settings, or NULL */
};

/* Whether an unsafe @key matters for @def. */
bool virQbjKeyConcernsDomain(const virQbjKey *key, const virDomainDef *def);

/* NULL for an unknown name. */
const virQbjKey *virQbjKeyFind(const char *name);

/* All keys, for the tests. */
const virQbjKey *virQbjKeyAll(size_t *nkeys);

/* The value of @key in @file as text: 1 and @text set (numbers in decimal, lists joined by ','), 0 when it is
 * not set, -1 with an error reported when it has the wrong type. */
int virQbjKeyText(virConf *file, const virQbjKey *key, char **text);
