/* The groups of virConnectGetAllDomainStats(). */
#pragma once

#include "vm_ask.h"
#include "virtypedparam.h"

/* All groups that this driver has for @def (of the mask @stats, which 0 stands for all). */
unsigned int qbjVmStatsSupported(const virDomainDef *def, bool active, unsigned int stats);

/* The questions that the groups of @stats need. */
unsigned int qbjVmStatsQuestions(unsigned int stats);

/* One VM: how far its figures have come. */
typedef struct _qbjVmStats qbjVmStats;

/* Asks QEMU what the groups @stats need, unless it is @ms behind with its answers: then they are as good as
 * missing. @vm is locked, and referenced until qbjVmStatsFree(). */
qbjVmStats *qbjVmStatsBegin(virDomainObj *vm, unsigned int stats, bool backing, unsigned int ms);

/* Waits for the answers until @until (monotonic, microseconds), and looks at the images of a VM that is off.
 * No domain's lock may be held. What fails is left out. */
void qbjVmStatsCollect(qbjVmStats *stats, gint64 until);

/* Adds the figures to @list. @vm (the same) is locked. Returns 0, -1 with an error reported. */
int qbjVmStatsFill(qbjVmStats *stats, virTypedParamList *list);

void qbjVmStatsFree(qbjVmStats *stats);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qbjVmStats, qbjVmStatsFree);
