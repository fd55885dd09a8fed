/* The queue of events of one VM, and the job that its handlers run under. */
#pragma once

#include "domain_private.h"

/* What QEMU may have queued while the VM's job is held; beyond it, its events are dropped and one LOST is
 * queued in their place, whose handler asks for what they said. Nothing else is ever dropped. */
#define QBJ_DOMAIN_QUEUE_MAX 4096
#define QBJ_DOMAIN_QUEUE_WEIGHT_MAX (16 * 1024 * 1024)

/* Queues @event (stolen) and has it looked at. Any thread; takes no domain lock. */
void qbjDomainQueuePush(virDomainObj *vm, qbjDomainEvent *event);

/* Handles what is queued. @vm is locked and the caller holds its job. */
void qbjDomainQueueDrain(virDomainObj *vm);

/* Waits until something is queued or the time has come, then drains. @vm is locked on entry and return,
 * unlocked meanwhile; the caller holds its job. @whenMs: absolute, as virTimeMillisNow; 0: no limit.
 * Returns 1 when the time has come, else 0. */
int qbjDomainQueueWait(virDomainObj *vm, unsigned long long whenMs);

/* Ends the job that virDomainObjBeginJob() gave, and has a worker do what was queued or put off meanwhile.
 * To be used instead of virDomainObjEndJob() everywhere. @vm is locked. */
void qbjDomainJobEnd(virDomainObj *vm);

/* Worker function of the thread pool; @job is a referenced virDomainObj. */
void qbjDomainQueueWork(void *job, void *opaque);

/* The code of a timer without a job whose time is that of qbjDomainSaveStatusAgain(). */
#define QBJ_DOMAIN_TIMER_SAVE 1
#define QBJ_DOMAIN_TIMER_UNREAD 2
#define QBJ_DOMAIN_TIMER_MOMENT 3
#define QBJ_DOMAIN_TIMER_STRAY 4
#define QBJ_DOMAIN_TIMER_DEVICES 5

/* After @delayMs queues JOB_TIMER {@job, @code} for this run of the VM. Nothing cancels it: the handler must
 * look whether it still matters. */
void qbjDomainTimerStart(virDomainObj *vm, const char *job, int code, unsigned int delayMs);
