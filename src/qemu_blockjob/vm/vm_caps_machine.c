/* Machine types: families by name; look-up in what a binary reported. */

#include <config.h>

#include "internal.h"
#include "vm_caps.h"

/* "q35" itself and all its versions: pc-q35-7.2 */
bool
qbjVmMachineIsQ35(const char *machine)
{
    return STREQ_NULLABLE(machine, "q35") || (machine && STRPREFIX(machine, "pc-q35-"));
}

/* "pc" itself and all its versions: pc-i440fx-7.2; those before QEMU 2.0 (pc-1.3) are gone since QEMU 6 */
bool
qbjVmMachineIsI440fx(const char *machine)
{
    return STREQ_NULLABLE(machine, "pc") || (machine && STRPREFIX(machine, "pc-i440fx-"));
}

static const qbjVmMachine *
qbjVmCapsFindMachine(const qbjVmCaps *caps, const char *name)
{
    size_t i;

    for (i = 0; i < caps->machines->len; i++) {
        const qbjVmMachine *machine = g_ptr_array_index(caps->machines, i);

        if (STREQ(machine->name, name) || STREQ_NULLABLE(machine->alias, name))
            return machine;
    }

    return NULL;
}

const qbjVmCapsAccel *
qbjVmCapsAccelFor(const qbjVmCaps *caps, virDomainVirtType type)
{
    if (type == VIR_DOMAIN_VIRT_QEMU)
        return caps->tcg;

    return type == VIR_DOMAIN_VIRT_KVM ? caps->accelKvm : NULL;
}

bool
qbjVmCapsHasDevice(const qbjVmCaps *caps, const char *type)
{
    return g_hash_table_contains(caps->devices, type);
}

const char *
qbjVmCapsMachine(const qbjVmCaps *caps, const char *name)
{
    const qbjVmMachine *machine = qbjVmCapsFindMachine(caps, name);

    return machine ? machine->name : NULL;
}

bool
qbjVmCapsMachineHasNumaMem(const qbjVmCaps *caps, const char *name)
{
    const qbjVmMachine *machine = qbjVmCapsFindMachine(caps, name);

    return machine && machine->numaMem;
}
