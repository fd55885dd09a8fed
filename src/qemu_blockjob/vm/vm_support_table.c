/* What of the domain XML this driver acts on, in one table for each class of devices: vm_support_table_*.c. A
 * feature that is added adds its rows there. */

#include <config.h>

#include "internal.h"
#include "vm_support.h"
#include "vm_support_parts.h"

const qbjVmSupportTable qbjVmSupportTables[] = {
    { qbjVmSupportBaseRows, qbjVmSupportBaseFamilies },
    { qbjVmSupportCpuRows, qbjVmSupportCpuFamilies },
    { qbjVmSupportMemoryRows, qbjVmSupportMemoryFamilies },
    { qbjVmSupportDiskRows, qbjVmSupportDiskFamilies },
    { qbjVmSupportControllerRows, qbjVmSupportControllerFamilies },
    { qbjVmSupportChrRows, qbjVmSupportChrFamilies },
    { qbjVmSupportDisplayRows, qbjVmSupportDisplayFamilies },
    { qbjVmSupportFeatureRows, qbjVmSupportFeatureFamilies },
    { qbjVmSupportNetRows, qbjVmSupportNetFamilies },
    { qbjVmSupportSmallRows, qbjVmSupportSmallFamilies },
    { NULL, NULL }
};

static bool
qbjVmSupportRowHas(const qbjVmSupportRow *row, const char *path, size_t length, const char *word)
{
    g_auto(GStrv) values = NULL;

    if (!STREQLEN(row->path, path, length))
        return false;
    if (path[length - 1] == ':')
        return STREQ(row->path + length, word);
    if (row->path[length] || !row->values)
        return !row->path[length];

    values = g_strsplit(row->values, " ", -1);
    return g_strv_contains((const char *const *) values, word);
}

bool
qbjVmSupportHas(const char *path, const char *word)
{
    const qbjVmSupportTable *table;
    const qbjVmSupportRow *row;

    for (table = qbjVmSupportTables; table->rows; table++) {
        for (row = table->rows; row->path; row++) {
            if (qbjVmSupportRowHas(row, path, strlen(path), word))
                return true;
        }
    }

    return false;
}
