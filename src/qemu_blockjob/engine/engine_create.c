#include <config.h>

#include "internal.h"
#include "engine_create.h"
#include "domain_qmp.h"
#include "virerror.h"
#include "virqbjjson.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* An empty image takes some milliseconds; a server may be slow. */
#define QBJ_ENGINE_CREATE_US (60 * G_USEC_PER_SEC)
#define QBJ_ENGINE_CREATE_ASK_MIN_US 500
#define QBJ_ENGINE_CREATE_ASK_MAX_US 100000

typedef enum {
    QBJ_ENGINE_CREATE_GONE,
    QBJ_ENGINE_CREATE_RUNS,
    QBJ_ENGINE_CREATE_ENDED,
} qbjEngineCreateState;

/* @error: set when it has ended with one. Returns the state, -1 with an error reported. */
static int
qbjEngineCreateAsk(virDomainObj *vm, const char *name, char **error)
{
    g_autoptr(virJSONValue) reply = NULL;
    size_t i;

    if (qbjDomainQmpCall(vm, "query-jobs", NULL, &reply) < 0)
        return -1;
    for (i = 0; i < virQbjJSONArraySize(reply); i++) {
        virJSONValue *job = virJSONValueArrayGet(reply, i);

        if (STRNEQ_NULLABLE(virJSONValueObjectGetString(job, "id"), name))
            continue;
        if (STRNEQ_NULLABLE(virJSONValueObjectGetString(job, "status"), "concluded"))
            return QBJ_ENGINE_CREATE_RUNS;
        *error = g_strdup(virJSONValueObjectGetString(job, "error"));
        return QBJ_ENGINE_CREATE_ENDED;
    }
    return QBJ_ENGINE_CREATE_GONE;
}

static int
qbjEngineCreateDismiss(virDomainObj *vm, const char *name, const char *error)
{
    g_autoptr(virJSONValue) arguments = NULL;

    if (virJSONValueObjectAdd(&arguments, "s:id", name, NULL) < 0 ||
        qbjDomainQmpCall(vm, "job-dismiss", arguments, NULL) < 0)
        return -1;
    if (!error)
        return 0;
    virReportError(VIR_ERR_OPERATION_FAILED, _("failed to format image: '%s'"), error);
    return -1;
}

int
qbjEngineCreateWait(virDomainObj *vm, const char *name)
{
    gint64 begun = g_get_monotonic_time();
    gint64 waited = 0;

    while (waited < QBJ_ENGINE_CREATE_US) {
        g_autofree char *error = NULL;
        int state = qbjEngineCreateAsk(vm, name, &error);

        if (state < 0)
            return -1;
        if (state == QBJ_ENGINE_CREATE_ENDED)
            return qbjEngineCreateDismiss(vm, name, error);
        if (state == QBJ_ENGINE_CREATE_GONE)
            return 0;
        virObjectUnlock(vm);
        /* its end is found late by an eighth of its time at most */
        g_usleep(CLAMP(waited / 8, QBJ_ENGINE_CREATE_ASK_MIN_US, QBJ_ENGINE_CREATE_ASK_MAX_US));
        virObjectLock(vm);
        waited = g_get_monotonic_time() - begun;
    }
    virReportError(VIR_ERR_OPERATION_TIMEOUT, _("block job '%s' does not end"), name);
    return -1;
}
