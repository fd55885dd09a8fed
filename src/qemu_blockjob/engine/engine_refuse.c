#include <config.h>

#include "internal.h"
#include "engine_refuse.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

int
qbjEngineRefuse(const qbjRefusal *refusal)
{
    virReportError(refusal->code == VIR_ERR_OK ? VIR_ERR_INTERNAL_ERROR : refusal->code, "%s",
                   NULLSTR_EMPTY(refusal->message));
    return -1;
}
