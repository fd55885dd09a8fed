/* What CPU an accelerator can give a guest, from recorded answers of QEMU; other hosts' CPUs against it. */
#include <config.h>

#include "internal.h"
#include "argsfixture.h"
#include "virerror.h"
#include "vm_caps.h"

#define QBJ_TEST_BINARY "/usr/bin/qemu-system-x86_64"

static int
qbjTestPolicy(virCPUDef *cpu, const char *name)
{
    virCPUFeatureDef *feature = virCPUDefFindFeature(cpu, name);

    return feature ? feature->policy : -1;
}

/* "max" becomes a named model of libvirt's; what of the model is in the way is switched off. */
static void
qbjTestAccel(const qbjVmCapsAccel *accel)
{
    const qbjVmCapsCpu *cpu;

    g_assert_nonnull(accel);
    cpu = qbjVmCapsAccelCpu(accel);
    g_assert_nonnull(cpu);
    g_assert_true(qbjVmCapsAccelCpu(accel) == cpu);
    g_assert_cmpstr(cpu->cpu->model, ==, "EPYC");
    g_assert_cmpstr(cpu->migratable->model, ==, "EPYC");
    g_assert_cmpint(qbjTestPolicy(cpu->cpu, "la57"), ==, VIR_CPU_FEATURE_REQUIRE);
    g_assert_cmpint(qbjTestPolicy(cpu->cpu, "nrip-save"), ==, VIR_CPU_FEATURE_DISABLE);
    g_assert_true(g_strv_contains((const char *const *) cpu->features, "pclmuldq"));
    g_assert_false(g_strv_contains((const char *const *) cpu->features, "family"));
    g_assert_true(accel->hyperv & (1U << VIR_DOMAIN_HYPERV_SPINLOCKS));
    g_assert_false(accel->hyperv & (1U << VIR_DOMAIN_HYPERV_RELAXED));
}

static void
qbjTestAccels(void)
{
    g_autoptr(qbjVmCapsCache) cache = qbjTestCapsCache();
    const qbjVmCaps *caps = qbjVmCapsGet(cache, QBJ_TEST_BINARY);

    qbjTestAccel(qbjVmCapsAccelFor(caps, VIR_DOMAIN_VIRT_QEMU));
    qbjTestAccel(qbjVmCapsAccelFor(caps, VIR_DOMAIN_VIRT_KVM));
    g_assert_null(qbjVmCapsAccelFor(caps, VIR_DOMAIN_VIRT_XEN));

    g_assert_true(qbjVmCapsHasDevice(caps, "qxl-vga"));
    g_assert_true(qbjVmCapsHasDevice(caps, "chardev-spicevmc"));
    g_assert_false(qbjVmCapsHasDevice(caps, "ati-vga"));
}

static int
qbjTestCompareOne(const char *xml, bool fail)
{
    g_autoptr(qbjVmCapsCache) cache = qbjTestCapsCache();

    virResetLastError();
    return qbjVmCapsCompareCpu(cache, QBJ_TEST_BINARY, NULL, NULL, "qemu", xml, fail, false);
}

static void
qbjTestCompare(void)
{
    const char *penryn = "<cpu><model>Penryn</model></cpu>";
    const char *haswell = "<cpu><model>Haswell</model></cpu>";

    g_assert_cmpint(qbjTestCompareOne(penryn, true), ==, VIR_CPU_COMPARE_SUPERSET);
    g_assert_cmpint(qbjTestCompareOne(haswell, false), ==, VIR_CPU_COMPARE_INCOMPATIBLE);
    g_assert_cmpint(qbjTestCompareOne(haswell, true), ==, VIR_CPU_COMPARE_ERROR);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_CPU_INCOMPATIBLE);
    g_assert_cmpint(qbjTestCompareOne("<cup/>", false), ==, VIR_CPU_COMPARE_ERROR);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_XML_ERROR);
}

static char *
qbjTestBaselineOne(const char *machine, const char *type, bool expand)
{
    g_autoptr(qbjVmCapsCache) cache = qbjTestCapsCache();
    const char *xmls[] = { "<cpu><model>Haswell</model></cpu>", "<cpu><model>Penryn</model></cpu>" };

    virResetLastError();
    return qbjVmCapsBaselineCpu(cache, QBJ_TEST_BINARY, NULL, machine, type, xmls, G_N_ELEMENTS(xmls), expand, true);
}

static void
qbjTestBaseline(void)
{
    g_autofree char *plain = qbjTestBaselineOne("q35", "qemu", false);
    g_autofree char *expanded = qbjTestBaselineOne(NULL, NULL, true);

    g_assert_nonnull(plain);
    g_assert_nonnull(strstr(plain, "<model fallback='forbid'>Penryn</model>"));
    g_assert_null(strstr(plain, "name='cx16'"));
    g_assert_nonnull(expanded);
    g_assert_nonnull(strstr(expanded, "<feature policy='require' name='cx16'/>"));

    g_assert_null(qbjTestBaselineOne("q36", "qemu", false));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
    g_assert_null(qbjTestBaselineOne("q35", "xen", false));
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_INVALID_ARG);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (virInitialize() < 0)
        g_error("cannot start: %s", virGetLastErrorMessage());

    g_test_add_func("/caps-cpu/accels", qbjTestAccels);
    g_test_add_func("/caps-cpu/compare", qbjTestCompare);
    g_test_add_func("/caps-cpu/baseline", qbjTestBaseline);

    return g_test_run();
}
