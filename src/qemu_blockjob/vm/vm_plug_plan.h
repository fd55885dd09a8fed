/* Plugging one device into a running domain: what may be, and the plan. Pure. */
#pragma once

#include "vm_args_plug.h"

typedef struct _qbjVmPlugPlan qbjVmPlugPlan;
struct _qbjVmPlugPlan {
    GPtrArray *controllers;     /* of virDomainControllerDef that a SCSI disk needs and the domain has not */
    GPtrArray *nodes;           /* of qbjVmArgsPlugged, borrowed: what the devices stand on */
    GPtrArray *devices;         /* likewise: device_add of these controllers, then that of the device */
    GPtrArray *made;            /* of arrays that own these */
};
void qbjVmPlugPlanClear(qbjVmPlugPlan *plan);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(qbjVmPlugPlan, qbjVmPlugPlanClear);

/* Whether @dev can be plugged into the running domain @def at all. -1 with an error reported:
 *   VIR_ERR_OPERATION_UNSUPPORTED  a bus, or a type of device, that nothing can be plugged into
 *   VIR_ERR_NO_SOURCE              a disk without a source
 *   VIR_ERR_XML_ERROR              its target, or an alias, is in use
 *   VIR_ERR_OPERATION_INVALID      its address on SCSI is in use
 *   VIR_ERR_CONFIG_UNSUPPORTED     it contradicts the rest of the domain */
int qbjVmPlugCheck(virDomainDef *def, virDomainDeviceDef *dev);

/* Gives @dev address and alias, and makes the plan. @input: as for qbjVmArgsPlug(), input->def is @def; the
 * images of a disk have their node names. @def is as before afterwards. Returns 0, -1 with an error
 * reported, as qbjVmAddrPlug() and qbjVmArgsPlug(). */
int qbjVmPlugPlanMake(const qbjVmArgsInput *input, virDomainDef *def, virDomainDeviceDef *dev, qbjVmPlugPlan *plan);

/* The commands that take away what @dev stands on when the device itself has gone, as an array of
 * qbjVmArgsPlugged: nodes from the top down, then other objects. Each of them may be missing. */
GPtrArray *qbjVmPlugPlanRemoval(const virDomainDeviceDef *dev);

/* The same for the images of a medium alone. */
GPtrArray *qbjVmPlugPlanRemoveImages(const virStorageSource *top);
