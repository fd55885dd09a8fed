#include <config.h>

#include <unistd.h>

#include "internal.h"
#include "moment_apply.h"
#include "host_save.h"
#include "storage_source_conf.h"
#include "virerror.h"
#include "virfile.h"
#include "virjson.h"
#include "virqbjjson.h"

#define VIR_FROM_THIS VIR_FROM_DOMAIN_SNAPSHOT

/* Two definitions, each of which may have MiBs of descriptions. */
#define QBJ_MOMENT_APPLY_RECORD_MAX (32 * 1024 * 1024)

void
qbjMomentApplyFree(qbjMomentApply *apply)
{
    if (!apply)
        return;
    g_free(apply->name);
    g_free(apply->keep);
    g_free(apply->before);
    g_free(apply->after);
    g_ptr_array_unref(apply->images);
    qbjHostSaveFree(apply->saves[0]);
    qbjHostSaveFree(apply->saves[1]);
    g_free(apply);
}

qbjMomentApply *
qbjMomentApplyNew(const char *name, const GPtrArray *images)
{
    qbjMomentApply *apply = g_new0(qbjMomentApply, 1);
    g_autofree char *random = g_uuid_string_random();
    size_t i;

    apply->name = g_strdup(name);
    apply->keep = g_strdup_printf("qbj-before-%s", random);
    apply->images = g_ptr_array_new_with_free_func(virObjectUnref);
    for (i = 0; images && i < images->len; i++)
        g_ptr_array_add(apply->images, virStorageSourceCopy(g_ptr_array_index(images, i), false));
    return apply;
}

static virJSONValue *
qbjMomentApplyImages(const qbjMomentApply *apply)
{
    g_autoptr(virJSONValue) images = virJSONValueNewArray();
    size_t i;

    for (i = 0; i < apply->images->len; i++) {
        const virStorageSource *image = g_ptr_array_index(apply->images, i);
        g_autoptr(virJSONValue) one = NULL;

        if (virJSONValueObjectAdd(&one, "s:type", virStorageTypeToString(image->type), "s:path", image->path,
                                  NULL) < 0 ||
            virJSONValueArrayAppend(images, &one) < 0)
            return NULL;
    }
    return g_steal_pointer(&images);
}

static char *
qbjMomentApplyText(const qbjMomentApply *apply)
{
    g_autoptr(virJSONValue) images = qbjMomentApplyImages(apply);
    g_autoptr(virJSONValue) record = NULL;

    if (!images || virJSONValueObjectAdd(&record, "s:name", apply->name, "s:keep", apply->keep,
                                         "b:running", apply->running, "b:kept", apply->kept,
                                         "b:decided", apply->decided, "b:noted", apply->noted, "s:before", apply->before,
                                         "s:after", apply->after, "a:images", &images, NULL) < 0)
        return NULL;
    return virJSONValueToString(record, true);
}

int
qbjMomentApplyWrite(const qbjMomentApply *apply, const char *path)
{
    g_autofree char *text = qbjMomentApplyText(apply);

    return text ? qbjHostSaveFile(path, text, 0600) : -1;
}

qbjHostSave *
qbjMomentApplyWriteLater(const qbjMomentApply *apply, const char *path)
{
    g_autofree char *text = qbjMomentApplyText(apply);

    return text ? qbjHostSavePrepare(path, text, 0600) : NULL;
}

int
qbjMomentApplyDrop(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);

    if (unlink(path) == 0 || errno == ENOENT)
        return qbjHostSaveSyncFolder(folder);
    virReportSystemError(errno, _("cannot remove '%s'"), path);
    return -1;
}

static int
qbjMomentApplyReadImages(virJSONValue *json, GPtrArray *images)
{
    virJSONValue *array = virJSONValueObjectGetArray(json, "images");
    size_t i;

    for (i = 0; i < virQbjJSONArraySize(array); i++) {
        virJSONValue *entry = virJSONValueArrayGet(array, i);
        const char *path = virJSONValueObjectGetString(entry, "path");
        int type = virStorageTypeFromString(NULLSTR_EMPTY(virJSONValueObjectGetString(entry, "type")));
        virStorageSource *image;

        if (!path || type <= 0)
            return -1;
        image = virStorageSourceNew();
        image->type = type;
        image->format = VIR_STORAGE_FILE_QCOW2;
        image->path = g_strdup(path);
        g_ptr_array_add(images, image);
    }
    return images->len > 0 ? 0 : -1;
}

int
qbjMomentApplyRead(const char *path, qbjMomentApply **apply)
{
    g_autoptr(qbjMomentApply) found = qbjMomentApplyNew(NULL, NULL);
    g_autoptr(virJSONValue) json = NULL;
    g_autofree char *text = NULL;

    *apply = NULL;
    if (!virFileExists(path))
        return 0;
    if (virFileReadAll(path, QBJ_MOMENT_APPLY_RECORD_MAX, &text) < 0 || !(json = virJSONValueFromString(text)))
        return -1;
    g_free(found->keep);
    found->name = g_strdup(virJSONValueObjectGetString(json, "name"));
    found->keep = g_strdup(virJSONValueObjectGetString(json, "keep"));
    found->before = g_strdup(virJSONValueObjectGetString(json, "before"));
    found->after = g_strdup(virJSONValueObjectGetString(json, "after"));
    if (virJSONValueObjectGetBoolean(json, "decided", &found->decided) < 0 || !found->name || !found->keep ||
        !found->before || !found->after || qbjMomentApplyReadImages(json, found->images) < 0) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("'%s' is no record of a revert"), path);
        return -1;
    }
    ignore_value(virJSONValueObjectGetBoolean(json, "noted", &found->noted));
    ignore_value(virJSONValueObjectGetBoolean(json, "running", &found->running));
    found->kept = true;                 /* older ones were only written when QEMU had ended */
    ignore_value(virJSONValueObjectGetBoolean(json, "kept", &found->kept));
    *apply = g_steal_pointer(&found);
    return 0;
}
