/* The whole driver inside this process (qemu:///embed), with real QEMU and real images: define, start,
 * commit, watch, pivot, abort, destroy, undefine, and the cleanup of the driver. Memory-error tools reach
 * everything this way. TAP output.
 *
 * The guest has no operating system: what happens to data that a guest writes is tested in tests/live. */
#include <config.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>

#include "internal.h"
#include "libvirt_internal.h"

static char *rootDir;
static char *imageDir;
static unsigned int testNumber;
static unsigned int testFailures;

static pthread_mutex_t eventLock = PTHREAD_MUTEX_INITIALIZER;
static GString *eventLog;
static int loopQuit;

#define CHECK(condition, name) check((condition), (name), __LINE__)

static bool
check(bool condition, const char *name, int line)
{
    printf("%sok %u - %s\n", condition ? "" : "not ", ++testNumber, name);
    if (!condition) {
        virErrorPtr error = virGetLastError();

        printf("# line %d, last error: %s\n", line, error && error->message ? error->message : "none");
        testFailures++;
    }
    fflush(stdout);
    return condition;
}

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

static void
eventBlockJob(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr domain G_GNUC_UNUSED, const char *disk, int type,
              int status, void *opaque)
{
    pthread_mutex_lock(&eventLock);
    g_string_append_printf(eventLog, "%s:%s:%d:%d ", (const char *) opaque, g_path_skip_root(disk) ? "path" : disk,
                           type, status);
    pthread_mutex_unlock(&eventLock);
}

static void
eventLifecycle(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr domain G_GNUC_UNUSED, int event, int detail,
               void *opaque G_GNUC_UNUSED)
{
    pthread_mutex_lock(&eventLock);
    g_string_append_printf(eventLog, "life:%d:%d ", event, detail);
    pthread_mutex_unlock(&eventLock);
}

/* Waits until @text has been logged since the last eventReset(), 20 s at most. */
static bool
eventWait(const char *text)
{
    int tries;

    for (tries = 0; tries < 2000; tries++) {
        bool found;

        pthread_mutex_lock(&eventLock);
        found = strstr(eventLog->str, text) != NULL;
        pthread_mutex_unlock(&eventLock);
        if (found)
            return true;
        g_usleep(10000);
    }
    printf("# wanted '%s', had '%s'\n", text, eventLog->str);
    return false;
}

static void
eventReset(void)
{
    pthread_mutex_lock(&eventLock);
    g_string_truncate(eventLog, 0);
    pthread_mutex_unlock(&eventLock);
}

/* Runs a program found in PATH; the last argument is NULL. */
static bool G_GNUC_NULL_TERMINATED
run(const char *program, ...)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    int status = -1;
    const char *next;
    va_list args;

    va_start(args, program);
    for (next = program; next; next = va_arg(args, const char *))
        g_ptr_array_add(argv, g_strdup(next));
    va_end(args);
    g_ptr_array_add(argv, NULL);
    return g_spawn_sync(NULL, (char **) argv->pdata, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL,
                        NULL, NULL, &status, &error) && status == 0;
}

static char *
imagePath(unsigned int n)
{
    return g_strdup_printf("%s/disk.%u", imageDir, n);
}

/* disk.0 <- disk.1 <- ... , each with 1 MiB of its own data */
static bool
imagesMake(unsigned int n)
{
    unsigned int i;

    for (i = 0; i < n; i++) {
        g_autofree char *path = imagePath(i);
        g_autofree char *below = i > 0 ? imagePath(i - 1) : NULL;
        g_autofree char *write = g_strdup_printf("write -q -P %u %uM 1M", i + 1, i);
        bool made;

        unlink(path);
        made = below ? run("qemu-img", "create", "-q", "-f", "qcow2", "-b", below, "-F", "qcow2", path, NULL)
                     : run("qemu-img", "create", "-q", "-f", "qcow2", path, "64M", NULL);
        if (!made || !run("qemu-io", "-f", "qcow2", "-c", write, path, NULL))
            return false;
    }
    return true;
}

/* Whether MiB number @n of image @top reads as layer @n wrote it. */
static bool
imageHolds(unsigned int top, unsigned int n)
{
    g_autofree char *path = imagePath(top);
    g_autofree char *pattern = g_strdup_printf("read -q -P %u %uM 1M", n + 1, n);
    return run("qemu-io", "-r", "-f", "qcow2", "-c", pattern, path, NULL);
}

static char *
domainXML(const char *name)
{
    g_autofree char *top = imagePath(2);

    return g_strdup_printf("<domain type='qemu'><name>%s</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>"
                           "<os><type arch='x86_64' machine='pc'>hvm</type></os><features><acpi/></features>"
                           "<devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
                           "<source file='%s'/><target dev='vda' bus='virtio'/></disk>"
                           "<controller type='usb' model='none'/><memballoon model='none'/></devices></domain>",
                           name, top);
}

static bool
errorIs(int code)
{
    virErrorPtr error = virGetLastError();

    return error && error->code == code;
}

static bool
xmlHas(virDomainPtr domain, unsigned int flags, const char *text)
{
    g_autofree char *xml = virDomainGetXMLDesc(domain, flags);

    return xml && strstr(xml, text);
}

static void
testRefusals(virDomainPtr domain)
{
    g_autofree char *base = imagePath(0);

    CHECK(virDomainBlockCommit(domain, "vdz", NULL, NULL, 0, 0) < 0 && errorIs(VIR_ERR_INVALID_ARG),
          "unknown disk (01/A7)");
    CHECK(virDomainBlockCommit(domain, "vda", NULL, NULL, 0, 0) < 0 && errorIs(VIR_ERR_INVALID_ARG),
          "active layer without the flag (01/C11)");
    CHECK(virDomainBlockCommit(domain, "vda", base, base, 0, 0) < 0 && errorIs(VIR_ERR_INVALID_ARG),
          "base is top (01/C5)");
    CHECK(virDomainBlockCommit(domain, "vda", NULL, NULL, ULONG_MAX, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE) < 0 &&
          errorIs(VIR_ERR_OVERFLOW), "bandwidth out of range (01/A15)");
    CHECK(virDomainBlockCommit(domain, "vda", NULL, NULL, 0, 1U << 20) < 0 && errorIs(VIR_ERR_INVALID_ARG),
          "unknown flag (01/A2)");
    CHECK(virDomainBlockJobAbort(domain, "vda", 0) < 0 && errorIs(VIR_ERR_INVALID_ARG), "abort without a job (01/J1)");
    CHECK(virDomainBlockJobSetSpeed(domain, "vda", 1, 0) < 0 && errorIs(VIR_ERR_INVALID_ARG),
          "speed without a job (01/S1)");
}

static void
testAbort(virDomainPtr domain)
{
    virDomainBlockJobInfo info;

    eventReset();
    CHECK(virDomainBlockCommit(domain, "vda", NULL, NULL, 1, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE |
                               VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES) == 0, "held active commit starts");
    CHECK(virDomainGetBlockJobInfo(domain, "vda", &info, VIR_DOMAIN_BLOCK_JOB_INFO_BANDWIDTH_BYTES) == 1 &&
          info.type == VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT && info.bandwidth == 1, "job info (01/I2, I8)");
    CHECK(virDomainBlockJobAbort(domain, "vda", VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT) < 0 &&
          errorIs(VIR_ERR_BLOCK_COPY_ACTIVE), "pivot before ready (01/J3)");
    CHECK(virDomainBlockCommit(domain, "vda", NULL, NULL, 0, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE) < 0 &&
          errorIs(VIR_ERR_BLOCK_COPY_ACTIVE), "second job (01/A13)");
    CHECK(xmlHas(domain, 0, "<mirror type='file' job='active-commit'>"), "mirror is shown (03/X)");
    CHECK(!xmlHas(domain, VIR_DOMAIN_XML_INACTIVE, "<mirror"), "but not in the inactive definition (03/X4)");
    CHECK(virDomainBlockJobAbort(domain, "vda", 0) == 0, "abort (01/J12)");
    CHECK(eventWait("bj:path:4:2 bj2:vda:4:2 "), "CANCELED events in order (03/E1)");
    CHECK(!xmlHas(domain, 0, "<mirror"), "mirror is gone");
    CHECK(virDomainGetBlockJobInfo(domain, "vda", &info, 0) == 0, "no job any more (01/I1)");
}

static void
testIntermediate(virDomainPtr domain)
{
    g_autofree char *middle = imagePath(1);
    g_autofree char *base = imagePath(0);

    eventReset();
    CHECK(virDomainBlockCommit(domain, "vda", base, middle, 0, 0) == 0, "intermediate commit starts");
    CHECK(eventWait("bj:path:3:0 bj2:vda:3:0 "), "COMPLETED events in order (03/E)");
    CHECK(!xmlHas(domain, 0, middle), "the middle image has left the chain (01/C20)");
    CHECK(xmlHas(domain, 0, base), "base is in it");
}

static void
testPivot(virDomainPtr domain)
{
    g_autofree char *top = imagePath(2);
    g_autofree char *base = imagePath(0);

    eventReset();
    CHECK(virDomainBlockCommit(domain, "vda", NULL, NULL, 0, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE |
                               VIR_DOMAIN_BLOCK_COMMIT_DELETE) == 0, "active commit starts");
    CHECK(eventWait("bj:path:4:3 bj2:vda:4:3 "), "READY events (03/E)");
    CHECK(xmlHas(domain, 0, "ready='yes'"), "mirror is ready");
    CHECK(virDomainBlockJobAbort(domain, "vda", VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT) == 0, "pivot");
    CHECK(eventWait("bj:path:4:0 bj2:vda:4:0 "), "COMPLETED events");
    CHECK(xmlHas(domain, 0, base) && !xmlHas(domain, 0, top), "the disk is base now");
    CHECK(xmlHas(domain, VIR_DOMAIN_XML_INACTIVE, base) && !xmlHas(domain, VIR_DOMAIN_XML_INACTIVE, top),
          "in the persistent definition, too (02/Q67)");
    CHECK(access(top, F_OK) < 0, "the committed image was removed (01/C22)");
}

static void
testMonitor(virDomainPtr domain)
{
    char *reply = NULL;

    CHECK(virDomainQemuMonitorCommand(domain, "{\"execute\":\"query-status\"}", &reply, 0) == 0 &&
          strstr(reply, "\"status\""), "monitor command");
    g_clear_pointer(&reply, free);
    CHECK(virDomainQemuMonitorCommand(domain, "info status", &reply, VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP) == 0 &&
          strstr(reply, "VM status"), "HMP command");
    g_clear_pointer(&reply, free);
    CHECK(virDomainQemuMonitorCommand(domain, "foo", &reply, 0) < 0 && errorIs(VIR_ERR_INTERNAL_ERROR),
          "a command that is no JSON (11.16)");
}

static void
testRunning(virDomainPtr domain)
{
    int state;
    int reason;

    CHECK(virDomainGetState(domain, &state, &reason, 0) == 0 && state == VIR_DOMAIN_RUNNING &&
          reason == VIR_DOMAIN_RUNNING_BOOTED, "running (booted)");
    CHECK(virDomainCreate(domain) < 0 && errorIs(VIR_ERR_OPERATION_INVALID), "second start is refused");
    CHECK(virDomainSuspend(domain) == 0 && virDomainGetState(domain, &state, &reason, 0) == 0 &&
          state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_USER, "suspend");
    CHECK(virDomainResume(domain) == 0, "resume");
    CHECK(virDomainSuspend(domain) == 0, "suspend again");
    testRefusals(domain);
    testAbort(domain);
    testIntermediate(domain);
    testPivot(domain);
    testMonitor(domain);
}

static void
testPersistent(virConnectPtr conn)
{
    g_autofree char *xml = domainXML("embed");
    virDomainPtr domain;
    unsigned int i;

    if (!CHECK(imagesMake(3), "images"))
        return;
    eventReset();
    if (!CHECK((domain = virDomainDefineXML(conn, xml)) != NULL, "define"))
        return;
    CHECK(eventWait("life:0:0 "), "DEFINED event");
    CHECK(virDomainBlockCommit(domain, "vda", NULL, NULL, 0, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE |
                               VIR_DOMAIN_BLOCK_COMMIT_SHALLOW) < 0, "commit on a shut-off domain (01/C6)");
    if (CHECK(virDomainCreate(domain) == 0, "start")) {
        CHECK(eventWait("life:4:0 life:2:0 "), "RESUMED, STARTED (11.6)");
        testRunning(domain);
        eventReset();
        CHECK(virDomainDestroy(domain) == 0, "destroy");
        CHECK(eventWait("life:5:1 "), "STOPPED event");
        for (i = 0; i < 3; i++)
            CHECK(imageHolds(0, i), "base holds the data of each layer");
    }
    CHECK(virDomainUndefine(domain) == 0, "undefine");
    CHECK(eventWait("life:1:0 "), "UNDEFINED event");
    virDomainFree(domain);
}

/* A transient domain that ends while a job runs leaves nothing behind, and its images as they were. */
static void
testTransient(virConnectPtr conn)
{
    g_autofree char *xml = domainXML("passing");
    virDomainPtr domain;
    unsigned int i;

    if (!CHECK(imagesMake(3), "images") ||
        !CHECK((domain = virDomainCreateXML(conn, xml, VIR_DOMAIN_START_PAUSED)) != NULL, "create a transient domain"))
        return;
    eventReset();
    CHECK(virDomainBlockCommit(domain, "vda", NULL, NULL, 0, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE) == 0,
          "active commit starts");
    CHECK(eventWait("bj2:vda:4:3 "), "READY");
    eventReset();
    CHECK(virDomainDestroy(domain) == 0, "destroy with a job that is ready");
    CHECK(eventWait("life:5:1 "), "STOPPED event");
    CHECK(!strstr(eventLog->str, "bj"), "and no event of the job (03/E)");
    CHECK(virDomainLookupByName(conn, "passing") == NULL && errorIs(VIR_ERR_NO_DOMAIN), "the domain is gone");
    for (i = 0; i < 3; i++)
        CHECK(imageHolds(2, i), "the old chain holds the data (protocol 3)");
    virDomainFree(domain);
}

static void
testBadDefinitions(virConnectPtr conn)
{
    CHECK(virDomainDefineXML(conn, "<domain type='qemu'><name>a/b</name><memory>1024</memory>"
                             "<os><type>hvm</type></os></domain>") == NULL, "bad name is refused");
    CHECK(virDomainDefineXML(conn, "<domain type='qemu'><name>x</name><memory unit='MiB'>32</memory><nonsense/>"
                             "<os><type>hvm</type></os></domain>") == NULL && errorIs(VIR_ERR_CONFIG_UNSUPPORTED),
          "an unknown element is refused");
    CHECK(virConnectOpen("qemu:///embed?root=/nonexistent") == NULL, "second root in one process is refused");
}

static void
testAll(virConnectPtr conn)
{
    static char bj[] = "bj";
    static char bj2[] = "bj2";
    int life = virConnectDomainEventRegisterAny(conn, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                                VIR_DOMAIN_EVENT_CALLBACK(eventLifecycle), NULL, NULL);
    int job = virConnectDomainEventRegisterAny(conn, NULL, VIR_DOMAIN_EVENT_ID_BLOCK_JOB,
                                               VIR_DOMAIN_EVENT_CALLBACK(eventBlockJob), bj, NULL);
    int job2 = virConnectDomainEventRegisterAny(conn, NULL, VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2,
                                                VIR_DOMAIN_EVENT_CALLBACK(eventBlockJob), bj2, NULL);

    testBadDefinitions(conn);
    testPersistent(conn);
    testTransient(conn);

    virConnectDomainEventDeregisterAny(conn, life);
    virConnectDomainEventDeregisterAny(conn, job);
    virConnectDomainEventDeregisterAny(conn, job2);
}

static void
writeConf(void)
{
    g_autofree char *dir = g_build_filename(rootDir, "etc", NULL);
    g_autofree char *path = g_build_filename(dir, "qemu.conf", NULL);

    g_mkdir_with_parents(dir, 0755);
    g_file_set_contents(path, "security_driver = \"none\"\n", -1, NULL);
}

/* As if a daemon had died while it saved a definition. */
static char *
writeLeftover(void)
{
    g_autofree char *dir = g_build_filename(rootDir, "etc", "qemu", NULL);
    char *path = g_build_filename(dir, ".qbj-1-1.new", NULL);

    g_mkdir_with_parents(dir, 0755);
    g_file_set_contents(path, "<domain", -1, NULL);
    return path;
}

int
main(void)
{
    pthread_t thread;
    virConnectPtr conn;
    g_autofree char *uri = NULL;
    g_autofree char *leftover = NULL;
    int timer;

    eventLog = g_string_new(NULL);
    rootDir = g_dir_make_tmp("qbj-embed-XXXXXX", NULL);
    imageDir = g_build_filename(rootDir, "images", NULL);
    chmod(rootDir, 0711);
    g_mkdir_with_parents(imageDir, 0711);
    writeConf();
    leftover = writeLeftover();

    virSetErrorFunc(NULL, quietErrors);
    virEventRegisterDefaultImpl();
    timer = virEventAddTimeout(100, loopTick, NULL, NULL);
    pthread_create(&thread, NULL, loopRun, NULL);

    uri = g_strdup_printf("qemu:///embed?root=%s", rootDir);
    if (CHECK((conn = virConnectOpen(uri)) != NULL, "open")) {
        CHECK(!g_file_test(leftover, G_FILE_TEST_EXISTS), "what a killed daemon was saving is removed");
        testAll(conn);
        virConnectClose(conn);
    }
    CHECK(virStateCleanup() == 0, "cleanup of the driver");

    g_atomic_int_set(&loopQuit, 1);     /* seen at the next tick of the timer */
    pthread_join(thread, NULL);
    virEventRemoveTimeout(timer);
    if (testFailures == 0) {
        run("rm", "-rf", rootDir, NULL);
    } else {
        printf("# files are left in %s\n", rootDir);
    }
    printf("1..%u\n", testNumber);
    g_string_free(eventLog, TRUE);
    g_free(rootDir);
    g_free(imageDir);
    return testFailures ? 1 : 0;
}
