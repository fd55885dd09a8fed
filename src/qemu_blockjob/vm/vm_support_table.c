/* What of the domain XML this driver acts on, in one table for each class of devices: vm_support_table_*.c. A
 * feature that is added adds its rows there. */

#include <config.h>

#include "internal.h"
#include "vm_support_parts.h"

const qbjVmSupportTable qbjVmSupportTables[] = {
    { qbjVmSupportBaseRows, qbjVmSupportBaseFamilies },
    { qbjVmSupportCpuRows, qbjVmSupportCpuFamilies },
    { qbjVmSupportDiskRows, qbjVmSupportDiskFamilies },
    { qbjVmSupportControllerRows, qbjVmSupportControllerFamilies },
    { qbjVmSupportChrRows, qbjVmSupportChrFamilies },
    { qbjVmSupportDisplayRows, qbjVmSupportDisplayFamilies },
    { qbjVmSupportFeatureRows, qbjVmSupportFeatureFamilies },
    { qbjVmSupportNetRows, qbjVmSupportNetFamilies },
    { qbjVmSupportSmallRows, qbjVmSupportSmallFamilies },
    { NULL, NULL }
};
