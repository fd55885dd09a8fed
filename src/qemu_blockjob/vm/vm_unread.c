#include <config.h>

#include <sys/stat.h>

#include "internal.h"
#include "vm_unread.h"
#include "domain_private.h"
#include "domain_queue.h"
#include "domain_save.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virpidfile.h"
#include "virstring.h"
#include "virxml.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_unread");

/* What is known of the devices is what QEMU has: nothing is to be refused. */
#define QBJ_VM_UNREAD_FLAGS \
    (VIR_DOMAIN_DEF_PARSE_SKIP_VALIDATE | VIR_DOMAIN_DEF_PARSE_ACTUAL_NET | VIR_DOMAIN_DEF_PARSE_ALLOW_POST_PARSE_FAIL)

#define QBJ_VM_UNREAD_MIN_MS 1000
#define QBJ_VM_UNREAD_MAX_MS 30000

/* What changes when the file is written. The caller frees. */
static char *
qbjVmUnreadStamp(const char *path)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return g_strdup("");
    return g_strdup_printf("%llu %lld %lld.%09ld", (unsigned long long) st.st_ino, (long long) st.st_size,
                           (long long) st.st_mtim.tv_sec, (long) st.st_mtim.tv_nsec);
}

/* Steals @reason. @stamp: from before the file was read. */
static void
qbjVmUnreadSet(virDomainObj *vm, char *reason, const char *stamp)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    g_free(priv->unread);
    priv->unread = reason;
    g_free(priv->unreadStamp);
    priv->unreadStamp = g_strdup(stamp);
}

/* The definition alone, which may be whole when something around it is not. NULL with an error reported. */
static virDomainDef *
qbjVmUnreadParse(qbjDriver *driver, const char *path)
{
    g_autoptr(xmlXPathContext) ctxt = NULL;
    g_autoptr(xmlDoc) xml = virXMLParseFileCtxt(path, &ctxt);
    xmlNodePtr node = xml ? virXPathNode("/domstatus/domain", ctxt) : NULL;

    if (!node) {
        if (xml)
            virReportError(VIR_ERR_XML_ERROR, _("status file '%s' has no <domain>"), path);
        return NULL;
    }
    ctxt->node = node;
    return virDomainDefParseNode(ctxt, driver->xmlopt, NULL, QBJ_VM_UNREAD_FLAGS);
}

/* @reason: why the file cannot be read. NULL with an error reported. */
static virDomainDef *
qbjVmUnreadDef(qbjDriver *driver, const char *name, const char *path)
{
    g_autoptr(virDomainDef) def = qbjVmUnreadParse(driver, path);
    virDomainObj *vm;

    if (def && STREQ(def->name, name))
        return g_steal_pointer(&def);
    if (!(vm = virDomainObjListFindByName(driver->domains, name))) {
        if (def)
            virReportError(VIR_ERR_INTERNAL_ERROR, _("status file '%s' is of domain '%s'"), path, def->name);
        return NULL;
    }
    virDomainDefFree(def);
    def = virDomainDefCopy(vm->def, driver->xmlopt, NULL, false);
    virDomainObjEndAPI(&vm);
    return g_steal_pointer(&def);
}

static bool
qbjVmUnreadIsKnown(qbjDriver *driver, const char *name)
{
    virDomainObj *vm = virDomainObjListFindByName(driver->domains, name);
    bool active = vm && virDomainObjIsActive(vm);

    virDomainObjEndAPI(&vm);
    return active;
}

/* Why the whole file cannot be read. The caller frees. */
static char *
qbjVmUnreadReason(qbjDriver *driver, const char *path)
{
    virDomainObj *vm = virDomainObjParseFile(path, driver->xmlopt, QBJ_STATUS_PARSE_FLAGS);
    char *reason = g_strdup(vm ? _("its domain conflicts with another one") : virGetLastErrorMessage());

    virDomainObjEndAPI(&vm);
    virResetLastError();
    return reason;
}

static void
qbjVmUnreadOne(qbjDriver *driver, const char *name, const char *path, pid_t pid)
{
    g_autofree char *stamp = qbjVmUnreadStamp(path);
    g_autofree char *reason = qbjVmUnreadReason(driver, path);
    g_autoptr(virDomainDef) def = qbjVmUnreadDef(driver, name, path);
    virDomainObj *vm = NULL;

    if (def && def->id < 0)
        def->id = qbjDriverNextId(driver, -1);
    if (def)
        vm = virDomainObjListAdd(driver->domains, &def, driver->xmlopt, VIR_DOMAIN_OBJ_LIST_ADD_LIVE, NULL);
    if (!vm) {
        VIR_ERROR(_("Domain '%s' runs as process %lld, but cannot be listed: its status file cannot be read (%s), and "
                    "there is no other definition of it: %s"), name, (long long) pid, reason, virGetLastErrorMessage());
        virResetLastError();
        return;
    }
    VIR_ERROR(_("Domain '%s' runs as process %lld, but can only be destroyed: its status file '%s' cannot be read: %s"),
              name, (long long) pid, path, reason);
    vm->pid = pid;
    virDomainObjSetState(vm, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_UNKNOWN);
    qbjVmUnreadSet(vm, g_strdup_printf(_("its status file cannot be read: %s"), reason), stamp);
    virDomainObjEndAPI(&vm);
}

static void
qbjVmUnreadLook(qbjDriver *driver, const char *name)
{
    const char *folder = driver->conf->stateDir;
    g_autofree char *path = g_strdup_printf("%s/%s.xml", folder, name);
    g_autofree char *pidPath = virPidFileBuildPath(folder, name);
    pid_t pid = 0;

    if (virPidFileReadPathIfLocked(pidPath, &pid) == 0 && pid > 0)
        qbjVmUnreadOne(driver, name, path, pid);
    virResetLastError();
}

void
qbjVmUnreadAdd(qbjDriver *driver)
{
    g_autoptr(DIR) entries = NULL;
    struct dirent *entry;

    if (virDirOpenIfExists(&entries, driver->conf->stateDir) <= 0)
        return;
    while (virDirRead(entries, &entry, driver->conf->stateDir) > 0) {
        g_autofree char *name = g_strdup(entry->d_name);

        if (virStringStripSuffix(name, ".xml") && !qbjVmUnreadIsKnown(driver, name))
            qbjVmUnreadLook(driver, name);
    }
}

/* @vm: from the list. */
static int
qbjVmUnreadForeignOne(virDomainObj *vm, void *opaque G_GNUC_UNUSED)
{
    VIR_LOCK_GUARD lock = virObjectLockGuard(vm);
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    g_autofree char *path = NULL;
    g_autofree char *stamp = NULL;

    if (!virDomainObjIsActive(vm) || !priv->status || !priv->status->foreign)
        return 0;
    path = qbjDomainStatusPath(vm);
    stamp = qbjVmUnreadStamp(path);
    VIR_ERROR(_("Domain '%s' runs, but is left alone and can only be destroyed, because %s"), vm->def->name,
              priv->status->foreign);
    qbjVmUnreadSet(vm, g_strdup(priv->status->foreign), stamp);
    return 0;
}

void
qbjVmUnreadLeaveForeign(qbjDriver *driver)
{
    virDomainObjListForEach(driver->domains, false, qbjVmUnreadForeignOne, NULL);
}

/* Why @read, of the file of @vm, is not what @vm can be; NULL: it is. The caller frees. */
static char *
qbjVmUnreadWhyNot(const virDomainObj *vm, virDomainObj *read)
{
    if (!read)
        return g_strdup_printf(_("its status file cannot be read: %s"), virGetLastErrorMessage());
    if (STRNEQ(read->def->name, vm->def->name) || memcmp(read->def->uuid, vm->def->uuid, VIR_UUID_BUFLEN) != 0)
        return g_strdup_printf(_("its status file is of domain '%s'"), read->def->name);
    return g_strdup(QBJ_DOMAIN_PRIVATE(read)->status->foreign);
}

/* The id stays the one that clients know and events are marked with. */
static void
qbjVmUnreadTake(virDomainObj *vm, virDomainObj *read)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    qbjDomainPrivate *from = QBJ_DOMAIN_PRIVATE(read);
    virDomainDef *old = vm->def;
    virDomainState state;
    int reason;

    state = virDomainObjGetState(read, &reason);
    vm->def = g_steal_pointer(&read->def);
    vm->def->id = old->id;
    virDomainDefFree(old);
    vm->taint = read->taint;
    virDomainObjSetState(vm, state, reason);
    virQbjStatusFree(priv->status);
    priv->status = g_steal_pointer(&from->status);
    priv->destroyed = priv->destroyed || from->destroyed;
    g_clear_pointer(&priv->unread, g_free);
    g_clear_pointer(&priv->unreadStamp, g_free);
}

bool
qbjVmUnreadAgain(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    g_autofree char *path = qbjDomainStatusPath(vm);
    g_autofree char *stamp = qbjVmUnreadStamp(path);
    g_autofree char *why = NULL;
    virDomainObj *read;

    if (priv->stopping || priv->ending || STREQ_NULLABLE(stamp, priv->unreadStamp))
        return false;
    read = virDomainObjParseFile(path, priv->driver->xmlopt, QBJ_STATUS_PARSE_FLAGS);
    if ((why = qbjVmUnreadWhyNot(vm, read))) {
        VIR_WARN("Domain '%s' is left alone, because %s", vm->def->name, why);
        qbjVmUnreadSet(vm, g_steal_pointer(&why), stamp);
    } else {
        VIR_WARN("Domain '%s': its status file has been changed, and is read again", vm->def->name);
        qbjVmUnreadTake(vm, read);
    }
    virDomainObjEndAPI(&read);
    virResetLastError();
    return !priv->unread;
}

void
qbjVmUnreadLater(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    priv->unreadMs = CLAMP(priv->unreadMs * 2, QBJ_VM_UNREAD_MIN_MS, QBJ_VM_UNREAD_MAX_MS);
    qbjDomainTimerStart(vm, NULL, 0, priv->unreadMs);
}
