/* <numatune>: which of the host's memory nodes a VM uses. Three things carry it out together: the policy of
 * QEMU's memory backend (vm_args_memory.c), the policy of the process, and the control group. */
#pragma once

#include "domain_conf.h"
#include "vircgroup.h"
#include "vircommand.h"

/* Whether only a control group can do what @def wants. */
bool qbjVmNumaNeedsCpuset(const virDomainDef *def);

/* The nodes that @def names are there: 0, else -1 with VIR_ERR_CONFIG_UNSUPPORTED reported. */
int qbjVmNumaCheck(const virDomainDef *def);

/* Has @cmd set its memory policy before it is run. @def must live until then. @cgroup: the process will be in
 * a control group that binds it, where that is the way. */
void qbjVmNumaSetPolicy(virDomainDef *def, virCommand *cmd, bool cgroup);

/* Binds @group, which has the cpuset controller, to the nodes of @def, if that is the way. Returns 0, -1 with
 * an error reported. */
int qbjVmNumaSetMems(const virDomainDef *def, virCgroup *group);
