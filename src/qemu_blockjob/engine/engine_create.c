#include <config.h>

#include "internal.h"
#include "engine_create.h"
#include "engine_query.h"
#include "domain_qmp.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* An empty image takes some milliseconds; a server may be slow. */
#define QBJ_ENGINE_CREATE_US (60 * G_USEC_PER_SEC)
#define QBJ_ENGINE_CREATE_ASK_MIN_US 500
#define QBJ_ENGINE_CREATE_ASK_MAX_US 100000

static int
qbjEngineCreateDismiss(virDomainObj *vm, const char *name)
{
    g_autoptr(virJSONValue) arguments = NULL;

    if (virJSONValueObjectAdd(&arguments, "s:id", name, NULL) < 0)
        return -1;
    return qbjDomainQmpCall(vm, "job-dismiss", arguments, NULL);
}

int
qbjEngineCreateRun(virDomainObj *vm, const char *name, char **error)
{
    gint64 begun = g_get_monotonic_time();
    gint64 waited = 0;

    while (waited < QBJ_ENGINE_CREATE_US) {
        g_auto(qbjEngineAnswer) answer = { 0 };

        if (qbjEngineQueryNamed(vm, name, &answer) < 0)
            return -1;
        if (!answer.listed)
            return 0;
        if (STREQ_NULLABLE(answer.status, "concluded")) {
            *error = g_strdup(answer.error);
            return qbjEngineCreateDismiss(vm, name);
        }
        virObjectUnlock(vm);
        /* its end is found late by an eighth of its time at most */
        g_usleep(CLAMP(waited / 8, QBJ_ENGINE_CREATE_ASK_MIN_US, QBJ_ENGINE_CREATE_ASK_MAX_US));
        virObjectLock(vm);
        waited = g_get_monotonic_time() - begun;
    }
    virReportError(VIR_ERR_OPERATION_TIMEOUT, _("block job '%s' does not end"), name);
    return -1;
}

int
qbjEngineCreateWait(virDomainObj *vm, const char *name)
{
    g_autofree char *error = NULL;

    if (qbjEngineCreateRun(vm, name, &error) < 0)
        return -1;
    if (!error)
        return 0;
    virReportError(VIR_ERR_OPERATION_FAILED, _("failed to format image: '%s'"), error);
    return -1;
}
