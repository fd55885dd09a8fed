/* QMP on behalf of a domain: drops the domain's lock while QEMU is asked. */
#pragma once

#include "domain_private.h"

/* Runs @commands (see qbjQmpRun) with the domain's lock dropped. @vm is locked on entry and return; the
 * caller holds a job, or accepts that the VM may have been stopped and started meanwhile. Returns 0 when all
 * have an answer, -1 with an error reported; VIR_ERR_OPERATION_FAILED "domain is not running" when it has
 * stopped, see qbjDomainQmpCheck() when it runs and cannot be asked. */
int qbjDomainQmpRun(virDomainObj *vm, qbjQmpCommand *commands, size_t n);

/* As above with a time limit of its own, milliseconds: VIR_ERR_OPERATION_TIMEOUT when it has passed. */
int qbjDomainQmpRunFor(virDomainObj *vm, qbjQmpCommand *commands, size_t n, unsigned int deadlineMs);

/* The two halves of qbjDomainQmpRun(), for callers who have something else to do meanwhile: sends @commands,
 * which are borrowed until their answers are collected (or given up). NULL with an error reported: nothing
 * was sent. What was begun must be collected or abandoned, which frees it; only collecting drops the lock. */
typedef struct _qbjDomainQmpBegun qbjDomainQmpBegun;
qbjDomainQmpBegun *qbjDomainQmpBegin(virDomainObj *vm, qbjQmpCommand *commands, size_t n);
int qbjDomainQmpCollect(virDomainObj *vm, qbjDomainQmpBegun *begun);
void qbjDomainQmpAbandon(qbjDomainQmpBegun *begun);

/* One command; QEMU's error answer is reported (see qbjQmpCall). @arguments is borrowed, @reply may be
 * NULL. */
int qbjDomainQmpCall(virDomainObj *vm, const char *execute, virJSONValue *arguments, virJSONValue **reply);

/* As above with a time limit of its own, see qbjDomainQmpRunFor(). */
int qbjDomainQmpCallFor(virDomainObj *vm, const char *execute, virJSONValue *arguments, unsigned int deadlineMs,
                        virJSONValue **reply);

/* One command whose error answer the caller looks at itself. */
int qbjDomainQmpTry(virDomainObj *vm, qbjQmpCommand *command);

/* As qbjQmpPassFd(). */
int qbjDomainQmpPassFd(virDomainObj *vm, const char *name, int fd);

/* QEMU closes what it has under @name: it keeps that when it refuses the command it was for. The error that
 * led here stays; one of this is dropped. */
void qbjDomainQmpTakeFdBack(virDomainObj *vm, const char *name);

/* The same for what an earlier connection may have left there: QEMU keeps it when that ends. Returns 0, also
 * when it has none of that name; -1 with an error reported. */
int qbjDomainQmpDropFd(virDomainObj *vm, const char *name);

/* To be called before the monitor is used, or the domain's job is waited for: a VM that a new daemon has not
 * come to yet is connected now. Does not wait for QEMU. @vm is locked. */
void qbjDomainReach(virDomainObj *vm);

/* 0 when there is a connection to QEMU, -1 with VIR_ERR_OPERATION_FAILED, which says why there is none. @vm
 * is locked. */
int qbjDomainQmpCheck(virDomainObj *vm);

/* Connects the monitor of a running VM; its callbacks put what happens into the VM's queue. @vm is locked. */
int qbjDomainQmpConnect(virDomainObj *vm);

/* Watches the process through a pidfd, whose end is queued as PROCESS_GONE, after what it has said last.
 * @pidfd is taken over, also on failure. @vm is locked. Returns 0, -1 with an error reported: it is not
 * watched. */
int qbjDomainWatchProcess(virDomainObj *vm, int pidfd);

/* Ends both; events in flight are dropped by their domain id. @vm is locked. */
void qbjDomainDisconnect(virDomainObj *vm);
