/* The driver's callback table. */
#pragma once

/* Registers the connection driver and the state driver with libvirt. Returns 0, -1 with an error reported. */
int qbjApiRegister(void);
