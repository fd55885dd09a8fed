#include <config.h>

#include "internal.h"
#include "vm_alias.h"

void
qbjVmAliasSet(virDomainDeviceInfo *info, char *alias)
{
    /* a user's own alias ("ua-...") stays */
    if (info->alias)
        g_free(alias);
    else
        info->alias = alias;
}

void
qbjVmAliasSetNumbered(virDomainDeviceInfo *info, const char *prefix, size_t number)
{
    qbjVmAliasSet(info, g_strdup_printf("%s%zu", prefix, number));
}
