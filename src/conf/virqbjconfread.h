/* Parts of virQbjConfLoad(): each reads its keys from @file into @conf; -1 with an error reported. */
#pragma once

#include "virconf.h"
#include "virqbjconf.h"

#define VIR_QBJ_CONF_PORT_MIN 5900
#define VIR_QBJ_CONF_PORT_MAX 65535

/* VNC and SPICE. */
int virQbjConfReadDisplay(virQbjConf *conf, virConf *file, const char *filename);

/* Limits and properties of the QEMU process. */
int virQbjConfReadProcess(virQbjConf *conf, virConf *file, const char *filename);

/* Control groups. */
int virQbjConfReadCgroups(virQbjConf *conf, virConf *file, const char *filename);

/* Where guests' memory comes from. */
int virQbjConfReadMemory(virQbjConf *conf, virConf *file, const char *filename);
