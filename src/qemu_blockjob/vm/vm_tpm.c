#include <config.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "vm_tpm.h"
#include "qmp_socket.h"
#include "vircommand.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virpidfile.h"
#include "virtpm.h"
#include "virutil.h"
#include "viruuid.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_tpm");

#define QBJ_VM_TPM_USER "tss"           /* of Debian's package; its certificates belong to it */

/* The paths of one domain's swtpm. */
typedef struct _qbjVmTpm qbjVmTpm;
struct _qbjVmTpm {
    char *domainDir;
    char *stateDir;
    char *runDir;
    char *socket;
    char *pidFile;
    char *log;
    uid_t user;
    gid_t group;
    bool version2;
};

static void
qbjVmTpmClear(qbjVmTpm *tpm)
{
    g_free(tpm->domainDir);
    g_free(tpm->stateDir);
    g_free(tpm->runDir);
    g_free(tpm->socket);
    g_free(tpm->pidFile);
    g_free(tpm->log);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(qbjVmTpm, qbjVmTpmClear);

static virDomainTPMDef *
qbjVmTpmOf(const virDomainDef *def)
{
    return def->ntpms > 0 && def->tpms[0]->type == VIR_DOMAIN_TPM_TYPE_EMULATOR ? def->tpms[0] : NULL;
}

/* Beside the folder of the VMs: /var/lib/libvirt/swtpm/UUID. */
static char *
qbjVmTpmDomainDir(const virQbjConf *conf, const virDomainDef *def)
{
    g_autofree char *parent = g_path_get_dirname(conf->libDir);
    char uuid[VIR_UUID_STRING_BUFLEN];

    virUUIDFormat(def->uuid, uuid);
    return g_strdup_printf("%s/swtpm/%s", parent, uuid);
}

static int
qbjVmTpmFill(const virQbjConf *conf, const virDomainDef *def, qbjVmTpm *tpm)
{
    g_autofree char *name = virDomainDefGetShortName(def);
    const virDomainTPMDef *emulator = qbjVmTpmOf(def);

    if (!name || !emulator)
        return -1;

    tpm->version2 = emulator->data.emulator.version == VIR_DOMAIN_TPM_VERSION_2_0;
    tpm->domainDir = qbjVmTpmDomainDir(conf, def);
    tpm->stateDir = g_strdup_printf("%s/%s", tpm->domainDir, tpm->version2 ? "tpm2" : "tpm1.2");
    tpm->runDir = g_strdup_printf("%s/swtpm", conf->stateDir);
    tpm->socket = g_strdup_printf("%s/%s-swtpm.sock", tpm->runDir, name);
    tpm->pidFile = g_strdup_printf("%s/%s-swtpm.pid", tpm->runDir, name);
    tpm->log = g_strdup_printf("%s/%s-swtpm.log", conf->logDir, def->name);
    tpm->user = (uid_t) -1;
    tpm->group = (gid_t) -1;
    if (conf->privileged &&
        (virGetUserID(QBJ_VM_TPM_USER, &tpm->user) < 0 || virGetGroupID(QBJ_VM_TPM_USER, &tpm->group) < 0))
        return -1;

    return 0;
}

static int
qbjVmTpmMakeDir(const char *path, mode_t mode, uid_t user, gid_t group)
{
    if (g_mkdir_with_parents(path, mode) < 0 || chmod(path, mode) < 0 || chown(path, user, group) < 0) {
        virReportSystemError(errno, _("unable to create folder '%s' for the TPM"), path);
        return -1;
    }

    return 0;
}

static int
qbjVmTpmMakeFiles(const qbjVmTpm *tpm)
{
    VIR_AUTOCLOSE log = open(tpm->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    g_autofree char *parent = g_path_get_dirname(tpm->domainDir);

    if (log < 0 || fchown(log, tpm->user, tpm->group) < 0) {
        virReportSystemError(errno, _("failed to open log file '%s'"), tpm->log);
        return -1;
    }

    if (qbjVmTpmMakeDir(parent, 0711, (uid_t) -1, (gid_t) -1) < 0 ||
        qbjVmTpmMakeDir(tpm->domainDir, 0711, (uid_t) -1, (gid_t) -1) < 0 ||
        qbjVmTpmMakeDir(tpm->runDir, 0771, (uid_t) -1, tpm->group) < 0)
        return -1;

    return 0;
}

static void
qbjVmTpmSetUser(virCommand *cmd, const qbjVmTpm *tpm)
{
    virCommandAddEnvPassCommon(cmd);
    virCommandClearCaps(cmd);
    if (tpm->user != (uid_t) -1) {
        virCommandSetUID(cmd, tpm->user);
        virCommandSetGID(cmd, tpm->group);
    }
}

/* A new TPM: its keys and certificates. */
static int
qbjVmTpmSetup(const virDomainDef *def, const qbjVmTpm *tpm)
{
    g_autofree char *program = virTPMGetSwtpmSetup();
    g_autoptr(virCommand) cmd = NULL;
    char uuid[VIR_UUID_STRING_BUFLEN];

    if (virFileIsDir(tpm->stateDir))
        return 0;
    if (!program) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, "%s", _("A TPM needs swtpm_setup, which is not installed."));
        return -1;
    }
    if (qbjVmTpmMakeDir(tpm->stateDir, 0700, tpm->user, tpm->group) < 0)
        return -1;

    virUUIDFormat(def->uuid, uuid);
    cmd = virCommandNew(program);
    if (tpm->version2)
        virCommandAddArg(cmd, "--tpm2");
    virCommandAddArgList(cmd, "--tpm-state", tpm->stateDir, "--vmid", NULL);
    virCommandAddArgFormat(cmd, "%s:%s", def->name, uuid);
    virCommandAddArgList(cmd, "--logfile", tpm->log, "--createek", "--create-ek-cert", "--create-platform-cert",
                         "--lock-nvram", "--not-overwrite", NULL);
    qbjVmTpmSetUser(cmd, tpm);
    if (virCommandRun(cmd, NULL) < 0) {
        virFileDeleteTree(tpm->stateDir);
        return -1;
    }

    return 0;
}

/* The socket listens before swtpm is started, and is handed to it: QEMU can connect at once. The folder is
 * swtpm's to write, too: no link in it is followed. Returns a descriptor, -1 with an error reported. */
static int
qbjVmTpmListen(const qbjVmTpm *tpm, const virQbjConf *conf)
{
    VIR_AUTOCLOSE fd = qbjQmpListenUnix(tpm->socket, 0600);
    int listening;

    if (fd >= 0 && conf->privileged && conf->user != (uid_t) -1 && lchown(tpm->socket, conf->user, conf->group) < 0) {
        virReportSystemError(errno, _("unable to set ownership of '%s'"), tpm->socket);
        return -1;
    }
    listening = fd;
    fd = -1;
    return listening;
}

static int
qbjVmTpmRun(const qbjVmTpm *tpm, const virQbjConf *conf)
{
    g_autofree char *program = virTPMGetSwtpm();
    g_autoptr(virCommand) cmd = NULL;
    int fd;

    if (!program) {
        virReportError(VIR_ERR_OPERATION_UNSUPPORTED, "%s", _("A TPM needs swtpm, which is not installed."));
        return -1;
    }
    if ((fd = qbjVmTpmListen(tpm, conf)) < 0)
        return -1;

    cmd = virCommandNewArgList(program, "socket", "--ctrl", NULL);
    virCommandPassFD(cmd, fd, VIR_COMMAND_PASS_FD_CLOSE_PARENT);
    virCommandAddArgFormat(cmd, "type=unixio,fd=%d", fd);
    virCommandAddArg(cmd, "--tpmstate");
    virCommandAddArgFormat(cmd, "dir=%s,mode=0600", tpm->stateDir);
    virCommandAddArg(cmd, "--log");
    virCommandAddArgFormat(cmd, "file=%s", tpm->log);
    virCommandAddArg(cmd, "--terminate");
    if (tpm->version2)
        virCommandAddArg(cmd, "--tpm2");
    qbjVmTpmSetUser(cmd, tpm);
    virCommandSetPidFile(cmd, tpm->pidFile);
    virCommandDaemonize(cmd);
    return virCommandRun(cmd, NULL);
}

int
qbjVmTpmStart(virDomainObj *vm)
{
    const virQbjConf *conf = QBJ_DOMAIN_PRIVATE(vm)->driver->conf;
    virDomainTPMDef *def = qbjVmTpmOf(vm->def);
    g_auto(qbjVmTpm) tpm = { 0 };

    if (!def)
        return 0;

    if (qbjVmTpmFill(conf, vm->def, &tpm) < 0 || qbjVmTpmMakeFiles(&tpm) < 0 ||
        qbjVmTpmSetup(vm->def, &tpm) < 0 || qbjVmTpmRun(&tpm, conf) < 0)
        return -1;

    def->data.emulator.source->type = VIR_DOMAIN_CHR_TYPE_UNIX;
    g_free(def->data.emulator.source->data.nix.path);
    def->data.emulator.source->data.nix.path = g_steal_pointer(&tpm.socket);
    return 0;
}

pid_t
qbjVmTpmProcess(virDomainObj *vm)
{
    g_auto(qbjVmTpm) tpm = { 0 };
    pid_t pid = 0;

    if (!qbjVmTpmOf(vm->def))
        return 0;
    if (qbjVmTpmFill(QBJ_DOMAIN_PRIVATE(vm)->driver->conf, vm->def, &tpm) < 0 ||
        virPidFileReadPath(tpm.pidFile, &pid) < 0) {
        virResetLastError();
        return 0;
    }
    return pid;
}

int
qbjVmTpmForget(const virQbjConf *conf, const virDomainDef *def)
{
    g_autofree char *dir = qbjVmTpmDomainDir(conf, def);

    if (!qbjVmTpmOf(def) || !virFileIsDir(dir))
        return 0;

    return virFileDeleteTree(dir);
}

/* What a transient domain without persistent_state leaves goes with it. */
static bool
qbjVmTpmIsOver(virDomainObj *vm, const virDomainTPMDef *def)
{
    return !vm->persistent && !QBJ_DOMAIN_PRIVATE(vm)->reverting && !def->data.emulator.persistent_state;
}

void
qbjVmTpmStop(virDomainObj *vm)
{
    const virQbjConf *conf = QBJ_DOMAIN_PRIVATE(vm)->driver->conf;
    virDomainTPMDef *def = qbjVmTpmOf(vm->def);
    g_auto(qbjVmTpm) tpm = { 0 };

    if (!def)
        return;

    if (qbjVmTpmFill(conf, vm->def, &tpm) < 0 || virPidFileForceCleanupPath(tpm.pidFile) < 0 ||
        (qbjVmTpmIsOver(vm, def) && qbjVmTpmForget(conf, vm->def) < 0)) {
        VIR_WARN("Cannot clean up the TPM of domain '%s': %s", vm->def->name, virGetLastErrorMessage());
        virResetLastError();
    }
    if (tpm.socket)
        unlink(tpm.socket);
}
