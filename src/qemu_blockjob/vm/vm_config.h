/* Changes of the persistent definition by a call: a copy is changed, and takes the place of the definition
 * when this driver can carry it out and it is saved. */
#pragma once

#include "domain_private.h"
#include "host_save.h"

/* What a call that changes a domain works on; both may be NULL (the flags did not ask for it). */
typedef struct _qbjVmConfig qbjVmConfig;
/* Changes @next, a copy of the persistent definition, as @what says. Returns 0, -1 with an error reported. */
typedef int (*qbjVmConfigChange)(virDomainObj *vm, virDomainDef *next, const void *what);

struct _qbjVmConfig {
    virDomainDef *live;         /* borrowed: vm->def; not to be looked at once events may have been handled */
    virDomainDef *next;         /* a copy of the persistent definition */
    char *from;                 /* the text of the definition that it was copied from */
    qbjVmConfigChange change;   /* from qbjVmConfigApply() on; borrowed, as @what */
    const void *what;
    qbjHostSave *save;          /* of config->next, from qbjVmConfigPrepare() on; NULL: none */
};
void qbjVmConfigClear(qbjVmConfig *config);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(qbjVmConfig, qbjVmConfigClear);

/* @flags: VIR_DOMAIN_AFFECT_*; @vm is locked and its job held. -1 with VIR_ERR_OPERATION_INVALID reported:
 * not running, or transient. */
int qbjVmConfigBegin(virDomainObj *vm, unsigned int flags, qbjVmConfig *config);

/* Changes config->next, if there is one. It is done again when the definition is another one by the time
 * it is to be saved: a job that has ended meanwhile has changed it, or a client has defined it anew. Whoever
 * may handle events in between (a wait for the guest) says by this what it changes. @what lives as long as
 * @config. Returns 0, -1 with an error reported. */
int qbjVmConfigApply(virDomainObj *vm, qbjVmConfig *config, qbjVmConfigChange change, const void *what);

/* config->next has an element that this driver does not carry out: -1 with VIR_ERR_CONFIG_UNSUPPORTED
 * reported. To be asked before anything is done to the running VM. */
int qbjVmConfigCheck(virDomainObj *vm, const qbjVmConfig *config);

/* As qbjVmConfigCheck(), and writes config->next beside the file of the persistent definition: all of a
 * save that can fail or be slow, for those who then change the running VM. -1 with an error reported. */
int qbjVmConfigPrepare(virDomainObj *vm, qbjVmConfig *config);

/* What qbjVmConfigPrepare() has written takes the place of the persistent definition; nothing without a
 * config->next. Who calls it has saved the status file. As qbjVmConfigCommit(). */
int qbjVmConfigCommitNext(virDomainObj *vm, qbjVmConfig *config);

/* Saves: status file of the running VM, and config->next, which becomes the persistent definition. Returns 0,
 * -1 with an error reported: then the persistent definition is as before. */
int qbjVmConfigCommit(virDomainObj *vm, qbjVmConfig *config);
