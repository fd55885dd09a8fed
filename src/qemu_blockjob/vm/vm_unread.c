#include <config.h>

#include "internal.h"
#include "vm_unread.h"
#include "domain_private.h"
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
    QBJ_DOMAIN_PRIVATE(vm)->unread = g_steal_pointer(&reason);
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
