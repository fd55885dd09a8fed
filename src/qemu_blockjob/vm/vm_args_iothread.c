/* I/O threads, and the thread pools of those and of the main loop. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_args_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static int
qbjVmArgsAddThreadPool(virJSONValue **props, int min, int max)
{
    return virJSONValueObjectAdd(props, "k:thread-pool-min", min, "k:thread-pool-max", max, NULL);
}

static int
qbjVmArgsAddIOThreadObject(virCommand *cmd, const virDomainIOThreadIDDef *thread)
{
    g_autofree char *id = g_strdup_printf("iothread%u", thread->iothread_id);
    g_autoptr(virJSONValue) props = NULL;

    if (thread->sched.policy != 0) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Element '%s' is not supported by this driver."),
                       "iothreadsched");
        return -1;
    }

    if (virJSONValueObjectAdd(&props, "s:qom-type", "iothread", "s:id", id, NULL) < 0 ||
        qbjVmArgsAddThreadPool(&props, thread->thread_pool_min, thread->thread_pool_max) < 0)
        return -1;

    return qbjVmArgsAddJSON(cmd, "-object", props);
}

static int
qbjVmArgsAddMainLoop(virCommand *cmd, const virDomainDefaultIOThreadDef *loop)
{
    g_autoptr(virJSONValue) props = NULL;

    if (!loop)
        return 0;

    if (virJSONValueObjectAdd(&props, "s:qom-type", "main-loop", "s:id", "main-loop", NULL) < 0 ||
        qbjVmArgsAddThreadPool(&props, loop->thread_pool_min, loop->thread_pool_max) < 0)
        return -1;

    return qbjVmArgsAddJSON(cmd, "-object", props);
}

int
qbjVmArgsAddIOThreads(virCommand *cmd, const qbjVmArgsInput *input)
{
    size_t i;

    for (i = 0; i < input->def->niothreadids; i++) {
        if (qbjVmArgsAddIOThreadObject(cmd, input->def->iothreadids[i]) < 0)
            return -1;
    }

    return qbjVmArgsAddMainLoop(cmd, input->def->defaultIOThread);
}
