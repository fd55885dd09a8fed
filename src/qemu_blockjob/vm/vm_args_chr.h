/* The pieces of character devices. Only vm_args_chr*.c includes this. */
#pragma once

#include "vm_args_parts.h"

/* vm_args_chardev.c: reports VIR_ERR_CONFIG_UNSUPPORTED, returns -1. @what: target, address, ... */
int qbjVmArgsRefuseChr(const virDomainChrDef *chr, const char *what);
/* "-chardev", the back-end of @chr. */
int qbjVmArgsAddChardev(virCommand *cmd, const qbjVmArgsInput *input, const virDomainChrDef *chr);
