/* What plugging in a device does: each folder of tests/qemublockjobdata/plug has device.xml, and domain.xml
 * unless it is the running domain of the folder above. Then either refused.txt, or
 *   commands.json   what QEMU is told, and after its end, what takes away what the device stood on
 *   device-out.xml  the device as the live definition has it then */
#include <config.h>

#include "internal.h"
#include "argsfixture.h"
#include "deffixture.h"
#include "statusfixture.h"
#include "virerror.h"
#include "virqbjstatus.h"
#include "vm_def.h"
#include "vm_disks.h"
#include "vm_plug_plan.h"

static qbjVmCapsCache *cache;
static virDomainXMLOption *xmlopt;

static void
qbjTestAppend(virJSONValue *list, const GPtrArray *commands)
{
    size_t i;

    for (i = 0; i < commands->len; i++) {
        const qbjVmArgsPlugged *one = g_ptr_array_index(commands, i);
        g_autoptr(virJSONValue) entry = NULL;
        g_autoptr(virJSONValue) arguments = virJSONValueCopy(one->arguments);

        g_assert_cmpint(virJSONValueObjectAdd(&entry, "s:execute", one->execute, "a:arguments", &arguments, NULL),
                        >=, 0);
        g_assert_cmpint(virJSONValueArrayAppend(list, &entry), ==, 0);
    }
}

static char *
qbjTestCommands(const qbjVmPlugPlan *plan, const virDomainDeviceDef *dev)
{
    g_autoptr(virJSONValue) list = virJSONValueNewArray();
    g_autoptr(GPtrArray) removal = qbjVmPlugPlanRemoval(dev);
    g_autoptr(GString) text = g_string_new(NULL);
    size_t i;

    qbjTestAppend(list, plan->nodes);
    qbjTestAppend(list, plan->devices);
    qbjTestAppend(list, removal);
    for (i = 0; i < virJSONValueArraySize(list); i++) {
        g_autofree char *line = virJSONValueToString(virJSONValueArrayGet(list, i), false);

        g_string_append_printf(text, "%s\n  %s", i == 0 ? "[" : ",", line);
    }
    g_string_append(text, "\n]\n");
    return g_strdup(text->str);
}

/* The running domain: named, addressed and numbered as by a start. */
static virDomainDef *
qbjTestDomain(const char *folder, virQbjStatus *status)
{
    g_autofree char *own = g_build_filename(folder, "domain.xml", NULL);
    virDomainDef *def = qbjTestArgsDefinition(g_file_test(own, G_FILE_TEST_EXISTS) ? own
                                                  : QBJ_TEST_DATA "/plug/domain.xml", xmlopt);

    if (!def)
        g_error("%s: %s", folder, virGetLastErrorMessage());
    status->nodeIndex = 10;
    return def;
}

static virDomainDeviceDef *
qbjTestDevice(const char *folder, virDomainDef *def)
{
    g_autofree char *path = g_build_filename(folder, "device.xml", NULL);
    g_autofree char *xml = NULL;
    g_autoptr(virDomainDeviceDef) dev = NULL;

    if (!g_file_get_contents(path, &xml, NULL, NULL))
        g_error("cannot read %s", path);
    if (!(dev = virDomainDeviceDefParse(xml, def, xmlopt, NULL,
                                        VIR_DOMAIN_DEF_PARSE_INACTIVE | VIR_DOMAIN_DEF_PARSE_ABI_UPDATE)) ||
        qbjVmDefCheckDevice(xml, dev, xmlopt) < 0)
        return NULL;
    return g_steal_pointer(&dev);
}

static int
qbjTestPlan(virDomainDef *def, virDomainDeviceDef *dev, virQbjStatus *status, qbjVmPlugPlan *plan)
{
    qbjVmArgsInput input = {
        .def = def, .caps = qbjVmCapsGet(cache, def->emulator), .libDir = "/lib", .monitorFd = -1,
    };

    if (qbjVmPlugCheck(def, dev) < 0)
        return -1;
    if (dev->type == VIR_DOMAIN_DEVICE_DISK)
        qbjVmDisksNumber(dev->data.disk, status);
    return qbjVmPlugPlanMake(&input, def, dev, plan);
}

static void
qbjTestPlanned(const char *folder, const qbjVmPlugPlan *plan, virDomainDeviceDef *dev)
{
    g_autofree char *commands = qbjTestCommands(plan, dev);
    g_autofree char *text = qbjVmDefFormatDevice(dev, xmlopt, 0);
    g_autofree char *line = g_strconcat(text, "\n", NULL);
    g_autofree char *json = g_build_filename(folder, "commands.json", NULL);
    g_autofree char *out = g_build_filename(folder, "device-out.xml", NULL);
    g_autofree char *refused = g_build_filename(folder, "refused.txt", NULL);

    g_assert_false(g_file_test(refused, G_FILE_TEST_EXISTS));
    qbjTestCompareFile(commands, json);
    qbjTestCompareFile(line, out);
}

static void
qbjTestRefused(const char *folder)
{
    g_autofree char *text = qbjTestDefError();
    g_autofree char *out = g_build_filename(folder, "refused.txt", NULL);
    g_autofree char *json = g_build_filename(folder, "commands.json", NULL);

    g_assert_false(g_file_test(json, G_FILE_TEST_EXISTS));
    qbjTestCompareFile(text, out);
}

static void
qbjTestCase(const void *opaque)
{
    g_autoptr(virQbjStatus) status = virQbjStatusNew();
    g_autoptr(virDomainDef) def = qbjTestDomain(opaque, status);
    g_autofree char *before = qbjTestDefText(def, xmlopt);
    g_autofree char *after = NULL;
    g_auto(qbjVmPlugPlan) plan = { 0 };
    g_autoptr(virDomainDeviceDef) dev = qbjTestDevice(opaque, def);

    if (dev && qbjTestPlan(def, dev, status, &plan) == 0)
        qbjTestPlanned(opaque, &plan, dev);
    else
        qbjTestRefused(opaque);
    after = qbjTestDefText(def, xmlopt);
    g_assert_cmpstr(after, ==, before);
}

/* 09/H3.2: while the medium is changed, and after a reset, the tray may be open at any time. */
static void
testTray(void)
{
    const char *xml = "<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>";
    g_autoptr(virDomainDiskDef) disk = virDomainDiskDefParse(xml, xmlopt, 0);
    g_autoptr(virDomainDiskDef) wanted = virDomainDiskDefParse(xml, xmlopt, 0);

    g_assert_nonnull(disk);
    disk->tray_status = VIR_DOMAIN_DISK_TRAY_OPEN;
    g_assert_cmpint(qbjVmDefCheckSameDisk(disk, wanted, xmlopt), ==, 0);
    wanted->rerror_policy = VIR_DOMAIN_DISK_ERROR_POLICY_STOP;
    g_assert_cmpint(qbjVmDefCheckSameDisk(disk, wanted, xmlopt), ==, -1);
    virResetLastError();
}

int
main(int argc, char **argv)
{
    g_auto(GStrv) cases = qbjTestCases(QBJ_TEST_DATA "/plug");
    size_t i;

    g_test_init(&argc, &argv, NULL);
    cache = qbjTestCapsCache();
    if (virInitialize() < 0 || !(xmlopt = qbjTestDefOption(cache)))
        g_error("cannot start: %s", virGetLastErrorMessage());
    for (i = 0; cases[i]; i++) {
        g_autofree char *name = g_strdup_printf("/plug/%s", cases[i]);

        g_test_add_data_func_full(name, g_build_filename(QBJ_TEST_DATA "/plug", cases[i], NULL), qbjTestCase, g_free);
    }
    g_test_add_func("/plug/tray", testTray);
    return g_test_run();
}
