#include <config.h>

#include "internal.h"
#include "vm_event_graphics.h"
#include "domain_event.h"

static int
qbjVmEventGraphicsFamily(const char *name)
{
    if (STREQ_NULLABLE(name, "unix"))
        return VIR_DOMAIN_EVENT_GRAPHICS_ADDRESS_UNIX;
    return STREQ_NULLABLE(name, "ipv6") ? VIR_DOMAIN_EVENT_GRAPHICS_ADDRESS_IPV6 :
                                          VIR_DOMAIN_EVENT_GRAPHICS_ADDRESS_IPV4;
}

/* @end: one end of the connection; VNC has a "service" where SPICE has a "port" */
static virDomainEventGraphicsAddress *
qbjVmEventGraphicsAddress(virJSONValue *end)
{
    virDomainEventGraphicsAddress *address = g_new0(virDomainEventGraphicsAddress, 1);
    const char *service = virJSONValueObjectGetString(end, "service");

    if (!service)
        service = virJSONValueObjectGetString(end, "port");
    address->family = qbjVmEventGraphicsFamily(virJSONValueObjectGetString(end, "family"));
    address->node = g_strdup(NULLSTR_EMPTY(virJSONValueObjectGetString(end, "host")));
    address->service = g_strdup(NULLSTR_EMPTY(service));
    return address;
}

/* Nobody is named by a certificate or by SASL: qemu.conf's settings for these are refused (settings.rst). */
static void
qbjVmEventGraphics(virDomainObj *vm, virJSONValue *data, int phase)
{
    virJSONValue *server = data ? virJSONValueObjectGetObject(data, "server") : NULL;
    virJSONValue *client = data ? virJSONValueObjectGetObject(data, "client") : NULL;

    if (!server || !client)
        return;
    virObjectEventStateQueue(QBJ_DOMAIN_PRIVATE(vm)->driver->events,
                             virDomainEventGraphicsNewFromObj(
                                 vm, phase, qbjVmEventGraphicsAddress(server), qbjVmEventGraphicsAddress(client),
                                 NULLSTR_EMPTY(virJSONValueObjectGetString(server, "auth")),
                                 g_new0(virDomainEventGraphicsSubject, 1)));
}

void
qbjVmEventGraphicsConnected(virDomainObj *vm, virJSONValue *data)
{
    qbjVmEventGraphics(vm, data, VIR_DOMAIN_EVENT_GRAPHICS_CONNECT);
}

void
qbjVmEventGraphicsInitialized(virDomainObj *vm, virJSONValue *data)
{
    qbjVmEventGraphics(vm, data, VIR_DOMAIN_EVENT_GRAPHICS_INITIALIZE);
}

void
qbjVmEventGraphicsDisconnected(virDomainObj *vm, virJSONValue *data)
{
    qbjVmEventGraphics(vm, data, VIR_DOMAIN_EVENT_GRAPHICS_DISCONNECT);
}
