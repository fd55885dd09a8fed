/* The monitor's unix socket: both ends of its making. */
#pragma once

#include "internal.h"

/* Connects to the socket that QEMU listens on. Does not block: a QEMU that hangs is connected to all the
 * same, and says nothing. Returns a non-blocking close-on-exec fd, -1 with an error reported:
 *   VIR_ERR_SYSTEM_ERROR       nobody listens (ECONNREFUSED), no such file (ENOENT), one client is being
 *   served and
 *                              one more waits already (EAGAIN)
 *   VIR_ERR_OPERATION_FAILED   the path is too long for a socket */
int qbjQmpConnectUnix(const char *path);

/* Who listens at the other end of the connected socket @fd: the process that called listen() last. Returns
 * its number, 0 when it has none here (another PID namespace), -1 with VIR_ERR_SYSTEM_ERROR reported. */
pid_t qbjQmpSocketPeer(int fd);

/* Makes a socket at @path that listens, to be handed to QEMU when it is started: so one can connect at
 * once, without waiting for QEMU to get so far. A socket that an earlier QEMU left behind is replaced,
 * anything else at @path is not. Returns a close-on-exec fd, -1 with an error reported as above (EEXIST:
 * something that is no socket). */
int qbjQmpListenUnix(const char *path, mode_t mode);
