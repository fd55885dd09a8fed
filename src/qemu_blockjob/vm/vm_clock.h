/* The guest's clock: <clock offset='variable'> follows what the guest sets it to, so that it shows the same
 * time after the next start of a definition that is saved with it. */
#pragma once

#include "domain_private.h"

/* Before a start: a clock that is relative to the local time becomes one relative to UTC, and where it began
 * is noted. Of other clocks nothing is changed. Returns 0, -1 with an error reported. */
int qbjVmClockPrepare(virDomainDef *def);

/* QEMU's RTC_CHANGE, @data is the event's, or NULL: the live definition is changed and saved if the clock is
 * variable, clients are told. @vm is locked and its job held. */
void qbjVmClockChanged(virDomainObj *vm, virJSONValue *data);
