/* What a snapshot that a client asks for consists of (behaviour/08 S1, S2): nothing is looked at but the two
 * definitions, and whether an image whose name is made into one for its overlay is a file: so no lock may be
 * held. */
#pragma once

#include "domain_conf.h"
#include "snapshot_conf.h"

/* What is known of the domain. */
typedef struct _qbjMomentPlace qbjMomentPlace;
struct _qbjMomentPlace {
    bool active;
    bool persistent;
    int state;                  /* virDomainState */
};

/* What the flags say alone, before anything else is looked at. Returns 0, -1 with an error reported. */
int qbjMomentPlanFlags(const qbjMomentPlace *place, unsigned int flags);

/* Completes @def, whose parent.dom is the domain's definition: state, memory, a line for each disk, names of
 * files, formats. Returns 0; -1 with an error reported, S2.5, S2.8, S2.10 to S2.17, S2.21, S2.23, S2.24,
 * S2.28:
 *   VIR_ERR_CONFIG_UNSUPPORTED, VIR_ERR_OPERATION_UNSUPPORTED, libvirt's own */
int qbjMomentPlan(virDomainSnapshotDef *def, const qbjMomentPlace *place, unsigned int flags);

/* Targets of the disks that take part, NULL terminated; to be freed with g_free(), the strings are @def's. */
const char **qbjMomentPlanTargets(const virDomainSnapshotDef *def);

/* Whether a disk of @def is to be left to the client (S2.14). */
bool qbjMomentPlanHasManual(const virDomainSnapshotDef *def);
