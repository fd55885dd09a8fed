#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virjson.h"
#include "qmp_client.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* Commands whose DeviceNotActive means "no such job", and the argument that names the job
 * (00-conventions). */
static const struct {
    const char *execute;
    const char *argument;
} qbjQmpJobCommands[] = {
    { "block-job-cancel", "device" },
    { "block-job-complete", "device" },
    { "block-job-dismiss", "id" },
    { "block-job-finalize", "id" },
    { "block-job-pause", "device" },
    { "block-job-resume", "device" },
    { "block-job-set-speed", "device" },
    { "job-cancel", "id" },
    { "job-complete", "id" },
    { "job-dismiss", "id" },
    { "job-finalize", "id" },
    { "job-pause", "id" },
    { "job-resume", "id" },
};

/* The job that @command is about, NULL when it is not about one. */
static const char *
qbjQmpErrorJob(const qbjQmpCommand *command)
{
    size_t i;

    if (!command->arguments)
        return NULL;
    for (i = 0; i < G_N_ELEMENTS(qbjQmpJobCommands); i++) {
        if (STREQ(command->execute, qbjQmpJobCommands[i].execute))
            return virJSONValueObjectGetString(command->arguments, qbjQmpJobCommands[i].argument);
    }
    return NULL;
}

void
qbjQmpReportError(const qbjQmpCommand *command)
{
    const char *job = qbjQmpErrorJob(command);

    if (!command->errorClass) {
        virReportError(VIR_ERR_OPERATION_FAILED,
                       _("the connection to QEMU's monitor ended before it answered '%s'"), command->execute);
    } else if (job && STREQ(command->errorClass, "DeviceNotActive")) {
        virReportError(VIR_ERR_OPERATION_INVALID, _("No active block job '%s'"), job);
    } else {
        virReportError(VIR_ERR_INTERNAL_ERROR, _("unable to execute QEMU command '%s': %s"),
                       command->execute, NULLSTR(command->errorText));
    }
}

int
qbjQmpReportFirst(const qbjQmpCommand *commands, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (commands[i].failed) {
            qbjQmpReportError(&commands[i]);
            return -1;
        }
    }
    return 0;
}

void
qbjQmpCommandClear(qbjQmpCommand *command)
{
    g_clear_pointer(&command->reply, virJSONValueFree);
    g_clear_pointer(&command->errorClass, g_free);
    g_clear_pointer(&command->errorText, g_free);
    command->failed = false;
}
