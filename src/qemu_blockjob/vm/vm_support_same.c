/* Values that are written differently and mean the same, and what means nothing on input. */

#include <config.h>

#include "internal.h"
#include "virmacaddr.h"
#include "virstring.h"
#include "virutil.h"
#include "viruuid.h"
#include "vm_caps.h"
#include "vm_support_parts.h"

/* libvirt reads some numbers as decimal and some as in C, where 0x10 and 010 are not ten. */
bool
qbjVmSupportSameNumber(const xmlNode *outerIn G_GNUC_UNUSED, const xmlNode *outerOut G_GNUC_UNUSED,
                       const char *in, const char *out)
{
    const int bases[] = { 10, 0 };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(bases); i++) {
        unsigned long long a;
        unsigned long long b;

        if (virStrToLong_ullp(in, NULL, bases[i], &a) == 0 && virStrToLong_ullp(out, NULL, 0, &b) == 0 && a == b)
            return true;
    }

    return false;
}

/* A number with the unit that @node names, else @unit bytes. */
static int
qbjVmSupportScaled(const xmlNode *node, const char *text, unsigned int unit, unsigned long long *bytes)
{
    g_autofree char *name = qbjVmSupportAttribute(node, "unit");

    if (virStrToLong_ullp(text, NULL, 10, bytes) < 0)
        return -1;

    return virScaleInteger(bytes, name, unit, ULLONG_MAX);
}

static int
qbjVmSupportKiB(const xmlNode *node, const char *text, unsigned long long *kib)
{
    unsigned long long bytes;

    if (qbjVmSupportScaled(node, text, 1024, &bytes) < 0)
        return -1;

    *kib = VIR_DIV_UP(bytes, 1024);
    return 0;
}

bool
qbjVmSupportSameBytes(const xmlNode *outerIn, const xmlNode *outerOut, const char *in, const char *out)
{
    unsigned long long a;
    unsigned long long b;

    return qbjVmSupportScaled(outerIn, in, 1, &a) == 0 && qbjVmSupportScaled(outerOut, out, 1, &b) == 0 && a == b;
}

bool
qbjVmSupportSameSize(const xmlNode *outerIn, const xmlNode *outerOut, const char *in, const char *out)
{
    unsigned long long a;
    unsigned long long b;

    return qbjVmSupportKiB(outerIn, in, &a) == 0 && qbjVmSupportKiB(outerOut, out, &b) == 0 && a == b;
}

bool
qbjVmSupportSameUuid(const xmlNode *outerIn G_GNUC_UNUSED, const xmlNode *outerOut G_GNUC_UNUSED,
                     const char *in, const char *out)
{
    unsigned char a[VIR_UUID_BUFLEN];
    unsigned char b[VIR_UUID_BUFLEN];

    return virUUIDParse(in, a) == 0 && virUUIDParse(out, b) == 0 && memcmp(a, b, sizeof(a)) == 0;
}

/* A clock that is a number of seconds off is a variable one. */
bool
qbjVmSupportSameClock(const xmlNode *outerIn, const xmlNode *outerOut, const char *in, const char *out)
{
    g_autofree char *adjustment = qbjVmSupportAttribute(outerIn, "adjustment");
    g_autofree char *basis = qbjVmSupportAttribute(outerOut, "basis");

    return adjustment && STREQ(out, "variable") && STREQ_NULLABLE(basis, in);
}

/* The two aliases; what they stand for is looked up by the parser. */
bool
qbjVmSupportSameMachine(const xmlNode *outerIn G_GNUC_UNUSED, const xmlNode *outerOut G_GNUC_UNUSED,
                        const char *in, const char *out)
{
    return (STREQ(in, "q35") && qbjVmMachineIsQ35(out)) || (STREQ(in, "pc") && qbjVmMachineIsI440fx(out));
}

/* The unit is compared together with the number. */
bool
qbjVmSupportSameUnit(const xmlNode *outerIn G_GNUC_UNUSED, const xmlNode *outerOut G_GNUC_UNUSED,
                     const char *in, const char *out G_GNUC_UNUSED)
{
    return *in != '\0';
}

/* Left to us. */
bool
qbjVmSupportSameAuto(const xmlNode *outerIn G_GNUC_UNUSED, const xmlNode *outerOut G_GNUC_UNUSED,
                     const char *in, const char *out G_GNUC_UNUSED)
{
    return STREQ(in, "auto");
}

/* The kind of source of a drive that has none. */
bool
qbjVmSupportSameDiskType(const xmlNode *outerIn, const xmlNode *outerOut G_GNUC_UNUSED,
                         const char *in G_GNUC_UNUSED, const char *out)
{
    const xmlNode *child;

    for (child = qbjVmSupportFirst(outerIn); child; child = qbjVmSupportNext(child)) {
        if (STREQ((const char *) child->name, "source"))
            return false;
    }

    return STREQ(out, "file");
}

bool
qbjVmSupportIgnoreAlways(const xmlNode *node G_GNUC_UNUSED, const char *value G_GNUC_UNUSED)
{
    return true;
}

typedef struct _qbjVmSupportAliasName qbjVmSupportAliasName;
struct _qbjVmSupportAliasName {
    const char *element;
    const char *prefixes;       /* what the drivers name such a device, before its number (vm_alias.c) */
};

static const qbjVmSupportAliasName qbjVmSupportAliasNames[] = {
    { "disk", "virtio-disk usb-disk ide sata scsi fdc" },
    { "controller", "usb pci. pcie. ide sata scsi fdc virtio-serial" },
    { "serial", "serial" },
    { "console", "serial console" },
    { "parallel", "parallel" },
    { "channel", "channel" },
    { "input", "input" },
    { "video", "video" },
    { "memballoon", "balloon" },
    { "sound", "sound" },
    { "tpm", "tpm" },
    { "interface", "net" },
    { "rng", "rng" },
    { "redirdev", "redir" },
    { "watchdog", "watchdog" },
    { "vsock", "vsock" },
};

/* "virtio-disk0", "scsi0-0-1-2" */
static bool
qbjVmSupportIsNumbered(const char *name, const char *prefix)
{
    return STRPREFIX(name, prefix) && !name[strlen(prefix) + strspn(name + strlen(prefix), "0123456789-")];
}

/* "0,1" and "0-1" */
bool
qbjVmSupportSameCpuset(const xmlNode *outerIn G_GNUC_UNUSED, const xmlNode *outerOut G_GNUC_UNUSED, const char *in,
                       const char *out)
{
    g_autoptr(virBitmap) left = NULL;
    g_autoptr(virBitmap) right = NULL;

    if (virBitmapParse(in, &left, VIR_DOMAIN_CPUMASK_LEN) < 0) {
        virResetLastError();
        return false;
    }
    return virBitmapParse(out, &right, VIR_DOMAIN_CPUMASK_LEN) == 0 && virBitmapEqual(left, right);
}

/* The first NUMA cell also gets the guest CPUs that are in none. */
bool
qbjVmSupportSameCellCpus(const xmlNode *outerIn, const xmlNode *outerOut, const char *in, const char *out)
{
    g_autofree char *id = qbjVmSupportAttribute(outerOut, "id");
    g_autoptr(virBitmap) left = NULL;
    g_autoptr(virBitmap) right = NULL;

    if (STRNEQ_NULLABLE(id, "0"))
        return qbjVmSupportSameCpuset(outerIn, outerOut, in, out);

    if (virBitmapParse(in, &left, VIR_DOMAIN_CPUMASK_LEN) < 0) {
        virResetLastError();
        return false;
    }
    if (virBitmapParse(out, &right, VIR_DOMAIN_CPUMASK_LEN) < 0)
        return false;
    virBitmapSubtract(left, right);
    return virBitmapIsAllClear(left);
}

/* The number that says nothing; or the only cell that a guest without NUMA has. */
bool
qbjVmSupportIgnoreZero(const xmlNode *node G_GNUC_UNUSED, const char *value)
{
    return STREQ_NULLABLE(value, "0");
}

/* Names given by a driver are given anew at each start; a user's own ones are kept, but must say that they
 * are. */
bool
qbjVmSupportIgnoreAlias(const xmlNode *node, const char *value G_GNUC_UNUSED)
{
    g_autofree char *name = qbjVmSupportAttribute(node, "name");
    size_t i;
    size_t j;

    for (i = 0; name && i < G_N_ELEMENTS(qbjVmSupportAliasNames); i++) {
        g_auto(GStrv) prefixes = g_strsplit(qbjVmSupportAliasNames[i].prefixes, " ", -1);

        if (STRNEQ(qbjVmSupportAliasNames[i].element, (const char *) node->parent->name))
            continue;
        for (j = 0; prefixes[j]; j++) {
            if (qbjVmSupportIsNumbered(name, prefixes[j]))
                return true;
        }
    }

    return false;
}

/* The word for an attribute that is not there. */
bool
qbjVmSupportIgnoreDefault(const xmlNode *node G_GNUC_UNUSED, const char *value)
{
    return STREQ_NULLABLE(value, "default");
}

/* The placement of memory that has nodes named. */
bool
qbjVmSupportIgnoreStatic(const xmlNode *node G_GNUC_UNUSED, const char *value)
{
    return STREQ_NULLABLE(value, "static");
}

bool
qbjVmSupportSameMac(const xmlNode *outerIn G_GNUC_UNUSED, const xmlNode *outerOut G_GNUC_UNUSED, const char *in,
                    const char *out)
{
    virMacAddr a;
    virMacAddr b;

    return virMacAddrParse(in, &a) == 0 && virMacAddrParse(out, &b) == 0 && virMacAddrCmp(&a, &b) == 0;
}

/* The tap device of the last start. */
bool
qbjVmSupportIgnoreTap(const xmlNode *node, const char *value G_GNUC_UNUSED)
{
    g_autofree char *name = qbjVmSupportAttribute(node, "dev");

    return name && STRPREFIX(name, "vnet");
}

/* What belongs to a password that a dump does not show. */
bool
qbjVmSupportIgnoreWithoutPassword(const xmlNode *node, const char *value G_GNUC_UNUSED)
{
    g_autofree char *password = qbjVmSupportAttribute(node, "passwd");

    return !password;
}

/* The transport that is meant when none is named. */
bool
qbjVmSupportIgnoreTcp(const xmlNode *node G_GNUC_UNUSED, const char *value)
{
    return STREQ_NULLABLE(value, "tcp");
}

/* A socket of one run, or none at all: its path is chosen at the start. */
bool
qbjVmSupportIgnoreChannelSource(const xmlNode *node, const char *value G_GNUC_UNUSED)
{
    g_autofree char *path = qbjVmSupportAttribute(node, "path");
    g_autofree char *mode = qbjVmSupportAttribute(node, "mode");

    return path ? strstr(path, "/channel/target/domain-") != NULL : !mode || STREQ(mode, "bind");
}

/* The port that was found free at the last start. */
bool
qbjVmSupportIgnoreAutoPort(const xmlNode *node, const char *value G_GNUC_UNUSED)
{
    g_autofree char *autoport = qbjVmSupportAttribute(node, "autoport");

    return STREQ_NULLABLE(autoport, "yes");
}

/* A target without the number of a unit is that of its unit 0. */
bool
qbjVmSupportSameSourceName(const xmlNode *outerIn G_GNUC_UNUSED, const xmlNode *outerOut, const char *in,
                           const char *out)
{
    g_autofree char *protocol = qbjVmSupportAttribute(outerOut, "protocol");
    g_autofree char *first = g_strdup_printf("%s/0", in);

    return STREQ(in, out) || (STREQ_NULLABLE(protocol, "iscsi") && !strchr(in, '/') && STREQ(first, out));
}
