/* Entry points of migration. There is none yet: a call that would begin one is refused with what forbids it
 * in the first place (the domain does not run, has snapshots, has a block job), then by name; a call that
 * belongs to one finds none. Arguments are checked as for the real thing. */
#pragma once

#include "internal.h"
#include "datatypes.h"

#define QBJ_API_MIGRATE_FLAGS \
    (VIR_MIGRATE_LIVE | VIR_MIGRATE_PEER2PEER | VIR_MIGRATE_TUNNELLED | VIR_MIGRATE_PERSIST_DEST | \
     VIR_MIGRATE_UNDEFINE_SOURCE | VIR_MIGRATE_PAUSED | VIR_MIGRATE_NON_SHARED_DISK | \
     VIR_MIGRATE_NON_SHARED_INC | VIR_MIGRATE_CHANGE_PROTECTION | VIR_MIGRATE_UNSAFE | VIR_MIGRATE_OFFLINE | \
     VIR_MIGRATE_COMPRESSED | VIR_MIGRATE_ABORT_ON_ERROR | VIR_MIGRATE_AUTO_CONVERGE | \
     VIR_MIGRATE_RDMA_PIN_ALL | VIR_MIGRATE_POSTCOPY | VIR_MIGRATE_TLS | VIR_MIGRATE_PARALLEL | \
     VIR_MIGRATE_NON_SHARED_SYNCHRONOUS_WRITES | VIR_MIGRATE_POSTCOPY_RESUME | VIR_MIGRATE_ZEROCOPY)

/* 0 when all names and types are known; else -1 with an error reported. */
int qbjApiMigrateCheckParams(virTypedParameterPtr params, int nparams);

/* --- from here --- */

char *qbjApiMigrateBegin3(virDomainPtr domain, const char *xml, char **cookieOut, int *cookieOutLen,
                          unsigned long flags, const char *name, unsigned long bandwidth);
char *qbjApiMigrateBegin3Params(virDomainPtr domain, virTypedParameterPtr params, int nparams, char **cookieOut,
                                int *cookieOutLen, unsigned int flags);
int qbjApiMigratePerform(virDomainPtr domain, const char *cookie, int cookieLen, const char *uri,
                         unsigned long flags, const char *name, unsigned long bandwidth);
int qbjApiMigratePerform3(virDomainPtr domain, const char *xml, const char *cookie, int cookieLen,
                          char **cookieOut, int *cookieOutLen, const char *connURI, const char *uri,
                          unsigned long flags, const char *name, unsigned long bandwidth);
int qbjApiMigratePerform3Params(virDomainPtr domain, const char *connURI, virTypedParameterPtr params, int nparams,
                                const char *cookie, int cookieLen, char **cookieOut, int *cookieOutLen,
                                unsigned int flags);
int qbjApiMigrateConfirm3(virDomainPtr domain, const char *cookie, int cookieLen, unsigned long flags,
                          int cancelled);
int qbjApiMigrateConfirm3Params(virDomainPtr domain, virTypedParameterPtr params, int nparams, const char *cookie,
                                int cookieLen, unsigned int flags, int cancelled);

int qbjApiMigrateGetMaxDowntime(virDomainPtr domain, unsigned long long *downtime, unsigned int flags);
int qbjApiMigrateSetMaxDowntime(virDomainPtr domain, unsigned long long downtime, unsigned int flags);
int qbjApiMigrateGetCompressionCache(virDomainPtr domain, unsigned long long *size, unsigned int flags);
int qbjApiMigrateSetCompressionCache(virDomainPtr domain, unsigned long long size, unsigned int flags);
int qbjApiMigrateGetMaxSpeed(virDomainPtr domain, unsigned long *bandwidth, unsigned int flags);
int qbjApiMigrateSetMaxSpeed(virDomainPtr domain, unsigned long bandwidth, unsigned int flags);
int qbjApiMigrateStartPostCopy(virDomainPtr domain, unsigned int flags);

/* --- to here (api_migrate_into.c) --- */

int qbjApiMigratePrepare2(virConnectPtr conn, char **cookie, int *cookieLen, const char *uriIn, char **uriOut,
                          unsigned long flags, const char *name, unsigned long bandwidth, const char *xml);
int qbjApiMigratePrepareTunnel(virConnectPtr conn, virStreamPtr stream, unsigned long flags, const char *name,
                               unsigned long bandwidth, const char *xml);
int qbjApiMigratePrepare3(virConnectPtr conn, const char *cookie, int cookieLen, char **cookieOut,
                          int *cookieOutLen, const char *uriIn, char **uriOut, unsigned long flags,
                          const char *name, unsigned long bandwidth, const char *xml);
int qbjApiMigratePrepare3Params(virConnectPtr conn, virTypedParameterPtr params, int nparams, const char *cookie,
                                int cookieLen, char **cookieOut, int *cookieOutLen, char **uriOut,
                                unsigned int flags);
int qbjApiMigratePrepareTunnel3(virConnectPtr conn, virStreamPtr stream, const char *cookie, int cookieLen,
                                char **cookieOut, int *cookieOutLen, unsigned long flags, const char *name,
                                unsigned long bandwidth, const char *xml);
int qbjApiMigratePrepareTunnel3Params(virConnectPtr conn, virStreamPtr stream, virTypedParameterPtr params,
                                      int nparams, const char *cookie, int cookieLen, char **cookieOut,
                                      int *cookieOutLen, unsigned int flags);
virDomainPtr qbjApiMigrateFinish2(virConnectPtr conn, const char *name, const char *cookie, int cookieLen,
                                  const char *uri, unsigned long flags, int code);
virDomainPtr qbjApiMigrateFinish3(virConnectPtr conn, const char *name, const char *cookie, int cookieLen,
                                  char **cookieOut, int *cookieOutLen, const char *connURI, const char *uri,
                                  unsigned long flags, int cancelled);
virDomainPtr qbjApiMigrateFinish3Params(virConnectPtr conn, virTypedParameterPtr params, int nparams,
                                        const char *cookie, int cookieLen, char **cookieOut, int *cookieOutLen,
                                        unsigned int flags, int cancelled);
