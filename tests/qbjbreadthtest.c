/* The whole module with every golden definition, and real QEMUs with the devices that a VM can have; then
 * the calls that read and set something of a running VM. For the memory and thread checkers: what comes
 * out is looked at by other tests. Embed mode, TAP output. */
#include <config.h>

#include <stdio.h>
#include <unistd.h>

#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>

#include "internal.h"
#include "embedfixture.h"

/* --- golden definitions
 * ------------------------------------------------------------------------------------ */

typedef struct _walkCount walkCount;
struct _walkCount {
    unsigned int defined;
    unsigned int refused;
    unsigned int native;
    GString *wrong;
};

static bool
hasError(void)
{
    const char *message = virGetLastErrorMessage();
    bool has = virGetLastErrorCode() != VIR_ERR_OK && message && *message;

    virResetLastError();
    return has;
}

static void
walkDefined(virConnectPtr conn, virDomainPtr domain, const char *xml, walkCount *count, const char *path)
{
    g_autofree char *text = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
    g_autofree char *native = virConnectDomainXMLToNative(conn, "qemu-argv", xml, 0);
    virDomainPtr again;

    count->defined++;
    count->native += native != NULL;
    if (!native && !hasError())
        g_string_append_printf(count->wrong, "# %s: no arguments, no error\n", path);
    if (!(again = text ? virDomainDefineXML(conn, text) : NULL))
        g_string_append_printf(count->wrong, "# %s: not defined again: %s\n", path, virGetLastErrorMessage());
    else
        virDomainFree(again);
    if (virDomainUndefineFlags(domain, VIR_DOMAIN_UNDEFINE_NVRAM) < 0)
        g_string_append_printf(count->wrong, "# %s: not undefined: %s\n", path, virGetLastErrorMessage());
}

static void
walkFile(virConnectPtr conn, const char *path, walkCount *count)
{
    g_autofree char *xml = NULL;
    virDomainPtr domain;

    if (!g_file_get_contents(path, &xml, NULL, NULL))
        return;

    if ((domain = virDomainDefineXML(conn, xml))) {
        walkDefined(conn, domain, xml, count, path);
        virDomainFree(domain);
        return;
    }
    count->refused++;
    if (!hasError())
        g_string_append_printf(count->wrong, "# %s: refused without an error\n", path);
}

static void
walkFolder(virConnectPtr conn, const char *folder, const char *file)
{
    g_autofree char *top = g_build_filename(QBJ_TEST_DATA, folder, NULL);
    g_autofree char *what = g_strdup_printf("each definition of '%s': define, dump, arguments, undefine", folder);
    g_autoptr(GDir) dir = g_dir_open(top, 0, NULL);
    walkCount count = { .wrong = g_string_new(NULL) };
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(top, name, file, NULL);

        walkFile(conn, path, &count);
    }

    printf("# %u defined, %u of them with arguments, %u refused\n%s", count.defined, count.native, count.refused,
           count.wrong->str);
    CHECK(count.defined > 200 && count.native > 200 && count.wrong->len == 0 &&
          virConnectNumOfDefinedDomains(conn) == 0, what);
    g_string_free(count.wrong, TRUE);
}

/* --- devices
 * ----------------------------------------------------------------------------------------------- */

#define DISK(source, target, bus, more) \
    "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='" source "'/>" \
    "<target dev='" target "' bus='" bus "'/>" more "</disk>"
#define EMPTY(device, target, bus) \
    "<disk type='file' device='" device "'><target dev='" target "' bus='" bus "'/><readonly/></disk>"
#define LUKS_UUID "0b1c7c52-0000-4000-8000-00000000001a"

typedef struct _deviceSet deviceSet;
struct _deviceSet {
    const char *name;
    const char *machine;
    const char *top;            /* children of <domain> */
    const char *devices;        /* DIR is the folder of the images */
};

static const deviceSet deviceSets[] = {
    { "disks", "q35", "<iothreads>2</iothreads>",
      "<disk type='file' device='disk'><driver name='qemu' type='qcow2' iothread='1' discard='unmap'/>"
      "<source file='DIR/image.0'/><target dev='vda' bus='virtio'/><iotune><total_bytes_sec>1048576</total_bytes_sec>"
      "</iotune><serial>SER</serial></disk>"
      "<controller type='scsi' index='0' model='virtio-scsi'><driver iothread='2'/></controller>"
      DISK("DIR/image.1", "sda", "scsi", "<wwn>5000c50015ea71ad</wwn>") DISK("DIR/image.2", "sdb", "sata", "")
      DISK("DIR/image.3", "sdc", "usb", "") EMPTY("cdrom", "sdd", "sata") },
    { "legacy", "pc", "",
      DISK("DIR/image.0", "hda", "ide", "") EMPTY("cdrom", "hdc", "ide") EMPTY("floppy", "fda", "fdc") },
    { "luks", "q35", "",
      "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='DIR/luks'>"
      "<encryption format='luks'><secret type='passphrase' uuid='" LUKS_UUID "'/></encryption></source>"
      "<target dev='vda' bus='virtio'/></disk>" },
    { "controllers", "q35", "",
      "<controller type='pci' index='0' model='pcie-root'/><controller type='pci' index='1' model='pcie-root-port'/>"
      "<controller type='pci' index='2' model='pcie-to-pci-bridge'/>"
      "<controller type='scsi' index='0' model='lsilogic'/><controller type='scsi' index='1' model='virtio-scsi'/>"
      "<controller type='scsi' index='2' model='lsisas1068'/><controller type='scsi' index='3' model='vmpvscsi'/>"
      "<controller type='usb' index='0' model='qemu-xhci' ports='8'/><controller type='usb' index='1' model='nec-xhci'/>"
      "<controller type='virtio-serial' index='0' ports='4' vectors='2'/>" },
    { "display", "q35", "",
      "<graphics type='vnc' autoport='yes' passwd='secret'/><graphics type='spice' autoport='yes' passwd='secret'/>"
      "<video><model type='qxl' ram='65536' vram='65536'/></video><video><model type='virtio'/></video>"
      "<sound model='ich9'/><input type='tablet' bus='usb'/><input type='keyboard' bus='virtio'/>"
      "<redirdev bus='usb' type='spicevmc'/><channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0'/>"
      "</channel>" },
    { "network", "q35", "",
      "<interface type='user'><model type='virtio'/></interface><interface type='user'><model type='e1000e'/></interface>"
      "<interface type='user'><model type='rtl8139'/><link state='down'/></interface>" },
    { "small", "q35", "",
      "<rng model='virtio'><rate bytes='1024' period='1000'/><backend model='random'>/dev/urandom</backend></rng>"
      "<rng model='virtio'><backend model='builtin'/></rng><watchdog model='i6300esb' action='reset'/>"
      "<panic model='isa'/><tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>" },
    { "characters", "q35", "",
      "<serial type='pty'/><serial type='file'><source path='DIR/serial.log'/></serial>"
      "<serial type='unix'><source mode='bind' path='DIR/serial.sock'/></serial><parallel type='null'/>"
      "<console type='pty'><target type='virtio'/></console>"
      "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>" },
};

static char *
deviceXML(const deviceSet *set)
{
    g_autofree char *text =
        g_strdup_printf("<domain type='qemu'><name>%s</name><memory unit='MiB'>64</memory><vcpu current='1'>2</vcpu>%s"
                        "<os><type arch='x86_64' machine='%s'>hvm</type></os><features><acpi/></features>"
                        "<devices>%s<memballoon model='virtio'><stats period='1'/></memballoon></devices></domain>",
                        set->name, set->top, set->machine, set->devices);
    g_auto(GStrv) parts = g_strsplit(text, "DIR", -1);

    return g_strjoinv(embedImageDir, parts);
}

static virDomainPtr
deviceStart(virConnectPtr conn, const deviceSet *set)
{
    g_autofree char *xml = deviceXML(set);
    g_autofree char *what = g_strdup_printf("'%s' starts", set->name);
    virDomainPtr domain = virDomainCreateXML(conn, xml, VIR_DOMAIN_START_PAUSED);

    CHECK(domain != NULL, what);
    return domain;
}

static void
deviceEnd(virDomainPtr domain)
{
    if (domain) {
        CHECK(virDomainDestroy(domain) == 0, "and ends");
        virDomainFree(domain);
    }
}

static bool
imagesMake(void)
{
    unsigned int i;
    bool made = true;

    for (i = 0; i < 4 && made; i++) {
        g_autofree char *path = g_strdup_printf("%s/image.%u", embedImageDir, i);

        made = embedRun("qemu-img", "create", "-q", "-f", "qcow2", path, "64M", NULL);
    }

    return made;
}

/* A folder with our driver and the distribution's for secrets. */
static void
driversMake(void)
{
    g_autofree char *folder = g_build_filename(embedRootDir, "drivers", NULL);
    g_autofree char *command =
        g_strdup_printf("mkdir '%s' && ln -s \"$LIBVIRT_DRIVER_DIR\"/libvirt_driver_qemu.so "
                        "/usr/lib*/*/libvirt/connection-driver/libvirt_driver_secret.so '%s'", folder, folder);

    CHECK(embedRun("sh", "-c", command, NULL), "a folder with two drivers");
    g_setenv("LIBVIRT_DRIVER_DIR", folder, true);
}

/* The leak checker's, when there is one. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

/* The distribution's secret driver does not free the name of its folder (9.0.0). */
static virConnectPtr
secretOpen(void)
{
    g_autofree char *uri = g_strdup_printf("secret:///embed?root=%s", embedRootDir);
    virConnectPtr conn;

    if (__lsan_disable)
        __lsan_disable();
    conn = virConnectOpen(uri);
    if (__lsan_enable)
        __lsan_enable();
    return conn;
}

/* Where qemu-img measures no processor time while it makes the key, it gives up: it is asked again. */
static bool
secretMakeImage(const char *path)
{
    static const char data[] = "{\"qom-type\":\"secret\",\"id\":\"s\",\"data\":\"pass,\\\"=\"}";
    size_t i;

    for (i = 0; i < 30; i++) {
        if (embedRun("qemu-img", "create", "-q", "-f", "qcow2", "--object", data, "-o",
                     "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10", path, "4M", NULL))
            return true;
    }
    return false;
}

/* The passphrase of the encrypted image, as the secret driver finds it at its start. */
static virConnectPtr
secretMake(void)
{
    g_autofree char *path = g_build_filename(embedImageDir, "luks", NULL);
    g_autofree char *folder = g_build_filename(embedRootDir, "etc", "secrets", NULL);
    g_autofree char *xml = g_build_filename(folder, LUKS_UUID ".xml", NULL);
    g_autofree char *value = g_build_filename(folder, LUKS_UUID ".base64", NULL);

    g_mkdir_with_parents(folder, 0700);
    CHECK(g_file_set_contents(xml, "<secret ephemeral='no' private='yes'><uuid>" LUKS_UUID "</uuid></secret>", -1,
                              NULL) &&
          g_file_set_contents(value, "cGFzcywiPQ==", -1, NULL) &&
          secretMakeImage(path),
          "an encrypted image and its secret");
    return secretOpen();
}

/* --- calls
 * ------------------------------------------------------------------------------------------------- */

static void
callStats(virConnectPtr conn, virDomainPtr domain)
{
    virDomainStatsRecordPtr *stats = NULL;
    virDomainMemoryStatStruct memory[VIR_DOMAIN_MEMORY_STAT_NR];
    virDomainBlockStatsStruct block;
    virDomainBlockInfo size;
    virTypedParameterPtr parameters = g_new0(virTypedParameter, 32);
    int n = 32;
    int records = virConnectGetAllDomainStats(conn, 0, &stats, 0);

    CHECK(records == 1 && stats[0]->nparams > 20, "stats of all groups");
    virDomainStatsRecordListFree(stats);
    CHECK(virDomainMemoryStats(domain, memory, VIR_DOMAIN_MEMORY_STAT_NR, 0) > 0, "memory stats");
    CHECK(virDomainBlockStats(domain, "vda", &block, sizeof(block)) == 0 &&
          virDomainGetBlockInfo(domain, "vda", &size, 0) == 0 && size.capacity == 64 << 20, "block stats and info");
    CHECK(virDomainGetBlockIoTune(domain, "vda", parameters, &n, 0) == 0 && n > 6, "limits of a disk");
    CHECK(virDomainSetBlockIoTune(domain, "vda", parameters, n, VIR_DOMAIN_AFFECT_LIVE) == 0, "set again");
    virTypedParamsFree(parameters, n);
}

static void
callCpus(virDomainPtr domain)
{
    virDomainIOThreadInfoPtr *threads = NULL;
    unsigned char map[16] = { 0 };
    virVcpuInfo vcpu[2];
    int n = virDomainGetIOThreadInfo(domain, &threads, 0);
    int i;

    CHECK(n == 2, "I/O threads");
    for (i = 0; i < n; i++)
        virDomainIOThreadInfoFree(threads[i]);
    free(threads);
    map[0] = 1;
    CHECK(virDomainGetVcpus(domain, vcpu, 2, NULL, 0) == 1 && virDomainPinVcpu(domain, 0, map, 1) == 0 &&
          virDomainGetVcpuPinInfo(domain, 2, map, 8, 0) == 2 && virDomainGetEmulatorPinInfo(domain, map, 8, 0) == 1,
          "virtual CPUs and where they run");
    CHECK(virDomainSetVcpus(domain, 2) == 0 && virDomainGetVcpusFlags(domain, VIR_DOMAIN_AFFECT_LIVE) == 2,
          "one more of them");
    CHECK(virDomainAddIOThread(domain, 7, VIR_DOMAIN_AFFECT_LIVE) == 0 &&
          virDomainDelIOThread(domain, 7, VIR_DOMAIN_AFFECT_LIVE) == 0, "one more I/O thread, for a while");
    CHECK(virDomainSetMemory(domain, 32768) == 0 && virDomainSetMemoryStatsPeriod(domain, 2, 0) == 0,
          "less memory");
}

static void
callTexts(virDomainPtr domain)
{
    g_autofree char *metadata = NULL;
    g_autofree char *hostname = NULL;
    g_autofree char *answer = NULL;
    unsigned int keys[] = { 29, 56, 111 };

    CHECK(virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_TITLE, "a title", NULL, NULL, 0) == 0 &&
          virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, "<x>&amp;</x>", "k", "urn:qbj", 0) == 0 &&
          (metadata = virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, "urn:qbj", 0)) &&
          virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, NULL, NULL, "urn:qbj", 0) == 0, "metadata");
    CHECK(virDomainSendKey(domain, VIR_KEYCODE_SET_LINUX, 10, keys, 3, 0) == 0 &&
          virDomainInjectNMI(domain, 0) == 0 && virDomainReset(domain, 0) == 0, "keys, NMI, reset");
    CHECK(!(hostname = virDomainGetHostname(domain, VIR_DOMAIN_GET_HOSTNAME_AGENT)) && hasError() &&
          !(answer = virDomainQemuAgentCommand(domain, "{\"execute\":\"guest-ping\"}", 1, 0)) && hasError(),
          "calls for an agent that is not there");
}

static void
callStreams(virConnectPtr conn, virDomainPtr domain)
{
    virStreamPtr stream = virStreamNew(conn, 0);
    g_autofree char *type = virDomainScreenshot(domain, stream, 0, 0);
    char buffer[4096];
    long total = 0;
    int got = 0;

    while (type && (got = virStreamRecv(stream, buffer, sizeof(buffer))) > 0)
        total += got;
    CHECK(STREQ_NULLABLE(type, "image/png") && got == 0 && total > 100 && virStreamFinish(stream) == 0, "a screenshot");
    virStreamFree(stream);
}

static void
callConsole(virConnectPtr conn, virDomainPtr domain)
{
    virStreamPtr stream = virStreamNew(conn, VIR_STREAM_NONBLOCK);

    CHECK(virDomainOpenConsole(domain, "serial0", stream, 0) == 0 && virStreamSend(stream, "x", 1) == 1, "a console");
    CHECK(virDomainOpenConsole(domain, "serial0", stream, 0) < 0 && hasError(), "which one client has at a time");
    virStreamAbort(stream);
    virStreamFree(stream);
    virDomainQemuAgentCommand(domain, "{\"execute\":\"guest-ping\"}", 1, 0);
    CHECK(hasError(), "an agent's channel without an agent");
}

static void
testDevices(virConnectPtr conn)
{
    virConnectPtr secrets = secretMake();
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(deviceSets); i++) {
        virDomainPtr domain = deviceStart(conn, &deviceSets[i]);

        if (domain && STREQ(deviceSets[i].name, "disks")) {
            callStats(conn, domain);
            callCpus(domain);
            callTexts(domain);
        } else if (domain && STREQ(deviceSets[i].name, "display")) {
            callStreams(conn, domain);
        } else if (domain && STREQ(deviceSets[i].name, "characters")) {
            callConsole(conn, domain);
        }
        deviceEnd(domain);
    }

    if (secrets)
        virConnectClose(secrets);
}

int
main(void)
{
    virConnectPtr conn;

    /* thousands of files are written, with care: not on a disk where there is something else */
    embedRootDir = g_strdup_printf("%s/qbj-breadth-XXXXXX",
                                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : g_get_tmp_dir());
    g_assert_nonnull(g_mkdtemp(embedRootDir));
    embedRootPrepare();
    embedImageDir = g_build_filename(embedRootDir, "images", NULL);
    g_mkdir_with_parents(embedImageDir, 0711);
    driversMake();

    if (CHECK((conn = embedOpen()) != NULL, "open") && CHECK(imagesMake(), "images")) {
        testDevices(conn);
        walkFolder(conn, "define", "in.xml");
        walkFolder(conn, "argv", "domain.xml");
    }
    CHECK(embedClose(conn), "cleanup of the driver");

    if (embedFailures == 0)
        embedRun("rm", "-rf", embedRootDir, NULL);
    else
        printf("# files are left in %s\n", embedRootDir);
    g_free(embedRootDir);
    g_free(embedImageDir);
    return embedPlan();
}
