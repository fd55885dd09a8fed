/* The sockets that a VM's QEMU listens on. */
#pragma once

#include "domain_private.h"

/* Connects to a socket of the VM's QEMU. Its user can put something else in the socket's place: only QEMU
 * itself is talked to. @vm is locked. Returns as qbjQmpConnectUnix(), and -1 with VIR_ERR_OPERATION_FAILED
 * reported when another process listens. */
int qbjDomainConnect(virDomainObj *vm, const char *path);
