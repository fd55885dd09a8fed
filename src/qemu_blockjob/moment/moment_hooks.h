/* What this layer gives to those below it. */
#pragma once

#include "domain_driver.h"

extern const qbjDriverMoments qbjMomentHooks;
