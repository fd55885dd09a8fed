/* Golden command lines: each folder of tests/qemublockjobdata/argv and argvpairs (two elements together, see
 * argvpairstest.py) has domain.xml, and args.txt with one argument per line. Then what a golden text cannot
 * show: descriptors, and the refusal of what no part knows. */
#include <config.h>

#include <fcntl.h>
#include <unistd.h>

#include "internal.h"
#include "argsfixture.h"
#include "statusfixture.h"
#include "virerror.h"

#define QBJ_TEST_ROOT "/root"

static qbjVmCapsCache *cache;
static virDomainXMLOption *xmlopt;

/* The environment, then the arguments, each on a line of its own; a line end inside one is written as \n. */
static char *
qbjTestLines(virCommand *cmd)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *shell = virCommandToString(cmd, false);
    g_auto(GStrv) words = NULL;
    size_t i;

    g_assert_true(g_shell_parse_argv(shell, NULL, &words, NULL));
    for (i = 0; words[i]; i++) {
        g_auto(GStrv) parts = g_strsplit(words[i], "\n", -1);
        g_autofree char *line = g_strjoinv("\\n", parts);

        g_string_append_printf(text, "%s\n", line);
    }

    return g_strdup(text->str);
}

static void
qbjTestGolden(const void *opaque)
{
    g_autofree char *in = g_build_filename(opaque, "domain.xml", NULL);
    g_autofree char *out = g_build_filename(opaque, "args.txt", NULL);
    g_autoptr(virDomainDef) def = qbjTestArgsDefinition(in, xmlopt);
    g_autoptr(virCommand) cmd = def ? qbjTestArgsCommand(def, cache, QBJ_TEST_ROOT, NULL) : NULL;
    g_autofree char *text = NULL;

    if (!cmd)
        g_error("%s: %s", in, virGetLastErrorMessage());

    text = qbjTestLines(cmd);
    qbjTestCompareFile(text, out);
}

/* --- descriptors ---------------------------------------------------------------------------------------- */

static const char *
qbjTestArgAfter(char **args, const char *option, const char *start)
{
    size_t i;

    for (i = 0; args[i] && args[i + 1]; i++) {
        if (STREQ(args[i], option) && g_str_has_prefix(args[i + 1], start))
            return args[i + 1];
    }

    g_error("no %s %s", option, start);
}

/* The sockets of the monitor and of unix servers are handed over and stay open here; a unix client has
 * none. */
static void
qbjTestDescriptors(void)
{
    g_autoptr(virDomainDef) def = qbjTestArgsDefinition(QBJ_TEST_DATA "/argv/serial-unix-server/domain.xml", xmlopt);
    int monitor = open("/dev/null", O_RDWR | O_CLOEXEC);
    int serial = open("/dev/null", O_RDWR | O_CLOEXEC);
    g_autoptr(GHashTable) fds = g_hash_table_new(g_str_hash, g_str_equal);
    qbjVmMemoryPlaces memory = { .ramDir = NULL };
    qbjVmArgsInput input = {
        .def = def, .caps = qbjVmCapsGet(cache, "/usr/bin/qemu-system-x86_64"), .libDir = "/root/lib",
        .monitorFd = monitor, .chardevFds = fds, .memory = &memory,
    };
    g_autofree char *expectMonitor = g_strdup_printf("socket,id=charmonitor,fd=%d,server=on,wait=off", monitor);
    g_autofree char *expectSerial = g_strdup_printf("socket,id=charserial0,fd=%d,server=on,wait=off", serial);
    g_autoptr(virCommand) cmd = NULL;
    g_auto(GStrv) args = NULL;

    g_assert_nonnull(def);
    g_hash_table_insert(fds, def->serials[0]->info.alias, GINT_TO_POINTER(serial));
    cmd = qbjVmArgsBuild(&input);
    g_assert_nonnull(cmd);
    g_assert_cmpint(virCommandGetArgList(cmd, &args), ==, 0);
    g_assert_cmpstr(qbjTestArgAfter(args, "-chardev", "socket,id=charmonitor"), ==, expectMonitor);
    g_assert_cmpstr(qbjTestArgAfter(args, "-chardev", "socket,id=charserial0"), ==, expectSerial);
    g_assert_false(g_strv_contains((const char *const *) args, "-sandbox"));

    g_clear_pointer(&cmd, virCommandFree);
    g_assert_cmpint(fcntl(monitor, F_GETFD), >=, 0);
    g_assert_cmpint(fcntl(serial, F_GETFD), >=, 0);
    g_assert_cmpint(close(monitor), ==, 0);
    g_assert_cmpint(close(serial), ==, 0);
}

/* What only a start can know is demanded for a start and made up for the text form. */
static void
qbjTestStartOnly(void)
{
    g_autoptr(virDomainDef) def = qbjTestArgsDefinition(QBJ_TEST_DATA "/argv/vnc-automatic-port/domain.xml", xmlopt);
    int monitor = open("/dev/null", O_RDWR | O_CLOEXEC);
    qbjVmCaps caps = *qbjVmCapsGet(cache, "/usr/bin/qemu-system-x86_64");
    qbjVmMemoryPlaces memory = { .ramDir = NULL };
    qbjVmArgsInput input = {
        .def = def, .caps = &caps, .libDir = "/root/lib", .monitorFd = monitor, .memory = &memory,
    };
    g_autoptr(virCommand) cmd = NULL;

    g_assert_nonnull(def);
    g_assert_null(qbjVmArgsBuild(&input));
    g_assert_nonnull(strstr(virGetLastErrorMessage(), "VNC port"));

    def->graphics[0]->data.vnc.port = 5903;
    def->virtType = VIR_DOMAIN_VIRT_KVM;
    cmd = qbjVmArgsBuild(&input);
    g_assert_nonnull(cmd);

    caps.kvm = false;
    g_assert_null(qbjVmArgsBuild(&input));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_CONFIG_UNSUPPORTED);
    g_assert_nonnull(strstr(virGetLastErrorMessage(), "/dev/kvm"));
    g_assert_cmpint(close(monitor), ==, 0);
}

/* How many nodes on the command line of a disk with @depth images name the one below them. */
static unsigned int
qbjTestLinks(unsigned int depth, bool linkLater)
{
    g_autoptr(virDomainDef) def = qbjTestArgsDefinition(QBJ_TEST_DATA "/argv/disk-chain-of-unknown-end/domain.xml",
                                                        xmlopt);
    virStorageSource *last;
    qbjVmArgsInput input = {
        .def = def, .caps = qbjVmCapsGet(cache, "/usr/bin/qemu-system-x86_64"), .libDir = "/root/lib",
        .monitorPath = "/root/lib/monitor.sock", .monitorFd = -1, .linkLater = linkLater,
    };
    g_autoptr(virCommand) cmd = NULL;
    g_auto(GStrv) args = NULL;
    unsigned int links = 0;
    size_t i;

    if (!def)
        g_error("cannot parse: %s", virGetLastErrorMessage());
    last = def->disks[0]->src;
    for (i = 1; i < depth; i++) {
        g_clear_pointer(&last->backingStore, virObjectUnref);
        last->backingStore = virStorageSourceCopy(last, false);
        last = last->backingStore;
        g_free(last->nodestorage);
        last->nodestorage = g_strdup_printf("libvirt-%zu-storage", i + 1);
        g_free(last->nodeformat);
        last->nodeformat = g_strdup_printf("libvirt-%zu-format", i + 1);
    }
    last->backingStore = virStorageSourceNew();
    cmd = qbjVmArgsBuild(&input);
    g_assert_nonnull(cmd);
    g_assert_cmpint(virCommandGetArgList(cmd, &args), ==, 0);
    for (i = 0; args[i]; i++)
        links += strstr(args[i], "\"backing\":\"libvirt-") != NULL;
    return links;
}

/* A deep chain is put together later when the caller says that it will, any other one never. */
static void
qbjTestDeepChain(void)
{
    g_assert_cmpint(qbjTestLinks(200, false), ==, 199);
    g_assert_cmpint(qbjTestLinks(200, true), ==, 0);
    g_assert_cmpint(qbjTestLinks(31, true), ==, 0);
    g_assert_cmpint(qbjTestLinks(30, true), ==, 29);
}

/* --- refusals: definitions that come past the parser's own checks --------------------------------------- */

typedef struct _qbjTestRefused qbjTestRefused;
struct _qbjTestRefused {
    const char *name;
    const char *machine;        /* machine type, NULL: q35 */
    const char *top;            /* children of <domain>; with an <os> or <cpu> of its own */
    const char *devices;
    const char *text;           /* the error names this */
};

#define QBJ_TEST_DISK(driver, more) \
    "<disk type='file' device='disk'><driver name='qemu' type='qcow2'" driver "/><source file='/a'/>" \
    "<target dev='vda' bus='virtio'/>" more "<alias name='virtio-disk0'/></disk>"
#define QBJ_TEST_SATA(more) \
    "<disk type='file' device='disk'>" more "<source file='/a'/><target dev='sda' bus='sata'/></disk>"
#define QBJ_TEST_SERIAL(type, more) \
    "<serial type='" type "'>" more "<alias name='serial0'/></serial>"
#define QBJ_TEST_NET(type, more) \
    "<interface type='" type "'>" more "<alias name='net0'/></interface>"
#define QBJ_TEST_CLOCK(more) "<clock offset='utc'>" more "</clock>"

static const qbjTestRefused refused[] = {
    { "machine", "isapc", "", "", "isapc" },
    { "interface-ethernet", NULL, "", QBJ_TEST_NET("ethernet", ""), "net0" },
    { "interface-filter", NULL, "", QBJ_TEST_NET("bridge", "<source bridge='b'/><filterref filter='f'/>"), "filterref" },
    { "interface-backend", NULL, "", QBJ_TEST_NET("bridge", "<source bridge='b'/><backend tap='/dev/tap'/>"), "backend" },
    { "interface-model", NULL, "", QBJ_TEST_NET("user", "<model type='usb-net'/>"), "model" },
    { "interface-rss", NULL, "", QBJ_TEST_NET("user", "<model type='virtio'/><driver rss='on'/>"), "rss" },
    { "channel-guestfwd", NULL, "", "<channel type='pty'><target type='guestfwd' address='10.0.2.1' port='1'/></channel>",
      "target" },
    { "channel-dbus", NULL, "", "<controller type='virtio-serial' index='0'><alias name='virtio-serial0'/></controller>"
      "<channel type='dbus'><source channel='x'/><target type='virtio' name='x'/><alias name='channel0'/>"
      "<address type='virtio-serial' controller='0' bus='0' port='1'/></channel>", "type" },
    { "serial-tls", NULL, "", QBJ_TEST_SERIAL("tcp", "<source mode='bind' host='127.0.0.1' service='1' tls='yes'/>"
      "<protocol type='raw'/><target type='isa-serial'><model name='isa-serial'/></target>"), "tls" },
    { "serial-telnets", NULL, "", QBJ_TEST_SERIAL("tcp", "<source mode='bind' host='127.0.0.1' service='1'/>"
      "<protocol type='telnets'/><target type='isa-serial'><model name='isa-serial'/></target>"), "protocol" },
    { "serial-udp", NULL, "", QBJ_TEST_SERIAL("udp", "<source mode='connect' host='127.0.0.1' service='1'/>"
      "<target type='isa-serial'><model name='isa-serial'/></target>"), "type" },
    { "console-xen", NULL, "", "<console type='pty'><target type='xen'/></console>", "console" },
    { "hostdev", NULL, "", "<hostdev mode='subsystem' type='usb'><source><vendor id='0x1'/><product id='0x2'/>"
      "</source></hostdev>", "hostdev" },
    { "filesystem", NULL, "", "<filesystem type='mount'><source dir='/a'/><target dir='b'/></filesystem>",
      "filesystem" },
    { "iothreadsched", NULL, "<iothreads>1</iothreads><cputune><iothreadsched iothreads='1' scheduler='idle'/></cputune>",
      "", "iothreadsched" },
    { "numa-cache", NULL, "<cpu><numa><cell id='0' cpus='0' memory='262144'><cache level='1' associativity='direct' "
      "policy='writeback'><size value='8' unit='KiB'/><line value='5' unit='B'/></cache></cell></numa></cpu>", "",
      "interconnects" },
    { "numatune-auto", NULL, "<numatune><memory mode='strict' placement='auto'/></numatune>", "", "auto" },
    { "locked", NULL, "<memoryBacking><locked/></memoryBacking>", "", "locked" },
    { "sysinfo", NULL, "<sysinfo type='smbios'/>", "", "sysinfo" },
    { "genid", NULL, "<genid/>", "", "genid" },
    { "timer-rtc-absent", NULL, QBJ_TEST_CLOCK("<timer name='rtc' present='no'/>"), "", "rtc" },
    { "timer-pit-merge", NULL, QBJ_TEST_CLOCK("<timer name='pit' tickpolicy='merge'/>"), "", "tickpolicy" },
    { "timer-catchup", NULL, QBJ_TEST_CLOCK("<timer name='rtc' tickpolicy='catchup'><catchup slew='120'/></timer>"),
      "", "catchup" },
    { "cpu-host-model", NULL, "<cpu mode='host-model'/>", "", "host-model" },
    { "cpu-passthrough-without-kvm", NULL, "<cpu mode='host-passthrough'/>", "", "host-passthrough" },
    { "cpu-minimum", NULL, "<cpu match='minimum'><model>Nehalem</model></cpu>", "", "match" },
    { "cpu-unknown", NULL, "<cpu match='exact'><model>Pentium99</model></cpu>", "", "Pentium99" },
    { "disk-transient", NULL, "", QBJ_TEST_DISK("", "<transient/>"), "transient" },
    { "disk-copy-on-read", NULL, "", QBJ_TEST_DISK(" copy_on_read='on'", ""), "copy_on_read" },
    { "disk-iothread", NULL, "", QBJ_TEST_SATA("<driver name='qemu' iothread='1'/>"), "iothread" },
    { "disk-iommu", NULL, "", QBJ_TEST_SATA("<driver name='qemu' iommu='on'/>"), "iommu" },
    { "disk-ioeventfd", NULL, "", QBJ_TEST_SATA("<driver name='qemu' ioeventfd='on'/>"), "ioeventfd" },
    { "disk-vendor", NULL, "", QBJ_TEST_SATA("<vendor>A</vendor>"), "vendor" },
    { "disk-sd", NULL, "", "<disk type='file' device='disk'><driver name='qemu' type='raw'/>"
      "<source file='/a'/><target dev='sda' bus='sd'/></disk>", "bus" },
    { "disk-empty", NULL, "", "<disk type='file' device='disk'><target dev='sda' bus='sata'/></disk>", "sda" },
    { "cdrom-usb-empty", NULL, "", "<disk type='file' device='cdrom'><target dev='sda' bus='usb'/></disk>", "sda" },
    { "lun-virtio", NULL, "", "<disk type='block' device='lun'><source dev='/a'/><target dev='vda' bus='virtio'/></disk>",
      "device" },
    { "lun-rawio", NULL, "", "<controller type='scsi' model='virtio-scsi'><alias name='scsi0'/></controller>"
      "<disk type='block' device='lun' rawio='yes'><source dev='/a'/><target dev='sda' bus='scsi'/></disk>", "rawio" },
    { "lun-sgio", NULL, "", "<controller type='scsi' model='virtio-scsi'><alias name='scsi0'/></controller>"
      "<disk type='block' device='lun' sgio='filtered'><source dev='/a'/><target dev='sda' bus='scsi'/></disk>", "sgio" },
    { "disk-address", NULL, "", QBJ_TEST_DISK("", "<address type='ccw' cssid='0xfe' ssid='0x0' devno='0x0000'/>"),
      "ccw" },
    { "disk-acpi-index", NULL, "", QBJ_TEST_DISK("", "<acpi index='7'/>"), "acpi" },
    { "serial-isa-debug", NULL, "",
      QBJ_TEST_SERIAL("pty", "<target type='isa-debug'><model name='isa-debugcon'/></target>"), "target" },
    { "serial-log", NULL, "",
      QBJ_TEST_SERIAL("pty", "<log file='/l'/><target type='isa-serial'><model name='isa-serial'/></target>"), "log" },
    { "vnc-two-listens", NULL, "", "<graphics type='vnc' port='5900'><listen type='address' address='::1'/>"
      "<listen type='address' address='127.0.0.1'/></graphics>", "listen" },
    { "vnc-network", NULL, "", "<graphics type='vnc' port='5900'><listen type='network' network='n'/></graphics>",
      "listen" },
    { "video-3d", NULL, "", "<video><model type='virtio'><acceleration accel3d='yes'/></model></video>", "virtio" },
    { "timer-tsc-absent", NULL, QBJ_TEST_CLOCK("<timer name='tsc' present='no'/>"), "", "tsc" },
    { "timer-tsc-mode", NULL, QBJ_TEST_CLOCK("<timer name='tsc' mode='native'/>"), "", "tsc" },
    { "clock-adjustment-out-of-range", NULL,
      "<clock offset='variable' adjustment='9223372036854775807' basis='utc'/>", "", "range" },
    { "clock-out-of-range", NULL, "<clock offset='absolute' start='9223372036854775807'/>", "", "range" },
    { "tseg-on-pc", "pc", "<features><smm state='on'><tseg unit='MiB'>48</tseg></smm></features>", "", "TSEG" },
    { "feature-hap", NULL, "<features><hap/></features>", "", "hap" },
    { "feature-viridian", NULL, "<features><viridian/></features>", "", "viridian" },
    { "feature-msrs", NULL, "<features><msrs unknown='ignore'/></features>", "", "msrs" },
    { "watchdog-dump", NULL, "", "<watchdog model='ib700' action='dump'/>", "dump" },
    { "watchdog-s390", NULL, "", "<watchdog model='diag288'/>", "diag288" },
    { "rng-egd", NULL, "", "<rng model='virtio'><backend model='egd' type='udp'><source mode='connect' host='a' "
      "service='1'/></backend></rng>", "egd" },
    { "balloon-xen", NULL, "", "<memballoon model='xen'/>", "xen" },
    { "panic-pseries", NULL, "", "<panic model='pseries'/>", "Panic" },
    { "sound-pcspk", NULL, "", "<sound model='pcspk'/>", "pcspk" },
    { "sound-ich7", NULL, "", "<sound model='ich7'/>", "ich7" },
    { "audio-jack", NULL, "", "<audio id='1' type='jack'/>", "jack" },
    { "audio-sdl", NULL, "", "<audio id='1' type='sdl'/>", "sdl" },
    { "audio-dbus", NULL, "", "<audio id='1' type='dbus'/>", "dbus" },
    { "redirdev-tcp", NULL, "", "<redirdev bus='usb' type='tcp'><source mode='connect' host='a' service='1'/>"
      "<protocol type='raw'/><alias name='redir0'/></redirdev>", "redir0" },
    { "redirfilter", NULL, "", "<redirfilter><usbdev allow='no'/></redirfilter>", "redirfilter" },
    { "input-passthrough", NULL, "", "<input type='passthrough' bus='virtio'><source evdev='/dev/e'/>"
      "<alias name='input0'/></input>", "input0" },
    { "input-evdev", NULL, "", "<input type='evdev'><source dev='/dev/e'/><alias name='input0'/></input>", "input0" },
    { "spice-tls", NULL, "", "<graphics type='spice' port='5900' tlsPort='5901'/>", "TLS" },
    { "spice-secure", NULL, "", "<graphics type='spice' port='5900' defaultMode='secure'/>", "TLS" },
    { "spice-secure-channel", NULL, "", "<graphics type='spice' port='5900'><channel name='main' mode='secure'/>"
      "</graphics>", "TLS" },
    { "spice-gl", NULL, "", "<graphics type='spice'><listen type='none'/><gl enable='yes'/></graphics>", "OpenGL" },
    { "spice-network", NULL, "", "<graphics type='spice' port='5900'><listen type='network' network='n'/></graphics>",
      "network" },
    { "spice-twice", NULL, "", "<graphics type='spice' port='5900'/><graphics type='spice' port='5901'/>", "spice" },
    { "vnc-twice", NULL, "", "<graphics type='vnc' port='5900'/><graphics type='vnc' port='5901'/>", "vnc" },
    { "sdl", NULL, "", "<graphics type='sdl' display=':0'/>", "sdl" },
    { "egl-headless", NULL, "", "<graphics type='egl-headless'/>", "egl-headless" },
    { "dbus", NULL, "", "<graphics type='dbus'/>", "dbus" },
    { "rdp", NULL, "", "<graphics type='rdp'/>", "rdp" },
    { "video-vgaconf", NULL, "", "<video><driver vgaconf='on'/><model type='qxl'/></video>", "qxl" },
    { "video-vhostuser", NULL, "", "<video><driver name='vhostuser'/><model type='virtio'/></video>", "virtio" },
    { "video-xen", NULL, "", "<video><model type='xen'/></video>", "xen" },
    { "scsi-buslogic", NULL, "", "<controller type='scsi' model='buslogic'/>", "scsi" },
    { "scsi-queues-of-lsilogic", NULL, "", "<controller type='scsi' model='lsilogic'><driver queues='2'/></controller>",
      "driver" },
    { "ide-second", "pc", "", "<controller type='ide' index='1'/>", "ide" },
    { "fdc-second", "pc", "", "<controller type='fdc' index='1'/>", "fdc" },
    { "ccid", NULL, "", "<controller type='ccid' index='0'/>", "ccid" },
    { "usb-vt82c686b", NULL, "", "<controller type='usb' model='vt82c686b-uhci'/>", "usb" },
    { "usb-ports", NULL, "", "<controller type='usb' model='piix3-uhci' ports='2'/>", "ports" },
    { "pci-expander", "pc", "", "<controller type='pci' index='1' model='pci-expander-bus'/>", "pci" },
    { "pci-index", "pc", "", "<controller type='pci' index='0' model='pci-root'><target index='0'/></controller>",
      "index" },
    { "pci-bridge-hotplug", "pc", "", "<controller type='pci' index='1' model='pci-bridge'><model name='pci-bridge'/>"
      "<target hotplug='off'/></controller>", "hotplug" },
    { "pcie-root-hotplug", NULL, "", "<controller type='pci' index='0' model='pcie-root'><target hotplug='off'/>"
      "</controller>", "hotplug" },
};

static virDomainXMLOption *plain;

static void
qbjTestRefusal(const void *opaque)
{
    const qbjTestRefused *one = opaque;
    g_autofree char *xml =
        g_strdup_printf("<domain type='qemu'><name>a</name><uuid>6f1c7c52-0000-4000-8000-000000000001</uuid>"
                        "<memory unit='MiB'>256</memory><vcpu>1</vcpu>"
                        "<os><type arch='x86_64' machine='%s'>hvm</type></os>%s"
                        "<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>%s</devices></domain>",
                        one->machine ? one->machine : "q35", one->top, one->devices);
    g_autoptr(virDomainDef) def = virDomainDefParseString(xml, plain, NULL, VIR_DOMAIN_DEF_PARSE_SKIP_VALIDATE);
    g_autoptr(virCommand) cmd = NULL;

    if (!def)
        g_error("cannot parse: %s", virGetLastErrorMessage());
    if (def->ndisks > 0) {
        def->disks[0]->src->nodestorage = g_strdup("libvirt-1-storage");
        def->disks[0]->src->nodeformat = g_strdup("libvirt-1-format");
    }

    virResetLastError();
    cmd = qbjTestArgsCommand(def, cache, QBJ_TEST_ROOT, NULL);
    g_assert_null(cmd);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_CONFIG_UNSUPPORTED);
    if (!strstr(virGetLastErrorMessage(), one->text))
        g_error("'%s' does not name '%s'", virGetLastErrorMessage(), one->text);
}

static void
qbjTestAddRefusals(void)
{
    virDomainDefParserConfig config = { .features = ~0U };
    size_t i;

    plain = virDomainXMLOptionNew(&config, NULL, NULL, NULL, NULL, NULL);
    for (i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autofree char *name = g_strdup_printf("/args/refused/%s", refused[i].name);

        g_test_add_data_func(name, &refused[i], qbjTestRefusal);
    }
}

static void
qbjTestAddGolden(const char *folder)
{
    g_autofree char *data = g_build_filename(QBJ_TEST_DATA, folder, NULL);
    g_auto(GStrv) cases = qbjTestCases(data);
    size_t i;

    for (i = 0; cases[i]; i++) {
        g_autofree char *name = g_strdup_printf("/%s/golden/%s", folder, cases[i]);

        g_test_add_data_func_full(name, g_build_filename(data, cases[i], NULL), qbjTestGolden, g_free);
    }
}

int
main(int argc, char **argv)
{
    int ret;

    qbjTestMakeMounts();
    g_test_init(&argc, &argv, NULL);
    if (virInitialize() < 0)
        g_error("cannot start: %s", virGetLastErrorMessage());
    qbjTestArgsNow = 1800000000;
    cache = qbjTestCapsCache();
    xmlopt = qbjTestArgsXMLOption(cache);

    qbjTestAddGolden("argv");
    qbjTestAddGolden("argvpairs");
    g_test_add_func("/args/descriptors", qbjTestDescriptors);
    g_test_add_func("/args/start-only", qbjTestStartOnly);
    g_test_add_func("/args/deep-chain", qbjTestDeepChain);
    qbjTestAddRefusals();

    ret = g_test_run();
    virObjectUnref(plain);
    virObjectUnref(xmlopt);
    qbjVmCapsCacheFree(cache);
    return ret;
}
