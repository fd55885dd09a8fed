/* Writes docs/kbase/internals/settings.rst from the table of src/conf/virqbjconfkeys.c, or fails when that
 * file is out of date: QBJ_REGENERATE=1 rewrites it. */
#include <config.h>

#include "internal.h"
#include "statusfixture.h"
#include "virbuffer.h"
#include "virqbjconfkeys.h"

static const char intro[] =
    ".. This file is written by tests/qbjconfdoc.c from src/conf/virqbjconfkeys.c: change that.\n"
    "\n"
    "=========\n"
    "qemu.conf\n"
    "=========\n"
    "\n"
    "The file is the stock driver's, and so is its syntax. Each key of it is in this table, with what happens when it\n"
    "is set to something else than what the driver does anyway.\n"
    "\n"
    "acted on\n"
    "  as the comments of the file say.\n"
    "acted on, system\n"
    "  the same for a system daemon; in a session QEMU runs as its user, and the key is warned about.\n"
    "warning\n"
    "  it has no effect, and the daemon's log says so by name.\n"
    "no start\n"
    "  it protects something, which this driver cannot: the domains that it concerns are not started, and the error\n"
    "  names the key.\n"
    "\n"
    "Only ``blockjob_pivot_stop_guest`` is this driver's own; the stock driver does not look at it.\n"
    "\n"
    "A key that is in no list is warned about, too. A value of the wrong kind, also of a key without effect, keeps the\n"
    "driver from starting.\n"
    "\n"
    ".. list-table::\n"
    "   :header-rows: 1\n"
    "   :widths: 28 16 56\n"
    "\n"
    "   * - key\n"
    "     - when set\n"
    "     - remark\n";

static const char *const classes[] = {
    [VIR_QBJ_KEY_ACTED_ON] = "acted on",
    [VIR_QBJ_KEY_SYSTEM_ONLY] = "acted on, system",
    [VIR_QBJ_KEY_IGNORED] = "warning",
    [VIR_QBJ_KEY_UNSAFE] = "no start",
};

static const char *const concerns[] = {
    [VIR_QBJ_CONCERN_ALL] = "Any domain",
    [VIR_QBJ_CONCERN_VNC] = "Domains with VNC",
    [VIR_QBJ_CONCERN_SPICE] = "Domains with SPICE",
    [VIR_QBJ_CONCERN_NET] = "Domains with a network interface",
    [VIR_QBJ_CONCERN_TPM] = "Domains with a TPM",
    [VIR_QBJ_CONCERN_TCP] = "Domains with a character device over TCP, or one that may have it",
    [VIR_QBJ_CONCERN_NBD] = "Domains with an NBD disk",
    [VIR_QBJ_CONCERN_VXHS] = "Domains with a VxHS disk",
};

/* What is no news: 0, an empty list. */
static void
qbjDocSame(virBuffer *buf, const virQbjKey *key)
{
    if (key->same && STRNEQ(key->same, "0") && STRNEQ(key->same, ""))
        virBufferAsprintf(buf, "``%s`` is what is done anyway. ", key->same);
}

static void
qbjDocKey(virBuffer *buf, const virQbjKey *key)
{
    g_auto(virBuffer) remark = VIR_BUFFER_INITIALIZER;
    g_autofree char *text = NULL;

    if (key->class == VIR_QBJ_KEY_UNSAFE)
        virBufferAsprintf(&remark, "%s. ", concerns[key->concern]);
    qbjDocSame(&remark, key);
    if (key->note)
        virBufferAdd(&remark, key->note, -1);
    text = virBufferContentAndReset(&remark);
    virBufferAsprintf(buf, "   * - ``%s``\n     - %s\n     -%s%s\n", key->name, classes[key->class],
                      text ? " " : "", text ? g_strchomp(text) : "");
}

static void
qbjDocUpToDate(const void *path)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    g_autofree char *text = NULL;
    size_t nkeys;
    const virQbjKey *keys = virQbjKeyAll(&nkeys);
    size_t i;

    virBufferAdd(&buf, intro, -1);
    for (i = 0; i < nkeys; i++)
        qbjDocKey(&buf, &keys[i]);
    text = virBufferContentAndReset(&buf);
    qbjTestCompareFile(text, path);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/conf/doc/settings.rst", QBJ_TEST_DOCS "/kbase/internals/settings.rst", qbjDocUpToDate);
    return g_test_run();
}
