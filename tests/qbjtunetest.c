/* Limits of a domain in its control groups, with the whole driver inside this process (qemu:///embed):
 * memory-error tools reach the calls this way. Where the host lets nobody make groups, those that need none
 * are left. What is in the controllers' files is tested in tests/live/cgroups.py. TAP output. */
#include <config.h>

#include <stdio.h>
#include <unistd.h>

#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "internal.h"
#include "embedfixture.h"

#define BOTH (VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG)
#define XML "<domain type='qemu'><name>%s</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>%s" \
    "<os><type arch='x86_64' machine='pc'>hvm</type></os><devices><controller type='usb' model='none'/>" \
    "<memballoon model='none'/></devices></domain>"

static bool
isOne(virTypedParameterPtr params, int n, const char *name, unsigned long long wanted)
{
    unsigned long long value = 0;

    return virTypedParamsGetULLong(params, n, name, &value) == 1 && value == wanted;
}

static void
testScheduler(virDomainPtr domain)
{
    virTypedParameterPtr params = NULL;
    virTypedParameter got[9];
    int n = 0;
    int max = 0;
    int ngot = G_N_ELEMENTS(got);

    virTypedParamsAddULLong(&params, &n, &max, VIR_DOMAIN_SCHEDULER_CPU_SHARES, 300);
    virTypedParamsAddLLong(&params, &n, &max, VIR_DOMAIN_SCHEDULER_VCPU_QUOTA, 50000);
    virTypedParamsAddLLong(&params, &n, &max, VIR_DOMAIN_SCHEDULER_IOTHREAD_QUOTA, 60000);
    CHECK(virDomainSetSchedulerParametersFlags(domain, params, n, BOTH) == 0, "scheduler: both definitions");
    CHECK(virDomainGetSchedulerParametersFlags(domain, got, &ngot, 0) == 0 && ngot == 9 &&
          isOne(got, ngot, VIR_DOMAIN_SCHEDULER_CPU_SHARES, 300), "scheduler: nine parameters");
    ngot = 1;
    CHECK(virDomainGetSchedulerParameters(domain, got, &ngot) == 0 && ngot == 1, "scheduler: as many as fit");
    virTypedParamsAddLLong(&params, &n, &max, VIR_DOMAIN_SCHEDULER_GLOBAL_QUOTA, 2000);
    params[0].value.ul = 400;
    CHECK(virDomainSetSchedulerParametersFlags(domain, params, n, VIR_DOMAIN_AFFECT_LIVE) < 0 &&
          embedErrorIs(VIR_ERR_SYSTEM_ERROR), "scheduler: less for all than for one");
    CHECK(embedXMLHas(domain, 0, "<shares>300</shares>") && !embedXMLHas(domain, 0, "global_quota"),
          "scheduler: nothing has changed");
    CHECK(virDomainSetSchedulerParametersFlags(domain, params, 1, 1 << 20) < 0 && embedErrorIs(VIR_ERR_INVALID_ARG),
          "scheduler: unknown flag");
    params[1].value.l = 5;
    CHECK(virDomainSetSchedulerParameters(domain, params, n) < 0 && embedErrorIs(VIR_ERR_INVALID_ARG),
          "scheduler: out of range");
    virTypedParamsFree(params, n);
}

static void
testMemory(virDomainPtr domain)
{
    virTypedParameterPtr params = NULL;
    virTypedParameter got[3];
    int n = 0;
    int max = 0;
    int ngot = 0;

    virTypedParamsAddULLong(&params, &n, &max, VIR_DOMAIN_MEMORY_SOFT_LIMIT, 400000);
    virTypedParamsAddULLong(&params, &n, &max, VIR_DOMAIN_MEMORY_HARD_LIMIT, 500000);
    CHECK(virDomainGetMemoryParameters(domain, NULL, &ngot, 0) == 0 && ngot == 3, "memory: three parameters");
    CHECK(virDomainSetMemoryParameters(domain, params, n, BOTH) == 0, "memory: both definitions");
    CHECK(virDomainGetMemoryParameters(domain, got, &ngot, VIR_DOMAIN_AFFECT_LIVE) == 0 &&
          isOne(got, ngot, VIR_DOMAIN_MEMORY_HARD_LIMIT, 500000), "memory: the limit is shown");
    params[0].value.ul = 300000;
    params[1].value.ul = 4;
    CHECK(virDomainSetMemoryParameters(domain, params, n, VIR_DOMAIN_AFFECT_LIVE) < 0, "memory: less than is used");
    CHECK(embedXMLHas(domain, 0, "<soft_limit unit='KiB'>400000<"), "memory: nothing has changed");
    virTypedParamsFree(params, n);
}

static void
testBlkio(virDomainPtr domain)
{
    virTypedParameterPtr params = NULL;
    virTypedParameterPtr got = g_new0(virTypedParameter, 6);
    int n = 0;
    int max = 0;
    int ngot = 6;

    virTypedParamsAddString(&params, &n, &max, VIR_DOMAIN_BLKIO_DEVICE_READ_BPS, "/dev/null,5,/nope,6");
    CHECK(virDomainSetBlkioParameters(domain, params, n, VIR_DOMAIN_AFFECT_LIVE) < 0, "blkio: no such device");
    CHECK(!embedXMLHas(domain, 0, "blkiotune"), "blkio: nothing has changed");
    CHECK(virDomainSetBlkioParameters(domain, params, n, VIR_DOMAIN_AFFECT_CONFIG) == 0, "blkio: for another host");
    CHECK(virDomainGetBlkioParameters(domain, got, &ngot, VIR_DOMAIN_AFFECT_CONFIG) == 0 && ngot == 6 &&
          STREQ(got[4].value.s, "/dev/null,5,/nope,6"), "blkio: devices are shown");
    virTypedParamsFree(got, ngot);
    virTypedParamsFree(params, n);
}

static void
testNuma(virDomainPtr domain)
{
    virTypedParameterPtr params = NULL;
    virTypedParameterPtr got = g_new0(virTypedParameter, 2);
    int n = 0;
    int max = 0;
    int ngot = 2;

    virTypedParamsAddString(&params, &n, &max, VIR_DOMAIN_NUMA_NODESET, "0");
    CHECK(virDomainSetNumaParameters(domain, params, n, VIR_DOMAIN_AFFECT_CONFIG) == 0, "numa: a node");
    CHECK(virDomainGetNumaParameters(domain, got, &ngot, VIR_DOMAIN_AFFECT_CONFIG) == 0 && ngot == 2 &&
          STREQ(got[1].value.s, "0"), "numa: it is shown");
    virTypedParamsAddInt(&params, &n, &max, VIR_DOMAIN_NUMA_MODE, 77);
    CHECK(virDomainSetNumaParameters(domain, params, n, VIR_DOMAIN_AFFECT_CONFIG) < 0 &&
          embedErrorIs(VIR_ERR_INVALID_ARG), "numa: no such mode");
    virTypedParamsFree(got, ngot);
    virTypedParamsFree(params, n);
}

static void
testStats(virDomainPtr domain)
{
    virTypedParameter params[3];
    int n = virDomainGetCPUStats(domain, params, 3, -1, 1, 0);

    CHECK(n > 0 || embedErrorIs(VIR_ERR_OPERATION_INVALID), "time of all, or no controller for it");
}

/* Whether this host lets us make groups with all that is tested here. */
static bool
hasGroups(virConnectPtr conn)
{
    g_autofree char *xml = g_strdup_printf(XML, "probe", "<memtune><hard_limit unit='GiB'>1</hard_limit></memtune>"
                                                "<cputune><shares>300</shares><quota>50000</quota></cputune>"
                                                "<blkiotune><weight>300</weight></blkiotune>"
                                                "<numatune><memory mode='restrictive' nodeset='0'/></numatune>");
    virDomainPtr domain = virDomainCreateXML(conn, xml, VIR_DOMAIN_START_PAUSED);

    if (!domain) {
        printf("# %s\n", virGetLastErrorMessage());
        return false;
    }
    virDomainDestroy(domain);
    virDomainFree(domain);
    return embedGoneWait(conn, "probe");
}

static void
testAll(virConnectPtr conn)
{
    bool groups = hasGroups(conn);
    g_autofree char *xml = g_strdup_printf(XML, "tuned", "");
    virDomainPtr domain = virDomainDefineXML(conn, xml);

    if (!CHECK(domain && virDomainCreateWithFlags(domain, VIR_DOMAIN_START_PAUSED) == 0, "start"))
        return;
    if (groups) {
        testScheduler(domain);
        testMemory(domain);
        testBlkio(domain);
    }
    testNuma(domain);
    testStats(domain);
    CHECK(virDomainDestroy(domain) == 0 && virDomainUndefine(domain) == 0, "destroy and undefine");
    virDomainFree(domain);
}

int
main(void)
{
    g_autofree char *path = NULL;
    virConnectPtr conn;

    embedBegin("qbj-tune-XXXXXX", "images");
    path = g_build_filename(embedRootDir, "etc", "qemu.conf", NULL);
    g_file_set_contents(path, "security_driver = \"none\"\n", -1, NULL);
    if (CHECK((conn = embedOpen()) != NULL, "open"))
        testAll(conn);
    CHECK(embedClose(conn), "cleanup of the driver");
    return embedEnd();
}
