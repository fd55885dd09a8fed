#include <config.h>

#include "internal.h"
#include "vm_inside.h"
#include "domain_qmp.h"
#include "engine_create.h"
#include "engine_query.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* Until it ends: *@why, to be freed, says why it has failed. */
static int
qbjVmInsideWait(virDomainObj *vm, const char *job, char **why)
{
    while (qbjEngineCreateRun(vm, job, why) < 0) {
        if (virGetLastErrorCode() != VIR_ERR_OPERATION_TIMEOUT || virDomainObjCheckActive(vm) < 0)
            return -1;
        if (qbjDriverIsShuttingDown(QBJ_DOMAIN_PRIVATE(vm)->driver)) {
            virReportError(VIR_ERR_OPERATION_ABORTED, _("the daemon ends before job '%s' of QEMU does"), job);
            return -1;
        }
        virResetLastError();
    }
    return 0;
}

/* One that is done, and that a daemon has not come to dismiss, would be in the way: it goes in the same
 * write. Most often there is none, which QEMU calls an error. */
static int
qbjVmInsideStart(virDomainObj *vm, const char *job, const char *execute, virJSONValue *arguments)
{
    g_autoptr(virJSONValue) earlier = NULL;
    qbjQmpCommand commands[] = { { .execute = "job-dismiss" }, { .execute = execute, .arguments = arguments } };
    int rc = -1;

    if (virJSONValueObjectAdd(&earlier, "s:id", job, NULL) < 0)
        return -1;
    commands[0].arguments = earlier;
    if (qbjDomainQmpRun(vm, commands, G_N_ELEMENTS(commands)) == 0)
        rc = qbjQmpReportFirst(&commands[1], 1);
    qbjQmpCommandClear(&commands[0]);
    qbjQmpCommandClear(&commands[1]);
    return rc;
}

static virJSONValue *
qbjVmInsideArguments(const char *job, const char *name, const char *const *nodes, const char *state)
{
    g_autoptr(virJSONValue) devices = virJSONValueNewArray();
    g_autoptr(virJSONValue) arguments = NULL;
    size_t i;

    for (i = 0; nodes[i]; i++) {
        if (virJSONValueArrayAppendString(devices, nodes[i]) < 0)
            return NULL;
    }
    if (virJSONValueObjectAdd(&arguments, "s:job-id", job, "s:tag", name, "S:vmstate", state,
                              "a:devices", &devices, NULL) < 0)
        return NULL;
    return g_steal_pointer(&arguments);
}

int
qbjVmInsideRun(virDomainObj *vm, const char *command, const char *name, const char *const *nodes, const char *state)
{
    g_autofree char *job = g_strdup_printf("qbj-%s", command);
    g_autoptr(virJSONValue) arguments = qbjVmInsideArguments(job, name, nodes, state);
    g_autofree char *why = NULL;

    if (!arguments || qbjVmInsideStart(vm, job, command, arguments) < 0 || qbjVmInsideWait(vm, job, &why) < 0)
        return -1;
    if (!why)
        return 0;
    virReportError(VIR_ERR_OPERATION_FAILED, _("QEMU's job '%s' for the internal snapshot '%s' has failed: %s"),
                   command, name, why);
    return -1;
}

bool
qbjVmInsideHasEnded(virDomainObj *vm, const char *command)
{
    g_autofree char *job = g_strdup_printf("qbj-%s", command);
    g_auto(qbjEngineAnswer) answer = { 0 };

    return qbjEngineQueryNamed(vm, job, &answer) == 0 && !answer.listed;
}

int
qbjVmInsideAwait(virDomainObj *vm, const char *command)
{
    g_autofree char *job = g_strdup_printf("qbj-%s", command);
    g_autofree char *why = NULL;

    return qbjVmInsideWait(vm, job, &why);
}
