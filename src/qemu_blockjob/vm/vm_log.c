#include <config.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "internal.h"
#include "vm_log.h"
#include "logging/log_manager.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virtime.h"
#include "virutil.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_log");

#define QBJ_VM_LOG_TAIL 1024
/* how long words that are in virtlogd's pipe are waited for */
#define QBJ_VM_LOG_PIPE_MS 300
#define QBJ_VM_LOG_PIPE_STEP_MS 10

static char *
qbjVmLogPath(virDomainObj *vm)
{
    return g_strdup_printf("%s/%s.log", QBJ_DOMAIN_PRIVATE(vm)->driver->conf->logDir, vm->def->name);
}

static int
qbjVmLogOpenFile(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    if (fd < 0)
        virReportSystemError(errno, _("failed to open log file '%s'"), path);
    return fd;
}

/* The service of the system is there when its socket is; a session starts its own when it is asked. */
static bool
qbjVmLogMayAsk(const virQbjConf *conf)
{
    g_autofree char *folder = g_path_get_dirname(conf->stateDir);
    g_autofree char *path = g_build_filename(folder, "virtlogd-sock", NULL);

    if (conf->stdioHandler != VIR_QBJ_STDIO_DEFAULT)
        return conf->stdioHandler == VIR_QBJ_STDIO_LOGD;
    return !conf->root && (!conf->privileged || virFileExists(path));
}

/* Returns the pipe to virtlogd, -1 with an error reported. */
static int
qbjVmLogOpenPipe(const virQbjConf *conf, const unsigned char *uuid, const char *name, const char *path)
{
    g_autoptr(virLogManager) manager = virLogManagerNew(conf->privileged);
    ino_t inode;
    off_t offset;

    if (!manager)
        return -1;
    return virLogManagerDomainOpenLogFile(manager, "qemu", uuid, name, path, 0, &inode, &offset);
}

int
qbjVmLogOpen(virDomainObj *vm, qbjVmLog *log)
{
    const virQbjConf *conf = QBJ_DOMAIN_PRIVATE(vm)->driver->conf;
    g_autofree char *path = qbjVmLogPath(vm);
    g_autofree char *name = g_strdup(vm->def->name);
    unsigned char uuid[VIR_UUID_BUFLEN];

    memcpy(uuid, vm->def->uuid, sizeof(uuid));
    if (qbjVmLogMayAsk(conf)) {
        virObjectUnlock(vm);
        log->fd = qbjVmLogOpenPipe(conf, uuid, name, path);
        virObjectLock(vm);
        log->piped = log->fd >= 0;
        if (log->fd >= 0 || conf->stdioHandler == VIR_QBJ_STDIO_LOGD)
            return log->fd < 0 ? -1 : 0;
        VIR_INFO("no virtlogd, so '%s' is written without it: %s", path, virGetLastErrorMessage());
        virResetLastError();
    }
    log->fd = qbjVmLogOpenFile(path);
    return log->fd < 0 ? -1 : 0;
}

void
qbjVmLogClose(qbjVmLog *log)
{
    VIR_FORCE_CLOSE(log->fd);
}

/* Straight into the file, also when virtlogd has it open: both only append, and the end of a VM does not
 * depend on another process. Returns the file's size behind the text. */
static off_t
qbjVmLogWrite(virDomainObj *vm, const char *text)
{
    g_autofree char *path = qbjVmLogPath(vm);
    VIR_AUTOCLOSE fd = qbjVmLogOpenFile(path);

    if (fd < 0 || safewrite(fd, text, strlen(text)) < 0) {
        VIR_WARN("cannot write to the log of domain '%s'", vm->def->name);
        virResetLastError();
        return 0;
    }
    return lseek(fd, 0, SEEK_END);
}

static char *
qbjVmLogVersionText(unsigned int version)
{
    return g_strdup_printf("%u.%u.%u", version / 1000000, version / 1000 % 1000, version % 1000);
}

void
qbjVmLogCommand(virDomainObj *vm, qbjVmLog *log, virCommand *cmd, unsigned int version)
{
    g_autofree char *command = virCommandToString(cmd, true);
    g_autofree char *when = virTimeStringNow();
    g_autofree char *host = virGetHostnameQuiet();
    g_autofree char *qemu = qbjVmLogVersionText(version);
    g_autofree char *libvirt = qbjVmLogVersionText(LIBVIR_VERSION_NUMBER);
    g_autofree char *text = NULL;
    struct utsname kernel = { .release = "" };

    uname(&kernel);
    text = g_strdup_printf("%s: starting up libvirt version: %s, driver: libvirt-qemu-blockjob %s, "
                           "qemu version: %s, kernel: %s, hostname: %s\n%s\n",
                           NULLSTR_EMPTY(when), libvirt, QBJ_VERSION, qemu, kernel.release, NULLSTR_EMPTY(host),
                           NULLSTR_EMPTY(command));
    log->offset = qbjVmLogWrite(vm, text);
}

void
qbjVmLogLine(virDomainObj *vm, const char *fmt, ...)
{
    g_autofree char *when = virTimeStringNow();
    g_autofree char *what = NULL;
    g_autofree char *line = NULL;
    va_list args;

    va_start(args, fmt);
    what = g_strdup_vprintf(fmt, args);
    va_end(args);

    line = g_strdup_printf("%s: %s\n", NULLSTR_EMPTY(when), what);
    qbjVmLogWrite(vm, line);
}

void
qbjVmLogTaint(virDomainObj *vm, virDomainTaintFlags flag)
{
    if (!virDomainObjTaint(vm, flag))
        return;
    VIR_WARN("Domain '%s' is tainted: %s", vm->def->name, virDomainTaintTypeToString(flag));
    qbjVmLogLine(vm, "Domain id=%d is tainted: %s", vm->def->id, virDomainTaintTypeToString(flag));
}

static char *
qbjVmLogRead(const char *path, off_t offset)
{
    VIR_AUTOCLOSE fd = open(path, O_RDONLY | O_CLOEXEC);
    g_autofree char *text = g_new0(char, QBJ_VM_LOG_TAIL + 1);
    off_t end;

    if (fd < 0 || (end = lseek(fd, 0, SEEK_END)) < 0 ||
        lseek(fd, MAX(offset, end - QBJ_VM_LOG_TAIL), SEEK_SET) < 0 ||
        saferead(fd, text, QBJ_VM_LOG_TAIL) < 0)
        return g_strdup("");
    return g_strdup(g_strstrip(text));
}

char *
qbjVmLogTail(virDomainObj *vm, const qbjVmLog *log)
{
    g_autofree char *path = qbjVmLogPath(vm);
    char *text = qbjVmLogRead(path, log->offset);
    int waited;

    for (waited = 0; log->piped && !*text && waited < QBJ_VM_LOG_PIPE_MS; waited += QBJ_VM_LOG_PIPE_STEP_MS) {
        g_usleep(QBJ_VM_LOG_PIPE_STEP_MS * 1000);
        g_free(text);
        text = qbjVmLogRead(path, log->offset);
    }
    return text;
}
