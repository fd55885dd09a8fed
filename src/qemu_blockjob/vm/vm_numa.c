#include <config.h>

#include "internal.h"
#include "vm_numa.h"
#include "virnuma.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* Returns false when @def says nothing. */
static bool
qbjVmNumaMode(const virDomainDef *def, virDomainNumatuneMemMode *mode)
{
    return virDomainNumatuneGetMode(def->numa, -1, mode) == 0;
}

/* The modes that keep the memory of a process on its nodes by a group. */
static bool
qbjVmNumaIsBound(const virDomainDef *def)
{
    virDomainNumatuneMemMode mode;

    return qbjVmNumaMode(def, &mode) && (mode == VIR_DOMAIN_NUMATUNE_MEM_STRICT ||
                                         mode == VIR_DOMAIN_NUMATUNE_MEM_RESTRICTIVE);
}

bool
qbjVmNumaNeedsCpuset(const virDomainDef *def)
{
    virDomainNumatuneMemMode mode;

    return qbjVmNumaMode(def, &mode) && mode == VIR_DOMAIN_NUMATUNE_MEM_RESTRICTIVE;
}

int
qbjVmNumaCheck(const virDomainDef *def)
{
    return virDomainNumatuneNodesetIsAvailable(def->numa, NULL) ? 0 : -1;  /* it reports */
}

static int
qbjVmNumaPolicy(void *opaque)
{
    virDomainDef *def = opaque;
    virDomainNumatuneMemMode mode;

    if (!qbjVmNumaMode(def, &mode))
        return 0;
    return virNumaSetupMemoryPolicy(mode, virDomainNumatuneGetNodeset(def->numa, NULL, -1));
}

void
qbjVmNumaSetPolicy(virDomainDef *def, virCommand *cmd, bool cgroup)
{
    virDomainNumatuneMemMode mode;

    if (qbjVmNumaMode(def, &mode) && !(cgroup && qbjVmNumaIsBound(def)))
        virCommandSetPreExecHook(cmd, qbjVmNumaPolicy, def);
}

int
qbjVmNumaSetMems(const virDomainDef *def, virCgroup *group)
{
    virBitmap *nodes = virDomainNumatuneGetNodeset(def->numa, NULL, -1);
    g_autofree char *mems = NULL;

    if (!nodes || !qbjVmNumaIsBound(def))
        return 0;
    if (!(mems = virBitmapFormat(nodes)))
        return -1;
    return virCgroupSetCpusetMems(group, mems);
}
