#include <config.h>

#include <unistd.h>

#include "internal.h"
#include "domain_save.h"
#include "domain_queue.h"
#include "host_save.h"
#include "virerror.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.domain_save");

#define QBJ_FILE_WARNING \
    "<!--\n" \
    "WARNING: THIS IS AN AUTO-GENERATED FILE. CHANGES TO IT ARE LIKELY TO BE\n" \
    "OVERWRITTEN AND LOST. Changes to this xml configuration should be made using:\n" \
    "  virsh edit %s\n" \
    "or other application using the libvirt API.\n" \
    "-->\n\n%s"

/* A name with "--" would end the comment early: then no name is given. */
static char *
qbjDomainFileText(const char *name, const char *xml)
{
    return g_strdup_printf(QBJ_FILE_WARNING, strstr(name, "--") ? "DOMAIN" : name, xml);
}

char *
qbjDomainStatusPath(virDomainObj *vm)
{
    return g_strdup_printf("%s/%s.xml", QBJ_DOMAIN_PRIVATE(vm)->driver->conf->stateDir, vm->def->name);
}

char *
qbjDomainConfigPath(virDomainObj *vm)
{
    return g_strdup_printf("%s/%s.xml", QBJ_DOMAIN_PRIVATE(vm)->driver->conf->configDir, vm->def->name);
}

char *
qbjDomainStatusText(virDomainObj *vm)
{
    g_autofree char *xml = virDomainObjFormat(vm, QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt, QBJ_STATUS_FORMAT_FLAGS);

    return xml ? qbjDomainFileText(vm->def->name, xml) : NULL;
}

char *
qbjDomainConfigText(virDomainObj *vm, virDomainDef *def)
{
    g_autofree char *xml = virDomainDefFormat(def, QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt,
                                              VIR_DOMAIN_DEF_FORMAT_SECURE | VIR_DOMAIN_DEF_FORMAT_INACTIVE);

    return xml ? qbjDomainFileText(def->name, xml) : NULL;
}

#ifdef QBJ_DEBUG_CHECKS
/* Every file that we save must be one that we can read back. Not by virDomainObjParseFile: a second object of
 * the same driver would be made; the text's own elements are what matters here. */
static int
qbjDomainCheckReadable(virDomainObj *vm, const char *path)
{
    virDomainObj *copy = virDomainObjParseFile(path, QBJ_DOMAIN_PRIVATE(vm)->driver->xmlopt, QBJ_STATUS_PARSE_FLAGS);
    bool same;

    if (!copy)
        return -1;
    same = copy->def->ndisks == vm->def->ndisks;
    virDomainObjEndAPI(&copy);          /* it comes locked */
    if (!same)
        virReportError(VIR_ERR_INTERNAL_ERROR, _("status file '%s' does not read back as it was written"), path);
    return same ? 0 : -1;
}
#endif

int
qbjDomainSaveStatus(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    g_autofree char *path = qbjDomainStatusPath(vm);
    g_autofree char *text = NULL;

    if (qbjDomainCheckRead(vm) < 0)
        return -1;
    if (!(text = qbjDomainStatusText(vm)) || qbjHostSaveFile(path, text, 0600) < 0)
        return -1;
    priv->generation++;
    priv->saveWanted = false;
    priv->saveAgainMs = 0;
#ifdef QBJ_DEBUG_CHECKS
    if (qbjDomainCheckReadable(vm, path) < 0)
        return -1;
#endif
    return 0;
}

#define QBJ_DOMAIN_SAVE_AGAIN_MIN_MS 1000
#define QBJ_DOMAIN_SAVE_AGAIN_MAX_MS 30000

/* The file may name a job that has ended: a later daemon would remove its images once more, whatever has
 * their names by then. */
static void
qbjDomainSaveStatusLater(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (!virDomainObjIsActive(vm) || priv->stopping || priv->saveAgain == vm->def->id)
        return;
    priv->saveAgain = vm->def->id;
    priv->saveAgainMs = CLAMP(priv->saveAgainMs * 2, QBJ_DOMAIN_SAVE_AGAIN_MIN_MS, QBJ_DOMAIN_SAVE_AGAIN_MAX_MS);
    qbjDomainTimerStart(vm, NULL, QBJ_DOMAIN_TIMER_SAVE, priv->saveAgainMs);
}

void
qbjDomainSaveStatusOrWarn(virDomainObj *vm)
{
    if (QBJ_DOMAIN_PRIVATE(vm)->unread || qbjDomainSaveStatus(vm) == 0)
        return;
    VIR_WARN("Failed to save status of domain '%s': %s", vm->def->name, virGetLastErrorMessage());
    virResetLastError();
    qbjDomainSaveStatusLater(vm);
}

void
qbjDomainSaveStatusAgain(virDomainObj *vm)
{
    QBJ_DOMAIN_PRIVATE(vm)->saveAgain = 0;
    qbjDomainSaveStatusSoon(vm);
}

void
qbjDomainSaveStatusSoon(virDomainObj *vm)
{
    QBJ_DOMAIN_PRIVATE(vm)->saveWanted = true;
}

void
qbjDomainSaveStatusWanted(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    if (priv->saveWanted && virDomainObjIsActive(vm) && !priv->stopping && !priv->unsettled)
        qbjDomainSaveStatusOrWarn(vm);
    priv->saveWanted = false;
}

int
qbjDomainSaveConfig(virDomainObj *vm, virDomainDef *def)
{
    g_autofree char *path = qbjDomainConfigPath(vm);
    g_autofree char *text = qbjDomainConfigText(vm, def);

    if (!text)
        return -1;
    return qbjHostSaveFile(path, text, 0600);
}

int
qbjDomainPutConfig(virDomainObj *vm, virDomainDef *def, bool *renamed)
{
    g_autofree char *path = qbjDomainConfigPath(vm);
    g_autofree char *text = qbjDomainConfigText(vm, def);
    g_autoptr(qbjHostSave) save = NULL;

    *renamed = false;
    if (!text || !(save = qbjHostSavePrepare(path, text, 0600)))
        return -1;
    return qbjHostSaveCommit(save, renamed);
}

qbjHostSave *
qbjDomainPrepareEnded(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    g_autofree char *path = qbjDomainStatusPath(vm);
    g_autofree char *text = NULL;
    pid_t pid = vm->pid;

    vm->pid = 0;
    priv->status->ended = true;
    text = qbjDomainStatusText(vm);
    priv->status->ended = false;
    vm->pid = pid;
    return text ? qbjHostSavePrepare(path, text, 0600) : NULL;
}

void
qbjDomainRemoveStatus(virDomainObj *vm)
{
    g_autofree char *path = qbjDomainStatusPath(vm);

    if (unlink(path) < 0 && errno != ENOENT)
        VIR_WARN("Failed to remove '%s': %s", path, g_strerror(errno));
}
