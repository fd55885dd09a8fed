/* The steps of the PCI address assignment. Only vm_addr*.c includes this. */
#pragma once

#include "vm_addr.h"

/* vm_addr_pci.c: buses of @def's PCI controllers with the addresses in use that @def names. */
virDomainPCIAddressSet *qbjVmAddrSetNew(virDomainDef *def, size_t nbuses, bool dryRun);

/* vm_addr_chipset.c: what the machine itself has on its root bus.
 * ...SetChipset writes the fixed addresses of devices of the definition, ...ReserveChipset takes the slots of
 * those that no definition shows. */
int qbjVmAddrSetChipset(virDomainDef *def);
int qbjVmAddrReserveChipset(virDomainDef *def, virDomainPCIAddressSet *addrs);

/* vm_addr_order.c: free slots for all devices that still want one; in a dry run nothing is written into
 * @def. */
int qbjVmAddrAssignAll(virDomainDef *def, virDomainPCIAddressSet *addrs);

/* vm_addr_controller.c: model name, chassis, port and bus number of PCI controllers, from index and address.
 * -1 with VIR_ERR_CONFIG_UNSUPPORTED reported when no bus number is free. */
int qbjVmAddrSetControllerOptions(virDomainDef *def);
