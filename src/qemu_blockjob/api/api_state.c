/* The state driver: start, reload and end of the driver in its daemon. */
#include <config.h>

#include <libintl.h>

#include "internal.h"
#include "api_state.h"
#include "api_autostart.h"
#include "api_device.h"
#include "api_domain.h"
#include "moment_hooks.h"
#include "vm_driver.h"
#include "hypervisor/virclosecallbacks.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.api_state");

qbjDriver *qbjApiDriver;
static virMutex qbjApiDriverLock = VIR_MUTEX_INITIALIZER;
static virCond qbjApiDriverCond = { .cond = PTHREAD_COND_INITIALIZER };
static unsigned int qbjApiDriverUsers;  /* connections that are being closed */

void
qbjApiStateForget(virConnectPtr conn)
{
    qbjDriver *driver = NULL;

    VIR_WITH_MUTEX_LOCK_GUARD(&qbjApiDriverLock) {
        if ((driver = qbjApiDriver))
            qbjApiDriverUsers++;
    }
    if (!driver)
        return;
    virCloseCallbacksDomainRunForConn(driver->domains, conn);
    VIR_WITH_MUTEX_LOCK_GUARD(&qbjApiDriverLock) {
        qbjApiDriverUsers--;
        virCondBroadcast(&qbjApiDriverCond);
    }
}

virDrvStateInitResult
qbjApiStateInitialize(bool privileged, const char *root, bool monolithic G_GNUC_UNUSED,
                      virStateInhibitCallback inhibit, void *opaque)
{
    if (qbjApiDriver) {
        virReportError(VIR_ERR_INTERNAL_ERROR, "%s", _("the driver is already initialized in this process"));
        return VIR_DRV_STATE_INIT_ERROR;
    }
    qbjApiDriver = qbjVmDriverNew(privileged, root, &qbjMomentHooks, qbjApiDeviceChangeNext, inhibit, opaque);
    if (!qbjApiDriver)
        return VIR_DRV_STATE_INIT_ERROR;
    qbjApiAutostartBegin(qbjApiDriver);
    return VIR_DRV_STATE_INIT_COMPLETE;
}

int
qbjApiStateReload(void)
{
    if (qbjApiDriver)
        qbjVmDriverReload(qbjApiDriver);
    return 0;
}

/* The user's session ends: VMs run on, as their processes are not the session's. */
int
qbjApiStateStop(void)
{
    VIR_WARN("the session ends; running domains are left running");
    return 0;
}

int
qbjApiStateShutdownPrepare(void)
{
    if (qbjApiDriver)
        qbjVmDriverShutdownPrepare(qbjApiDriver);
    return 0;
}

int
qbjApiStateShutdownWait(void)
{
    qbjApiAutostartEnd();
    if (qbjApiDriver)
        qbjVmDriverShutdownWait(qbjApiDriver);
    return 0;
}

int
qbjApiStateCleanup(void)
{
    qbjDriver *driver = NULL;

    qbjApiAutostartEnd();
    VIR_WITH_MUTEX_LOCK_GUARD(&qbjApiDriverLock) {
        driver = g_steal_pointer(&qbjApiDriver);
        while (qbjApiDriverUsers > 0)
            ignore_value(virCondWait(&qbjApiDriverCond, &qbjApiDriverLock));
    }
    qbjVmDriverFree(driver);
    return 0;
}
