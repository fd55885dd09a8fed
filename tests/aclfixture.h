/* Calls that an access manager denies, checked against the driver's table of callbacks: each line names the
 * callback that it is for, which is then the only one that the connection has. */
#pragma once

#include "internal.h"
#include "datatypes.h"

/* To be called with a connection that is open, before any line. */
void aclTableTake(virConnectPtr conn);

/* One line of TAP for each callback of the driver that had no line. */
void aclTableCheck(void);

void aclBegin(virConnectPtr conn, size_t callback);
void aclEnd(virConnectPtr conn, bool failed, const char *name);

/* @failed: how the call says that it did not succeed. @callback: member of virHypervisorDriver. */
#define ACL_LINE(conn, callback, failed) \
    do { \
        aclBegin(conn, offsetof(virHypervisorDriver, callback)); \
        aclEnd(conn, failed, #callback ": " #failed); \
    } while (0)
#define DENIED(conn, callback, call) ACL_LINE(conn, callback, (call) < 0)
#define DENIED_NULL(conn, callback, call) ACL_LINE(conn, callback, (call) == NULL)

/* Nothing is told or changed by this callback: libvirt has no check for it. */
void aclUnchecked(size_t callback);
#define UNCHECKED(callback) aclUnchecked(offsetof(virHypervisorDriver, callback))

/* The lines. @xml: of a domain that does not exist. */
void aclTestConnection(virConnectPtr conn, const char *xml);
void aclTestNode(virConnectPtr conn);
void aclTestEvents(virConnectPtr conn);
void aclTestDomainQueries(virConnectPtr conn, virDomainPtr domain);
void aclTestDomainSettings(virConnectPtr conn, virDomainPtr domain);
void aclTestDomainActions(virConnectPtr conn, virDomainPtr domain);
/* @xml: of a domain that would come. */
void aclTestDomainMigration(virConnectPtr conn, virDomainPtr domain, const char *xml);
void aclTestDomainAgent(virConnectPtr conn, virDomainPtr domain);
void aclTestSnapshots(virConnectPtr conn, virDomainPtr domain);
