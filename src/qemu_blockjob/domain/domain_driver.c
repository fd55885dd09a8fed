#include <config.h>

#include "internal.h"
#include "domain_driver.h"

void
qbjDriverActiveAdd(qbjDriver *driver)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&driver->lock);

    if (driver->nactive++ == 0 && driver->inhibit)
        driver->inhibit(true, driver->inhibitOpaque);
}

void
qbjDriverActiveRemove(qbjDriver *driver)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&driver->lock);

    if (--driver->nactive == 0 && driver->inhibit)
        driver->inhibit(false, driver->inhibitOpaque);
}

bool
qbjDriverIsShuttingDown(qbjDriver *driver)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&driver->lock);

    return driver->shuttingDown;
}

int
qbjDriverNextId(qbjDriver *driver, int seen)
{
    VIR_LOCK_GUARD lock = virLockGuardLock(&driver->lock);

    if (seen >= 0) {
        driver->nextId = MAX(driver->nextId, seen);
        return driver->nextId;
    }
    return ++driver->nextId;
}
