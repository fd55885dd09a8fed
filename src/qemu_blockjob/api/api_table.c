#include <config.h>

#include "internal.h"
#include "driver.h"
#include "api_table.h"

int
qbjApiRegister(void)
{
    return 0;
}
