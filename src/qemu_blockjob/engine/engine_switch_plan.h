/* engine_switch_plan.h: what is kept of one changeover in memory, and its phase 0 (engine_switch.h). For the
 * files of the engine that carry it out; others see engine_switch.h. */
#pragma once

#include "engine_change.h"
#include "host_save_within.h"

/* What a member of the group named before, from the change in memory on until its own end. */
typedef struct _qbjEngineSwitched qbjEngineSwitched;
struct _qbjEngineSwitched {
    char *job;
    qbjEngineSwap swap;
    virStorageSource *oldConfig;        /* of the disk in the persistent definition; NULL: that did not change */
    virStorageSource *newConfig;        /* what replaced it; only compared: a client may have defined another since */
};

/* One for a group. */
typedef struct _qbjEngineSwitch qbjEngineSwitch;
struct _qbjEngineSwitch {
    /* prepared */
    char *statusText;                   /* NULL: nothing is planned yet */
    char *configText;                   /* NULL: the persistent definition stays as it is, or there is none */
    char *configFrom;                   /* the persistent definition that configText was made from; NULL: none */
    qbjHostSave *status, *config;       /* they stay after their renames, with the files that they replaced */
    virDomainDef *newDef;               /* persistent definition that configText was made from */
    bool renamed;                       /* the first rename was issued: nothing may be called off any more */
    bool configKept;                    /* the persistent definition's file is still the old one */
    /* done */
    GPtrArray *switched;                /* of qbjEngineSwitched: members that memory has changed over */
};

/* NULL when nothing is kept for the group of @job. */
qbjEngineSwitch *qbjEngineSwitchFind(virDomainObj *vm, const virQbjJob *job);

/* As above; made when there is none. */
qbjEngineSwitch *qbjEngineSwitchGet(virDomainObj *vm, const virQbjJob *job);

/* The member @job; NULL when memory has not been changed over for it by this daemon. @sw may be NULL. */
qbjEngineSwitched *qbjEngineSwitchedFind(const qbjEngineSwitch *sw, const virQbjJob *job);

/* The old source and its chain, as a <disk>, for the record: a daemon that restarts in COMMITTED has no
 * other memory of it. NULL with an error reported, or when the disk is gone. The caller frees. */
char *qbjEngineSwitchOldDisk(virDomainObj *vm, const virQbjJob *job);

/* The texts; not the files that were written from them. */
void qbjEngineSwitchClearPlan(qbjEngineSwitch *sw);
