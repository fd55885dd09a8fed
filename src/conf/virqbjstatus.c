#include <config.h>

#include "internal.h"
#include "virqbjstatus.h"

VIR_ENUM_IMPL(virQbjKept, VIR_QBJ_KEPT_LAST,
              "dbusDaemon", "dbusVMState", "lockstate", "job", "numad", "prDaemon", "memPrealloc", "slirp", "backups",
              "originalMemlock", "preMigrationMemlock");

virQbjStatus *
virQbjStatusNew(void)
{
    virQbjStatus *status = g_new0(virQbjStatus, 1);

    status->agentTimeout = VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK;
    status->mayHaveBitmaps = true;
    status->unknown = g_ptr_array_new_with_free_func(g_free);
    status->jobs = g_ptr_array_new_with_free_func((GDestroyNotify) virQbjJobFree);
    return status;
}

void
virQbjStatusNumberImage(virQbjStatus *status, virStorageSource *src)
{
    unsigned long long n = ++status->nodeIndex;

    src->id = n;
    g_free(src->nodestorage);
    src->nodestorage = g_strdup_printf("libvirt-%llu-storage", n);
    g_free(src->nodeformat);
    src->nodeformat = g_strdup_printf("libvirt-%llu-format", n);
}

virQbjStatusSave *
virQbjStatusSaveNew(bool restore, const char *path, const char *part)
{
    virQbjStatusSave *save = g_new0(virQbjStatusSave, 1);

    save->restore = restore;
    save->path = g_strdup(path);
    save->part = g_strdup(part);
    return save;
}

virQbjStatusNext *
virQbjStatusNextNew(const char *verb, const char *text, const char *alias)
{
    virQbjStatusNext *next = g_new0(virQbjStatusNext, 1);

    next->verb = g_strdup(verb);
    next->text = g_strdup(text);
    next->alias = g_strdup(alias);
    return next;
}

void
virQbjStatusNextFree(virQbjStatusNext *next)
{
    if (!next)
        return;
    g_free(next->verb);
    g_free(next->text);
    g_free(next->alias);
    g_free(next->after);
    g_free(next);
}

void
virQbjStatusSaveFree(virQbjStatusSave *save)
{
    if (!save)
        return;

    g_free(save->path);
    g_free(save->part);
    g_free(save);
}

void
virQbjStatusFree(virQbjStatus *status)
{
    size_t i;

    if (!status)
        return;

    g_free(status->monitorPath);
    g_free(status->libDir);
    g_free(status->channelTargetDir);
    g_strfreev(status->caps);
    g_free(status->vcpuPids);
    g_strfreev(status->devices);
    virCPUDefFree(status->origCPU);
    virQbjStatusSaveFree(status->save);
    virQbjStatusSnapshotFree(status->snapshot);
    virQbjStatusInsideFree(status->inside);
    g_strfreev(status->plug);
    g_free(status->medium);
    virQbjStatusNextFree(status->next);
    g_ptr_array_unref(status->jobs);
    g_ptr_array_unref(status->unknown);
    g_free(status->foreign);
    for (i = 0; i < VIR_QBJ_KEPT_LAST; i++)
        g_free(status->kept[i]);
    g_free(status);
}
