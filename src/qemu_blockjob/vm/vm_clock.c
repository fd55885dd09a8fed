#include <config.h>

#include "internal.h"
#include "vm_clock.h"
#include "domain_event.h"
#include "domain_save.h"
#include "virerror.h"
#include "virtime.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

int
qbjVmClockPrepare(virDomainDef *def)
{
    virDomainClockDef *clock = &def->clock;
    long long adjustment;
    long offset = 0;

    if (clock->offset != VIR_DOMAIN_CLOCK_OFFSET_VARIABLE)
        return 0;

    if (clock->data.variable.basis == VIR_DOMAIN_CLOCK_BASIS_LOCALTIME) {
        if (virTimeLocalOffsetFromUTC(&offset) < 0)
            return -1;
        if (__builtin_add_overflow(clock->data.variable.adjustment, offset, &adjustment)) {
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Clock start or adjustment is out of range: %lld"),
                           clock->data.variable.adjustment);
            return -1;
        }
        clock->data.variable.basis = VIR_DOMAIN_CLOCK_BASIS_UTC;
        clock->data.variable.adjustment = adjustment;
    }
    clock->data.variable.adjustment0 = clock->data.variable.adjustment;
    return 0;
}

/* QEMU counts from the time that it was started with. */
static long long
qbjVmClockFollow(virDomainObj *vm, long long offset)
{
    virDomainClockDef *clock = &vm->def->clock;

    if (clock->offset != VIR_DOMAIN_CLOCK_OFFSET_VARIABLE)
        return offset;

    if (__builtin_add_overflow(offset, clock->data.variable.adjustment0, &offset))
        return clock->data.variable.adjustment;
    if (clock->data.variable.adjustment != offset) {
        clock->data.variable.adjustment = offset;
        qbjDomainSaveStatusOrWarn(vm);
    }
    return offset;
}

void
qbjVmClockChanged(virDomainObj *vm, virJSONValue *data)
{
    long long offset;

    if (!data || virJSONValueObjectGetNumberLong(data, "offset", &offset) < 0)
        return;
    offset = qbjVmClockFollow(vm, offset);
    virObjectEventStateQueue(QBJ_DOMAIN_PRIVATE(vm)->driver->events, virDomainEventRTCChangeNewFromObj(vm, offset));
}
