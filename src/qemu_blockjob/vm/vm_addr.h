/* PCI addresses and the controllers that they need. */
#pragma once

#include "domain_conf.h"
#include "domain_addr.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomainPCIAddressSet, virDomainPCIAddressSetFree);

/* Gives each device that wants one a PCI address, in the stock driver's order, and adds the PCI controllers
 * that are missing: on q35 root ports and one spare, on pc bridges (11.3). Addresses that are there are kept
 * and checked.
 * -1 with an error reported: VIR_ERR_XML_ERROR for two devices on one address, VIR_ERR_CONFIG_UNSUPPORTED or
 * VIR_ERR_XML_ERROR for a bus or slot that the device cannot be on. */
int qbjVmAddrAssign(virDomainDef *def);

/* For a start or for hotplug: the set with all addresses of @def in use. Every address must be there: a
 * definition that was stored by somebody else may have none, then VIR_ERR_INTERNAL_ERROR is reported.
 * Returns NULL with an error reported. Free with virDomainPCIAddressSetFree. */
virDomainPCIAddressSet *qbjVmAddrReserve(virDomainDef *def);

/* vm_addr_usb.c: gives each USB device without a port the lowest free one of the lowest controller. Ports
 * that are there are kept and checked. -1 with an error reported when there is no free port. */
int qbjVmAddrAssignUSB(virDomainDef *def);

/* vm_addr_serial.c: gives each channel on virtio-serial its controller and port, and adds controllers as
 * they fill up. -1 with an error reported. */
int qbjVmAddrAssignSerial(virDomainDef *def);

/* vm_addr_connect.c: which kinds of slots a device can be plugged into, 0 for one without a PCI address. */
virDomainPCIConnectFlags qbjVmAddrConnect(const virDomainDef *def, const virDomainDeviceDef *dev);

/* vm_addr_plug.c: gives @dev, which is to be plugged into the running domain @def and is no part of it yet,
 * a free address on PCI or USB, or checks the one that it names; other buses have none. -1 with an error
 * reported: VIR_ERR_XML_ERROR or VIR_ERR_INTERNAL_ERROR for one that is taken, cannot be plugged into, or
 * when none is free. */
int qbjVmAddrPlug(virDomainDef *def, virDomainDeviceDef *dev);
