#include <config.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libvirt/virterror.h>

#include "internal.h"
#include "libvirt_internal.h"
#include "embedfixture.h"

char *embedRootDir;
char *embedImageDir;
unsigned int embedFailures;

static unsigned int checks;
static pthread_mutex_t eventLock = PTHREAD_MUTEX_INITIALIZER;
static GString *eventLog;
static int eventIds[3];
static pthread_t loopThread;
static int loopTimer;
static int loopQuit;

bool
embedCheck(bool condition, const char *name, int line)
{
    printf("%sok %u - %s\n", condition ? "" : "not ", ++checks, name);
    if (!condition) {
        virErrorPtr error = virGetLastError();

        printf("# line %d, last error: %s\n", line, error && error->message ? error->message : "none");
        embedFailures++;
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
              int status,
              void *opaque)
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

bool
embedEventSeen(const char *text)
{
    bool found;

    pthread_mutex_lock(&eventLock);
    found = strstr(eventLog->str, text) != NULL;
    pthread_mutex_unlock(&eventLock);
    return found;
}

bool
embedEventWait(const char *text)
{
    int tries;

    for (tries = 0; tries < 2000; tries++) {
        if (embedEventSeen(text))
            return true;
        g_usleep(10000);
    }
    printf("# wanted '%s', had '%s'\n", text, eventLog->str);
    return false;
}

void
embedEventReset(void)
{
    pthread_mutex_lock(&eventLock);
    g_string_truncate(eventLog, 0);
    pthread_mutex_unlock(&eventLock);
}

bool
embedRun(const char *program, ...)
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

char *
embedImagePath(unsigned int n)
{
    return g_strdup_printf("%s/disk.%u", embedImageDir, n);
}

bool
embedImagesMake(unsigned int n)
{
    unsigned int i;

    for (i = 0; i < n; i++) {
        g_autofree char *path = embedImagePath(i);
        g_autofree char *below = i > 0 ? g_strdup_printf("disk.%u", i - 1) : NULL;
        g_autofree char *write = g_strdup_printf("write -q -P %u %uM 1M", i + 1, i);
        bool made;

        unlink(path);
        made = below ? embedRun("qemu-img", "create", "-q", "-f", "qcow2", "-b", below, "-F", "qcow2", path, NULL)
                     : embedRun("qemu-img", "create", "-q", "-f", "qcow2", path, "64M", NULL);
        if (!made || !embedRun("qemu-io", "-f", "qcow2", "-c", write, path, NULL))
            return false;
    }
    return true;
}

bool
embedImageHolds(unsigned int top, unsigned int n)
{
    g_autofree char *path = embedImagePath(top);
    g_autofree char *pattern = g_strdup_printf("read -q -P %u %uM 1M", n + 1, n);
    return embedRun("qemu-io", "-r", "-f", "qcow2", "-c", pattern, path, NULL);
}

char *
embedDomainXML(const char *name, unsigned int top)
{
    g_autofree char *path = embedImagePath(top);

    return g_strdup_printf("<domain type='qemu'><name>%s</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>"
                           "<os><type arch='x86_64' machine='pc'>hvm</type></os><features><acpi/></features>"
                           "<devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
                           "<source file='%s'/><target dev='vda' bus='virtio'/></disk>"
                           "<controller type='usb' model='none'/><memballoon model='none'/></devices></domain>",
                           name, path);
}

bool
embedErrorIs(int code)
{
    virErrorPtr error = virGetLastError();

    return error && error->code == code;
}

bool
embedXMLHas(virDomainPtr domain, unsigned int flags, const char *text)
{
    g_autofree char *xml = virDomainGetXMLDesc(domain, flags);

    return xml && strstr(xml, text);
}

void
embedEventRegister(virConnectPtr conn)
{
    static char bj[] = "bj";
    static char bj2[] = "bj2";

    eventIds[0] = virConnectDomainEventRegisterAny(conn, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                                   VIR_DOMAIN_EVENT_CALLBACK(eventLifecycle), NULL, NULL);
    eventIds[1] = virConnectDomainEventRegisterAny(conn, NULL, VIR_DOMAIN_EVENT_ID_BLOCK_JOB,
                                                   VIR_DOMAIN_EVENT_CALLBACK(eventBlockJob), bj, NULL);
    eventIds[2] = virConnectDomainEventRegisterAny(conn, NULL, VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2,
                                                   VIR_DOMAIN_EVENT_CALLBACK(eventBlockJob), bj2, NULL);
}

void
embedEventDeregister(virConnectPtr conn)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(eventIds); i++)
        virConnectDomainEventDeregisterAny(conn, eventIds[i]);
}

void
embedFault(const char *wanted)
{
    const char *file = getenv("QBJ_FAULT_FILE");

    if (wanted)
        g_file_set_contents(file, wanted, -1, NULL);
    else
        unlink(file);
}

void
embedRootPrepare(void)
{
    g_autofree char *dir = g_build_filename(embedRootDir, "etc", NULL);
    g_autofree char *faults = g_build_filename(embedRootDir, "faults", NULL);
    g_autofree char *path = g_build_filename(dir, "qemu.conf", NULL);

    chmod(embedRootDir, 0711);
    if (!getenv("QBJ_FAULT"))
        g_setenv("QBJ_FAULT_FILE", faults, true);
    g_mkdir_with_parents(dir, 0755);
    /* no control groups: nothing of a test stays on the host when a process is killed */
    g_file_set_contents(path, "security_driver = \"none\"\ncgroup_controllers = [ ]\n", -1, NULL);
}

virConnectPtr
embedOpen(void)
{
    g_autofree char *uri = g_strdup_printf("qemu:///embed?root=%s", embedRootDir);

    eventLog = g_string_new(NULL);
    virSetErrorFunc(NULL, quietErrors);
    virEventRegisterDefaultImpl();
    loopTimer = virEventAddTimeout(100, loopTick, NULL, NULL);
    pthread_create(&loopThread, NULL, loopRun, NULL);
    return virConnectOpen(uri);
}

virConnectPtr
embedOpenAgain(void)
{
    g_autofree char *uri = g_strdup_printf("qemu:///embed?root=%s", embedRootDir);

    return virConnectOpen(uri);
}

bool
embedGoneWait(virConnectPtr conn, const char *name)
{
    int tries;

    for (tries = 0; tries < 2000; tries++) {
        virDomainPtr domain = virDomainLookupByName(conn, name);

        if (!domain)
            return true;
        virDomainFree(domain);
        g_usleep(10000);
    }
    return false;
}

bool
embedClose(virConnectPtr conn)
{
    bool cleaned;

    if (conn)
        virConnectClose(conn);
    cleaned = virStateCleanup() == 0;
    g_atomic_int_set(&loopQuit, 1);     /* seen at the next tick of the timer */
    pthread_join(loopThread, NULL);
    virEventRemoveTimeout(loopTimer);
    g_string_free(eventLog, TRUE);
    return cleaned;
}

void
embedBegin(const char *template, const char *images)
{
    embedRootDir = g_dir_make_tmp(template, NULL);
    embedRootPrepare();
    embedImageDir = g_build_filename(embedRootDir, images, NULL);
    g_mkdir_with_parents(embedImageDir, 0711);
}

void
embedFilesEnd(const char *top)
{
    if (embedFailures == 0)
        embedRun("rm", "-rf", top, NULL);
    else
        printf("# files are left in %s\n", top);
}

int
embedEnd(void)
{
    embedFilesEnd(embedRootDir);
    g_clear_pointer(&embedRootDir, g_free);
    g_clear_pointer(&embedImageDir, g_free);
    return embedPlan();
}

bool
embedQemuKill(const char *name)
{
    g_autofree char *command = g_strdup_printf("kill -9 $(cat '%s/run/qemu/%s.pid')", embedRootDir, name);

    return embedRun("sh", "-c", command, NULL);
}

bool
embedQemuHasOpen(const char *name, const char *path)
{
    g_autofree char *command = g_strdup_printf("ls -l /proc/$(cat '%s/run/qemu/%s.pid')/fd | grep -F -e '-> %s'",
                                               embedRootDir, name, path);

    return embedRun("sh", "-c", command, NULL);
}

int
embedPlan(void)
{
    printf("1..%u\n", checks);
    return embedFailures ? 1 : 0;
}

virDomainPtr
embedDomainStart(virConnectPtr conn, const char *name, unsigned int layers)
{
    g_autofree char *xml = embedDomainXML(name, layers - 1);
    virDomainPtr domain = embedImagesMake(layers) ? virDomainCreateXML(conn, xml, VIR_DOMAIN_START_PAUSED) : NULL;

    CHECK(domain, name);
    embedEventReset();
    return domain;
}

bool
embedInChain(virDomainPtr domain, unsigned int n)
{
    g_autofree char *path = embedImagePath(n);

    return embedXMLHas(domain, 0, path);
}
