/* The XML of the destination of a virDomainBlockCopy on its way to a plan: parsed, checked for what is not
 * in force, guarded, planned, with all flags, for a disk with a chain and one without. What the host tells
 * (whether there is a file, what its header says) is made up; nothing is opened.
 *
 * Laws: what is refused is refused with an error; a plan is read again from its record as the same; what a
 * client wrote of the source is in the plan (the inputs have values with "qbjx"), and never as an option of
 * its making. */
#include <config.h>

#include "internal.h"
#include "argsfixture.h"
#include "deffixture.h"
#include "fuzz_main.h"
#include "fuzz_xml.h"
#include "spec_copy.h"
#include "storage_file/storage_source.h"
#include "virerror.h"
#include "vm_def.h"

#define QBJ_FUZZ_CANARY "qbjx"
#define QBJ_FUZZ_FLAGS 16

static virDomainXMLOption *xmlopt;
static virDomainDiskDef *disks[2];

static void
qbjFuzzIgnoreError(void *opaque, virErrorPtr error)
{
}

static void
qbjFuzzName(virStorageSource *image, unsigned int id)
{
    image->id = id;
    g_free(image->nodestorage);
    image->nodestorage = g_strdup_printf("libvirt-%u-storage", id);
    g_free(image->nodeformat);
    image->nodeformat = g_strdup_printf("libvirt-%u-format", id);
}

static virStorageSource *
qbjFuzzChain(unsigned int id, unsigned int last)
{
    virStorageSource *image = virStorageSourceNew();

    if (id > last)
        return image;
    image->type = VIR_STORAGE_TYPE_FILE;
    image->format = VIR_STORAGE_FILE_QCOW2;
    image->path = g_strdup_printf("/img/x%u", id);
    qbjFuzzName(image, id);
    image->backingStore = qbjFuzzChain(id + 1, last);
    return image;
}

static virDomainDiskDef *
qbjFuzzDisk(unsigned int images)
{
    virDomainDiskDef *disk = virDomainDiskDefNew(NULL);

    g_clear_pointer(&disk->src, virObjectUnref);
    disk->src = qbjFuzzChain(1, images);
    disk->dst = g_strdup("vda");
    disk->bus = VIR_DOMAIN_DISK_BUS_VIRTIO;
    return disk;
}

static void
qbjFuzzStart(void)
{
    qbjVmCapsCache *cache;

    if (xmlopt)
        return;

    if (virInitialize() < 0 || !(cache = qbjTestCapsCache()) || !(xmlopt = qbjTestDefOption(cache)))
        g_error("cannot start: %s", virGetLastErrorMessage());
    virSetErrorFunc(NULL, qbjFuzzIgnoreError);
    disks[0] = qbjFuzzDisk(3);
    disks[1] = qbjFuzzDisk(1);
}

/* --- laws --- */

static void
qbjFuzzRefused(const char *what)
{
    virErrorPtr error = virGetLastError();

    if (!error || error->code == VIR_ERR_OK || !error->message || !*error->message)
        g_error("%s: refused without an error", what);
    virResetLastError();
}

static void
qbjFuzzCheckKeys(virJSONValue *value)
{
    size_t i;

    if (virJSONValueIsObject(value)) {
        for (i = 0; (int) i < virJSONValueObjectKeysNumber(value); i++) {
            if (strstr(virJSONValueObjectGetKey(value, i), QBJ_FUZZ_CANARY))
                g_error("an option of the client's making");
            qbjFuzzCheckKeys(virJSONValueObjectGetValue(value, i));
        }
    } else if (virJSONValueIsArray(value)) {
        for (i = 0; i < virJSONValueArraySize(value); i++)
            qbjFuzzCheckKeys(virJSONValueArrayGet(value, i));
    }
}

/* The values that a client can only have written itself, in the first <source> below @node. */
static void
qbjFuzzCheckSaid(const xmlNode *node, const char *plan)
{
    const xmlAttr *attribute;

    for (attribute = node->properties; attribute; attribute = attribute->next) {
        g_autofree char *value = (char *) xmlNodeGetContent((const xmlNode *) attribute);

        /* 01/Y4: those of an output, which mean nothing here */
        if (STREQ((const char *) attribute->name, "index"))
            continue;
        if (STREQ(value, QBJ_FUZZ_CANARY "said") && !strstr(plan, value))
            g_error("'%s' of <%s> is ignored: %s", attribute->name, node->name, plan);
    }
    for (node = node->children; node; node = node->next) {
        if (node->type == XML_ELEMENT_NODE)
            qbjFuzzCheckSaid(node, plan);
    }
}

static void
qbjFuzzCheckPlan(const xmlNode *source, const qbjSpec *spec)
{
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autoptr(virJSONValue) json = qbjSpecToJSON(spec);
    g_autofree char *text = json ? virJSONValueToString(json, false) : NULL;
    g_autoptr(virJSONValue) read = text ? virJSONValueFromString(text) : NULL;
    g_autoptr(qbjSpec) again = read ? qbjSpecFromJSON(read, &refusal) : NULL;
    g_autoptr(virJSONValue) second = again ? qbjSpecToJSON(again) : NULL;
    g_autofree char *same = second ? virJSONValueToString(second, false) : NULL;

    if (STRNEQ_NULLABLE(text, same))
        g_error("not read again as the same: %s\n%s\n%s", NULLSTR(text), NULLSTR(same), NULLSTR(refusal.message));
    qbjFuzzCheckKeys(json);
    qbjFuzzCheckSaid(source, text);
}

/* --- a copy --- */

/* What the engine does between guards and plan. The file that there is not is made; one that there is has the
 * format that its name says. */
static void
qbjFuzzPrepare(const virDomainDiskDef *disk, qbjCopyRequest *req)
{
    virStorageSource *target = req->target;
    virStorageSource *image;
    unsigned int id = 10;

    if (target->format == VIR_STORAGE_FILE_NONE)
        target->format = disk->src->format;
    qbjFuzzName(target, id);
    for (image = qbjCopyOwnChain(disk, req); virStorageSourceIsBacking(image); image = image->backingStore)
        qbjFuzzName(image, ++id);
    if (!qbjCopyIsShallow(disk, req) && !target->backingStore)
        target->backingStore = virStorageSourceNew();
    if (!(req->flags & VIR_DOMAIN_BLOCK_COPY_REUSE_EXT) &&
        virStorageSourceGetActualType(target) == VIR_STORAGE_TYPE_FILE) {
        req->identity = "2049:77";
        req->made = true;
    }
}

static int
qbjFuzzPlan(virDomainDiskDef *disk, qbjCopyRequest *req, qbjSpec **spec, qbjRefusal *refusal)
{
    bool persistent = !(req->flags & VIR_DOMAIN_BLOCK_COPY_SYNCHRONOUS_WRITES);

    if (qbjGuardCopyRequest(req, refusal) < 0 || qbjGuardCopy(disk, req, persistent, NULL, refusal) < 0)
        return -1;
    qbjFuzzPrepare(disk, req);
    if (qbjGuardCopyFormat(disk, req, refusal) < 0 || qbjSpecPlanCopy(disk, req, spec, refusal) < 0)
        return -1;
    disk->mirror = req->target;
    if (qbjSpecPlanCopyPending(*spec, disk, NULL, refusal) < 0)
        g_error("planned, and refused without bitmaps: %s", NULLSTR(refusal->message));
    disk->mirror = NULL;
    return 0;
}

/* false: the destination is refused, whatever the flags. */
static bool
qbjFuzzCopy(const xmlNode *source, const char *xml, virDomainDiskDef *disk, unsigned int flags)
{
    g_autoptr(virStorageSource) target = virDomainDiskDefParseSource(xml, xmlopt, VIR_DOMAIN_DEF_PARSE_INACTIVE);
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autoptr(qbjSpec) spec = NULL;
    qbjCopyRequest req = { .target = target, .flags = flags, .source = { .capacity = 67108864 } };

    if (!target || qbjVmDefCheckDestination(xml, target, xmlopt) < 0) {
        qbjFuzzRefused("destination");
        return false;
    }
    if (qbjFuzzPlan(disk, &req, &spec, &refusal) == 0)
        qbjFuzzCheckPlan(source, spec);
    else if (refusal.code == VIR_ERR_OK || !refusal.message || !*refusal.message)
        g_error("a copy is refused without a reason");
    return true;
}

static const xmlNode *
qbjFuzzSource(const xmlDoc *doc)
{
    xmlNodePtr root = xmlDocGetRootElement(doc);
    xmlNodePtr node;

    for (node = root->children; node; node = node->next) {
        if (node->type == XML_ELEMENT_NODE && STREQ((const char *) node->name, "source"))
            return node;
    }
    return root;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *xml = g_strndup((const char *) data, size);
    g_autoptr(xmlDoc) doc = qbjFuzzXmlRead((const uint8_t *) xml, strlen(xml));
    const xmlNode *source = doc ? qbjFuzzSource(doc) : NULL;
    unsigned int i;

    qbjFuzzStart();
    for (i = 0; i < 2 * QBJ_FUZZ_FLAGS; i++) {
        if (!qbjFuzzCopy(source, xml, disks[i / QBJ_FUZZ_FLAGS], i % QBJ_FUZZ_FLAGS))
            return 0;
        if (!doc)
            g_error("taken, but it is no document");
    }
    return 0;
}

/* --- changes --- */

static const char *const qbjFuzzValues[] = {
    QBJ_FUZZ_CANARY "said", "", "0", "1", "-1", "65536", "4294967296", "18446744073709551616", "yes", "no", "file",
    "block", "network", "dir", "volume", "nvme", "vhostuser", "raw", "qcow2", "qed", "luks", "iso", "vmdk", "nbd", "iscsi", "rbd",
    "gluster", "https", "ssh", "nfs", "tcp", "unix", "rdma", "/img/dst", "img/dst", "/dev/vg/dst", "pool/image", "::1", "[::1]",
    "iqn.2003-01.org.example:d/1", "a," QBJ_FUZZ_CANARY "=1", "x\"," QBJ_FUZZ_CANARY "\":\"1", "a\nb", "%s%n", "..", "/",
};

static const char *const qbjFuzzElements[] = {
    "backingStore", "format", "source", "host", "auth", "secret", "encryption", "slices", "slice", "reservations", "seclabel",
    "snapshot", "config", "initiator", "iqn", "cookies", "cookie", "ssl", "readahead", "timeout", "reconnect", "identity",
    "knownHosts", "driver", "metadata_cache", "max_size", "target", "address", "mirror", "privateData", "nodenames",
};

static const char *const qbjFuzzAttributes[] = {
    "type", "file", "dev", "dir", "name", "protocol", "transport", "port", "socket", "index", "startupPolicy", "mode", "pool",
    "volume", "query", "tls", "tlsHostname", "fdgroup", "offset", "size", "unit", "managed", "username", "usage", "uuid",
    "delay", "user", "group", "keyfile", "path", "device", "rawio", "sgio", "model", "snapshot", "relabel",
};

#define qbjFuzzAny(rand, list) ((list)[g_rand_int_range(rand, 0, G_N_ELEMENTS(list))])

static void
qbjFuzzChange(GRand *rand, xmlNodePtr node, xmlNodePtr other)
{
    switch (g_rand_int_range(rand, 0, 4)) {
    case 0:
        xmlNewChild(node, NULL, (const xmlChar *) qbjFuzzAny(rand, qbjFuzzElements), NULL);
        return;
    case 1:
        xmlSetProp(node, (const xmlChar *) qbjFuzzAny(rand, qbjFuzzAttributes),
                   (const xmlChar *) qbjFuzzAny(rand, qbjFuzzValues));
        return;
    case 2:
        if (!xmlFirstElementChild(node))
            xmlNodeAddContent(node, (const xmlChar *) qbjFuzzAny(rand, qbjFuzzValues));
        return;
    default:
        qbjFuzzXmlChange(rand, node, other, qbjFuzzAny(rand, qbjFuzzValues));
        return;
    }
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned int seed)
{
    return qbjFuzzXmlMutate(data, size, room, seed, qbjFuzzChange);
}
