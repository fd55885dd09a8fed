/* -rtc, and what the timers add to it. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virtime.h"
#include "vm_args_parts.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static int
qbjVmArgsRefuseTimer(const virDomainTimerDef *timer, const char *attribute)
{
    virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("This %s is not supported for timer '%s'."),
                   attribute, virDomainTimerNameTypeToString(timer->name));
    return -1;
}

static int
qbjVmArgsAppendRtcTrack(virBuffer *buf, const virDomainTimerDef *timer)
{
    switch (timer->track) {
    case VIR_DOMAIN_TIMER_TRACK_NONE:
        return 0;
    case VIR_DOMAIN_TIMER_TRACK_GUEST:
        virBufferAddLit(buf, ",clock=vm");
        return 0;
    case VIR_DOMAIN_TIMER_TRACK_WALL:
        virBufferAddLit(buf, ",clock=host");
        return 0;
    case VIR_DOMAIN_TIMER_TRACK_REALTIME:
        virBufferAddLit(buf, ",clock=rt");
        return 0;
    case VIR_DOMAIN_TIMER_TRACK_BOOT:
    case VIR_DOMAIN_TIMER_TRACK_LAST:
    default:
        return qbjVmArgsRefuseTimer(timer, "track");
    }
}

static int
qbjVmArgsAppendRtc(virBuffer *buf, const virDomainTimerDef *timer)
{
    if (qbjVmArgsAppendRtcTrack(buf, timer) < 0)
        return -1;

    switch (timer->tickpolicy) {
    case VIR_DOMAIN_TIMER_TICKPOLICY_NONE:
    case VIR_DOMAIN_TIMER_TICKPOLICY_DELAY:
        return 0;
    case VIR_DOMAIN_TIMER_TICKPOLICY_CATCHUP:
        virBufferAddLit(buf, ",driftfix=slew");
        return 0;
    case VIR_DOMAIN_TIMER_TICKPOLICY_MERGE:
    case VIR_DOMAIN_TIMER_TICKPOLICY_DISCARD:
    case VIR_DOMAIN_TIMER_TICKPOLICY_LAST:
    default:
        return qbjVmArgsRefuseTimer(timer, "tickpolicy");
    }
}

static int
qbjVmArgsAddPit(virCommand *cmd, const virDomainTimerDef *timer)
{
    switch (timer->tickpolicy) {
    case VIR_DOMAIN_TIMER_TICKPOLICY_NONE:
    case VIR_DOMAIN_TIMER_TICKPOLICY_DELAY:
        virCommandAddArgList(cmd, "-global", "kvm-pit.lost_tick_policy=delay", NULL);
        return 0;
    case VIR_DOMAIN_TIMER_TICKPOLICY_DISCARD:
        virCommandAddArgList(cmd, "-global", "kvm-pit.lost_tick_policy=discard", NULL);
        return 0;
    case VIR_DOMAIN_TIMER_TICKPOLICY_CATCHUP:
        return 0;
    case VIR_DOMAIN_TIMER_TICKPOLICY_MERGE:
    case VIR_DOMAIN_TIMER_TICKPOLICY_LAST:
    default:
        return qbjVmArgsRefuseTimer(timer, "tickpolicy");
    }
}

static int
qbjVmArgsAddHpet(virCommand *cmd, const virDomainTimerDef *timer)
{
    if (timer->tickpolicy != VIR_DOMAIN_TIMER_TICKPOLICY_NONE)
        return qbjVmArgsRefuseTimer(timer, "tickpolicy");

    /* QEMU's x86 machines have an HPET unless told otherwise */
    if (timer->present == VIR_TRISTATE_BOOL_NO)
        virCommandAddArg(cmd, "-no-hpet");
    return 0;
}

static int
qbjVmArgsAddTimer(virCommand *cmd, const virDomainTimerDef *timer)
{
    switch (timer->name) {
    case VIR_DOMAIN_TIMER_NAME_RTC:
        return 0;
    case VIR_DOMAIN_TIMER_NAME_PIT:
        return qbjVmArgsAddPit(cmd, timer);
    case VIR_DOMAIN_TIMER_NAME_HPET:
        return qbjVmArgsAddHpet(cmd, timer);
    /* part of -cpu (vm_args_cpufeature.c) */
    case VIR_DOMAIN_TIMER_NAME_KVMCLOCK:
    case VIR_DOMAIN_TIMER_NAME_HYPERVCLOCK:
    case VIR_DOMAIN_TIMER_NAME_TSC:
        return 0;
    default:
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Timer '%s' is not supported."),
                       virDomainTimerNameTypeToString(timer->name));
        return -1;
    }
}

/* What holds for every timer, whatever its name. */
static int
qbjVmArgsCheckTimer(const virDomainTimerDef *timer)
{
    /* no machine of ours can do without RTC, PIT or TSC; the stock driver ignores the wish */
    if (timer->present == VIR_TRISTATE_BOOL_NO &&
        (timer->name == VIR_DOMAIN_TIMER_NAME_RTC || timer->name == VIR_DOMAIN_TIMER_NAME_PIT ||
         timer->name == VIR_DOMAIN_TIMER_NAME_TSC))
        return qbjVmArgsRefuseTimer(timer, "present='no'");

    if (timer->track != VIR_DOMAIN_TIMER_TRACK_NONE && timer->name != VIR_DOMAIN_TIMER_NAME_RTC)
        return qbjVmArgsRefuseTimer(timer, "track");

    if (timer->catchup.threshold || timer->catchup.slew || timer->catchup.limit)
        return qbjVmArgsRefuseTimer(timer, "catchup");

    if ((timer->frequency && timer->name != VIR_DOMAIN_TIMER_NAME_TSC) ||
        timer->mode != VIR_DOMAIN_TIMER_MODE_NONE)
        return qbjVmArgsRefuseTimer(timer, "frequency or mode");

    if (timer->tickpolicy != VIR_DOMAIN_TIMER_TICKPOLICY_NONE &&
        (timer->name == VIR_DOMAIN_TIMER_NAME_KVMCLOCK || timer->name == VIR_DOMAIN_TIMER_NAME_HYPERVCLOCK ||
         timer->name == VIR_DOMAIN_TIMER_NAME_TSC))
        return qbjVmArgsRefuseTimer(timer, "tickpolicy");

    return 0;
}

static int
qbjVmArgsAppendClockTime(virBuffer *buf, long long seconds)
{
    g_autoptr(GDateTime) when = g_date_time_new_from_unix_utc(seconds);
    g_autofree char *text = when ? g_date_time_format(when, "%Y-%m-%dT%H:%M:%S") : NULL;

    if (!text) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Clock start or adjustment is out of range: %lld"), seconds);
        return -1;
    }

    virBufferAsprintf(buf, "base=%s", text);
    return 0;
}

static int
qbjVmArgsAppendClockVariable(virBuffer *buf, const virDomainClockDef *clock, time_t now)
{
    long long seconds;
    long offset = 0;

    if (now == 0)
        now = time(NULL);
    if (clock->data.variable.basis == VIR_DOMAIN_CLOCK_BASIS_LOCALTIME && virTimeLocalOffsetFromUTC(&offset) < 0)
        return -1;

    if (__builtin_add_overflow(clock->data.variable.adjustment, (long long) now + offset, &seconds)) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Clock start or adjustment is out of range: %lld"),
                       clock->data.variable.adjustment);
        return -1;
    }
    return qbjVmArgsAppendClockTime(buf, seconds);
}

static int
qbjVmArgsAppendClockBase(virBuffer *buf, const virDomainClockDef *clock, time_t now)
{
    switch ((virDomainClockOffsetType) clock->offset) {
    case VIR_DOMAIN_CLOCK_OFFSET_UTC:
        virBufferAddLit(buf, "base=utc");
        return 0;
    case VIR_DOMAIN_CLOCK_OFFSET_LOCALTIME:
    case VIR_DOMAIN_CLOCK_OFFSET_TIMEZONE:
        virBufferAddLit(buf, "base=localtime");
        return 0;
    case VIR_DOMAIN_CLOCK_OFFSET_VARIABLE:
        return qbjVmArgsAppendClockVariable(buf, clock, now);
    case VIR_DOMAIN_CLOCK_OFFSET_ABSOLUTE:
        return qbjVmArgsAppendClockTime(buf, clock->data.starttime);
    case VIR_DOMAIN_CLOCK_OFFSET_LAST:
        break;
    }

    virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("Clock offset '%s' is not supported."),
                   virDomainClockOffsetTypeToString(clock->offset));
    return -1;
}

int
qbjVmArgsAddClock(virCommand *cmd, const qbjVmArgsInput *input)
{
    const virDomainClockDef *clock = &input->def->clock;
    g_auto(virBuffer) rtc = VIR_BUFFER_INITIALIZER;
    size_t i;

    if (qbjVmArgsAppendClockBase(&rtc, clock, input->now) < 0)
        return -1;
    /* what QEMU takes for the local time */
    if (clock->offset == VIR_DOMAIN_CLOCK_OFFSET_TIMEZONE)
        virCommandAddEnvPair(cmd, "TZ", clock->data.timezone);

    for (i = 0; i < clock->ntimers; i++) {
        if (qbjVmArgsCheckTimer(clock->timers[i]) < 0)
            return -1;
        if (clock->timers[i]->name == VIR_DOMAIN_TIMER_NAME_RTC &&
            qbjVmArgsAppendRtc(&rtc, clock->timers[i]) < 0)
            return -1;
    }
    virCommandAddArgList(cmd, "-rtc", virBufferCurrentContent(&rtc), NULL);

    for (i = 0; i < clock->ntimers; i++) {
        if (qbjVmArgsAddTimer(cmd, clock->timers[i]) < 0)
            return -1;
    }

    return 0;
}
