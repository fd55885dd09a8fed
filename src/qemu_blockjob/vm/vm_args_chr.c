/* Character devices of the guest: serial and parallel ports, channels and consoles on virtio. */

#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "vm_args_chr.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

static const char *
qbjVmArgsSerialDriver(const virDomainChrDef *serial)
{
    switch (serial->targetModel) {
    case VIR_DOMAIN_CHR_SERIAL_TARGET_MODEL_ISA_SERIAL:
        return "isa-serial";
    case VIR_DOMAIN_CHR_SERIAL_TARGET_MODEL_PCI_SERIAL:
        return "pci-serial";
    case VIR_DOMAIN_CHR_SERIAL_TARGET_MODEL_USB_SERIAL:
        return "usb-serial";
    default:
        return NULL;
    }
}

static int
qbjVmArgsAddISAPlace(virJSONValue **props, const virDomainChrDef *serial)
{
    if (virJSONValueObjectAdd(props, "k:index", serial->target.port, NULL) < 0)
        return -1;
    if (serial->info.type == VIR_DOMAIN_DEVICE_ADDRESS_TYPE_NONE)
        return 0;
    if (serial->info.type != VIR_DOMAIN_DEVICE_ADDRESS_TYPE_ISA)
        return qbjVmArgsRefuseChr(serial, "address");

    return virJSONValueObjectAdd(props,
                                 "p:iobase", serial->info.addr.isa.iobase,
                                 "p:irq", serial->info.addr.isa.irq,
                                 NULL);
}

/* Adds "-chardev" and the keys that name it and the device. */
static int
qbjVmArgsStartChr(virCommand *cmd, const qbjVmArgsInput *input, const virDomainChrDef *chr, const char *driver,
                  virJSONValue **props)
{
    g_autofree char *chardev = g_strdup_printf("char%s", chr->info.alias);

    if (qbjVmArgsAddChardev(cmd, input, chr) < 0)
        return -1;

    return virJSONValueObjectAdd(props, "s:driver", driver, "s:chardev", chardev, "s:id", chr->info.alias, NULL);
}

static int
qbjVmArgsAddSerial(virCommand *cmd, const qbjVmArgsInput *input, const virDomainChrDef *serial)
{
    const char *driver = qbjVmArgsSerialDriver(serial);
    bool isa = serial->targetModel == VIR_DOMAIN_CHR_SERIAL_TARGET_MODEL_ISA_SERIAL;
    g_autoptr(virJSONValue) props = NULL;

    if (!driver)
        return qbjVmArgsRefuseChr(serial, "target");

    if (qbjVmArgsStartChr(cmd, input, serial, driver, &props) < 0 ||
        (isa ? qbjVmArgsAddISAPlace(&props, serial) : qbjVmArgsAddAddress(&props, input->def, &serial->info)) < 0)
        return -1;

    return qbjVmArgsAddJSON(cmd, "-device", props);
}

int
qbjVmArgsAddSerials(virCommand *cmd, const qbjVmArgsInput *input)
{
    size_t i;

    for (i = 0; i < input->def->nserials; i++) {
        if (qbjVmArgsAddSerial(cmd, input, input->def->serials[i]) < 0)
            return -1;
    }

    return 0;
}

int
qbjVmArgsAddParallels(virCommand *cmd, const qbjVmArgsInput *input)
{
    size_t i;

    for (i = 0; i < input->def->nparallels; i++) {
        g_autoptr(virJSONValue) props = NULL;

        if (qbjVmArgsStartChr(cmd, input, input->def->parallels[i], "isa-parallel", &props) < 0 ||
            qbjVmArgsAddJSON(cmd, "-device", props) < 0)
            return -1;
    }

    return 0;
}

static int
qbjVmArgsAddChannel(virCommand *cmd, const qbjVmArgsInput *input, const virDomainChrDef *channel)
{
    const virDomainDeviceVirtioSerialAddress *place = &channel->info.addr.vioserial;
    const virDomainControllerDef *controller;
    g_autofree char *chardev = g_strdup_printf("char%s", channel->info.alias);
    g_autofree char *bus = NULL;
    g_autoptr(virJSONValue) props = NULL;

    if (channel->targetType != VIR_DOMAIN_CHR_CHANNEL_TARGET_TYPE_VIRTIO)
        return qbjVmArgsRefuseChr(channel, "target");
    if (channel->info.type != VIR_DOMAIN_DEVICE_ADDRESS_TYPE_VIRTIO_SERIAL)
        return qbjVmArgsRefuseChr(channel, "address");

    controller = qbjVmArgsFindController(input->def, VIR_DOMAIN_CONTROLLER_TYPE_VIRTIO_SERIAL, place->controller);
    if (!controller || qbjVmArgsAddChardev(cmd, input, channel) < 0)
        return -1;

    bus = g_strdup_printf("%s.%u", controller->info.alias, place->bus);
    if (virJSONValueObjectAdd(&props,
                              "s:driver", "virtserialport",
                              "s:bus", bus,
                              "u:nr", place->port,
                              "s:chardev", chardev,
                              "s:id", channel->info.alias,
                              "S:name", channel->target.name,
                              NULL) < 0)
        return -1;

    return qbjVmArgsAddJSON(cmd, "-device", props);
}

int
qbjVmArgsAddChannels(virCommand *cmd, const qbjVmArgsInput *input)
{
    size_t i;

    for (i = 0; i < input->def->nchannels; i++) {
        if (qbjVmArgsAddChannel(cmd, input, input->def->channels[i]) < 0)
            return -1;
    }

    return 0;
}

int
qbjVmArgsAddConsoles(virCommand *cmd, const qbjVmArgsInput *input)
{
    size_t i;

    for (i = 0; i < input->def->nconsoles; i++) {
        const virDomainChrDef *console = input->def->consoles[i];
        g_autoptr(virJSONValue) props = NULL;

        /* the first serial port seen again: it has no line of its own */
        if (i == 0 && console->targetType == VIR_DOMAIN_CHR_CONSOLE_TARGET_TYPE_SERIAL && input->def->nserials > 0)
            continue;
        if (console->targetType != VIR_DOMAIN_CHR_CONSOLE_TARGET_TYPE_VIRTIO)
            return qbjVmArgsRefuseChr(console, "console target");
        if (qbjVmArgsStartChr(cmd, input, console, "virtconsole", &props) < 0 ||
            qbjVmArgsAddJSON(cmd, "-device", props) < 0)
            return -1;
    }

    return 0;
}
