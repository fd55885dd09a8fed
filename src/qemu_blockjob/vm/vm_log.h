/* The log of a domain: NAME.log with what we did and what QEMU said. QEMU writes to virtlogd, which limits
 * the size of the file, or to the file itself. */
#pragma once

#include "domain_private.h"
#include "vircommand.h"

/* What one start has of it. */
typedef struct _qbjVmLog qbjVmLog;
struct _qbjVmLog {
    int fd;                 /* QEMU's standard output and error; -1: not open */
    off_t offset;           /* the file's size when QEMU was run: its own words come behind */
    bool piped;             /* through virtlogd, so they may come a moment later */
};

/* Opens it for QEMU. stdio_handler says how; where that is not set, virtlogd if it can be reached and the
 * driver is not embedded. @vm is locked and its job held; the lock is dropped while virtlogd is asked.
 * Returns 0; -1 with an error reported. */
int qbjVmLogOpen(virDomainObj *vm, qbjVmLog *log);
void qbjVmLogClose(qbjVmLog *log);

/* Writes the start's line, environment and command line, and notes where QEMU's words begin. @version is
 * QEMU's, as 7002022. A failure is only logged. */
void qbjVmLogCommand(virDomainObj *vm, qbjVmLog *log, virCommand *cmd, unsigned int version);

/* Writes a line with the time before it. A failure is only logged. */
void qbjVmLogLine(virDomainObj *vm, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* Marks the running domain, and says so once in the daemon's log and in the domain's (05/X1.6). */
void qbjVmLogTaint(virDomainObj *vm, virDomainTaintFlags flag);

/* What QEMU has written since its start, at most 1 KiB of the end; never NULL. */
char *qbjVmLogTail(virDomainObj *vm, const qbjVmLog *log);
