/* An access manager that denies everything: no call of the driver does, or tells, anything. Embed mode;
 * acltest.py looks at the source for the same. TAP output. */
#include <config.h>

#include "internal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>

#include "libvirt_internal.h"
#include "access/viraccessmanager.h"
#include "virstring.h"

#define XML "<domain type='qemu'><name>%s</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>" \
    "<os><type arch='x86_64' machine='pc'>hvm</type></os><devices><controller type='usb' model='none'/>" \
    "<memballoon model='none'/></devices></domain>"

static unsigned int testNumber;
static unsigned int testFailures;
static int loopQuit;

static bool
check(bool condition, const char *name)
{
    printf("%sok %u - %s\n", condition ? "" : "not ", ++testNumber, name);
    if (!condition) {
        printf("# last error: %s\n", virGetLastErrorMessage());
        testFailures++;
    }
    return condition;
}

/* @failed: the call said that it did not succeed */
static void
checkDenied(bool failed, const char *name)
{
    virErrorPtr error = virGetLastError();

    check(failed && error && error->code == VIR_ERR_ACCESS_DENIED, name);
    virResetLastError();
}

#define DENIED(call) checkDenied((call) < 0, #call)
#define DENIED_NULL(call) checkDenied((call) == NULL, #call)

static void
quietErrors(void *opaque G_GNUC_UNUSED, virErrorPtr error G_GNUC_UNUSED)
{
}

static void
loopTick(int timer G_GNUC_UNUSED, void *opaque G_GNUC_UNUSED)
{
}

static void *
loopRun(void *opaque G_GNUC_UNUSED)
{
    while (!g_atomic_int_get(&loopQuit))
        virEventRunDefaultImpl();
    return NULL;
}

static int
onEvent(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr domain G_GNUC_UNUSED, int event G_GNUC_UNUSED,
        int detail G_GNUC_UNUSED, void *opaque G_GNUC_UNUSED)
{
    return 0;
}

static void
onMonitorEvent(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr domain G_GNUC_UNUSED, const char *event G_GNUC_UNUSED,
               long long seconds G_GNUC_UNUSED, unsigned int micros G_GNUC_UNUSED, const char *details G_GNUC_UNUSED,
               void *opaque G_GNUC_UNUSED)
{
}

static void
testConnection(virConnectPtr conn, const char *uri, const char *xml)
{
    unsigned char uuid[VIR_UUID_BUFLEN] = { 0 };
    virSecurityModel model;
    virNodeInfo node;
    unsigned long version;
    char *names[4];
    int ids[4];

    DENIED_NULL(virConnectOpen(uri));
    ignore_value(virConnectGetType(conn));      /* libvirt.so then gives the driver's name itself */
    checkDenied(true, "virConnectGetType(conn)");
    DENIED(virConnectGetVersion(conn, &version));
    DENIED_NULL(virConnectGetHostname(conn));
    DENIED(virConnectGetMaxVcpus(conn, NULL));
    DENIED_NULL(virConnectGetCapabilities(conn));
    DENIED_NULL(virConnectGetDomainCapabilities(conn, NULL, NULL, NULL, NULL, 0));
    DENIED(virNodeGetInfo(conn, &node));
    DENIED(virNodeGetSecurityModel(conn, &model));
    DENIED(virConnectListDomains(conn, ids, 4));
    DENIED(virConnectNumOfDomains(conn));
    DENIED(virConnectListDefinedDomains(conn, names, 4));
    DENIED(virConnectNumOfDefinedDomains(conn));
    DENIED(virConnectListAllDomains(conn, NULL, 0));
    DENIED_NULL(virDomainLookupByName(conn, "acl"));
    check(virDomainLookupByUUID(conn, uuid) == NULL && virGetLastErrorCode() == VIR_ERR_NO_DOMAIN,
          "what does not exist is not found");
    DENIED_NULL(virDomainDefineXML(conn, xml));
    DENIED_NULL(virDomainDefineXMLFlags(conn, xml, 0));
    DENIED_NULL(virDomainCreateXML(conn, xml, 0));
    DENIED_NULL(virConnectDomainXMLToNative(conn, "qemu-argv", xml, 0));
    DENIED(virConnectDomainEventRegister(conn, onEvent, NULL, NULL));
    DENIED(virConnectDomainEventDeregister(conn, onEvent));
    DENIED(virConnectDomainEventRegisterAny(conn, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                            VIR_DOMAIN_EVENT_CALLBACK(onEvent), NULL, NULL));
    DENIED(virConnectDomainEventDeregisterAny(conn, 1));
    DENIED(virConnectDomainQemuMonitorEventRegister(conn, NULL, NULL, onMonitorEvent, NULL, NULL, 0));
    DENIED(virConnectDomainQemuMonitorEventDeregister(conn, 1));
}

static void
testQueries(virDomainPtr domain)
{
    unsigned char uuid[VIR_UUID_BUFLEN];
    virSecurityLabelPtr labels = NULL;
    virDomainSnapshotPtr *snapshots = NULL;
    virDomainCheckpointPtr *checkpoints = NULL;
    virSecurityLabel label;
    virDomainControlInfo control;
    virDomainBlockJobInfo job;
    virDomainInfo info;
    int number;

    virDomainGetUUID(domain, uuid);
    DENIED_NULL(virDomainLookupByUUID(virDomainGetConnect(domain), uuid));
    DENIED_NULL(virDomainLookupByID(virDomainGetConnect(domain), (int) virDomainGetID(domain)));
    DENIED_NULL(virDomainGetOSType(domain));
    checkDenied(virDomainGetMaxMemory(domain) == 0, "virDomainGetMaxMemory(domain)");
    DENIED(virDomainGetInfo(domain, &info));
    DENIED(virDomainGetState(domain, &number, NULL, 0));
    DENIED(virDomainGetControlInfo(domain, &control, 0));
    DENIED_NULL(virDomainGetXMLDesc(domain, 0));
    DENIED(virDomainIsActive(domain));
    DENIED(virDomainIsPersistent(domain));
    DENIED(virDomainIsUpdated(domain));
    DENIED(virDomainGetAutostart(domain, &number));
    DENIED(virDomainGetVcpusFlags(domain, VIR_DOMAIN_AFFECT_LIVE));
    DENIED(virDomainGetMaxVcpus(domain));
    DENIED(virDomainGetSecurityLabel(domain, &label));
    DENIED(virDomainGetSecurityLabelList(domain, &labels));
    DENIED(virDomainHasManagedSaveImage(domain, 0));
    DENIED(virDomainSnapshotNum(domain, 0));
    DENIED(virDomainListAllSnapshots(domain, &snapshots, 0));
    DENIED(virDomainHasCurrentSnapshot(domain, 0));
    DENIED(virDomainListAllCheckpoints(domain, &checkpoints, 0));
    DENIED(virDomainGetBlockJobInfo(domain, "vda", &job, 0));
}

static void
testLimits(virDomainPtr domain)
{
    virTypedParameter params[1] = { 0 };
    int nparams = 0;

    DENIED_NULL(virDomainGetSchedulerType(domain, &nparams));
    nparams = 1;
    DENIED(virDomainGetSchedulerParameters(domain, params, &nparams));
    DENIED(virDomainGetSchedulerParametersFlags(domain, params, &nparams, 0));
    DENIED(virDomainGetMemoryParameters(domain, params, &nparams, 0));
    DENIED(virDomainGetBlkioParameters(domain, params, &nparams, 0));
    DENIED(virDomainGetNumaParameters(domain, params, &nparams, 0));
    DENIED(virDomainGetCPUStats(domain, params, 1, -1, 1, 0));

    ignore_value(virStrcpyStatic(params[0].field, VIR_DOMAIN_SCHEDULER_CPU_SHARES));
    params[0].type = VIR_TYPED_PARAM_ULLONG;
    params[0].value.ul = 300;
    DENIED(virDomainSetSchedulerParameters(domain, params, 1));
    DENIED(virDomainSetSchedulerParametersFlags(domain, params, 1, VIR_DOMAIN_AFFECT_CONFIG));
    DENIED(virDomainSetMemoryParameters(domain, params, 1, VIR_DOMAIN_AFFECT_CONFIG));
    DENIED(virDomainSetBlkioParameters(domain, params, 1, VIR_DOMAIN_AFFECT_CONFIG));
    DENIED(virDomainSetNumaParameters(domain, params, 1, VIR_DOMAIN_AFFECT_CONFIG));
}

static void
testChanges(virDomainPtr domain)
{
    char *reply = NULL;

    DENIED(virDomainUndefine(domain));
    DENIED(virDomainUndefineFlags(domain, 0));
    DENIED(virDomainCreate(domain));
    DENIED(virDomainCreateWithFlags(domain, VIR_DOMAIN_START_PAUSED));
    DENIED(virDomainDestroy(domain));
    DENIED(virDomainDestroyFlags(domain, VIR_DOMAIN_DESTROY_GRACEFUL));
    DENIED(virDomainShutdown(domain));
    DENIED(virDomainShutdownFlags(domain, 0));
    DENIED(virDomainSuspend(domain));
    DENIED(virDomainResume(domain));
    DENIED(virDomainBlockCommit(domain, "vda", NULL, NULL, 0, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE));
    DENIED(virDomainBlockJobAbort(domain, "vda", 0));
    DENIED(virDomainBlockJobSetSpeed(domain, "vda", 1, 0));
    DENIED(virDomainQemuMonitorCommand(domain, "{\"execute\":\"quit\"}", &reply, 0));
    DENIED(virDomainQemuMonitorCommand(domain, "quit", &reply, VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP));
}

static void
testAll(virConnectPtr conn, const char *uri)
{
    g_autofree char *xml = g_strdup_printf(XML, "acl");
    g_autofree char *other = g_strdup_printf(XML, "other");
    virAccessManager *before = virObjectRef(virAccessManagerGetDefault());
    /* nobody is known to it here, and it denies what nobody asks for */
    virAccessManager *deny = virAccessManagerNew("polkit");
    virDomainPtr domain = virDomainDefineXML(conn, xml);

    if (check(deny != NULL, "an access manager") &&
        check(domain && virDomainCreateWithFlags(domain, VIR_DOMAIN_START_PAUSED) == 0,
              "a domain that runs")) {
        virAccessManagerSetDefault(deny);
        testConnection(conn, uri, other);
        testQueries(domain);
        testLimits(domain);
        testChanges(domain);
        virAccessManagerSetDefault(before);
    }
    check(virConnectNumOfDomains(conn) == 1 && virConnectNumOfDefinedDomains(conn) == 0 &&
          domain && virDomainIsActive(domain) == 1 && virDomainIsPersistent(domain) == 1, "nothing has changed");
    if (domain) {
        virDomainDestroy(domain);
        virDomainUndefine(domain);
        virDomainFree(domain);
    }
    virObjectUnref(deny);
    virObjectUnref(before);
}

int
main(void)
{
    g_autofree char *root = g_dir_make_tmp("qbj-acl-XXXXXX", NULL);
    g_autofree char *etc = g_build_filename(root, "etc", NULL);
    g_autofree char *conf = g_build_filename(etc, "qemu.conf", NULL);
    g_autofree char *uri = g_strdup_printf("qemu:///embed?root=%s", root);
    g_autofree char *clean = g_strdup_printf("rm -rf %s", root);
    virConnectPtr conn;
    pthread_t thread;
    int timer;

    chmod(root, 0711);
    g_mkdir_with_parents(etc, 0755);
    g_file_set_contents(conf, "security_driver = \"none\"\ncgroup_controllers = [ ]\n", -1, NULL);
    virSetErrorFunc(NULL, quietErrors);
    virEventRegisterDefaultImpl();
    timer = virEventAddTimeout(100, loopTick, NULL, NULL);
    pthread_create(&thread, NULL, loopRun, NULL);

    if (check((conn = virConnectOpen(uri)) != NULL, "open")) {
        testAll(conn, uri);
        virConnectClose(conn);
    }
    check(virStateCleanup() == 0, "cleanup of the driver");
    g_atomic_int_set(&loopQuit, 1);
    pthread_join(thread, NULL);
    virEventRemoveTimeout(timer);
    g_spawn_command_line_sync(clean, NULL, NULL, NULL, NULL);
    printf("1..%u\n", testNumber);
    return testFailures ? 1 : 0;
}
