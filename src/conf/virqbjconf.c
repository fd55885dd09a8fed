#include <config.h>

#include "internal.h"

#include <unistd.h>

#include "virqbjconf.h"
#include "virqbjconfdirs.h"
#include "virqbjconfkeys.h"
#include "virqbjconfread.h"
#include "viralloc.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virutil.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

VIR_LOG_INIT("conf.virqbjconf");

/* What Debian builds the stock driver with. */
#define VIR_QBJ_CONF_USER "libvirt-qemu"
#define VIR_QBJ_CONF_GROUP "libvirt-qemu"
#define VIR_QBJ_CONF_VNC_LISTEN "127.0.0.1"

static void
virQbjConfClearSettings(virQbjConf *conf)
{
    g_clear_pointer(&conf->securityDrivers, g_strfreev);
    g_clear_pointer(&conf->vncListen, g_free);
    g_clear_pointer(&conf->vncPassword, g_free);
    g_clear_pointer(&conf->hugetlbfsMounts, g_strfreev);
    g_clear_pointer(&conf->memoryBackingDir, g_free);
    g_clear_pointer(&conf->saveImageFormat, g_free);
    g_clear_pointer(&conf->snapshotImageFormat, g_free);
    g_clear_pointer(&conf->dumpImageFormat, g_free);
    g_clear_pointer(&conf->lockManager, g_free);
    g_clear_pointer(&conf->ignoredKeys, g_strfreev);
    g_clear_pointer(&conf->unknownKeys, g_strfreev);
    g_clear_pointer(&conf->unsafeKeys, g_strfreev);
}

void
virQbjConfFree(virQbjConf *conf)
{
    if (!conf)
        return;

    virQbjConfClearSettings(conf);
    virQbjConfClearDirs(conf);
    g_free(conf->root);
    g_free(conf);
}

static virQbjConf *
virQbjConfNewDefaults(bool privileged)
{
    virQbjConf *conf = g_new0(virQbjConf, 1);

    conf->privileged = privileged;
    conf->user = (uid_t) -1;
    conf->group = (gid_t) -1;
    conf->dynamicOwnership = privileged;
    conf->rememberOwner = privileged;
    conf->cgroupControllers = privileged ? -1 : 0;
    conf->securityDefaultConfined = true;
    conf->seccompSandbox = -1;
    conf->logTimestamp = true;
    conf->displayPortMin = VIR_QBJ_CONF_PORT_MIN;
    conf->displayPortMax = VIR_QBJ_CONF_PORT_MAX;
    conf->vncListen = g_strdup(VIR_QBJ_CONF_VNC_LISTEN);
    conf->ignoredKeys = g_new0(char *, 1);
    conf->unknownKeys = g_new0(char *, 1);
    conf->unsafeKeys = g_new0(char *, 1);
    return conf;
}

static int
virQbjConfSetAccount(virQbjConf *conf, const char *user, const char *group)
{
    if (!conf->privileged)
        return 0;

    if (virGetUserID(user, &conf->user) < 0 || virGetGroupID(group, &conf->group) < 0)
        return -1;

    return 0;
}

virQbjConf *
virQbjConfNew(bool privileged, const char *root)
{
    g_autoptr(virQbjConf) conf = virQbjConfNewDefaults(privileged);

    conf->root = g_strdup(root);
    virQbjConfSetDirs(conf);
    if (virQbjConfSetAccount(conf, VIR_QBJ_CONF_USER, VIR_QBJ_CONF_GROUP) < 0)
        return NULL;

    return g_steal_pointer(&conf);
}

static int
virQbjConfReadAccount(virQbjConf *conf, virConf *file)
{
    g_autofree char *user = NULL;
    g_autofree char *group = NULL;

    if (virConfGetValueString(file, "user", &user) < 0 || virConfGetValueString(file, "group", &group) < 0)
        return -1;

    return virQbjConfSetAccount(conf, user ? user : VIR_QBJ_CONF_USER, group ? group : VIR_QBJ_CONF_GROUP);
}

static int
virQbjConfReadOwnership(virQbjConf *conf, virConf *file)
{
    if (!conf->privileged)
        return 0;

    if (virConfGetValueBool(file, "dynamic_ownership", &conf->dynamicOwnership) < 0 ||
        virConfGetValueBool(file, "remember_owner", &conf->rememberOwner) < 0)
        return -1;

    return 0;
}

/* DAC is always there; "none" stands alone; nothing twice. */
static int
virQbjConfCheckSecurityDrivers(char *const *drivers, const char *filename)
{
    size_t i;

    for (i = 0; drivers[i]; i++) {
        if (STREQ(drivers[i], "dac") || g_strv_contains((const char *const *) drivers + i + 1, drivers[i]) ||
            (STREQ(drivers[i], "none") && drivers[1])) {
            virReportError(VIR_ERR_CONF_SYNTAX,
                           _("The value '%s' is not allowed here in 'security_driver' of %s"), drivers[i], filename);
            return -1;
        }
    }

    return 0;
}

static int
virQbjConfReadSecurity(virQbjConf *conf, virConf *file, const char *filename)
{
    if (virConfGetValueStringList(file, "security_driver", true, &conf->securityDrivers) < 0 ||
        virConfGetValueBool(file, "security_default_confined", &conf->securityDefaultConfined) < 0 ||
        virConfGetValueBool(file, "security_require_confined", &conf->securityRequireConfined) < 0 ||
        virConfGetValueInt(file, "seccomp_sandbox", &conf->seccompSandbox) < 0)
        return -1;

    if (conf->securityDrivers && !conf->securityDrivers[0])
        g_clear_pointer(&conf->securityDrivers, g_strfreev);
    if (conf->securityDrivers && virQbjConfCheckSecurityDrivers(conf->securityDrivers, filename) < 0)
        return -1;

    return 0;
}

static int
virQbjConfReadStdio(virQbjConf *conf, virConf *file, const char *filename)
{
    g_autofree char *handler = NULL;

    if (virConfGetValueString(file, "stdio_handler", &handler) < 0)
        return -1;

    if (handler && STRNEQ(handler, "logd") && STRNEQ(handler, "file")) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("The value '%s' of 'stdio_handler' in %s is not known"), handler, filename);
        return -1;
    }

    if (handler)
        conf->stdioHandler = STREQ(handler, "logd") ? VIR_QBJ_STDIO_LOGD : VIR_QBJ_STDIO_FILE;
    return 0;
}

static int
virQbjConfReadSettings(virQbjConf *conf, virConf *file, const char *filename)
{
    if (virQbjConfReadAccount(conf, file) < 0 ||
        virQbjConfReadOwnership(conf, file) < 0 ||
        virQbjConfReadSecurity(conf, file, filename) < 0 ||
        virQbjConfReadStdio(conf, file, filename) < 0 ||
        virQbjConfReadDisplay(conf, file, filename) < 0 ||
        virQbjConfReadProcess(conf, file, filename) < 0 ||
        virQbjConfReadCgroups(conf, file, filename) < 0 ||
        virQbjConfReadMemory(conf, file, filename) < 0 ||
        virConfGetValueBool(file, "blockjob_pivot_stop_guest", &conf->pivotStopGuest) < 0 ||
        virConfGetValueUInt(file, "max_queued", &conf->maxQueued) < 0 ||
        virConfGetValueString(file, "lock_manager", &conf->lockManager) < 0)
        return -1;

    conf->namespacesSet = virConfGetValueType(file, "namespaces") != VIR_CONF_NONE;
    return 0;
}

typedef struct _virQbjConfNames virQbjConfNames;
struct _virQbjConfNames {
    virConf *file;
    bool privileged;
    GPtrArray *ignored;
    GPtrArray *unknown;
    GPtrArray *unsafe;
};

static GPtrArray *
virQbjConfNamesList(virQbjConfNames *names, const virQbjKey *key)
{
    switch (key->class) {
    case VIR_QBJ_KEY_SYSTEM_ONLY:
        return names->privileged ? NULL : names->ignored;
    case VIR_QBJ_KEY_IGNORED:
        return names->ignored;
    case VIR_QBJ_KEY_UNSAFE:
        return names->unsafe;
    case VIR_QBJ_KEY_ACTED_ON:
    default:
        return NULL;
    }
}

/* virConfWalkCallback: checks the type of each known key, and notes those without effect. */
static int
virQbjConfNote(const char *name, virConfValue *value, void *opaque)
{
    virQbjConfNames *names = opaque;
    const virQbjKey *key = virQbjKeyFind(name);
    g_autofree char *text = NULL;
    GPtrArray *list = names->unknown;

    if (key) {
        if (virQbjKeyText(names->file, key, &text) < 0)
            return -1;
        list = STREQ_NULLABLE(text, key->same) ? NULL : virQbjConfNamesList(names, key);
    }

    if (list)
        g_ptr_array_add(list, g_strdup(name));
    return 0;
}

static int
virQbjConfCompareNames(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Steals the names of @list; what @to pointed to is freed. */
static void
virQbjConfTakeNames(GPtrArray *list, char ***to)
{
    size_t n;

    g_ptr_array_sort(list, virQbjConfCompareNames);
    for (n = 1; n < list->len; n++) {   /* a file may set a key twice */
        if (STREQ(list->pdata[n], list->pdata[n - 1]))
            g_ptr_array_remove_index(list, n--);
    }
    g_ptr_array_add(list, NULL);
    g_strfreev(*to);
    *to = g_new0(char *, list->len);
    for (n = 0; n < list->len; n++)
        (*to)[n] = g_steal_pointer(&list->pdata[n]);
}

static int
virQbjConfReadNames(virQbjConf *conf, virConf *file)
{
    g_autoptr(GPtrArray) ignored = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) unknown = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) unsafe = g_ptr_array_new_with_free_func(g_free);
    virQbjConfNames names = { file, conf->privileged, ignored, unknown, unsafe };

    if (virConfWalk(file, virQbjConfNote, &names) < 0)
        return -1;

    virQbjConfTakeNames(ignored, &conf->ignoredKeys);
    virQbjConfTakeNames(unknown, &conf->unknownKeys);
    virQbjConfTakeNames(unsafe, &conf->unsafeKeys);
    return 0;
}

/* Moves what a file can set from @next to @conf; mode and directories stay. */
static void
virQbjConfTakeSettings(virQbjConf *conf, virQbjConf *next)
{
    virQbjConfClearSettings(conf);
    conf->user = next->user;
    conf->group = next->group;
    conf->dynamicOwnership = next->dynamicOwnership;
    conf->rememberOwner = next->rememberOwner;
    conf->securityDrivers = g_steal_pointer(&next->securityDrivers);
    conf->securityDefaultConfined = next->securityDefaultConfined;
    conf->securityRequireConfined = next->securityRequireConfined;
    conf->vncListen = g_steal_pointer(&next->vncListen);
    conf->vncPassword = g_steal_pointer(&next->vncPassword);
    conf->displayPortMin = next->displayPortMin;
    conf->displayPortMax = next->displayPortMax;
    conf->cgroupControllers = next->cgroupControllers;
    conf->maxProcesses = next->maxProcesses;
    conf->maxFiles = next->maxFiles;
    conf->maxCore = next->maxCore;
    conf->saveImageFormat = g_steal_pointer(&next->saveImageFormat);
    conf->snapshotImageFormat = g_steal_pointer(&next->snapshotImageFormat);
    conf->dumpImageFormat = g_steal_pointer(&next->dumpImageFormat);
    conf->autoStartBypassCache = next->autoStartBypassCache;
    conf->dumpGuestCore = next->dumpGuestCore;
    conf->setProcessName = next->setProcessName;
    conf->logTimestamp = next->logTimestamp;
    conf->pivotStopGuest = next->pivotStopGuest;
    conf->maxQueued = next->maxQueued;
    conf->namespacesSet = next->namespacesSet;
    conf->seccompSandbox = next->seccompSandbox;
    conf->stdioHandler = next->stdioHandler;
    conf->hugetlbfsMounts = g_steal_pointer(&next->hugetlbfsMounts);
    conf->memoryBackingDir = g_steal_pointer(&next->memoryBackingDir);
    conf->lockManager = g_steal_pointer(&next->lockManager);
    conf->ignoredKeys = g_steal_pointer(&next->ignoredKeys);
    conf->unknownKeys = g_steal_pointer(&next->unknownKeys);
    conf->unsafeKeys = g_steal_pointer(&next->unsafeKeys);
}

static int
virQbjConfApply(virQbjConf *conf, virConf *file, const char *filename)
{
    g_autoptr(virQbjConf) next = virQbjConfNewDefaults(conf->privileged);

    if (virQbjConfReadNames(next, file) < 0 || virQbjConfReadSettings(next, file, filename) < 0)
        return -1;

    virQbjConfTakeSettings(conf, next);
    return 0;
}

int
virQbjConfLoad(virQbjConf *conf, const char *filename)
{
    g_autoptr(virConf) file = NULL;

    if (access(filename, F_OK) < 0 && errno == ENOENT)
        file = virConfNew();
    else if (!(file = virConfReadFile(filename, 0)))
        return -1;

    return virQbjConfApply(conf, file, filename);
}

int
virQbjConfLoadText(virQbjConf *conf, const char *text)
{
    g_autoptr(virConf) file = virConfReadString(text, 0);

    return file ? virQbjConfApply(conf, file, "qemu.conf") : -1;
}

void
virQbjConfWarn(const virQbjConf *conf)
{
    size_t i;

    if (conf->privileged && !conf->namespacesSet)
        VIR_WARN("QEMU runs without a private mount namespace, which this driver does not make");
    if (conf->cgroupControllers == -1)
        VIR_WARN("QEMU may open each device that its user may: no control group of this driver forbids any");
    for (i = 0; conf->unknownKeys[i]; i++)
        VIR_WARN("'%s' in qemu.conf is not known and has no effect", conf->unknownKeys[i]);
    for (i = 0; conf->ignoredKeys[i]; i++)
        VIR_WARN("'%s' in qemu.conf has no effect with this driver", conf->ignoredKeys[i]);
    for (i = 0; conf->unsafeKeys[i]; i++) {
        VIR_WARN("'%s' in qemu.conf is not supported by this driver: domains that it concerns cannot be started",
                 conf->unsafeKeys[i]);
    }
}

const char *
virQbjConfUnsafeKeyFor(const virQbjConf *conf, const virDomainDef *def)
{
    size_t i;

    for (i = 0; conf->unsafeKeys[i]; i++) {
        const virQbjKey *key = virQbjKeyFind(conf->unsafeKeys[i]);

        if (!key || virQbjKeyConcernsDomain(key, def))
            return conf->unsafeKeys[i];
    }

    return NULL;
}
