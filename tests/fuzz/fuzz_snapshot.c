/* The XML of a snapshot on its way to a plan: parsed, planned with all kinds of flags for a running and a
 * shut off domain, its overlays planned. Nothing is opened but names are looked at.
 *
 * Laws: what is refused is refused with an error; each disk of a plan is one of the domain's, once; an
 * overlay has an absolute path that XML can hold, and a plan that is read again from its record as the
 * same. */
#include <config.h>

#include "internal.h"
#include "argsfixture.h"
#include "deffixture.h"
#include "fuzz_main.h"
#include "fuzz_xml.h"
#include "moment_plan.h"
#include "moment_xml.h"
#include "spec_overlay.h"
#include "virerror.h"
#include "virfile.h"
#include "virqbjstatus.h"
#include "virqbjxml.h"

static virDomainXMLOption *xmlopt;
static virDomainDef *domain;

/* libvirt's own virDomainSnapshotAlignDisks() forgets what was parsed of the disks when it refuses (9.0.0),
 * which many inputs lead to: what the parser makes is not looked at. Only a sanitizer has these. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

static virDomainSnapshotDef *
qbjFuzzParse(const char *xml, bool offline)
{
    virDomainSnapshotDef *def;

    if (__lsan_disable)
        __lsan_disable();
    def = virDomainSnapshotDefParseString(xml, xmlopt, NULL, NULL, offline ? VIR_DOMAIN_SNAPSHOT_PARSE_OFFLINE : 0);
    if (__lsan_enable)
        __lsan_enable();
    return def;
}

static void
qbjFuzzIgnoreError(void *opaque, virErrorPtr error)
{
}

static void
qbjFuzzStart(void)
{
    g_autofree char *path = g_build_filename(QBJ_TEST_DATA, "snapshotplan", "domain.xml", NULL);
    g_autofree char *text = NULL;
    virQbjStatus *status = virQbjStatusNew();
    qbjVmCapsCache *cache;
    size_t i;

    if (virInitialize() < 0 || !(cache = qbjTestCapsCache()) || !(xmlopt = qbjTestDefOption(cache)) ||
        virFileReadAll(path, 65536, &text) < 0 || !(domain = qbjTestDefine(text, xmlopt)))
        g_error("cannot start: %s", virGetLastErrorMessage());
    for (i = 0; i < domain->ndisks; i++)
        virQbjStatusNumberImage(status, domain->disks[i]->src);
    virQbjStatusFree(status);
    virSetErrorFunc(NULL, qbjFuzzIgnoreError);
}

static void
qbjFuzzRefused(void)
{
    virErrorPtr error = virGetLastError();

    if (!error || error->code == VIR_ERR_OK || !error->message || !*error->message)
        g_error("refused without an error");
    virResetLastError();
}

static void
qbjFuzzCheckSpec(const qbjSpec *spec)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autoptr(virJSONValue) json = qbjSpecToJSON(spec);
    g_autofree char *text = json ? virJSONValueToString(json, false) : NULL;
    g_autoptr(virJSONValue) read = text ? virJSONValueFromString(text) : NULL;
    g_autoptr(qbjSpec) again = read ? qbjSpecFromJSON(read, &refusal) : NULL;
    g_autoptr(virJSONValue) second = again ? qbjSpecToJSON(again) : NULL;
    g_autofree char *same = second ? virJSONValueToString(second, false) : NULL;

    if (!text || STRNEQ_NULLABLE(text, same))
        g_error("not read again as the same: %s\n%s\n%s", NULLSTR(text), NULLSTR(same), NULLSTR(refusal.message));
}

static void
qbjFuzzOverlay(const virDomainSnapshotDiskDef *snap)
{
    const virDomainDiskDef *disk = virDomainDiskByTarget(domain, snap->name);
    g_autoptr(virStorageSource) image = virStorageSourceCopy(snap->src, false);
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autoptr(qbjSpec) spec = NULL;
    qbjCopyRequest req = { .target = image, .source.capacity = 65536 };

    if (image->path && !virQbjXMLCanHold(image->path))
        g_error("a path that no definition can hold");
    if (virStorageSourceGetActualType(image) == VIR_STORAGE_TYPE_FILE && !g_path_is_absolute(image->path))
        g_error("a relative path: %s", image->path);
    image->id = 99;
    image->nodestorage = g_strdup("libvirt-99-storage");
    image->nodeformat = g_strdup("libvirt-99-format");
    if (qbjSpecPlanOverlay(disk, &req, &spec, &refusal) == 0)
        qbjFuzzCheckSpec(spec);
    else if (refusal.code == VIR_ERR_OK || !refusal.message)
        g_error("an overlay is refused without a reason");
}

static void
qbjFuzzCheckPlan(const virDomainSnapshotDef *def)
{
    size_t i;

    if (def->ndisks != domain->ndisks)
        g_error("%zu disks, the domain has %zu", def->ndisks, domain->ndisks);
    for (i = 0; i < def->ndisks; i++) {
        if (STRNEQ(def->disks[i].name, domain->disks[i]->dst))
            g_error("disk %zu is '%s'", i, def->disks[i].name);
        if (def->disks[i].snapshot == VIR_DOMAIN_SNAPSHOT_LOCATION_EXTERNAL)
            qbjFuzzOverlay(&def->disks[i]);
    }
}

static void
qbjFuzzPlan(const char *xml, bool active, unsigned int flags)
{
    qbjMomentPlace place = {
        .active = active, .persistent = true, .state = active ? VIR_DOMAIN_RUNNING : VIR_DOMAIN_SHUTOFF
    };
    bool offline = (flags & VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY) || !active;
    g_autoptr(virDomainSnapshotDef) def = qbjFuzzParse(xml, offline);

    if (!def || qbjMomentXMLCheck(xml) < 0) {
        qbjFuzzRefused();
        return;
    }
    if (!(def->parent.dom = virDomainDefCopy(domain, xmlopt, NULL, false)))
        g_error("the domain: %s", virGetLastErrorMessage());
    if (qbjMomentPlan(def, &place, flags) < 0)
        qbjFuzzRefused();
    else
        qbjFuzzCheckPlan(def);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *xml = g_strndup((const char *) data, size);

    if (!xmlopt)
        qbjFuzzStart();
    virResetLastError();
    qbjFuzzPlan(xml, true, VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY);
    qbjFuzzPlan(xml, true, 0);
    qbjFuzzPlan(xml, true, VIR_DOMAIN_SNAPSHOT_CREATE_LIVE);
    qbjFuzzPlan(xml, false, VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY);
    return 0;
}

static const char *const qbjFuzzValues[] = {
    "vda", "vdb", "vdc", "vdz", "", "no", "external", "internal", "manual", "file", "block", "network", "volume", "nvme",
    "raw", "qcow2", "qed", "/x/y", "x", "..", "a\nb", "%s%n", "1", "18446744073709551616", "nbd", "rbd", "luks",
};

static void
qbjFuzzChange(GRand *rand, xmlNodePtr node, xmlNodePtr other)
{
    qbjFuzzXmlChange(rand, node, other, qbjFuzzValues[g_rand_int_range(rand, 0, G_N_ELEMENTS(qbjFuzzValues))]);
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned int seed)
{
    return qbjFuzzXmlMutate(data, size, room, seed, qbjFuzzChange);
}
