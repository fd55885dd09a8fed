/* Devices that come and go, with the whole driver in this process (qemu:///embed) and a real QEMU, where
 * memory-error tools reach everything: what works, and each way in which it fails. TAP output.
 *
 * What a guest does with such a disk is in tests/live/plug.py; a SCSI disk needs none to go. */
#include <config.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>

#include "internal.h"
#include "embedfixture.h"

#define LIVE VIR_DOMAIN_AFFECT_LIVE
#define CONFIG VIR_DOMAIN_AFFECT_CONFIG
#define BOTH (LIVE | CONFIG)

/* The domain of embedDomainXML() with a controller for SCSI disks. */
static char *
domainXML(const char *name)
{
    g_autofree char *xml = embedDomainXML(name, 1);
    g_auto(GStrv) parts = g_strsplit(xml, "<controller type='usb' model='none'/>", 2);

    return g_strjoinv("<controller type='usb' model='none'/><controller type='scsi' model='virtio-scsi'/>", parts);
}

static char *
imagePath(const char *name)
{
    return g_build_filename(embedImageDir, name, NULL);
}

/* plug.base <- plug.top */
static bool
imagesMake(void)
{
    g_autofree char *base = imagePath("plug.base");
    g_autofree char *top = imagePath("plug.top");

    return embedRun("qemu-img", "create", "-q", "-f", "qcow2", base, "64M", NULL) &&
        embedRun("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, top, NULL);
}

/* Paused, so that nothing of it is saved meanwhile. */
static virDomainPtr
started(virConnectPtr conn, const char *name)
{
    g_autofree char *xml = domainXML(name);
    virDomainPtr domain = embedImagesMake(2) && imagesMake() ? virDomainDefineXML(conn, xml) : NULL;

    CHECK(domain && virDomainCreateWithFlags(domain, VIR_DOMAIN_START_PAUSED) == 0, name);
    return domain;
}

static void
ended(virDomainPtr domain)
{
    CHECK(virDomainDestroy(domain) == 0 && virDomainUndefine(domain) == 0, "it ends");
    virDomainFree(domain);
}

static char *
diskXML(const char *target, const char *bus, const char *more)
{
    g_autofree char *path = imagePath("plug.top");

    return g_strdup_printf("<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='%s'/>"
                           "<target dev='%s' bus='%s'/>%s</disk>", path, target, bus, more);
}

/* How often QEMU's answer to @execute has @word; -1: none. */
static int
count(virDomainPtr domain, const char *execute, const char *word)
{
    g_autofree char *command = g_strdup_printf("{\"execute\":\"%s\"}", execute);
    char *reply = NULL;
    const char *at;
    int n = 0;

    if (virDomainQemuMonitorCommand(domain, command, &reply, 0) < 0)
        return -1;
    for (at = reply; (at = strstr(at, word)); at++)
        n++;
    free(reply);
    return n;
}

static int
nodes(virDomainPtr domain)
{
    return count(domain, "query-named-block-nodes", "\"node-name\"");
}

static unsigned int
descriptors(void)
{
    g_autoptr(GDir) folder = g_dir_open("/proc/self/fd", 0, NULL);
    unsigned int n = 0;

    while (folder && g_dir_read_name(folder))
        n++;
    return n;
}

/* There is none more than @before, within 10 s: a worker may just be at a file. */
static bool
noneIsLeft(unsigned int before)
{
    int tries;

    for (tries = 0; tries < 500 && descriptors() > before; tries++)
        g_usleep(20000);
    return descriptors() <= before;
}

static bool
isPlugged(virDomainPtr domain, unsigned int flags)
{
    return embedXMLHas(domain, flags, "<target dev='sda' bus='scsi'/>");
}

static void
testLife(virConnectPtr conn)
{
    virDomainPtr domain = started(conn, "life");
    g_autofree char *xml = diskXML("sda", "scsi", "");
    virDomainBlockStatsStruct stats;
    virDomainBlockInfo info;
    int before = nodes(domain);

    CHECK(virDomainAttachDevice(domain, xml) == 0 && isPlugged(domain, 0) &&
          !isPlugged(domain, VIR_DOMAIN_XML_INACTIVE), "attach: live only");
    CHECK(virDomainBlockStats(domain, "sda", &stats, sizeof(stats)) == 0 &&
          virDomainGetBlockInfo(domain, "sda", &info, 0) == 0 && info.capacity > 0, "figures of it");
    CHECK(virDomainDetachDevice(domain, xml) == 0 && !isPlugged(domain, 0) && nodes(domain) == before,
          "detach: it has gone with its nodes");
    CHECK(virDomainAttachDeviceFlags(domain, xml, BOTH) == 0 && isPlugged(domain, 0) &&
          isPlugged(domain, VIR_DOMAIN_XML_INACTIVE), "attach to both");
    CHECK(virDomainDetachDeviceFlags(domain, xml, BOTH) == 0 && !isPlugged(domain, 0) &&
          !isPlugged(domain, VIR_DOMAIN_XML_INACTIVE), "detach from both");
    CHECK(virDomainAttachDeviceFlags(domain, xml, CONFIG) == 0 && !isPlugged(domain, 0) &&
          isPlugged(domain, VIR_DOMAIN_XML_INACTIVE) && virDomainDetachDeviceFlags(domain, xml, CONFIG) == 0 &&
          !isPlugged(domain, VIR_DOMAIN_XML_INACTIVE), "the definition alone");
    CHECK(virDomainAttachDevice(domain, xml) == 0 && virDomainDetachDeviceAlias(domain, "scsi0-0-0-0", LIVE) == 0,
          "detach by alias");
    ended(domain);
}

static void
testRefused(virConnectPtr conn)
{
    virDomainPtr domain = started(conn, "refused");
    g_autofree char *good = diskXML("sda", "scsi", "");
    g_autofree char *ide = diskXML("hdb", "ide", "");
    g_autofree char *used = diskXML("vda", "virtio", "");
    g_autofree char *missing = diskXML("sdx", "scsi", "");
    g_autofree char *image = imagePath("plug.top");

    CHECK(virDomainAttachDevice(domain, ide) < 0 && embedErrorIs(VIR_ERR_OPERATION_UNSUPPORTED), "IDE (09/H1)");
    CHECK(virDomainAttachDevice(domain, used) < 0 && embedErrorIs(VIR_ERR_XML_ERROR), "target in use");
    CHECK(virDomainAttachDeviceFlags(domain, used, CONFIG) < 0 && embedErrorIs(VIR_ERR_OPERATION_INVALID),
          "target in use in the definition");
    CHECK(virDomainDetachDevice(domain, missing) < 0 && embedErrorIs(VIR_ERR_DEVICE_MISSING) &&
          virDomainDetachDeviceFlags(domain, missing, CONFIG) < 0 && embedErrorIs(VIR_ERR_DEVICE_MISSING) &&
          virDomainDetachDeviceAlias(domain, "nobody", LIVE) < 0, "no such disk (09/H2.1)");
    CHECK(virDomainAttachDevice(domain, "<interface type='user'/>") < 0 &&
          embedErrorIs(VIR_ERR_OPERATION_UNSUPPORTED), "another device");
    unlink(image);
    CHECK(virDomainAttachDeviceFlags(domain, good, BOTH) < 0 && embedErrorIs(VIR_ERR_SYSTEM_ERROR) &&
          !isPlugged(domain, 0) && !isPlugged(domain, VIR_DOMAIN_XML_INACTIVE), "no file: neither is changed");
    ended(domain);
}

/* 07/G1.2: not the disk of a job, and the others all the same. */
static void
testBusy(virConnectPtr conn)
{
    virDomainPtr domain = started(conn, "busy");
    g_autofree char *xml = diskXML("sda", "scsi", "");
    g_autofree char *vda = embedDomainXML("busy", 1);
    const char *disk = strstr(vda, "<disk");
    g_autofree char *own = g_strndup(disk, strstr(vda, "</disk>") + strlen("</disk>") - disk);

    embedEventReset();
    CHECK(virDomainBlockCommit(domain, "vda", NULL, NULL, 0, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE) == 0 &&
          embedEventWait("bj2:vda:4:3 "), "a commit of vda is ready");
    CHECK(virDomainDetachDeviceFlags(domain, own, BOTH) < 0 && embedErrorIs(VIR_ERR_BLOCK_COPY_ACTIVE) &&
          embedXMLHas(domain, VIR_DOMAIN_XML_INACTIVE, "<target dev='vda'"), "its disk stays, in both definitions");
    CHECK(virDomainAttachDevice(domain, xml) == 0 && virDomainDetachDevice(domain, xml) == 0,
          "another one comes and goes");
    CHECK(virDomainBlockJobAbort(domain, "vda", VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT) == 0, "pivot");
    CHECK(virDomainAttachDevice(domain, xml) == 0 && virDomainBlockPull(domain, "sda", 0, 0) == 0 &&
          embedEventWait("bj2:sda:1:0 ") && virDomainDetachDevice(domain, xml) == 0,
          "a pull on one that was plugged in");
    ended(domain);
}

/* The guest has no operating system, so it never lets go of what is on PCI. */
static void
testSilent(virConnectPtr conn)
{
    virDomainPtr domain = started(conn, "silent");
    g_autofree char *xml = diskXML("vdb", "virtio", "");

    CHECK(virDomainAttachDeviceFlags(domain, xml, BOTH) == 0, "attach");
    CHECK(virDomainDetachDeviceFlags(domain, xml, BOTH) < 0 && embedErrorIs(VIR_ERR_OPERATION_TIMEOUT) &&
          embedXMLHas(domain, 0, "<target dev='vdb'") &&
          embedXMLHas(domain, VIR_DOMAIN_XML_INACTIVE, "<target dev='vdb'"),
          "a guest that does not answer keeps it, in both definitions (09/H2.5 D)");
    ended(domain);
}

static void
testMany(virConnectPtr conn)
{
    virDomainPtr domain = started(conn, "many");
    g_autofree char *xml = diskXML("sda", "scsi", "");
    unsigned int before;
    int good = 0;
    int first;
    int i;

    CHECK(virDomainAttachDevice(domain, xml) == 0 && virDomainDetachDevice(domain, xml) == 0, "once");
    before = descriptors();
    first = nodes(domain);
    for (i = 0; i < 20; i++)
        good += virDomainAttachDevice(domain, xml) == 0 && virDomainDetachDevice(domain, xml) == 0;
    CHECK(good == 20 && noneIsLeft(before) && nodes(domain) == first, "20 times: no descriptor and no node more");
    ended(domain);
}

/* One with a controller of its own, and limits; the others that can be plugged. */
static void
testOthers(virConnectPtr conn)
{
    virDomainPtr domain = started(conn, "others");
    g_autofree char *far = diskXML("sdh", "scsi", "<iotune><total_iops_sec>1000</total_iops_sec></iotune>");
    const char *rng = "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>";
    const char *input = "<input type='tablet' bus='virtio'/>";
    const char *controller = "<controller type='scsi' index='3' model='virtio-scsi'/>";

    CHECK(virDomainAttachDevice(domain, far) == 0 && embedXMLHas(domain, 0, "<controller type='scsi' index='1'") &&
          embedXMLHas(domain, 0, "<total_iops_sec>1000"), "a disk, its controller, its limits");
    CHECK(virDomainDetachDevice(domain, controller) < 0 && embedErrorIs(VIR_ERR_DEVICE_MISSING) &&
          virDomainDetachDevice(domain, "<controller type='scsi' index='1'/>") < 0 &&
          embedErrorIs(VIR_ERR_OPERATION_FAILED), "a controller that is not there, one with a disk on it");
    CHECK(virDomainDetachDevice(domain, far) == 0, "the disk goes");
    CHECK(virDomainAttachDeviceFlags(domain, rng, BOTH) == 0 && virDomainAttachDeviceFlags(domain, input, BOTH) == 0 &&
          virDomainAttachDeviceFlags(domain, controller, BOTH) == 0 && embedXMLHas(domain, 0, "<alias name='rng0'/>") &&
          embedXMLHas(domain, VIR_DOMAIN_XML_INACTIVE, "type='tablet' bus='virtio'"), "rng, input, controller");
    CHECK(virDomainDetachDeviceFlags(domain, rng, CONFIG) == 0 &&
          virDomainDetachDeviceFlags(domain, input, CONFIG) == 0 &&
          virDomainDetachDeviceFlags(domain, controller, CONFIG) == 0 &&
          !embedXMLHas(domain, VIR_DOMAIN_XML_INACTIVE, "<rng"), "and off the definition again");
    ended(domain);
}

/* 09/H4, 07/G1.6 D: grows only; a busy disk says which job it has. */
static void
testResize(virConnectPtr conn)
{
    virDomainPtr domain = started(conn, "resize");
    g_autofree char *xml = diskXML("sda", "scsi", "");
    const unsigned long long bytes = 96 * 1024 * 1024;
    virDomainBlockInfo info;
    char text[8];

    CHECK(virDomainAttachDevice(domain, xml) == 0 &&
          virDomainBlockResize(domain, "sda", bytes, VIR_DOMAIN_BLOCK_RESIZE_BYTES) == 0 &&
          virDomainGetBlockInfo(domain, "sda", &info, 0) == 0 && info.capacity == bytes, "it grows, in bytes");
    CHECK(virDomainBlockResize(domain, "sda", 100 * 1024, 0) == 0 &&
          virDomainGetBlockInfo(domain, "sda", &info, 0) == 0 && info.capacity == 100 * 1024 * 1024, "in KiB");
    CHECK(virDomainBlockResize(domain, "sda", 64 * 1024, 0) < 0 && embedErrorIs(VIR_ERR_INVALID_ARG) &&
          virDomainGetBlockInfo(domain, "sda", &info, 0) == 0 && info.capacity == 100 * 1024 * 1024,
          "it is never made smaller");
    CHECK(virDomainBlockResize(domain, "sda", ULLONG_MAX / 1024, 0) < 0 && embedErrorIs(VIR_ERR_OVERFLOW) &&
          virDomainBlockResize(domain, "sdz", 1024, 0) < 0 && embedErrorIs(VIR_ERR_INVALID_ARG), "sizes, disks");
    CHECK(virDomainBlockPeek(domain, "sda", 0, sizeof(text), text, 0) < 0 &&
          embedErrorIs(VIR_ERR_OPERATION_UNSUPPORTED), "a look into qcow2 is none (07/E28)");
    embedEventReset();
    CHECK(virDomainBlockCommit(domain, "vda", NULL, NULL, 0, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE) == 0 &&
          embedEventWait("bj2:vda:4:3 ") && virDomainBlockResize(domain, "vda", 100 * 1024, 0) < 0 &&
          embedErrorIs(VIR_ERR_BLOCK_COPY_ACTIVE) && virDomainBlockResize(domain, "sda", 101 * 1024, 0) == 0,
          "not beside a job of its own, and beside one of another disk");
    ended(domain);
}

static void
testPeek(virConnectPtr conn)
{
    virDomainPtr domain = started(conn, "peek");
    g_autofree char *path = imagePath("raw");
    g_autofree char *xml = g_strdup_printf("<disk type='file' device='disk'><driver name='qemu' type='raw'/>"
                                           "<source file='%s'/><target dev='sda' bus='scsi'/></disk>", path);
    char text[9] = "";

    CHECK(g_file_set_contents(path, "0123456789abcdef", 16, NULL) && embedRun("truncate", "-s", "1M", path, NULL) &&
          virDomainAttachDevice(domain, xml) == 0, "a raw disk");
    CHECK(virDomainBlockPeek(domain, "sda", 4, 8, text, 0) == 0 && STREQ(text, "456789ab"), "peek");
    CHECK(virDomainBlockPeek(domain, "sda", 1024 * 1024, 8, text, 0) < 0 && embedErrorIs(VIR_ERR_INVALID_ARG) &&
          virDomainBlockPeek(domain, "sdz", 0, 8, text, 0) < 0 && embedErrorIs(VIR_ERR_INVALID_ARG), "behind its end");
    CHECK(virDomainBlockResize(domain, "sda", 2 * 1024 * 1024, VIR_DOMAIN_BLOCK_RESIZE_BYTES) == 0 &&
          virDomainBlockPeek(domain, "sda", 1024 * 1024, 8, text, 0) == 0 && text[0] == '\0', "until it has grown");
    ended(domain);
}

static char *
driveXML(const char *medium, const char *more)
{
    g_autofree char *path = medium ? imagePath(medium) : NULL;
    g_autofree char *source = medium ? g_strdup_printf("<source file='%s'/>", path) : g_strdup("");

    return g_strdup_printf("<disk type='file' device='cdrom'><driver name='qemu' type='raw'/>%s"
                           "<target dev='sdc' bus='scsi'/><readonly/>%s</disk>", source, more);
}

/* 09/H3 */
static void
testMedia(virConnectPtr conn)
{
    virDomainPtr domain = started(conn, "media");
    g_autofree char *empty = driveXML(NULL, "");
    g_autofree char *first = driveXML("plug.base", "");
    g_autofree char *second = driveXML("plug.top", "");
    g_autofree char *missing = driveXML("nothing", "");
    g_autofree char *serial = driveXML("plug.base", "<serial>S</serial>");
    int before;

    CHECK(virDomainAttachDeviceFlags(domain, empty, BOTH) == 0, "an empty drive");
    before = nodes(domain);
    CHECK(virDomainUpdateDeviceFlags(domain, first, BOTH) == 0 && embedXMLHas(domain, 0, "plug.base") &&
          embedXMLHas(domain, VIR_DOMAIN_XML_INACTIVE, "plug.base") && nodes(domain) == before + 2, "insert");
    CHECK(virDomainUpdateDeviceFlags(domain, second, LIVE) == 0 && embedXMLHas(domain, 0, "plug.top") &&
          !embedXMLHas(domain, 0, "plug.base") && nodes(domain) == before + 2 &&
          embedXMLHas(domain, VIR_DOMAIN_XML_INACTIVE, "plug.base"), "change, of the running one");
    CHECK(virDomainUpdateDeviceFlags(domain, second, LIVE) == 0, "the same again");
    CHECK(virDomainUpdateDeviceFlags(domain, missing, BOTH) < 0 && embedErrorIs(VIR_ERR_SYSTEM_ERROR) &&
          embedXMLHas(domain, 0, "plug.top"), "a file that is not there (H3.9)");
    CHECK(virDomainUpdateDeviceFlags(domain, serial, LIVE) < 0 && embedErrorIs(VIR_ERR_OPERATION_UNSUPPORTED),
          "another field (H3.2)");
    CHECK(virDomainAttachDevice(domain, first) == 0 && embedXMLHas(domain, 0, "plug.base"), "by attach (H3.11)");
    CHECK(virDomainUpdateDeviceFlags(domain, empty, BOTH | VIR_DOMAIN_DEVICE_MODIFY_FORCE) == 0 &&
          !embedXMLHas(domain, 0, "plug.base") && nodes(domain) == before, "eject");
    CHECK(virDomainDetachDeviceFlags(domain, empty, BOTH) == 0, "the drive goes");
    ended(domain);
}

#ifdef QBJ_DEBUG_CHECKS
/* Each command of a change fails once: the old medium is in again (H3.10 D). */
static void
testMediaFaults(virConnectPtr conn, const char *point)
{
    virDomainPtr domain = started(conn, point);
    g_autofree char *first = driveXML("plug.base", "");
    g_autofree char *second = driveXML("plug.top", "");
    unsigned int failed = 0;
    unsigned int others = 0;
    bool good = true;
    bool done = false;
    int before;

    CHECK(virDomainAttachDevice(domain, first) == 0, "a drive with a medium");
    before = nodes(domain);
    while (good && !done && failed < 40) {
        g_autofree char *fault = g_strdup_printf("%s:%u", point, failed + 1);
        int tries = 0;

        embedFault(fault);
        done = virDomainUpdateDeviceFlags(domain, second, LIVE) == 0;
        embedFault(NULL);
        if (done && failed == 0 && others++ < 20) {     /* it met another command, of the start */
            done = virDomainUpdateDeviceFlags(domain, first, LIVE) < 0;
            continue;
        }
        if (done)
            break;
        failed++;
        while (nodes(domain) != before && tries++ < 500)
            g_usleep(20000);
        good = nodes(domain) == before && embedXMLHas(domain, 0, "plug.base") &&
            count(domain, "query-block", "plug.base") > 0;
    }
    CHECK(good && done && failed > 3, "each failure leaves the old medium in the drive");
    CHECK(embedXMLHas(domain, 0, "plug.top") && nodes(domain) == before, "then it is changed");
    ended(domain);
}

/* Waits until the status file has no @word. */
static bool
statusLacks(virDomainPtr domain, const char *word)
{
    g_autofree char *path = g_strdup_printf("%s/run/qemu/%s.xml", embedRootDir, virDomainGetName(domain));
    int tries;

    for (tries = 0; tries < 500; tries++) {
        g_autofree char *text = NULL;

        if (g_file_get_contents(path, &text, NULL, NULL) && !strstr(text, word))
            return true;
        g_usleep(20000);
    }
    return false;
}

/* Until what a call has left is taken away: at once, or when QEMU is asked again. */
static bool
isSettled(virDomainPtr domain, int wanted)
{
    return statusLacks(domain, "<qbj:plug") && nodes(domain) == wanted;
}

/* Each pass of @point fails once: the disk is there, or it is not, in each definition; nothing is left. */
static void
testFaults(virConnectPtr conn, const char *point)
{
    virDomainPtr domain = started(conn, point);
    g_autofree char *xml = diskXML("sda", "scsi", "<iotune><total_iops_sec>1000</total_iops_sec></iotune>");
    unsigned int before = descriptors();
    int free = nodes(domain);
    unsigned int attaches = 0;
    unsigned int others = 0;
    unsigned int detaches = 0;
    bool good = statusLacks(domain, "bitmaps='no'");    /* saved by a worker, after a command of a person */
    bool done = false;

    while (good && !done && attaches < 40) {
        g_autofree char *fault = g_strdup_printf("%s:%u", point, attaches + 1);

        embedFault(fault);
        done = virDomainAttachDeviceFlags(domain, xml, BOTH) == 0;
        embedFault(NULL);
        if (done && attaches == 0 && others++ < 20) {   /* it met something else that was saved, of the start */
            done = virDomainDetachDeviceFlags(domain, xml, BOTH) < 0;
            continue;
        }
        if (done)
            break;
        attaches++;
        good = isSettled(domain, free) && !isPlugged(domain, 0) && !isPlugged(domain, VIR_DOMAIN_XML_INACTIVE);
    }
    CHECK(good && done && attaches > 0, "a failed attach leaves nothing");
    for (done = false; good && !done && detaches < 40; detaches++) {
        g_autofree char *fault = g_strdup_printf("%s:%u", point, detaches + 1);

        embedFault(fault);
        done = virDomainDetachDeviceFlags(domain, xml, BOTH) == 0;
        embedFault(NULL);
        good = done ? !isPlugged(domain, 0) : isPlugged(domain, VIR_DOMAIN_XML_INACTIVE);
        if (!done && !isPlugged(domain, 0))
            break;
    }
    CHECK(good && isSettled(domain, free) && !isPlugged(domain, 0), "and neither does a detach");
    CHECK(noneIsLeft(before), "no descriptor is left");
    ended(domain);
}
#endif

int
main(void)
{
    virConnectPtr conn;

    embedBegin("qbj-plug-XXXXXX", "images");
    if (CHECK((conn = embedOpen()) != NULL, "open")) {
        embedEventRegister(conn);
        testLife(conn);
        testRefused(conn);
        testBusy(conn);
        testSilent(conn);
        testMany(conn);
        testOthers(conn);
        testResize(conn);
        testPeek(conn);
        testMedia(conn);
#ifdef QBJ_DEBUG_CHECKS
        testMediaFaults(conn, "qmp-error");
        testMediaFaults(conn, "qmp-send");
        testFaults(conn, "qmp-error");
        testFaults(conn, "qmp-send");
        testFaults(conn, "plug-label");
        testFaults(conn, "save-write");
        testFaults(conn, "save");
#endif
        embedEventDeregister(conn);
    }
    CHECK(embedClose(conn), "cleanup of the driver");
    return embedEnd();
}
