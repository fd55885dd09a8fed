#include <config.h>

#include "internal.h"
#include "statusfixture.h"
#include "virerror.h"

/* As a driver saves and reads them, 05/X1.5. */
#define QBJ_TEST_PARSE (VIR_DOMAIN_DEF_PARSE_STATUS | VIR_DOMAIN_DEF_PARSE_ACTUAL_NET | \
                        VIR_DOMAIN_DEF_PARSE_PCI_ORIG_STATES | VIR_DOMAIN_DEF_PARSE_SKIP_VALIDATE | \
                        VIR_DOMAIN_DEF_PARSE_ALLOW_POST_PARSE_FAIL)
#define QBJ_TEST_FORMAT (VIR_DOMAIN_DEF_FORMAT_SECURE | VIR_DOMAIN_DEF_FORMAT_STATUS | \
                         VIR_DOMAIN_DEF_FORMAT_ACTUAL_NET | VIR_DOMAIN_DEF_FORMAT_PCI_ORIG_STATES | \
                         VIR_DOMAIN_DEF_FORMAT_CLOCK_ADJUST)

static void *
qbjTestPrivateNew(void *opaque)
{
    return g_new0(qbjTestPrivate, 1);
}

static void
qbjTestPrivateFree(void *data)
{
    qbjTestPrivate *priv = data;

    virQbjStatusFree(priv->status);
    virQbjStatusJobClear(&priv->job);
    g_free(priv);
}

static int
qbjTestPrivateParse(xmlXPathContextPtr ctxt, virDomainObj *vm, virDomainDefParserConfig *config)
{
    qbjTestPrivate *priv = vm->privateData;

    virQbjStatusParseJob(ctxt, &priv->job);
    return virQbjStatusParse(ctxt, vm->def, &priv->status);
}

static int
qbjTestPrivateFormat(virBuffer *buf, virDomainObj *vm)
{
    qbjTestPrivate *priv = vm->privateData;

    virQbjStatusFormatJob(buf, vm, priv->status);
    return virQbjStatusFormat(buf, priv->status);
}

virDomainXMLOption *
qbjTestXMLOption(void)
{
    virDomainDefParserConfig parser = { .features = VIR_DOMAIN_DEF_FEATURE_WIDE_SCSI |
                                                    VIR_DOMAIN_DEF_FEATURE_USER_ALIAS };
    virDomainXMLPrivateDataCallbacks priv = {
        .alloc = qbjTestPrivateNew,
        .free = qbjTestPrivateFree,
        .parse = qbjTestPrivateParse,
        .format = qbjTestPrivateFormat,
        .diskNew = virQbjDiskPrivateNew,
        .diskParse = virQbjDiskPrivateParse,
        .diskFormat = virQbjDiskPrivateFormat,
        .storageParse = virQbjStoragePrivateParse,
        .storageFormat = virQbjStoragePrivateFormat,
    };

    return virDomainXMLOptionNew(&parser, &priv, NULL, NULL, NULL, NULL);
}

virDomainObj *
qbjTestStatusRead(const char *path, virDomainXMLOption *xmlopt)
{
    return virDomainObjParseFile(path, xmlopt, QBJ_TEST_PARSE);
}

char *
qbjTestStatusText(virDomainObj *vm, virDomainXMLOption *xmlopt)
{
    return virDomainObjFormat(vm, xmlopt, QBJ_TEST_FORMAT);
}

static int
qbjTestCompareNames(const void *a, const void *b, void *opaque)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}

char **
qbjTestCases(const char *path)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *full = g_build_filename(path, name, NULL);

        if (g_file_test(full, G_FILE_TEST_IS_DIR))
            g_ptr_array_add(names, g_strdup(name));
    }

    if (names->len == 0)
        g_error("no test case in %s", path);

    g_qsort_with_data(names->pdata, names->len, sizeof(names->pdata[0]), qbjTestCompareNames, NULL);
    g_ptr_array_add(names, NULL);
    return (char **) g_ptr_array_free(g_steal_pointer(&names), FALSE);
}

void
qbjTestCompareFile(const char *text, const char *path)
{
    g_autofree char *expected = NULL;

    if (STREQ_NULLABLE(g_getenv("QBJ_REGENERATE"), "1")) {
        g_assert_true(g_file_set_contents(path, text, -1, NULL));
        return;
    }

    if (!g_file_get_contents(path, &expected, NULL, NULL))
        g_error("%s is missing; QBJ_REGENERATE=1 writes it", path);
    g_assert_cmpstr(text, ==, expected);
}
