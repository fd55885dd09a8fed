/* What happens to a domain while a call that plugs something waits: it is defined anew, or ends. The whole
 * driver in this process (qemu:///embed) and a real QEMU. TAP output. */
#include <config.h>

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "internal.h"
#include "embedfixture.h"

#define LIVE VIR_DOMAIN_AFFECT_LIVE
#define BOTH (LIVE | VIR_DOMAIN_AFFECT_CONFIG)

/* With a controller for SCSI disks, and a vcpu more to plug in. */
static char *
domainXML(const char *name)
{
    g_autofree char *xml = embedDomainXML(name, 1);
    g_auto(GStrv) parts = g_strsplit(xml, "<controller type='usb' model='none'/>", 2);
    g_autofree char *more =
        g_strjoinv("<controller type='usb' model='none'/><controller type='scsi' model='virtio-scsi'/>", parts);
    g_auto(GStrv) halves = g_strsplit(more, "<vcpu>1</vcpu>", 2);

    return g_strjoinv("<vcpu current='1'>2</vcpu>", halves);
}

static char *
imagePath(const char *name)
{
    return g_build_filename(embedImageDir, name, NULL);
}

static bool
imagesMake(void)
{
    g_autofree char *first = imagePath("plug.first");
    g_autofree char *second = imagePath("plug.second");

    return embedImagesMake(2) && embedRun("qemu-img", "create", "-q", "-f", "qcow2", first, "64M", NULL) &&
        embedRun("qemu-img", "create", "-q", "-f", "qcow2", second, "64M", NULL);
}

static virDomainPtr
started(virConnectPtr conn, const char *name)
{
    g_autofree char *xml = domainXML(name);
    virDomainPtr domain = imagesMake() ? virDomainDefineXML(conn, xml) : NULL;

    CHECK(domain && virDomainCreateWithFlags(domain, VIR_DOMAIN_START_PAUSED) == 0, name);
    return domain;
}

static void
ended(virDomainPtr domain)
{
    CHECK((virDomainIsActive(domain) == 0 || virDomainDestroy(domain) == 0) && virDomainUndefine(domain) == 0,
          "it ends");
    virDomainFree(domain);
}

static char *
diskXML(const char *image, const char *target, const char *device)
{
    g_autofree char *path = imagePath(image);

    return g_strdup_printf("<disk type='file' device='%s'><driver name='qemu' type='qcow2'/><source file='%s'/>"
                           "<target dev='%s' bus='scsi'/>%s</disk>", device, path, target,
                           STREQ(device, "cdrom") ? "<readonly/>" : "");
}

/* --- a call in a thread of its own --- */

typedef int (*Change)(virDomainPtr domain, const char *what, unsigned int flags);

typedef struct {
    virDomainPtr domain;
    Change change;
    const char *what;
    unsigned int flags;
} Call;

static void *
callRun(void *opaque)
{
    Call *call = opaque;

    return GINT_TO_POINTER(call->change(call->domain, call->what, call->flags));
}

static int
changeVcpus(virDomainPtr domain, const char *what, unsigned int flags)
{
    return virDomainSetVcpusFlags(domain, g_ascii_strtoull(what, NULL, 10), flags);
}

static int
changeVcpu(virDomainPtr domain, const char *what, unsigned int flags)
{
    return virDomainSetVcpu(domain, what, 1, flags);
}

static bool
qemuSignal(virDomainPtr domain, const char *signal)
{
    g_autofree char *command = g_strdup_printf("kill -%s $(cat '%s/run/qemu/%s.pid')", signal, embedRootDir,
                                               virDomainGetName(domain));

    return embedRun("sh", "-c", command, NULL);
}

/* Whether the domain's job is taken, or free, within 20 s. */
static bool
isBusy(virDomainPtr domain, bool wanted)
{
    virDomainControlInfo info = { .state = VIR_DOMAIN_CONTROL_OK };
    int tries;

    for (tries = 0; tries < 1000; tries++) {
        if (virDomainGetControlInfo(domain, &info, 0) == 0 && (info.state != VIR_DOMAIN_CONTROL_OK) == wanted)
            return true;
        g_usleep(20000);
    }
    return false;
}

/* Defined anew as it is, but with @title. */
static bool
entitle(virConnectPtr conn, virDomainPtr domain, const char *title)
{
    g_autofree char *old = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE);
    const char *rest = old ? strstr(old, "<memory") : NULL;
    const char *end = old ? strstr(old, "</uuid>") : NULL;
    g_autofree char *head = end ? g_strndup(old, end - old) : NULL;
    g_autofree char *xml = g_strdup_printf("%s</uuid><title>%s</title>%s", NULLSTR(head), title, NULLSTR(rest));
    virDomainPtr again = virDomainDefineXML(conn, xml);

    if (again)
        virDomainFree(again);
    return again;
}

/* The file of the persistent definition says the same as the daemon. */
static bool
isSaved(virDomainPtr domain, const char *text)
{
    g_autofree char *path = g_strdup_printf("%s/etc/qemu/%s.xml", embedRootDir, virDomainGetName(domain));
    g_autofree char *file = NULL;

    return g_file_get_contents(path, &file, NULL, NULL) && strstr(file, text) &&
        embedXMLHas(domain, VIR_DOMAIN_XML_INACTIVE, text);
}

/* QEMU is held, the call waits for it with its copy of the definition made: what is defined meanwhile
 * stays. */
static void
checkDefined(virConnectPtr conn, Call *call, const char *title, const char *name)
{
    GThread *thread;
    bool good = isBusy(call->domain, false) && qemuSignal(call->domain, "STOP");
    int rc;

    thread = g_thread_new("call", callRun, call);
    good = good && isBusy(call->domain, true) && entitle(conn, call->domain, title);
    good = qemuSignal(call->domain, "CONT") && good;
    rc = GPOINTER_TO_INT(g_thread_join(thread));
    CHECK(good && rc == 0 && isSaved(call->domain, title), name);
}

static void
testDefined(virConnectPtr conn)
{
    virDomainPtr domain = started(conn, "defined");
    g_autofree char *disk = diskXML("plug.first", "sda", "disk");
    g_autofree char *drive = diskXML("plug.first", "sdb", "cdrom");
    g_autofree char *medium = diskXML("plug.second", "sdb", "cdrom");
    Call attach = { domain, virDomainAttachDeviceFlags, disk, BOTH };
    Call detach = { domain, virDomainDetachDeviceFlags, disk, BOTH };
    Call update = { domain, virDomainUpdateDeviceFlags, medium, BOTH };
    Call vcpus = { domain, changeVcpus, "2", BOTH };

    checkDefined(conn, &attach, "first", "defined while a disk is attached");
    CHECK(isSaved(domain, "<target dev='sda'"), "and it is in the definition, too");
    checkDefined(conn, &detach, "second", "defined while it is detached");
    CHECK(!embedXMLHas(domain, VIR_DOMAIN_XML_INACTIVE, "<target dev='sda'"), "and it is gone from the definition");
    CHECK(virDomainAttachDeviceFlags(domain, drive, BOTH) == 0, "a drive");
    checkDefined(conn, &update, "third", "defined while a medium is changed");
    CHECK(isSaved(domain, "plug.second") && !embedXMLHas(domain, VIR_DOMAIN_XML_INACTIVE, "plug.first"),
          "and the new one is in the definition");
    checkDefined(conn, &vcpus, "fourth", "defined while a vcpu is plugged in");
    CHECK(virDomainGetVcpusFlags(domain, VIR_DOMAIN_AFFECT_CONFIG) == 2, "and it is in the definition");
    ended(domain);
}

static void
testDefinedVcpu(virConnectPtr conn)
{
    virDomainPtr domain = started(conn, "vcpu");
    Call vcpu = { domain, changeVcpu, "1", BOTH };

    checkDefined(conn, &vcpu, "fifth", "defined while one vcpu is plugged in");
    CHECK(virDomainGetVcpusFlags(domain, VIR_DOMAIN_AFFECT_CONFIG) == 2, "and it is in the definition");
    ended(domain);
}

static int
changeLimits(virDomainPtr domain, const char *what, unsigned int flags)
{
    virTypedParameter limit = { .type = VIR_TYPED_PARAM_ULLONG };

    g_strlcpy(limit.field, VIR_DOMAIN_BLOCK_IOTUNE_TOTAL_IOPS_SEC, sizeof(limit.field));
    limit.value.ul = g_ascii_strtoull(what, NULL, 10);
    return virDomainSetBlockIoTune(domain, "vda", &limit, 1, flags);
}

static int
changeThreads(virDomainPtr domain, const char *what, unsigned int flags)
{
    return virDomainAddIOThread(domain, g_ascii_strtoull(what, NULL, 10), flags);
}

static int
changeFewer(virDomainPtr domain, const char *what, unsigned int flags)
{
    return virDomainDelIOThread(domain, g_ascii_strtoull(what, NULL, 10), flags);
}

/* What is not plugged in, but waits for QEMU all the same. */
static void
testDefinedSettings(virConnectPtr conn)
{
    virDomainPtr domain = started(conn, "settings");
    Call limits = { domain, changeLimits, "1234", BOTH };
    Call more = { domain, changeThreads, "7", BOTH };
    Call fewer = { domain, changeFewer, "7", BOTH };

    checkDefined(conn, &limits, "sixth", "defined while limits are set");
    CHECK(isSaved(domain, "<total_iops_sec>1234"), "and they are in the definition, too");
    checkDefined(conn, &more, "seventh", "defined while an I/O thread is added");
    CHECK(isSaved(domain, "<iothread id='7'") && isSaved(domain, "<total_iops_sec>1234"),
          "and it is in the definition");
    checkDefined(conn, &fewer, "eighth", "defined while it is taken away");
    CHECK(!embedXMLHas(domain, VIR_DOMAIN_XML_INACTIVE, "<iothread id='7'"), "and it is gone from the definition");
    ended(domain);
}

/* Bitmaps must not be asked for while a disk is pulled. */
static void
testPull(virConnectPtr conn)
{
    virDomainPtr domain = started(conn, "pull");
    g_autofree char *plain = diskXML("plug.first", "sda", "disk");
    g_autofree char *marked = diskXML("plug.second", "sdb", "disk");
    g_autofree char *drive = diskXML("plug.first", "sdc", "cdrom");
    g_autofree char *medium = diskXML("plug.second", "sdc", "cdrom");
    g_autofree char *path = imagePath("plug.second");

    CHECK(embedRun("qemu-img", "bitmap", "--add", path, "b0", NULL), "an image with a bitmap");
    CHECK(virDomainBlockPull(domain, "vda", 1, VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES) == 0, "a pull");
    CHECK(virDomainAttachDeviceFlags(domain, marked, BOTH) < 0 && embedErrorIs(VIR_ERR_OPERATION_UNSUPPORTED) &&
          !embedXMLHas(domain, VIR_DOMAIN_XML_INACTIVE, "sdb"), "it is not plugged in beside the pull");
    CHECK(virDomainAttachDevice(domain, plain) == 0 && virDomainDetachDevice(domain, plain) == 0 &&
          virDomainAttachDevice(domain, drive) == 0, "one without is");
    CHECK(virDomainUpdateDeviceFlags(domain, medium, LIVE) < 0 && embedErrorIs(VIR_ERR_OPERATION_UNSUPPORTED) &&
          embedXMLHas(domain, 0, "plug.first"), "nor is it put into a drive");
    CHECK(virDomainBlockJobAbort(domain, "vda", 0) == 0 && virDomainAttachDevice(domain, marked) == 0, "after it");
    ended(domain);
}

/* The descriptor of this process' connection to the monitor of @domain, and which socket it is; -1: none. */
static int
monitorOf(virDomainPtr domain, ino_t *which)
{
    g_autofree char *word = g_strdup_printf("-%s/monitor.sock", virDomainGetName(domain));
    int fd;

    for (fd = 3; fd < 1024; fd++) {
        struct sockaddr_un peer = { 0 };
        socklen_t length = sizeof(peer) - 1;
        struct stat st;

        if (getpeername(fd, (struct sockaddr *) &peer, &length) < 0 || peer.sun_family != AF_UNIX ||
            !strstr(peer.sun_path, word) || fstat(fd, &st) < 0)
            continue;
        *which = st.st_ino;
        return fd;
    }
    return -1;
}

/* Whether there is another connection than @old within 20 s. */
static bool
monitorIsBack(virDomainPtr domain, ino_t old)
{
    ino_t which = old;
    int tries;

    for (tries = 0; tries < 1000; tries++) {
        if (monitorOf(domain, &which) >= 0 && which != old)
            return true;
        g_usleep(20000);
    }
    return false;
}

/* The connection to the monitor is lost and comes back, and QEMU, which is held, says nothing yet when a call
 * begins: what it says of its state is not older than what that call does. */
static void
testMonitor(virConnectPtr conn)
{
    virDomainPtr domain = started(conn, "monitor");
    g_autofree char *xml = diskXML("plug.first", "sdh", "disk");
    Call call = { domain, virDomainAttachDeviceFlags, xml, LIVE };
    GThread *thread;
    ino_t which = 0;
    bool good = isBusy(domain, false) && qemuSignal(domain, "STOP");
    int monitor = monitorOf(domain, &which);

    CHECK(good && monitor >= 0 && shutdown(monitor, SHUT_RDWR) == 0 && monitorIsBack(domain, which),
          "the monitor comes back");
    ignore_value(isBusy(domain, false));        /* unless the driver is just asking the QEMU that is held */
    thread = g_thread_new("call", callRun, &call);
    good = isBusy(domain, true);
    good = qemuSignal(domain, "CONT") && good;
    CHECK(GPOINTER_TO_INT(g_thread_join(thread)) == 0 && good, "a device is attached meanwhile");
    /* its call has the job after what QEMU was asked at first was handled */
    CHECK(virDomainBlockResize(domain, "sdh", 131072, 0) == 0 && embedXMLHas(domain, 0, "<target dev='sdh'"),
          "and it is there");
    ended(domain);
}

#ifdef QBJ_DEBUG_CHECKS
static bool
statusHas(virDomainPtr domain, const char *word)
{
    g_autofree char *path = g_strdup_printf("%s/run/qemu/%s.xml", embedRootDir, virDomainGetName(domain));
    int tries;

    for (tries = 0; tries < 500; tries++) {
        g_autofree char *text = NULL;

        if (g_file_get_contents(path, &text, NULL, NULL) && strstr(text, word))
            return true;
        g_usleep(20000);
    }
    return false;
}

/* A disk with a controller of its own fails at each command, and the domain ends while what QEMU has is taken
 * back: the guest has no operating system that would give the controller back. */
static void
testAttachEnds(virConnectPtr conn)
{
    virDomainPtr domain = started(conn, "ends");
    g_autofree char *xml = diskXML("plug.first", "sdh", "disk");
    Call call = { domain, virDomainAttachDeviceFlags, xml, LIVE };
    bool good = true;
    unsigned int i;

    for (i = 1; good && i <= 6; i++) {
        g_autofree char *fault = g_strdup_printf("qmp-error:%u", i);
        GThread *thread;

        embedFault(fault);
        thread = g_thread_new("call", callRun, &call);
        g_usleep(500000);               /* any time will do; most of it is spent in waiting for the guest */
        good = virDomainDestroy(domain) == 0;
        g_thread_join(thread);
        embedFault(NULL);
        good = good && !embedXMLHas(domain, 0, "<controller type='scsi' index='1'") &&
            virDomainCreateWithFlags(domain, VIR_DOMAIN_START_PAUSED) == 0;
    }
    CHECK(good, "nothing of a device that failed is in the definition of a domain that has ended");
    ended(domain);
}

/* 09/H3.4: the guest keeps its tray locked, and the domain ends while it is waited for. */
static void
testTrayEnds(virConnectPtr conn)
{
    virDomainPtr domain = started(conn, "tray");
    g_autofree char *drive = diskXML("plug.first", "sdb", "cdrom");
    g_autofree char *medium = diskXML("plug.second", "sdb", "cdrom");
    Call call = { domain, virDomainUpdateDeviceFlags, medium, LIVE };
    GThread *thread;
    unsigned int i;

    CHECK(virDomainAttachDevice(domain, drive) == 0, "a drive with a medium");
    embedFault("tray-locked:1");
    thread = g_thread_new("call", callRun, &call);
    CHECK(statusHas(domain, "<qbj:medium") && virDomainDestroy(domain) == 0, "it ends under a change of the medium");
    CHECK(GPOINTER_TO_INT(g_thread_join(thread)) < 0, "which fails");
    embedFault(NULL);
    CHECK(virDomainIsActive(domain) == 0 && virDomainCreateWithFlags(domain, VIR_DOMAIN_START_PAUSED) == 0,
          "it starts again");
    CHECK(virDomainAttachDevice(domain, drive) == 0, "again");
    embedFault("tray-locked:1");
    CHECK(virDomainUpdateDeviceFlags(domain, medium, LIVE) < 0 && embedXMLHas(domain, 0, "plug.first"),
          "a tray that stays locked keeps its medium");
    embedFault(NULL);
    CHECK(virDomainUpdateDeviceFlags(domain, medium, LIVE) == 0 && embedXMLHas(domain, 0, "plug.second"),
          "and it can be changed later");
    for (i = 1; i <= 2; i++) {
        g_autofree char *fault = g_strdup_printf("tray-closes:%u", i);

        embedFault(fault);
        CHECK(virDomainUpdateDeviceFlags(domain, i == 1 ? drive : medium, LIVE) == 0 &&
              embedXMLHas(domain, 0, i == 1 ? "plug.first" : "plug.second"),
              "a guest that is reset closes its tray, and the medium is changed all the same");
        embedFault(NULL);
    }
    embedFault("tray-closes:1,tray-locked:2");
    CHECK(virDomainUpdateDeviceFlags(domain, drive, LIVE) < 0 && embedXMLHas(domain, 0, "plug.second"),
          "one that is locked again behind the reset is not opened by force when nobody has asked for that");
    embedFault("tray-closes:1,tray-locked:2");
    CHECK(virDomainUpdateDeviceFlags(domain, drive, LIVE | VIR_DOMAIN_DEVICE_MODIFY_FORCE) == 0 &&
          embedXMLHas(domain, 0, "plug.first"), "but it is when somebody has");
    embedFault(NULL);
    ended(domain);
}

/* QEMU says more than is kept while the tray is waited for, and its state is asked for instead: the change of
 * the medium belongs to the call that waits. The guest finds nothing to boot and resets all the time. */
static void
testTrayLost(virConnectPtr conn)
{
    g_autofree char *xml = domainXML("lost");
    g_auto(GStrv) parts = g_strsplit(xml, "</os>", 2);
    g_autofree char *resetting = g_strjoinv("<bios rebootTimeout='100'/></os>", parts);
    virDomainPtr domain = imagesMake() ? virDomainDefineXML(conn, resetting) : NULL;
    g_autofree char *drive = diskXML("plug.first", "sdb", "cdrom");
    g_autofree char *medium = diskXML("plug.second", "sdb", "cdrom");
    Call call = { domain, virDomainUpdateDeviceFlags, medium, LIVE };
    GThread *thread;
    bool good;

    CHECK(domain && virDomainCreate(domain) == 0 && virDomainAttachDevice(domain, drive) == 0, "lost");
    embedFault("tray-locked:1,queue:1+");
    thread = g_thread_new("call", callRun, &call);
    good = statusHas(domain, "<qbj:medium");
    g_usleep(3000000);
    CHECK(good && statusHas(domain, "<qbj:medium"), "the record of the change is there until the call ends");
    CHECK(GPOINTER_TO_INT(g_thread_join(thread)) < 0 && embedXMLHas(domain, 0, "plug.first"), "which fails in the end");
    embedFault(NULL);
    ended(domain);
}
#endif

int
main(void)
{
    virConnectPtr conn;

    embedBegin("qbj-race-XXXXXX", "images");
    if (CHECK((conn = embedOpen()) != NULL, "open")) {
        embedEventRegister(conn);
        testDefined(conn);
        testDefinedVcpu(conn);
        testDefinedSettings(conn);
        testPull(conn);
        testMonitor(conn);
#ifdef QBJ_DEBUG_CHECKS
        testAttachEnds(conn);
        testTrayEnds(conn);
        testTrayLost(conn);
#endif
        embedEventDeregister(conn);
    }
    CHECK(embedClose(conn), "cleanup of the driver");
    return embedEnd();
}
