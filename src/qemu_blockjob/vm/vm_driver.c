#include <config.h>

#include <unistd.h>

#include "internal.h"
#include "virqbjcommandline.h"
#include "virqbjcookie.h"
#include "vm_driver.h"
#include "vm_caps.h"
#include "vm_def.h"
#include "vm_event.h"
#include "vm_load.h"
#include "vm_reconnect.h"
#include "vm_save.h"
#include "vm_unread.h"
#include "domain_private.h"
#include "domain_qmp.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "host_save.h"
#include "hypervisor/virclosecallbacks.h"
#include "virdomainjob.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virpidfile.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_driver");

/* Enough for several VMs that have something to do at once; the number does not depend on how many VMs
 * there are. */
#define QBJ_DRIVER_WORKERS 8

#define QBJ_WEBSOCKET_PORT_MIN 5700
#define QBJ_WEBSOCKET_PORT_MAX 65535

static void
qbjVmDriverSaveStatus(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    /* also called for a domain that is already stopped: a file must not come back */
    if (virDomainObjIsActive(vm) && priv->status && !priv->stopping && !priv->unsettled)
        qbjDomainSaveStatusOrWarn(vm);
}

/* libvirt hands the parser's private pointer to this, too */
static void *
qbjVmDriverPrivateNew(void *opaque)
{
    qbjVmDefContext *context = opaque;

    return qbjDomainPrivateNew(context->driver);
}

static virDomainXMLPrivateDataCallbacks qbjVmPrivateCallbacks = {
    .alloc = qbjVmDriverPrivateNew,
    .free = qbjDomainPrivateFree,
    .diskNew = virQbjDiskPrivateNew,
    .diskParse = virQbjDiskPrivateParse,
    .diskFormat = virQbjDiskPrivateFormat,
    .parse = qbjDomainPrivateParse,
    .format = qbjDomainPrivateFormat,
    .storageParse = virQbjStoragePrivateParse,
    .storageFormat = virQbjStoragePrivateFormat,
};

static virDomainJobObjConfig qbjVmJobConfig = {
    .cb = {
        .saveStatusPrivate = qbjVmDriverSaveStatus,
    },
};

static virDomainXMLOption *
qbjVmDriverXmlOption(qbjDriver *driver)
{
    virDomainDefParserConfig config = { 0 };
    virDomainXMLOption *xmlopt;

    qbjVmDefFillConfig(&config, driver->defContext);
    xmlopt = virDomainXMLOptionNew(&config, &qbjVmPrivateCallbacks, &virQbjCommandlineNamespace, NULL,
                                   &virQbjCookieCallbacks, &qbjVmJobConfig);
    virDomainXMLOptionSetCloseCallbackAlloc(xmlopt, virCloseCallbacksDomainAlloc);
    return xmlopt;
}

/* Drivers other than DAC and none are refused at each start; the daemon itself goes on (it serves more
 * than VMs). */
static int
qbjVmDriverSecurityPrimary(qbjDriver *driver, virSecurityManager **primary)
{
    const char *name = driver->conf->securityDrivers ? driver->conf->securityDrivers[0] : NULL;
    unsigned int flags = 0;

    if (driver->conf->securityDefaultConfined)
        flags |= VIR_SECURITY_MANAGER_DEFAULT_CONFINED;
    if (driver->conf->securityRequireConfined)
        flags |= VIR_SECURITY_MANAGER_REQUIRE_CONFINED;
    if (driver->conf->privileged)
        flags |= VIR_SECURITY_MANAGER_PRIVILEGED;

    if (STREQ_NULLABLE(name, "dac"))
        name = "none";
    if (STREQ_NULLABLE(name, "none"))   /* there is no policy that could confine by default */
        flags &= ~VIR_SECURITY_MANAGER_DEFAULT_CONFINED;
    if (!(*primary = virSecurityManagerNew(name, "QEMU", flags)))
        return -1;
    if (STRNEQ(virSecurityManagerGetModel(*primary), "none")) {
        driver->securityRefused = g_strdup(virSecurityManagerGetModel(*primary));
        virObjectUnref(*primary);
        flags &= ~VIR_SECURITY_MANAGER_DEFAULT_CONFINED;
        *primary = virSecurityManagerNew("none", "QEMU", flags);
    }
    return *primary ? 0 : -1;
}

static int
qbjVmDriverSecurity(qbjDriver *driver)
{
    virSecurityManager *primary = NULL;
    virSecurityManager *dac;
    unsigned int flags = VIR_SECURITY_MANAGER_PRIVILEGED | VIR_SECURITY_MANAGER_DEFAULT_CONFINED;

    if (qbjVmDriverSecurityPrimary(driver, &primary) < 0)
        return -1;
    if (!(driver->security = virSecurityManagerNewStack(primary))) {
        virObjectUnref(primary);
        return -1;
    }
    if (!driver->conf->privileged)
        return 0;

    if (driver->conf->dynamicOwnership)
        flags |= VIR_SECURITY_MANAGER_DYNAMIC_OWNERSHIP;
    if (!(dac = virSecurityManagerNewDAC("QEMU", driver->conf->user, driver->conf->group, flags, NULL)))
        return -1;
    if (virSecurityManagerStackAddNested(driver->security, dac) < 0) {
        virObjectUnref(dac);
        return -1;
    }
    return 0;
}

static int
qbjVmDriverConfig(qbjDriver *driver)
{
    g_autofree char *path = virQbjConfPath(driver->conf);

    if (virQbjConfLoad(driver->conf, path) < 0 || virQbjConfMakeDirs(driver->conf) < 0)
        return -1;
    virQbjConfWarn(driver->conf);
    return 0;
}

static int
qbjVmDriverThreads(qbjDriver *driver)
{
    driver->poll = virQbjPollNew("qbj-events");
    driver->workers = virThreadPoolNewFull(0, QBJ_DRIVER_WORKERS, 0, qbjDomainQueueWork, "qbj-worker", NULL, driver);
    driver->handleEvent = qbjVmHandleEvent;
    driver->reach = qbjVmReconnectReach;
    return driver->poll && driver->workers ? 0 : -1;
}

static int
qbjVmDriverObjects(qbjDriver *driver)
{
    virQbjConf *conf = driver->conf;
    g_autofree char *capsFolder = NULL;

    driver->defContext = g_new0(qbjVmDefContext, 1);
    driver->caps = qbjVmCapsCacheNew(conf->libDir, conf->privileged ? conf->user : (uid_t) -1,
                                     conf->privileged ? conf->group : (gid_t) -1);
    capsFolder = g_strdup_printf("%s/capabilities", conf->cacheDir);
    if (driver->caps)
        qbjVmCapsCacheSetFolder(driver->caps, capsFolder);
    driver->defContext->driver = driver;
    driver->defContext->caps = driver->caps;
    driver->defContext->channelDir = conf->channelTargetDir;
    driver->defContext->nvramDir = conf->nvramDir;
    driver->defContext->vncListen = conf->vncListen;
    driver->domains = virDomainObjListNew();
    driver->events = virObjectEventStateNew();
    driver->vncPorts = virPortAllocatorRangeNew("VNC", conf->displayPortMin, conf->displayPortMax);
    driver->websocketPorts = virPortAllocatorRangeNew("VNC websocket", QBJ_WEBSOCKET_PORT_MIN, QBJ_WEBSOCKET_PORT_MAX);
    driver->xmlopt = qbjVmDriverXmlOption(driver);
    return driver->caps && driver->domains && driver->events && driver->vncPorts &&
           driver->websocketPorts && driver->xmlopt ? 0 : -1;
}

static int
qbjVmDriverLoad(qbjDriver *driver)
{
    if (qbjVmLoadAll(driver) < 0)
        return -1;
    qbjVmUnreadAdd(driver);
    qbjVmUnreadLeaveForeign(driver);
    qbjVmSaveFindManaged(driver);
    return 0;
}

/* What a daemon that was killed has left; nobody else saves in these folders, for we hold the pid file. */
static void
qbjVmDriverRemoveLeftovers(qbjDriver *driver)
{
    const char *folders[] = { driver->conf->stateDir, driver->conf->configDir };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(folders); i++) {
        if (qbjHostSaveRemoveLeftovers(folders[i]) < 0)
            virResetLastError();        /* logged, and harmless */
    }
}

static int
qbjVmDriverFill(qbjDriver *driver)
{
    if (qbjVmDriverConfig(driver) < 0 ||
        (driver->pidFileFd = virPidFileAcquire(driver->conf->stateDir, "driver", false, getpid())) < 0 ||
        qbjVmDriverSecurity(driver) < 0 ||
        qbjVmDriverThreads(driver) < 0 ||
        qbjVmDriverObjects(driver) < 0 ||
        qbjVmDriverLoad(driver) < 0)
        return -1;
    qbjVmDriverRemoveLeftovers(driver);
    driver->moments->load(driver);

    qbjVmReconnectAll(driver);
    return 0;
}

qbjDriver *
qbjVmDriverNew(bool privileged, const char *root, const qbjDriverMoments *moments,
               qbjDriverChangeNext changeNext, virStateInhibitCallback inhibit, void *opaque)
{
    qbjDriver *driver = g_new0(qbjDriver, 1);

    if (virMutexInit(&driver->lock) < 0) {
        g_free(driver);
        return NULL;
    }
    driver->pidFileFd = -1;
    driver->moments = moments;
    driver->changeNext = changeNext;
    driver->inhibit = inhibit;
    driver->inhibitOpaque = opaque;
    driver->conf = virQbjConfNew(privileged, root);
    if (!driver->conf || qbjVmDriverFill(driver) < 0) {
        qbjVmDriverFree(driver);
        return NULL;
    }
    return driver;
}

void
qbjVmDriverReload(qbjDriver *driver)
{
    virDomainObjListLoadAllConfigs(driver->domains, driver->conf->configDir, driver->conf->autostartDir, false,
                                   driver->xmlopt, NULL, NULL);
}

static int
qbjVmDriverCloseOne(virDomainObj *vm, void *opaque G_GNUC_UNUSED)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    /* without the domain's lock: a call that waits for a hung QEMU is failed by this and goes home */
    g_autoptr(qbjQmp) qmp = NULL;
    g_autoptr(qbjAgent) agent = NULL;

    VIR_WITH_OBJECT_LOCK_GUARD(vm) {
        if (priv->qmp)
            qmp = qbjQmpRef(priv->qmp);
        if (priv->agent)
            agent = qbjAgentRef(priv->agent);
    }
    if (qmp)
        qbjQmpClose(qmp);
    if (agent)
        qbjAgentClose(agent);
    return 0;
}

static void
qbjVmDriverCloseAll(void *opaque)
{
    qbjDriver *driver = opaque;

    virDomainObjListForEach(driver->domains, false, qbjVmDriverCloseOne, NULL);
}

/* The daemon waits for its clients' calls before it asks us to wait, so they are sent home from here; in a
 * thread, because nothing may block the daemon's loop, and a domain's lock may. Records are as after a
 * crash. */
void
qbjVmDriverShutdownPrepare(qbjDriver *driver)
{
    VIR_WITH_MUTEX_LOCK_GUARD(&driver->lock) {
        driver->shuttingDown = true;
    }
    virThreadPoolStop(driver->workers);
    driver->closing = virThreadCreateFull(&driver->closer, true, qbjVmDriverCloseAll, "qbj-close", false, driver) == 0;
    if (!driver->closing)
        virResetLastError();
}

static int
qbjVmDriverSaveWanted(virDomainObj *vm, void *opaque G_GNUC_UNUSED)
{
    VIR_LOCK_GUARD lock = virObjectLockGuard(vm);

    qbjDomainSaveStatusWanted(vm);
    return 0;
}

void
qbjVmDriverShutdownWait(qbjDriver *driver)
{
    if (driver->closing)
        virThreadJoin(&driver->closer);
    else
        qbjVmDriverCloseAll(driver);
    driver->closing = false;
    qbjVmReconnectJoin(driver);
    virThreadPoolDrain(driver->workers);
    virDomainObjListForEach(driver->domains, false, qbjVmDriverSaveWanted, NULL);
}

static int
qbjVmDriverDropOne(virDomainObj *vm, void *opaque G_GNUC_UNUSED)
{
    VIR_LOCK_GUARD lock = virObjectLockGuard(vm);

    qbjDomainDisconnect(vm);
    return 0;
}

void
qbjVmDriverFree(qbjDriver *driver)
{
    if (!driver)
        return;

    if (driver->closing)
        virThreadJoin(&driver->closer);
    qbjVmReconnectJoin(driver);
    /* the event thread hands work to the pool: it ends first, and the pool takes nothing new */
    if (driver->workers) {
        virThreadPoolStop(driver->workers);
        virThreadPoolDrain(driver->workers);
    }
    if (driver->domains)
        virDomainObjListForEach(driver->domains, false, qbjVmDriverDropOne, NULL);
    virQbjPollUnref(driver->poll);
    if (driver->workers)
        virThreadPoolFree(driver->workers);
    virObjectUnref(driver->domains);
    virObjectUnref(driver->events);
    virObjectUnref(driver->xmlopt);
    virObjectUnref(driver->security);
    virPortAllocatorRangeFree(driver->vncPorts);
    virPortAllocatorRangeFree(driver->websocketPorts);
    qbjVmCapsCacheFree(driver->caps);
    if (driver->pidFileFd >= 0)
        virPidFileRelease(driver->conf->stateDir, "driver", driver->pidFileFd);
    virQbjConfFree(driver->conf);
    g_free(driver->defContext);
    g_free(driver->securityRefused);
    virMutexDestroy(&driver->lock);
    g_free(driver);
}
