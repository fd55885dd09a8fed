#include <config.h>

#include "internal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "virqbjconfdirs.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virutil.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

VIR_LOG_INIT("conf.virqbjconfdirs");

typedef enum {
    VIR_QBJ_BASE_CONFIG,
    VIR_QBJ_BASE_STATE,
    VIR_QBJ_BASE_LIB,
    VIR_QBJ_BASE_LOG,
    VIR_QBJ_BASE_CACHE,
    VIR_QBJ_BASE_LAST
} virQbjBase;

typedef struct _virQbjDir virQbjDir;
struct _virQbjDir {
    size_t offset;              /* of the char * in virQbjConf */
    virQbjBase base;
    const char *system;         /* below the base; embed mode has the same */
    const char *session;
    bool qemuOwned;             /* belongs to the user that QEMU runs as */
    bool optional;              /* may fail on a read-only file system: made again when it is written to */
};

#define DIR(name) offsetof(virQbjConf, name)

/* Parents before children: each is owned only after it was made. */
static const virQbjDir virQbjDirs[] = {
    { DIR(configDir), VIR_QBJ_BASE_CONFIG, "qemu", "qemu", false, true },
    { DIR(autostartDir), VIR_QBJ_BASE_CONFIG, "qemu/autostart", "qemu/autostart", false, true },
    { DIR(stateDir), VIR_QBJ_BASE_STATE, "qemu", "qemu/run", false, false },
    { DIR(libDir), VIR_QBJ_BASE_LIB, "qemu", "qemu/lib", true, false },
    { DIR(channelTargetDir), VIR_QBJ_BASE_LIB, "qemu/channel/target", "qemu/channel/target", true, false },
    { DIR(saveDir), VIR_QBJ_BASE_LIB, "qemu/save", "qemu/save", true, false },
    { DIR(snapshotDir), VIR_QBJ_BASE_LIB, "qemu/snapshot", "qemu/snapshot", true, false },
    { DIR(checkpointDir), VIR_QBJ_BASE_LIB, "qemu/checkpoint", "qemu/checkpoint", true, false },
    { DIR(dumpDir), VIR_QBJ_BASE_LIB, "qemu/dump", "qemu/dump", true, false },
    { DIR(nvramDir), VIR_QBJ_BASE_LIB, "qemu/nvram", "qemu/nvram", true, false },
    { DIR(ramDir), VIR_QBJ_BASE_LIB, "qemu/ram", "qemu/ram", true, false },
    { DIR(logDir), VIR_QBJ_BASE_LOG, "qemu", "qemu/log", false, false },
    { DIR(cacheDir), VIR_QBJ_BASE_CACHE, "qemu", "qemu/cache", false, false },
};

static char **
virQbjDirField(virQbjConf *conf, const virQbjDir *dir)
{
    return (char **) ((char *) conf + dir->offset);
}

static const char *
virQbjDirPath(const virQbjConf *conf, const virQbjDir *dir)
{
    return *(char *const *) ((const char *) conf + dir->offset);
}

static char *
virQbjConfBase(const virQbjConf *conf, virQbjBase base)
{
    static const char *const embed[] = { "etc", "run", "lib", "log", "cache" };
    static const char *const system[] = { QBJ_SYSCONFDIR "/libvirt", QBJ_RUNSTATEDIR "/libvirt",
        QBJ_LOCALSTATEDIR "/lib/libvirt", QBJ_LOCALSTATEDIR "/log/libvirt", QBJ_LOCALSTATEDIR "/cache/libvirt" };

    if (conf->root)
        return g_strdup_printf("%s/%s", conf->root, embed[base]);
    if (conf->privileged)
        return g_strdup(system[base]);
    if (base == VIR_QBJ_BASE_STATE)
        return virGetUserRuntimeDirectory();
    if (base == VIR_QBJ_BASE_CONFIG || base == VIR_QBJ_BASE_LIB)
        return virGetUserConfigDirectory();

    return virGetUserCacheDirectory();
}

static char *
virQbjConfURI(const virQbjConf *conf)
{
    g_autofree char *root = NULL;

    if (!conf->root)
        return g_strdup(conf->privileged ? "qemu:///system" : "qemu:///session");

    root = g_uri_escape_string(conf->root, "/", false);
    return g_strdup_printf("qemu:///embed?root=%s", root);
}

void
virQbjConfSetDirs(virQbjConf *conf)
{
    bool session = !conf->privileged && !conf->root;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(virQbjDirs); i++) {
        const virQbjDir *dir = &virQbjDirs[i];
        g_autofree char *base = virQbjConfBase(conf, dir->base);

        *virQbjDirField(conf, dir) = g_strdup_printf("%s/%s", base, session ? dir->session : dir->system);
    }

    conf->uri = virQbjConfURI(conf);
}

void
virQbjConfClearDirs(virQbjConf *conf)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(virQbjDirs); i++)
        g_clear_pointer(virQbjDirField(conf, &virQbjDirs[i]), g_free);
    g_clear_pointer(&conf->uri, g_free);
}

char *
virQbjConfPath(const virQbjConf *conf)
{
    g_autofree char *base = virQbjConfBase(conf, VIR_QBJ_BASE_CONFIG);

    return g_strdup_printf("%s/qemu.conf", base);
}

/* QEMU's user may write to some of the parents: a link that it made must not lead a chown to a file of
 * root. */
static int
virQbjConfOpenDir(const char *path)
{
    struct stat sb;
    bool trusted = lstat(path, &sb) == 0 && S_ISLNK(sb.st_mode) && (sb.st_uid == 0 || sb.st_uid == geteuid());

    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (trusted ? 0 : O_NOFOLLOW));
}

static int
virQbjConfOwnDir(const virQbjConf *conf, const char *path)
{
    VIR_AUTOCLOSE fd = virQbjConfOpenDir(path);
    struct stat sb;

    if (fd < 0 || fstat(fd, &sb) < 0) {
        virReportSystemError(errno, _("The directory '%s' cannot be opened"), path);
        return -1;
    }

    if (sb.st_uid == conf->user && sb.st_gid == conf->group)
        return 0;

    if (fchown(fd, conf->user, conf->group) < 0) {
        virReportSystemError(errno, _("The owner of the directory '%s' cannot be set to %u:%u"),
                             path, (unsigned int) conf->user, (unsigned int) conf->group);
        return -1;
    }

    return 0;
}

/* Each folder from @path down to below the base belongs to QEMU's user: .../qemu, .../qemu/channel,
 * .../target. */
static int
virQbjConfOwnTree(const virQbjConf *conf, const virQbjDir *dir)
{
    g_autofree char *base = virQbjConfBase(conf, dir->base);
    const char *path = virQbjDirPath(conf, dir);
    const char *end = path + strlen(base) + 1;

    while ((end = strchrnul(end, '/'))) {
        g_autofree char *part = g_strndup(path, end - path);

        if (virQbjConfOwnDir(conf, part) < 0)
            return -1;
        if (!*end++)
            return 0;
    }

    return 0;
}

static int
virQbjConfMakeDir(const virQbjConf *conf, const virQbjDir *dir)
{
    const char *path = virQbjDirPath(conf, dir);

    if (g_mkdir_with_parents(path, conf->privileged ? 0755 : 0700) < 0) {
        if (dir->optional && (errno == EROFS || errno == EACCES || errno == EPERM)) {
            VIR_WARN("the directory '%s' cannot be made: %s", path, g_strerror(errno));
            return 0;
        }
        virReportSystemError(errno, _("The directory '%s' cannot be made"), path);
        return -1;
    }

    if (dir->qemuOwned && conf->privileged)
        return virQbjConfOwnTree(conf, dir);

    return 0;
}

int
virQbjConfMakeDirs(const virQbjConf *conf)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(virQbjDirs); i++) {
        if (virQbjConfMakeDir(conf, &virQbjDirs[i]) < 0)
            return -1;
    }

    return 0;
}
