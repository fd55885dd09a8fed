#include <config.h>

#include "internal.h"
#include "api_domain.h"
#include "domain_queue.h"
#include "engine_group.h"

#include <stdlib.h>

#include <glib.h>
#include <libvirt/libvirt-qemu.h>

#include "embedfixture.h"
#include "groupfixture.h"

const char *const groupTargets[GROUP_DISKS] = { "vda", "vdb" };

/* The images of @target are in a folder of its name. */
static char *
imageOf(const char *target, unsigned int n)
{
    return g_strdup_printf("%s/%s/disk.%u", embedImageDir, target, n);
}

bool
groupImagesMake(void)
{
    g_autofree char *all = g_steal_pointer(&embedImageDir);
    bool made = true;
    size_t i;

    for (i = 0; made && i < G_N_ELEMENTS(groupTargets); i++) {
        embedImageDir = g_build_filename(all, groupTargets[i], NULL);
        g_mkdir_with_parents(embedImageDir, 0711);
        made = embedImagesMake(GROUP_LAYERS);
        g_free(embedImageDir);
    }
    embedImageDir = g_steal_pointer(&all);
    return made;
}

char *
groupDomainXML(const char *name)
{
    g_autofree char *a = imageOf("vda", GROUP_LAYERS - 1);
    g_autofree char *b = imageOf("vdb", GROUP_LAYERS - 1);

    return g_strdup_printf("<domain type='qemu'><name>%s</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>"
                           "<os><type arch='x86_64' machine='pc'>hvm</type></os><features><acpi/></features><devices>"
                           "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='%s'/>"
                           "<target dev='vda' bus='virtio'/></disk>"
                           "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='%s'/>"
                           "<target dev='vdb' bus='virtio'/></disk>"
                           "<controller type='usb' model='none'/><memballoon model='none'/></devices></domain>",
                           name, a, b);
}

char *
groupChain(virDomainPtr domain, const char *target, unsigned int flags)
{
    g_autofree char *xml = virDomainGetXMLDesc(domain, flags);
    g_autofree char *prefix = g_strdup_printf("<source file='%s/%s/disk.", embedImageDir, target);
    g_autoptr(GString) chain = g_string_new(NULL);
    char *next;

    for (next = xml; next && (next = strstr(next, "<mirror")); next++) {
        char *end = strstr(next, "</mirror>");

        memset(next, ' ', end ? end - next : 0);
    }
    for (next = xml; next && (next = strstr(next, prefix)); next++)
        g_string_append_printf(chain, "%c ", next[strlen(prefix)]);
    return g_string_free(g_steal_pointer(&chain), FALSE);
}

bool
groupBothAre(virDomainPtr domain, const char *live, const char *inactive)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(groupTargets); i++) {
        g_autofree char *now = groupChain(domain, groupTargets[i], 0);
        g_autofree char *defined = groupChain(domain, groupTargets[i], VIR_DOMAIN_XML_INACTIVE);

        if (STRNEQ(now, live) || STRNEQ(defined, inactive))
            return false;
    }
    return !embedXMLHas(domain, 0, "<mirror");
}

bool
groupDeviceWrite(virDomainPtr domain, size_t target, unsigned int mib)
{
    g_autofree char *device = g_strdup_printf("qemu-io -d /machine/peripheral/virtio-disk%zu/virtio-backend", target);
    g_autofree char *write = g_strdup_printf("%s \"write -P %u %uM 1M\"", device, mib, mib);
    g_autofree char *flush = g_strdup_printf("%s \"flush\"", device);
    const char *commands[] = { write, flush };
    bool written = true;
    size_t i;

    for (i = 0; written && i < G_N_ELEMENTS(commands); i++) {
        char *reply = NULL;

        written = virDomainQemuMonitorCommand(domain, commands[i], &reply, VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP) == 0 &&
            reply && !*reply;
        free(reply);
    }
    return written;
}

/* ---- what only the engine can do ---- */

int
groupMake(virDomainPtr domain, const char *const *disks)
{
    virDomainObj *vm = qbjApiDomain(domain);
    int ret = -1;

    if (vm && virDomainObjBeginJob(vm, VIR_JOB_MODIFY) == 0) {
        ret = qbjEngineGroupMake(vm, disks);
        qbjDomainJobEnd(vm);
    }
    virDomainObjEndAPI(&vm);
    return ret;
}

int
groupOf(virDomainPtr domain, const char *one, const char *other)
{
    const char *disks[] = { one, other, NULL };

    return groupMake(domain, disks);
}

int
groupCommit(virDomainPtr domain, const char *target, unsigned long bandwidth)
{
    return virDomainBlockCommit(domain, target, NULL, NULL, bandwidth,
                                VIR_DOMAIN_BLOCK_COMMIT_ACTIVE | VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES);
}

bool
groupJobWait(virDomainPtr domain, const char *target, bool ready)
{
    int tries;

    for (tries = 0; tries < 1000; tries++) {
        virDomainBlockJobInfo info;
        int rc = virDomainGetBlockJobInfo(domain, target, &info, 0);

        if (rc == 0 || (ready && rc == 1 && info.cur == info.end && info.end > 1))
            return rc == ready;
        g_usleep(20000);
    }
    return false;
}
