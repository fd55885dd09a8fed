/* Which of an image's internal snapshots is meant. */
#include <config.h>

#include <fcntl.h>

#include "internal.h"
#include "host_imgrun.h"
#include "host_qcow2list.h"
#include "virerror.h"
#include "virfile.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static void
qbjHostImgSetInside(const GPtrArray *items, qbjHostImgInfo *info)
{
    size_t i;

    if (items->len == 0)
        return;
    info->snapshots = g_new0(char *, items->len + 1);
    info->ids = g_new0(char *, items->len + 1);
    info->states = g_array_new(false, false, sizeof(unsigned long long));
    for (i = 0; i < items->len; i++) {
        qbjHostQcow2Item *item = g_ptr_array_index(items, i);

        info->snapshots[i] = g_steal_pointer(&item->name);
        info->ids[i] = g_steal_pointer(&item->id);
        g_array_append_val(info->states, item->state);
    }
}

int
qbjHostImgReadInside(virStorageSource *image, qbjHostImgInfo *info)
{
    g_autoptr(GPtrArray) items = NULL;
    VIR_AUTOCLOSE fd = -1;

    if (image->format != VIR_STORAGE_FILE_QCOW2)
        return qbjHostImgRead(image, info);
    if (qbjHostImgCheck(image) < 0)
        return -1;
    if ((fd = open(image->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)) < 0) {
        virReportSystemError(errno, _("cannot open image '%s'"), image->path);
        return -1;
    }
    if (!(items = qbjHostQcow2List(fd, image->path)))
        return -1;
    qbjHostImgSetInside(items, info);
    return 0;
}

int
qbjHostImgFindSnapshot(const char *path, const qbjHostImgInfo *info, const char *name)
{
    int found = -1;
    size_t i;

    for (i = 0; info->snapshots && info->snapshots[i]; i++) {
        if (STRNEQ(info->snapshots[i], name))
            continue;
        if (found >= 0) {
            virReportError(VIR_ERR_OPERATION_FAILED, _("image '%s' has several internal snapshots '%s'"), path, name);
            return -1;
        }
        found = i;
    }
    if (found < 0 || !*info->ids[found]) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("image '%s' has no internal snapshot '%s'"), path, name);
        return -1;
    }
    return found;
}

int
qbjHostImgApply(virStorageSource *image, const qbjHostImgInfo *info, const char *name)
{
    int at = qbjHostImgFindSnapshot(image->path, info, name);

    return at < 0 ? -1 : qbjHostImgSnapshot(image, "-a", info->ids[at]);
}

char *
qbjHostImgNextId(const qbjHostImgInfo *info)
{
    unsigned long long last = 0;
    size_t i;

    for (i = 0; info->ids && info->ids[i]; i++)
        last = MAX(last, g_ascii_strtoull(info->ids[i], NULL, 10));
    return g_strdup_printf("%llu", last + 1);
}
