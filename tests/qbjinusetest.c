/* Images that somebody has, and others that QEMU does not take: the error names the image, and who has it.
 * The whole driver in this process (qemu:///embed) and real QEMUs. TAP output. */
#include <config.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"
#include "embedfixture.h"
#include "access/viraccessmanager.h"

#include <glib/gstdio.h>
#include <libvirt/virterror.h>

#define LIVE VIR_DOMAIN_AFFECT_LIVE
#define CONFIG VIR_DOMAIN_AFFECT_CONFIG

/* The domain of embedDomainXML() with a controller for SCSI disks and an empty drive. */
static char *
domainXML(const char *name, unsigned int top)
{
    g_autofree char *xml = embedDomainXML(name, top);
    g_auto(GStrv) parts = g_strsplit(xml, "<controller type='usb' model='none'/>", 2);

    return g_strjoinv("<controller type='usb' model='none'/><controller type='scsi' model='virtio-scsi'/>"
                      "<disk type='file' device='cdrom'><driver name='qemu' type='raw'/>"
                      "<target dev='sdc' bus='scsi'/><readonly/></disk>", parts);
}

static virDomainPtr
started(virConnectPtr conn, const char *name, unsigned int top)
{
    g_autofree char *xml = domainXML(name, top);
    virDomainPtr domain = virDomainDefineXML(conn, xml);

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
diskXML(const char *path, const char *format, const char *target, bool cdrom)
{
    return g_strdup_printf("<disk type='file' device='%s'><driver name='qemu' type='%s'/><source file='%s'/>"
                           "<target dev='%s' bus='scsi'/>%s</disk>", cdrom ? "cdrom" : "disk", format, path, target,
                           cdrom ? "<readonly/>" : "");
}

static bool
told(int code, const char *one, const char *other)
{
    virErrorPtr error = virGetLastError();

    return error && error->code == code && strstr(error->message, one) && strstr(error->message, other);
}

static const char *hidden;      /* a domain that the client may not see */

/* In the place of libvirt.so's, for the driver as well. */
__attribute__((visibility("default"))) int
virAccessManagerCheckDomain(virAccessManager *manager G_GNUC_UNUSED, const char *driverName G_GNUC_UNUSED,
                            virDomainDef *domain, virAccessPermDomain perm G_GNUC_UNUSED)
{
    return STRNEQ_NULLABLE(domain->name, hidden);
}

static char *
imageMake(const char *name, const char *format)
{
    char *path = g_build_filename(embedImageDir, name, NULL);

    CHECK(embedRun("qemu-img", "create", "-q", "-f", format, path, "64M", NULL), name);
    return path;
}

/* --- locks ----------------------------------------------------------------------------------------- */

/* 09/H1 "image in use by another disk", H3.4; disk.1 on disk.0 is what "holder" has. */
static void
testLocked(virDomainPtr domain)
{
    g_autofree char *top = embedImagePath(1);
    g_autofree char *base = embedImagePath(0);
    g_autofree char *disk = diskXML(top, "qcow2", "sdb", false);
    g_autofree char *below = diskXML(base, "qcow2", "sdb", false);
    g_autofree char *medium = diskXML(top, "qcow2", "sdc", true);
    g_autofree char *before = virDomainGetXMLDesc(domain, 0);
    g_autofree char *after = NULL;

    CHECK(virDomainAttachDevice(domain, disk) < 0 && told(VIR_ERR_RESOURCE_BUSY, top, "'vda' of domain 'holder'"),
          "attach of an image that another domain writes");
    CHECK(virDomainAttachDevice(domain, below) < 0 && told(VIR_ERR_RESOURCE_BUSY, base, "'vda' of domain 'holder'"),
          "attach of one that another domain stands on");
    CHECK(virDomainUpdateDeviceFlags(domain, medium, LIVE) < 0 &&
          told(VIR_ERR_RESOURCE_BUSY, top, "'vda' of domain 'holder'"), "a medium that another domain writes");
    after = virDomainGetXMLDesc(domain, 0);
    CHECK(STREQ_NULLABLE(before, after), "nothing has changed");
}

/* What a client may not see has no name (R11). */
static void
testUnseen(virDomainPtr domain)
{
    g_autofree char *top = embedImagePath(1);
    g_autofree char *disk = diskXML(top, "qcow2", "sdb", false);
    g_autofree char *base = embedImagePath(0);
    g_autofree char *snapshot = g_strdup_printf("<domainsnapshot><disks><disk name='vda'><source file='%s'/></disk>"
                                                "</disks></domainsnapshot>", base);
    unsigned int reuse = VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY | VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT;

    hidden = "holder";
    CHECK(virDomainAttachDevice(domain, disk) < 0 && told(VIR_ERR_RESOURCE_BUSY, top, "by another domain") &&
          !strstr(virGetLastErrorMessage(), "holder") && !strstr(virGetLastErrorMessage(), "'vda'"),
          "attach of an image of a domain that the client does not see");
    hidden = NULL;
    CHECK(!virDomainSnapshotCreateXML(domain, snapshot, reuse) &&
          told(VIR_ERR_INVALID_ARG, base, "of domain 'holder'"), "a snapshot into an image of another domain");
    hidden = "holder";
    CHECK(!virDomainSnapshotCreateXML(domain, snapshot, reuse) &&
          told(VIR_ERR_INVALID_ARG, base, "of another domain") && !strstr(virGetLastErrorMessage(), "holder"),
          "the same of one that the client does not see");
    hidden = NULL;
}

static bool
toldUnseen(const char *path)
{
    return told(VIR_ERR_OPERATION_UNSUPPORTED, path, "another domain uses it") &&
        !strstr(virGetLastErrorMessage(), "holder");
}

/* The same of snapshots whose images another domain has. */
static void
testUnseenSnapshots(virConnectPtr conn)
{
    g_autofree char *xml = embedDomainXML("snapshots", 1);
    g_autofree char *top = embedImagePath(1);
    g_autofree char *overlay = embedImagePath(9);
    virDomainPtr domain = virDomainDefineXML(conn, xml);
    g_autofree char *moment = domain ? virDomainGetXMLDesc(domain, 0) : NULL;
    g_autofree char *redefined = g_strdup_printf(
        "<domainsnapshot><name>s</name><state>disk-snapshot</state><creationTime>1</creationTime><memory snapshot='no'/>"
        "<disks><disk name='vda' snapshot='external' type='file'><driver type='qcow2'/><source file='%s'/></disk></disks>"
        "%s</domainsnapshot>", overlay, moment);
    g_auto(GStrv) parts = g_strsplit(moment, top, 2);
    g_autofree char *onOverlay = g_strjoinv(overlay, parts);
    virDomainSnapshotPtr snapshot;

    CHECK(domain && !virDomainSnapshotCreateXML(domain, "<domainsnapshot/>", 0) &&
          told(VIR_ERR_OPERATION_UNSUPPORTED, top, "domain 'holder' uses it"), "an internal snapshot");
    hidden = "holder";
    CHECK(domain && !virDomainSnapshotCreateXML(domain, "<domainsnapshot/>", 0) && toldUnseen(top),
          "the same in an image of a domain that the client does not see");
    hidden = NULL;
    virDomainFree(domain);
    CHECK(embedRun("qemu-img", "create", "-q", "-u", "-f", "qcow2", "-F", "qcow2", "-b", top, overlay, "64M", NULL) &&
          (domain = virDomainDefineXML(conn, onOverlay)), "an overlay over it");
    snapshot = virDomainSnapshotCreateXML(domain, redefined, VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE);
    CHECK(snapshot && virDomainSnapshotDelete(snapshot, 0) < 0 &&
          told(VIR_ERR_OPERATION_UNSUPPORTED, top, "domain 'holder' uses it"), "a deletion");
    hidden = "holder";
    CHECK(snapshot && virDomainSnapshotDelete(snapshot, 0) < 0 && toldUnseen(top),
          "the same of an image of a domain that the client does not see");
    hidden = NULL;
    CHECK(virDomainUndefineFlags(domain, VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA) == 0, "it goes");
    virDomainSnapshotFree(snapshot);
    virDomainFree(domain);
}

static void
testOwn(virDomainPtr domain)
{
    g_autofree char *own = g_build_filename(embedImageDir, "own", NULL);
    g_autofree char *disk = diskXML(own, "qcow2", "sdb", false);
    g_autofree char *overlay = g_build_filename(embedImageDir, "own.overlay", NULL);
    g_autofree char *other = diskXML(overlay, "qcow2", "sdb", false);

    CHECK(virDomainAttachDevice(domain, disk) < 0 && told(VIR_ERR_RESOURCE_BUSY, own, "'vda' of domain 'asking'"),
          "the image of another disk of the same domain");
    CHECK(embedRun("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", own, overlay, "64M", NULL) &&
          virDomainAttachDevice(domain, other) < 0 && told(VIR_ERR_RESOURCE_BUSY, own, "'vda' of domain 'asking'"),
          "an overlay of it");
}

static bool
serve(const char *path, char **pidfile)
{
    g_autofree char *socket = g_build_filename(embedRootDir, "nbd.sock", NULL);

    *pidfile = g_build_filename(embedRootDir, "nbd.pid", NULL);
    return embedRun("qemu-nbd", "--fork", "--persistent", "-f", "qcow2", "-k", socket, "--pid-file", *pidfile, path,
                    NULL);
}

static bool
serveEnd(const char *pidfile)
{
    g_autofree char *text = NULL;

    return g_file_get_contents(pidfile, &text, NULL, NULL) && kill(atoi(text), SIGTERM) == 0;
}

static char *
snapshotXML(const char *path)
{
    return g_strdup_printf("<domainsnapshot><name>s</name><disks><disk name='vda' snapshot='external'>"
                           "<driver type='qcow2'/><source file='%s'/></disk><disk name='sdc' snapshot='no'/></disks>"
                           "</domainsnapshot>", path);
}

static int
snapshotReuse(virDomainPtr domain, const char *path)
{
    g_autofree char *xml = snapshotXML(path);
    virDomainSnapshotPtr snapshot = virDomainSnapshotCreateXML(domain, xml, VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY |
                                                               VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT |
                                                               VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA);

    if (!snapshot)
        return -1;
    virDomainSnapshotFree(snapshot);
    return 0;
}

/* A process that the driver knows nothing of. */
static void
testProcess(virDomainPtr domain)
{
    g_autofree char *path = imageMake("served", "qcow2");
    g_autofree char *disk = diskXML(path, "qcow2", "sdb", false);
    g_autofree char *pidfile = NULL;

    if (!CHECK(serve(path, &pidfile), "a process with an image"))
        return;
    CHECK(virDomainAttachDevice(domain, disk) < 0 && told(VIR_ERR_RESOURCE_BUSY, path, "another process"),
          "attach of an image that a process has");
    CHECK(snapshotReuse(domain, path) < 0 && told(VIR_ERR_RESOURCE_BUSY, path, "another process") &&
          !embedXMLHas(domain, 0, path), "an overlay that a process has");
    CHECK(serveEnd(pidfile), "it ends");
}

/* Nobody has locked the images of a domain that is shut off. */
static void
testOff(virConnectPtr conn, virDomainPtr domain)
{
    g_autofree char *base = imageMake("off.base", "qcow2");
    g_autofree char *top = g_build_filename(embedImageDir, "off.top", NULL);
    g_autofree char *plain = embedDomainXML("off", 2);
    g_autofree char *own = embedImagePath(2);
    g_auto(GStrv) parts = g_strsplit(plain, own, 2);
    g_autofree char *xml = g_strjoinv(top, parts);
    virDomainPtr off = virDomainDefineXML(conn, xml);

    CHECK(off && embedRun("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, top, "64M", NULL),
          "a domain that is shut off");
    CHECK(snapshotReuse(domain, base) < 0 && told(VIR_ERR_INVALID_ARG, base, "domain 'off'") &&
          !embedXMLHas(domain, 0, base), "an overlay that it stands on");
    CHECK(snapshotReuse(domain, top) < 0 && embedErrorIs(VIR_ERR_INVALID_ARG) && !embedXMLHas(domain, 0, top),
          "and its active image");
    ended(off);
}

/* --- what QEMU does not take otherwise ------------------------------------------------------------- */

static void
testFormats(virDomainPtr domain)
{
    g_autofree char *path = imageMake("raw", "raw");
    g_autofree char *disk = diskXML(path, "qcow2", "sdb", false);
    g_autofree char *medium = diskXML(path, "qcow2", "sdc", true);

    CHECK(virDomainAttachDevice(domain, disk) < 0 && told(VIR_ERR_OPERATION_FAILED, path, "qcow2 format"),
          "attach in a wrong format");
    CHECK(virDomainUpdateDeviceFlags(domain, medium, LIVE) < 0 && told(VIR_ERR_OPERATION_FAILED, path, "qcow2 format"),
          "a medium in a wrong format");
}

/* 09/H3.2, H3.3, H4 */
static void
testWrong(virDomainPtr domain)
{
    g_autofree char *path = g_build_filename(embedImageDir, "own", NULL);
    g_autofree char *bus = g_strdup_printf("<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
                                           "<source file='%s'/><target dev='vda' bus='scsi'/></disk>", path);
    g_autofree char *nobody = diskXML(path, "qcow2", "sdx", false);

    CHECK(virDomainUpdateDeviceFlags(domain, bus, LIVE) < 0 && told(VIR_ERR_OPERATION_UNSUPPORTED, "'vda'", "'scsi'") &&
          virDomainUpdateDeviceFlags(domain, bus, CONFIG) < 0 &&
          told(VIR_ERR_OPERATION_UNSUPPORTED, "'vda'", "'scsi'"), "another bus");
    CHECK(virDomainUpdateDeviceFlags(domain, nobody, LIVE) < 0 && told(VIR_ERR_DEVICE_MISSING, "sdx", "not found") &&
          virDomainUpdateDeviceFlags(domain, nobody, CONFIG) < 0 && told(VIR_ERR_INVALID_ARG, "sdx", "not found"),
          "a disk that is not there");
    CHECK(virDomainBlockResize(domain, "vda", LLONG_MAX - 4096, VIR_DOMAIN_BLOCK_RESIZE_BYTES) < 0 &&
          told(VIR_ERR_OPERATION_FAILED, "'vda'", "large"), "a size that no image has");
}

static void
testAll(virConnectPtr conn)
{
    g_autofree char *own = imageMake("own", "qcow2");
    g_autofree char *to = embedImagePath(2);
    virDomainPtr holder = embedImagesMake(2) ? started(conn, "holder", 1) : NULL;
    virDomainPtr asking = g_rename(own, to) == 0 && symlink(to, own) == 0 ? started(conn, "asking", 2) : NULL;

    if (holder && asking) {
        testLocked(asking);
        testUnseen(asking);
        testUnseenSnapshots(conn);
        testOwn(asking);
        testProcess(asking);
        testOff(conn, asking);
        testFormats(asking);
        testWrong(asking);
    }
    ended(asking);
    ended(holder);
}

int
main(void)
{
    virConnectPtr conn;

    embedBegin("qbj-inuse-XXXXXX", "images");
    if (CHECK((conn = embedOpen()) != NULL, "open"))
        testAll(conn);
    CHECK(embedClose(conn), "cleanup of the driver");
    return embedEnd();
}
