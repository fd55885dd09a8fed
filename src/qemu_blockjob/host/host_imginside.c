/* Which of an image's internal snapshots is meant. */
#include <config.h>

#include "internal.h"
#include "host_img.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

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
