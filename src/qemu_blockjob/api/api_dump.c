#include <config.h>

#include "internal.h"
#include "api_dump.h"
#include "api_domain.h"
#include "api_guard.h"
#include "datatypes.h"
#include "vm_dump.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.api_dump");

#define QBJ_API_DUMP_FLAGS \
    (VIR_DUMP_LIVE | VIR_DUMP_CRASH | VIR_DUMP_BYPASS_CACHE | VIR_DUMP_RESET | VIR_DUMP_MEMORY_ONLY)

static int
qbjApiDumpCheck(const qbjVmDumpRequest *request)
{
    if (request->format >= VIR_DOMAIN_CORE_DUMP_FORMAT_LAST) {
        virReportError(VIR_ERR_INVALID_ARG, _("unknown dump format %u"), request->format);
        return -1;
    }
    if (request->format != VIR_DOMAIN_CORE_DUMP_FORMAT_RAW && !(request->flags & VIR_DUMP_MEMORY_ONLY)) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s",
                       _("kdump-compressed format is only supported with memory-only dump"));
        return -1;
    }
    return 0;
}

/* A kdump has its own compression. A dump is needed now, or never: what is wrong in qemu.conf does not
 * prevent it, as its own comments say. */
static virQbjSaveFormat
qbjApiDumpCompression(const virQbjConf *conf, unsigned int format)
{
    const char *word = conf->dumpImageFormat;
    int value = word ? virQbjSaveFormatTypeFromString(word) : VIR_QBJ_SAVE_RAW;
    g_autofree char *program = value > VIR_QBJ_SAVE_RAW ? virFindFileInPath(word) : NULL;

    if (format != VIR_DOMAIN_CORE_DUMP_FORMAT_RAW || value == VIR_QBJ_SAVE_RAW)
        return VIR_QBJ_SAVE_RAW;
    if (program)
        return value;
    VIR_WARN("the value '%s' of 'dump_image_format' in qemu.conf is not known, or its program is not there: raw", word);
    return VIR_QBJ_SAVE_RAW;
}

static int
qbjApiDumpTo(virDomainPtr domain, qbjApiMayCall may, qbjVmDumpRequest *request)
{
    qbjOperation operation = request->flags & VIR_DUMP_MEMORY_ONLY ? QBJ_OPERATION_CORE_DUMP_MEMORY :
                                                                     QBJ_OPERATION_CORE_DUMP;
    virDomainObj *vm = qbjApiLook(domain, may);
    int ret = -1;

    if (!vm)
        return -1;
    if (virDomainObjCheckActive(vm) < 0 || qbjApiDumpCheck(request) < 0 ||
        qbjApiGuardEarly(vm, operation, NULL) < 0 || virDomainObjBeginJob(vm, VIR_JOB_MODIFY) < 0) {
        virDomainObjEndAPI(&vm);
        return -1;
    }
    request->compression = qbjApiDumpCompression(QBJ_DOMAIN_PRIVATE(vm)->driver->conf, request->format);
    if (virDomainObjCheckActive(vm) == 0 && qbjApiGuard(vm, operation, NULL) == 0)
        ret = qbjVmDump(vm, request);
    qbjApiEnd(&vm);
    return ret;
}

int
qbjApiCoreDump(virDomainPtr domain, const char *to, unsigned int flags)
{
    qbjVmDumpRequest request = { .path = to, .flags = flags };

    virCheckFlags(QBJ_API_DUMP_FLAGS, -1);

    return qbjApiDumpTo(domain, virDomainCoreDumpEnsureACL, &request);
}

int
qbjApiCoreDumpWithFormat(virDomainPtr domain, const char *to, unsigned int format, unsigned int flags)
{
    qbjVmDumpRequest request = { .path = to, .format = format, .flags = flags };

    virCheckFlags(QBJ_API_DUMP_FLAGS, -1);

    return qbjApiDumpTo(domain, virDomainCoreDumpWithFormatEnsureACL, &request);
}
