/* A domain's XML on its whole way to a command line: define, the definition stored and loaded again, the
 * check before a start, addresses, aliases, arguments. The seeds are the golden definitions. No process is
 * started.
 *
 * Laws: what is refused is refused with an error; what was defined is loaded again as the same, and
 * defined again too; and whatever a client wrote, no argument has an option of its making: the inputs are
 * full of values like "a,qbjx=1". */
#include <config.h>

#include "fuzz_main.h"
#include "fuzz_xml.h"
#include "argsfixture.h"
#include "deffixture.h"
#include "virerror.h"
#include "vm_cpu.h"
#include "vm_def.h"
#include "vm_firmware.h"
#include "vm_support_parts.h"

#define QBJ_FUZZ_CANARY "qbjx"

static qbjVmCapsCache *cache;
static virDomainXMLOption *xmlopt;

/* libvirt's own parser forgets what an element that stands twice has replaced (<kvm/>, 9.0.0). The golden
 * definitions are parsed without this in qbjdeftest. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
    return "leak:virDomainDefParseNode\n";
}

static void
qbjFuzzIgnoreError(void *opaque, virErrorPtr error)
{
}

static void
qbjFuzzStart(void)
{
    if (xmlopt)
        return;

    /* where the emulators of the recorded capabilities are, and no other */
    g_setenv("PATH", "/usr/bin", true);
    if (virInitialize() < 0 || !(cache = qbjTestCapsCache()) || !(xmlopt = qbjTestDefOption(cache)))
        g_error("cannot start: %s", virGetLastErrorMessage());
    virSetErrorFunc(NULL, qbjFuzzIgnoreError);
}

/* --- what may be tried --- */

/* Another emulator would be run to ask what it can do. */
static bool
qbjFuzzRunsNothing(const xmlNode *node)
{
    static const char *const known[] = { "/usr/bin/qemu-system-x86_64", "/usr/bin/qemu-system-i386", "", NULL };
    g_autofree char *text = NULL;

    for (; node; node = node->next) {
        if (node->type != XML_ELEMENT_NODE)
            continue;
        if (STREQ((const char *) node->name, "emulator")) {
            g_free(text);
            text = (char *) xmlNodeGetContent(node);
            if (!g_strv_contains(known, text))
                return false;
        }
        if (!qbjFuzzRunsNothing(node->children))
            return false;
    }

    return true;
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

static char *
qbjFuzzText(virDomainDef *def)
{
    char *text =
        virDomainDefFormat(def, xmlopt, VIR_DOMAIN_DEF_FORMAT_INACTIVE | VIR_DOMAIN_DEF_FORMAT_SECURE);

    if (!text)
        g_error("cannot be written: %s", virGetLastErrorMessage());
    return text;
}

/* As a daemon that starts reads what it finds. */
static void
qbjFuzzLoad(const char *text)
{
    g_autoptr(virDomainDef) def =
        virDomainDefParseString(text, xmlopt, NULL,
                                VIR_DOMAIN_DEF_PARSE_INACTIVE | VIR_DOMAIN_DEF_PARSE_SKIP_VALIDATE |
                                VIR_DOMAIN_DEF_PARSE_ALLOW_POST_PARSE_FAIL);

    if (!def)
        g_error("cannot be loaded again: %s\n%s", virGetLastErrorMessage(), text);
}

static void
qbjFuzzStored(const char *text)
{
    g_autoptr(virDomainDef) again = qbjTestDefine(text, xmlopt);
    g_autofree char *second = NULL;
    g_autofree char *third = NULL;

    qbjFuzzLoad(text);
    if (!again)
        g_error("cannot be defined again: %s\n%s", virGetLastErrorMessage(), text);

    second = qbjFuzzText(again);
    g_clear_pointer(&again, virDomainDefFree);
    if (!(again = qbjTestDefine(second, xmlopt)))
        g_error("cannot be defined a third time: %s\n%s", virGetLastErrorMessage(), second);
    third = qbjFuzzText(again);
    if (STRNEQ(second, third))
        g_error("changes with each definition:\n%s\n%s", second, third);
}

static void
qbjFuzzCheckJSON(virJSONValue *value, const char *word)
{
    size_t i;

    if (virJSONValueIsObject(value)) {
        for (i = 0; (int) i < virJSONValueObjectKeysNumber(value); i++) {
            if (STREQ(virJSONValueObjectGetKey(value, i), QBJ_FUZZ_CANARY))
                g_error("an option of the client's making: %s", word);
            qbjFuzzCheckJSON(virJSONValueObjectGetValue(value, i), word);
        }
    } else if (virJSONValueIsArray(value)) {
        for (i = 0; i < virJSONValueArraySize(value); i++)
            qbjFuzzCheckJSON(virJSONValueArrayGet(value, i), word);
    }
}

/* "a=1,b=x,,y": QEMU's own syntax; a double comma is one in a value. */
static void
qbjFuzzCheckOptions(const char *word)
{
    g_autoptr(GRegex) escaped = g_regex_new(",,", 0, 0, NULL);
    g_autofree char *text = g_regex_replace_literal(escaped, word, -1, 0, "_", 0, NULL);
    g_auto(GStrv) options = g_strsplit(text ? text : word, ",", -1);
    size_t i;

    for (i = 0; options[i]; i++) {
        if (STRPREFIX(options[i], QBJ_FUZZ_CANARY))
            g_error("an option of the client's making: %s", word);
    }
}

static void
qbjFuzzCheckWord(const char *option, const char *word)
{
    /* one value each, whatever is in it */
    static const char *const plain[] = { "-append", "-kernel", "-initrd", "-dtb", "-bios", NULL };
    g_autoptr(virJSONValue) value = NULL;

    if (g_strv_contains(plain, option))
        return;

    if (*word != '{') {
        qbjFuzzCheckOptions(word);
        return;
    }

    value = virJSONValueFromString(word);
    if (!value)
        g_error("not JSON: %s", word);
    qbjFuzzCheckJSON(value, word);
}

static void
qbjFuzzArguments(virDomainDef *def)
{
    g_autoptr(virCommand) cmd = NULL;
    g_auto(GStrv) words = NULL;
    size_t i;

    if (qbjVmDefCheckStart(def, xmlopt) < 0 ||
        qbjVmFirmwareSelect(def, qbjTestNvramDir) < 0 ||
        qbjVmCpuExpand(cache, def) < 0 ||
        qbjVmDefAssignAliases(def) < 0) {
        qbjFuzzRefused("start");
        return;
    }

    qbjTestNumberImages(def);
    if (!(cmd = qbjTestArgsCommand(def, cache, "/root", NULL))) {
        qbjFuzzRefused("arguments");
        return;
    }

    g_assert_cmpint(virCommandGetArgList(cmd, &words), ==, 0);
    for (i = 0; !def->namespaceData && words[i]; i++)
        qbjFuzzCheckWord(i > 0 ? words[i - 1] : "", words[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(xmlDoc) doc = NULL;
    g_autoptr(virDomainDef) def = NULL;
    g_autofree char *xml = g_strndup((const char *) data, size);
    g_autofree char *text = NULL;

    qbjFuzzStart();
    doc = qbjFuzzXmlRead((const uint8_t *) xml, strlen(xml));
    if (doc && !qbjFuzzRunsNothing(xmlDocGetRootElement(doc)))
        return 0;

    if (!(def = qbjTestDefine(xml, xmlopt))) {
        qbjFuzzRefused("define");
        return 0;
    }

    text = qbjFuzzText(def);
    qbjFuzzStored(text);
    qbjFuzzArguments(def);
    return 0;
}

/* --- changes --- */

static const char *const qbjFuzzValues[] = {
    "", "0", "1", "2", "7", "31", "255", "256", "65536", "-1", "4294967295", "4294967296", "18446744073709551615",
    "99999999999999999999", "0x1f", "nan", "no", "yes", "on", "off", "default", "auto", "vda", "sda", "hda", "::1",
    "a," QBJ_FUZZ_CANARY "=1", "a,," QBJ_FUZZ_CANARY "=1", "," QBJ_FUZZ_CANARY, "/a," QBJ_FUZZ_CANARY "=on,b",
    "x\"," QBJ_FUZZ_CANARY "\":\"1", "\"," QBJ_FUZZ_CANARY "=1", "=", "%s%n",
    "../../etc/passwd", "a b", "'", "\\", "$(id)", "a\nb", "-",
    "/dev/null", "/a/b.qcow2",
};

static const char *
qbjFuzzValue(GRand *rand)
{
    return qbjFuzzValues[g_rand_int_range(rand, 0, G_N_ELEMENTS(qbjFuzzValues))];
}

static const qbjVmSupportRow *
qbjFuzzRow(const xmlNode *node)
{
    const qbjVmSupportRow *parent = NULL;

    if (node->parent && node->parent->type == XML_ELEMENT_NODE && !(parent = qbjFuzzRow(node->parent)))
        return NULL;
    return qbjVmSupportFind(parent, node);
}

static const qbjVmSupportRow *
qbjFuzzAnyRow(GRand *rand)
{
    static GPtrArray *rows;
    const qbjVmSupportTable *table;
    const qbjVmSupportRow *row;

    if (!rows) {
        rows = g_ptr_array_new();
        for (table = qbjVmSupportTables; table->rows; table++) {
            for (row = table->rows; row->path; row++)
                g_ptr_array_add(rows, (gpointer) (uintptr_t) row);
        }
    }

    return rows->pdata[g_rand_int_range(rand, 0, rows->len)];
}

static char *
qbjFuzzAllowed(GRand *rand, const qbjVmSupportRow *row)
{
    g_auto(GStrv) values = g_strsplit(row->values ? row->values : "", " ", -1);
    guint n = g_strv_length(values);

    if (n > 0 && g_rand_int_range(rand, 0, 8) > 0)
        return g_strdup(values[g_rand_int_range(rand, 0, n)]);
    return g_strdup(qbjFuzzValue(rand));
}

static bool
qbjFuzzAddAttribute(GRand *rand, xmlNodePtr node, const qbjVmSupportRow *parent, const char *name)
{
    const qbjVmSupportRow *row = qbjVmSupportFindAttribute(parent, name);
    g_autofree char *value = row ? qbjFuzzAllowed(rand, row) : NULL;

    if (row)
        xmlSetProp(node, (const xmlChar *) name, (const xmlChar *) value);
    return row != NULL;
}

static bool
qbjFuzzAddChild(GRand *rand, xmlNodePtr node, const qbjVmSupportRow *parent, const char *name)
{
    xmlNodePtr child = xmlNewChild(node, NULL, (const xmlChar *) name, NULL);
    const qbjVmSupportRow *row = qbjVmSupportFind(parent, child);
    g_autofree char *value = row ? qbjFuzzAllowed(rand, row) : NULL;

    if (!row) {
        xmlUnlinkNode(child);
        xmlFreeNode(child);
    } else if (row->flags & QBJ_VM_SUPPORT_TEXT) {
        xmlNodeAddContent(child, (const xmlChar *) value);
    }
    return row != NULL;
}

/* An attribute or child that the driver knows there. */
static void
qbjFuzzAddKnown(GRand *rand, xmlNodePtr node)
{
    const qbjVmSupportRow *parent = qbjFuzzRow(node);
    int tries = parent ? 100 : 0;
    bool done = false;

    while (!done && tries-- > 0) {
        g_autofree char *name = g_path_get_basename(qbjFuzzAnyRow(rand)->path);

        if (strchr(name, ':') || *name == '%')
            continue;
        done = *name == '@' ? qbjFuzzAddAttribute(rand, node, parent, name + 1)
                            : qbjFuzzAddChild(rand, node, parent, name);
    }
}

static void
qbjFuzzSetText(GRand *rand, xmlNodePtr node)
{
    if (!xmlFirstElementChild(node)) {
        xmlNodeSetContent(node, NULL);
        xmlNodeAddContent(node, (const xmlChar *) qbjFuzzValue(rand));
    }
}

/* Elements of definitions that were here before, to be put into this one. */
static void
qbjFuzzGraft(GRand *rand, xmlNodePtr node)
{
    static xmlDocPtr pool[64];
    xmlDocPtr *place = &pool[g_rand_int_range(rand, 0, G_N_ELEMENTS(pool))];
    xmlDocPtr doc = node->doc;      /* the node may go */

    if (*place)
        qbjFuzzXmlChange(rand, node, qbjFuzzXmlPick(rand, *place), qbjFuzzValue(rand));
    if (!*place || g_rand_boolean(rand)) {
        g_clear_pointer(place, xmlFreeDoc);
        *place = xmlCopyDoc(doc, 1);
    }
}

static void
qbjFuzzChange(GRand *rand, xmlNodePtr node, xmlNodePtr other)
{
    switch (g_rand_int_range(rand, 0, 6)) {
    case 0:
    case 1:
        qbjFuzzAddKnown(rand, node);
        return;
    case 2:
        qbjFuzzSetText(rand, node);
        return;
    case 3:
        qbjFuzzXmlChange(rand, node, other, qbjFuzzValue(rand));
        return;
    default:
        qbjFuzzGraft(rand, node);
        return;
    }
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned int seed)
{
    return qbjFuzzXmlMutate(data, size, room, seed, qbjFuzzChange);
}
