/* Entry point of the module: libvirt looks up qemuRegister after dlopen. */

#include <config.h>

#include "internal.h"
#include "api_table.h"

/* The only exported name; libvirt.so looks it up by dlsym, so no header declares it. */
__attribute__((visibility("default"))) int qemuRegister(void);

int
qemuRegister(void)
{
    return qbjApiRegister();
}
