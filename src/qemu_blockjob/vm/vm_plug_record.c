#include <config.h>

#include "internal.h"
#include "vm_plug_record.h"
#include "vm_confignext.h"
#include "vm_def.h"
#include "vm_iotune.h"
#include "vm_media.h"
#include "vm_plug.h"
#include "vm_unplug.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "host_label.h"
#include "virerror.h"
#include "virlog.h"
#include "virqbjjson.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_plug_record");

/* How long until QEMU is asked again what became of a device. */
#define QBJ_VM_PLUG_AGAIN_MS 1000

int
qbjVmPlugRecord(virDomainObj *vm, virDomainDeviceDef *devices, size_t n)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    g_auto(GStrv) texts = g_new0(char *, n + 1);
    size_t i;

    if (priv->status->plug || priv->status->medium) {
        virReportError(VIR_ERR_OPERATION_INVALID, "%s",
                       _("what became of the last device that was plugged in is not known yet"));
        return -1;
    }
    for (i = 0; i < n; i++) {
        if (!(texts[i] = qbjVmDefFormatDevice(&devices[i], priv->driver->xmlopt, QBJ_STATUS_FORMAT_FLAGS)))
            return -1;
    }
    priv->status->plug = g_steal_pointer(&texts);
    if (qbjDomainSaveStatus(vm) == 0)
        return 0;
    qbjVmPlugForget(vm);
    return -1;
}

void
qbjVmPlugRecordRest(virDomainObj *vm, virDomainDeviceDef *dev)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    char *text = qbjVmDefFormatDevice(dev, priv->driver->xmlopt, QBJ_STATUS_FORMAT_FLAGS);
    size_t n = priv->status->plug ? g_strv_length(priv->status->plug) : 0;

    if (!text)
        return;
    priv->status->plug = g_renew(char *, priv->status->plug, n + 2);
    priv->status->plug[n] = text;
    priv->status->plug[n + 1] = NULL;
    qbjVmPlugLater(vm);
}

void
qbjVmPlugForget(virDomainObj *vm)
{
    virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;

    if (status)
        g_clear_pointer(&status->plug, g_strfreev);
}

void
qbjVmPlugLater(virDomainObj *vm)
{
    if (virDomainObjIsActive(vm))
        qbjDomainTimerStart(vm, NULL, 0, QBJ_VM_PLUG_AGAIN_MS);
}

virJSONValue *
qbjVmPlugQuestion(void)
{
    virJSONValue *arguments = NULL;

    return virJSONValueObjectAdd(&arguments, "s:path", "/machine/peripheral", NULL) < 0 ? NULL : arguments;
}

char **
qbjVmPlugNames(virJSONValue *reply)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    size_t i;

    for (i = 0; i < virQbjJSONArraySize(reply); i++) {
        virJSONValue *entry = virJSONValueArrayGet(reply, i);
        const char *name = virJSONValueObjectGetString(entry, "name");

        if (name && STRPREFIX(NULLSTR(virJSONValueObjectGetString(entry, "type")), "child<"))
            g_ptr_array_add(names, g_strdup(name));
    }
    g_ptr_array_add(names, NULL);
    return (char **) g_ptr_array_free(g_steal_pointer(&names), FALSE);
}

void
qbjVmPlugListRemove(virDomainObj *vm, const char *alias)
{
    char **devices = QBJ_DOMAIN_PRIVATE(vm)->status->devices;
    size_t kept = 0;
    size_t i;

    for (i = 0; devices && devices[i]; i++) {
        if (STREQ(devices[i], alias))
            g_free(devices[i]);
        else
            devices[kept++] = devices[i];
    }
    if (devices)
        devices[kept] = NULL;
}

void
qbjVmPlugListAdd(virDomainObj *vm, const char *alias)
{
    virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;
    size_t n;

    qbjVmPlugListRemove(vm, alias);
    n = status->devices ? g_strv_length(status->devices) : 0;
    status->devices = g_renew(char *, status->devices, n + 2);
    status->devices[n] = g_strdup(alias);
    status->devices[n + 1] = NULL;
}

/* --- nobody goes on with the call ------------------------------------------------------------------ */

/* NULL when it cannot be read, which is logged. */
static virDomainDeviceDef *
qbjVmPlugRead(virDomainObj *vm, const char *text)
{
    virDomainXMLOption *xmlopt = QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt;
    virDomainDeviceDef *dev = virDomainDeviceDefParse(text, vm->def, xmlopt, NULL, QBJ_STATUS_PARSE_FLAGS);

    if (dev)
        return dev;
    VIR_WARN("A device that was being plugged into domain '%s' cannot be read: %s", vm->def->name,
             virGetLastErrorMessage());
    virResetLastError();
    return NULL;
}

/* It may be one that was recorded, and not labelled any more. */
static void
qbjVmPlugGiveBack(virDomainObj *vm, virDomainDeviceDef *dev)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (dev->type != VIR_DOMAIN_DEVICE_DISK ||
        (priv->status->rememberOwner && !qbjHostLabelMayBeSet(dev->data.disk->src)))
        return;
    if (qbjHostLabelRestoreChain(priv->driver->security, vm->def, dev->data.disk->src) < 0) {
        VIR_WARN("Cannot restore the labels of disk '%s': %s", dev->data.disk->dst, virGetLastErrorMessage());
        virResetLastError();
    }
}

static void
qbjVmPlugKeepFound(virDomainObj *vm, virDomainDeviceDef *dev)
{
    if (dev->type == VIR_DOMAIN_DEVICE_DISK && virDomainBlockIoTuneInfoHasAny(&dev->data.disk->blkdeviotune) &&
        qbjVmIoTuneSet(vm, dev->data.disk, &dev->data.disk->blkdeviotune) < 0) {
        VIR_WARN("The limits of disk '%s' are not in force: %s", dev->data.disk->dst, virGetLastErrorMessage());
        virResetLastError();
    }
    qbjVmPlugInsert(vm, dev, dev->type != VIR_DOMAIN_DEVICE_CONTROLLER);
}

/* Returns false when QEMU does not answer. */
static bool
qbjVmPlugSettleOne(virDomainObj *vm, const char *text, const char *const *names)
{
    g_autoptr(virDomainDeviceDef) dev = qbjVmPlugRead(vm, text);
    const char *alias = dev ? virDomainDeviceGetInfo(dev)->alias : NULL;

    if (!alias)
        return true;
    if (g_strv_contains(names, alias)) {
        qbjVmPlugKeepFound(vm, dev);
        return true;
    }
    if (qbjVmUnplugRemoval(vm, dev) < 0)
        return false;
    qbjVmPlugGiveBack(vm, dev);
    qbjVmConfigNextForgetAttach(vm);
    return true;
}

static void
qbjVmPlugSettle(virDomainObj *vm, const char *const *names)
{
    g_auto(GStrv) texts = g_strdupv(QBJ_DOMAIN_PRIVATE(vm)->status->plug);
    bool settled = true;
    size_t i;

    for (i = 0; texts && texts[i] && settled; i++)
        settled = qbjVmPlugSettleOne(vm, texts[i], names);
    if (settled && virDomainObjIsActive(vm)) {
        qbjVmPlugForget(vm);
    } else if (!settled) {
        VIR_WARN("What domain '%s' had of a device that was being plugged in is not taken away yet: %s",
                 vm->def->name, virGetLastErrorMessage());
        virResetLastError();
        qbjVmPlugLater(vm);
    }
}

void
qbjVmPlugResume(virDomainObj *vm, virJSONValue *devices)
{
    virQbjStatus *status = QBJ_DOMAIN_PRIVATE(vm)->status;
    g_auto(GStrv) names = qbjVmPlugNames(devices);
    g_auto(GStrv) before = g_strdupv(status->devices);
    size_t i;

    for (i = 0; before && before[i]; i++) {
        if (!g_strv_contains((const char *const *) names, before[i]))
            qbjVmUnplugGone(vm, before[i]);
    }
    if (status->plug && !QBJ_DOMAIN_PRIVATE(vm)->plugging)
        qbjVmPlugSettle(vm, (const char *const *) names);
    g_strfreev(status->devices);
    status->devices = g_strdupv(names);
    if (virDomainObjIsActive(vm))
        qbjVmMediaResume(vm);
    if (virDomainObjIsActive(vm))
        qbjVmConfigNextResume(vm, (const char *const *) names);
}

void
qbjVmPlugRestoreLabels(virDomainObj *vm)
{
    g_auto(GStrv) texts = g_strdupv(QBJ_DOMAIN_PRIVATE(vm)->status->plug);
    size_t i;

    for (i = 0; texts && texts[i]; i++) {
        g_autoptr(virDomainDeviceDef) dev = qbjVmPlugRead(vm, texts[i]);

        if (dev)
            qbjVmPlugGiveBack(vm, dev);
    }
    qbjVmMediaRestoreLabels(vm);
}
