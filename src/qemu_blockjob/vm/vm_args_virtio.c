/* What all virtio devices on the PCI bus have in common: three forms of each, options of the transport. */

#include <config.h>

#include "internal.h"
#include "vm_args_parts.h"

static const char *const qbjVmArgsVirtioForms[] = {
    [QBJ_VM_ARGS_VIRTIO_BOTH] = "",
    [QBJ_VM_ARGS_VIRTIO_TRANSITIONAL] = "-transitional",
    [QBJ_VM_ARGS_VIRTIO_NON_TRANSITIONAL] = "-non-transitional",
};

char *
qbjVmArgsVirtioDriver(const char *name, qbjVmArgsVirtioForm form)
{
    return g_strdup_printf("%s-pci%s", name, qbjVmArgsVirtioForms[form]);
}

int
qbjVmArgsStartVirtio(virJSONValue **props, const char *name, qbjVmArgsVirtioForm form,
                     const virDomainVirtioOptions *options)
{
    g_autofree char *driver = qbjVmArgsVirtioDriver(name, form);

    if (virJSONValueObjectAdd(props, "s:driver", driver, NULL) < 0)
        return -1;

    return qbjVmArgsAddVirtioOptions(props, options);
}

int
qbjVmArgsAddVirtioOptions(virJSONValue **props, const virDomainVirtioOptions *options)
{
    if (!options)
        return 0;

    return virJSONValueObjectAdd(props,
                                 "T:iommu_platform", options->iommu,
                                 "T:ats", options->ats,
                                 "T:packed", options->packed,
                                 "T:page-per-vq", options->page_per_vq,
                                 NULL);
}

int
qbjVmArgsAddIOThread(virJSONValue **props, unsigned int iothread)
{
    g_autofree char *name = NULL;

    if (iothread == 0)
        return 0;

    name = g_strdup_printf("iothread%u", iothread);
    return virJSONValueObjectAdd(props, "s:iothread", name, NULL);
}
