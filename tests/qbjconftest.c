/* qemu.conf: every known key with right and wrong values, defaults, directories of the three modes. */
#include <config.h>

#include "internal.h"

#include <sys/stat.h>
#include <unistd.h>

#include "virqbjconf.h"
#include "virqbjconfkeys.h"
#include "vircgroup.h"
#include "virerror.h"
#include "virfile.h"

static char *tmpdir;

/* -1 with the message in @message, which may be NULL. */
static int
qbjTestLoad(virQbjConf *conf, const char *text, char **message)
{
    g_autofree char *path = g_build_filename(tmpdir, "qemu.conf", NULL);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    virResetLastError();
    if (virQbjConfLoad(conf, path) == 0)
        return 0;

    g_assert_cmpint(virGetLastErrorCode(), !=, VIR_ERR_OK);
    if (message)
        *message = g_strdup(virGetLastErrorMessage());
    return -1;
}

static const char *const *
qbjTestGoodValues(virQbjKeyType type)
{
    static const char *const good[][5] = {
        [VIR_QBJ_KEY_BOOL] = { "0", "1" },
        [VIR_QBJ_KEY_UINT] = { "0", "4294967295" },
        [VIR_QBJ_KEY_INT] = { "-1", "0", "2147483647" },
        [VIR_QBJ_KEY_STRING] = { "\"\"", "\"x\"" },
        [VIR_QBJ_KEY_LIST] = { "[]", "[ \"x\", \"y\" ]" },
        [VIR_QBJ_KEY_STRING_OR_LIST] = { "\"x\"", "[ \"x\", \"y\" ]", "[]" },
        [VIR_QBJ_KEY_UINT_OR_STRING] = { "0", "\"unlimited\"" },
    };

    return good[type];
}

static const char *const *
qbjTestBadValues(virQbjKeyType type)
{
    static const char *const bad[][5] = {
        [VIR_QBJ_KEY_BOOL] = { "2", "-1", "\"1\"", "[ \"1\" ]" },
        [VIR_QBJ_KEY_UINT] = { "-1", "4294967296", "\"1\"", "[ \"1\" ]" },
        [VIR_QBJ_KEY_INT] = { "2147483648", "\"1\"", "[ \"1\" ]" },
        [VIR_QBJ_KEY_STRING] = { "1", "[ \"x\" ]" },
        [VIR_QBJ_KEY_LIST] = { "1", "\"x\"", "[ 1 ]" },
        [VIR_QBJ_KEY_STRING_OR_LIST] = { "1", "[ 1 ]" },
        [VIR_QBJ_KEY_UINT_OR_STRING] = { "-1", "[ \"x\" ]" },
    };

    return bad[type];
}

/* Words that an acted-on string key refuses although the type is right. */
static bool
qbjTestIsRestricted(const char *name)
{
    return STREQ(name, "user") || STREQ(name, "group") || STREQ(name, "stdio_handler") ||
           STREQ(name, "max_core") || STREQ(name, "cgroup_controllers") || STRPREFIX(name, "remote_display_port_") ||
           STREQ(name, "hugetlbfs_mount") || STREQ(name, "memory_backing_dir");
}

static void
qbjTestKeyGood(const virQbjKey *key, const char *value)
{
    g_autoptr(virQbjConf) conf = virQbjConfNew(true, NULL);
    g_autofree char *text = g_strdup_printf("%s = %s\n", key->name, value);
    const char *name = key->name;

    if (qbjTestLoad(conf, text, NULL) < 0)
        g_error("%s%s", text, virGetLastErrorMessage());

    g_assert_cmpuint(g_strv_length(conf->unknownKeys), ==, 0);
    if (key->class == VIR_QBJ_KEY_UNSAFE || key->class == VIR_QBJ_KEY_IGNORED) {
        char **list = key->class == VIR_QBJ_KEY_UNSAFE ? conf->unsafeKeys : conf->ignoredKeys;
        char **other = key->class == VIR_QBJ_KEY_UNSAFE ? conf->ignoredKeys : conf->unsafeKeys;
        bool same = STREQ_NULLABLE(value, key->same) || (STREQ(value, "[]") && STREQ_NULLABLE(key->same, ""));

        g_assert_cmpint(g_strv_contains((const char *const *) list, name), ==, !same);
        g_assert_cmpuint(g_strv_length(other), ==, 0);
    } else {
        g_assert_cmpuint(g_strv_length(conf->unsafeKeys) + g_strv_length(conf->ignoredKeys), ==, 0);
    }
}

static void
qbjTestKeyBad(const virQbjKey *key, const char *value)
{
    g_autoptr(virQbjConf) conf = virQbjConfNew(true, NULL);
    g_autofree char *text = g_strdup_printf("%s = %s\n", key->name, value);
    g_autofree char *message = NULL;

    g_assert_cmpint(qbjTestLoad(conf, "max_queued = 7\nvnc_tls = 1\n", NULL), ==, 0);
    if (qbjTestLoad(conf, text, &message) == 0)
        g_error("%s was accepted", text);

    g_assert_nonnull(strstr(message, key->name));
    g_assert_cmpuint(conf->maxQueued, ==, 7);
    g_assert_cmpstr(conf->unsafeKeys[0], ==, "vnc_tls");
}

static void
qbjTestKeys(void)
{
    size_t nkeys;
    const virQbjKey *keys = virQbjKeyAll(&nkeys);
    size_t i;

    for (i = 0; i < nkeys; i++) {
        const char *const *good = qbjTestGoodValues(keys[i].type);
        const char *const *bad = qbjTestBadValues(keys[i].type);

        for (; *good && !qbjTestIsRestricted(keys[i].name); good++)
            qbjTestKeyGood(&keys[i], *good);
        for (; *bad; bad++)
            qbjTestKeyBad(&keys[i], *bad);
    }
}

/* The file that the distribution installs names each key in a comment: the table must know all of them. */
static void
qbjTestStockFile(void)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    size_t found = 0;
    size_t nkeys;
    char **line;

    if (!g_file_get_contents("/etc/libvirt/qemu.conf", &text, NULL, NULL)) {
        g_test_skip("no readable /etc/libvirt/qemu.conf");
        return;
    }

    lines = g_strsplit(text, "\n", 0);
    for (line = lines; *line; line++) {
        const char *start = *line + (**line == '#');
        size_t len = strspn(start, "abcdefghijklmnopqrstuvwxyz0123456789_");
        g_autofree char *name = g_strndup(start, len);

        if (len > 0 && STRPREFIX(start + len, " = ")) {
            if (!virQbjKeyFind(name))
                g_error("%s is not in the table", name);
            found++;
        }
    }

    virQbjKeyAll(&nkeys);
    g_assert_cmpuint(found + 1, ==, nkeys);     /* and blockjob_pivot_stop_guest */
}

static void
qbjTestDefaults(void)
{
    g_autoptr(virQbjConf) conf = virQbjConfNew(true, NULL);
    g_autofree char *path = virQbjConfPath(conf);
    g_autofree char *missing = g_build_filename(tmpdir, "missing.conf", NULL);

    g_assert_cmpstr(path, ==, "/etc/libvirt/qemu.conf");
    g_assert_cmpstr(conf->configDir, ==, "/etc/libvirt/qemu");
    g_assert_cmpstr(conf->autostartDir, ==, "/etc/libvirt/qemu/autostart");
    g_assert_cmpstr(conf->stateDir, ==, "/run/libvirt/qemu");
    g_assert_cmpstr(conf->libDir, ==, "/var/lib/libvirt/qemu");
    g_assert_cmpstr(conf->channelTargetDir, ==, "/var/lib/libvirt/qemu/channel/target");
    g_assert_cmpstr(conf->snapshotDir, ==, "/var/lib/libvirt/qemu/snapshot");
    g_assert_cmpstr(conf->logDir, ==, "/var/log/libvirt/qemu");
    g_assert_cmpstr(conf->cacheDir, ==, "/var/cache/libvirt/qemu");
    g_assert_cmpstr(conf->uri, ==, "qemu:///system");

    g_assert_cmpint(virQbjConfLoad(conf, missing), ==, 0);
    g_assert_true(conf->dynamicOwnership && conf->rememberOwner && conf->securityDefaultConfined);
    g_assert_false(conf->securityRequireConfined);
    g_assert_cmpint(conf->stdioHandler, ==, VIR_QBJ_STDIO_DEFAULT);
    g_assert_cmpint(conf->seccompSandbox, ==, -1);
    g_assert_cmpuint(conf->maxQueued, ==, 0);
    g_assert_cmpint(conf->cgroupControllers, ==, -1);
    g_assert_cmpuint(conf->maxProcesses + conf->maxFiles + conf->maxCore, ==, 0);
    g_assert_cmpuint(conf->displayPortMin, ==, 5900);
    g_assert_cmpuint(conf->displayPortMax, ==, 65535);
    g_assert_true(conf->logTimestamp && !conf->setProcessName && !conf->dumpGuestCore && !conf->namespacesSet);
    g_assert_false(conf->pivotStopGuest);
    g_assert_null(conf->vncPassword);
    g_assert_cmpstr(conf->vncListen, ==, "127.0.0.1");
    g_assert_null(conf->securityDrivers);
    g_assert_null(conf->lockManager);
    g_assert_cmpuint(conf->user, !=, (uid_t) -1);
    g_assert_cmpuint(conf->group, !=, (gid_t) -1);
}

static void
qbjTestValues(void)
{
    g_autoptr(virQbjConf) conf = virQbjConfNew(true, NULL);

    g_assert_cmpint(qbjTestLoad(conf,
                                "user = \"+0\"\ngroup = \"root\"\nsecurity_driver = \"none\"\nremember_owner = 0\n"
                                "seccomp_sandbox = 0\nstdio_handler = \"logd\"\nvnc_listen = \"0.0.0.0\"\n"
                                "lock_manager = \"lockd\"\nmax_queued = 3\nnamespaces = [ \"mount\" ]\n"
                                "zzz = 1\naaa = \"b\"\nset_process_name = 1\nvnc_tls = 0\nkeepalive_count = 5\n",
                                NULL), ==, 0);
    g_assert_cmpuint(conf->user, ==, 0);
    g_assert_cmpuint(conf->group, ==, 0);
    g_assert_cmpstr(conf->securityDrivers[0], ==, "none");
    g_assert_null(conf->securityDrivers[1]);
    g_assert_true(conf->dynamicOwnership && !conf->rememberOwner);
    g_assert_cmpint(conf->stdioHandler, ==, VIR_QBJ_STDIO_LOGD);
    g_assert_cmpint(conf->seccompSandbox, ==, 0);
    g_assert_cmpstr(conf->vncListen, ==, "0.0.0.0");
    g_assert_cmpstr(conf->lockManager, ==, "lockd");
    g_assert_cmpuint(conf->maxQueued, ==, 3);
    g_assert_cmpstr(conf->unknownKeys[0], ==, "aaa");
    g_assert_cmpstr(conf->unknownKeys[1], ==, "zzz");
    g_assert_null(conf->unknownKeys[2]);
    g_assert_cmpstr(conf->ignoredKeys[0], ==, "keepalive_count");
    g_assert_null(conf->ignoredKeys[1]);
    g_assert_true(conf->setProcessName && conf->logTimestamp && conf->namespacesSet);
    g_assert_cmpstr(conf->unsafeKeys[0], ==, "lock_manager");
    g_assert_cmpstr(conf->unsafeKeys[1], ==, "namespaces");
    g_assert_null(conf->unsafeKeys[2]);

    /* a new file replaces all of them */
    g_assert_cmpint(qbjTestLoad(conf, "user = \"root\"\n", NULL), ==, 0);
    g_assert_true(conf->rememberOwner);
    g_assert_cmpint(conf->stdioHandler, ==, VIR_QBJ_STDIO_DEFAULT);
    g_assert_null(conf->securityDrivers);
    g_assert_cmpuint(g_strv_length(conf->unsafeKeys), ==, 0);
}

static void
qbjTestProcess(void)
{
    g_autoptr(virQbjConf) conf = virQbjConfNew(true, NULL);

    g_assert_cmpint(virQbjConfLoadText(conf, "max_processes = 50\nmax_files = 60\nmax_core = 5000000000\n"
                                       "dump_guest_core = 1\nlog_timestamp = 0\nvnc_password = \"\"\n"
                                       "remote_display_port_min = 6000\nremote_display_port_max = 6001\n"), ==, 0);
    g_assert_cmpuint(conf->maxProcesses, ==, 50);
    g_assert_cmpuint(conf->maxFiles, ==, 60);
    g_assert_cmpuint(conf->maxCore, ==, 5000000000);
    g_assert_true(conf->dumpGuestCore && !conf->logTimestamp);
    g_assert_cmpstr(conf->vncPassword, ==, "");
    g_assert_cmpuint(conf->displayPortMin, ==, 6000);
    g_assert_cmpuint(conf->displayPortMax, ==, 6001);
    g_assert_cmpint(virQbjConfLoadText(conf, "max_core = \"unlimited\"\n"), ==, 0);
    g_assert_cmpuint(conf->maxCore, ==, ULLONG_MAX);
    g_assert_cmpuint(conf->maxFiles, ==, 0);
    g_assert_null(conf->vncPassword);
}

static void
qbjTestCgroups(void)
{
    g_autoptr(virQbjConf) conf = virQbjConfNew(true, NULL);
    g_autoptr(virQbjConf) session = virQbjConfNew(false, NULL);

    g_assert_cmpint(virQbjConfLoadText(conf, "cgroup_controllers = [ \"cpu\", \"memory\" ]\n"), ==, 0);
    g_assert_cmpint(conf->cgroupControllers, ==, 1 << VIR_CGROUP_CONTROLLER_CPU | 1 << VIR_CGROUP_CONTROLLER_MEMORY);
    g_assert_cmpuint(g_strv_length(conf->ignoredKeys), ==, 0);
    g_assert_cmpint(virQbjConfLoadText(conf, "cgroup_controllers = [ ]\n"), ==, 0);
    g_assert_cmpint(conf->cgroupControllers, ==, 0);
    g_assert_cmpint(virQbjConfLoadText(conf, "user = \"root\"\n"), ==, 0);
    g_assert_cmpint(conf->cgroupControllers, ==, -1);

    /* a session has none, and says so when they are wanted */
    g_assert_cmpint(session->cgroupControllers, ==, 0);
    g_assert_cmpint(virQbjConfLoadText(session, "cgroup_controllers = [ \"cpu\" ]\n"), ==, 0);
    g_assert_cmpint(session->cgroupControllers, ==, 0);
    g_assert_cmpstr(session->ignoredKeys[0], ==, "cgroup_controllers");
}

static void
qbjTestMemory(void)
{
    g_autoptr(virQbjConf) conf = virQbjConfNew(true, NULL);

    g_assert_null(conf->hugetlbfsMounts);
    g_assert_null(conf->memoryBackingDir);
    g_assert_cmpint(virQbjConfLoadText(conf, "hugetlbfs_mount = [ \"/a\", \"\", \"/b\" ]\n"
                                       "memory_backing_dir = \"/c\"\n"), ==, 0);
    g_assert_cmpuint(g_strv_length(conf->hugetlbfsMounts), ==, 2);
    g_assert_cmpstr(conf->hugetlbfsMounts[1], ==, "/b");
    g_assert_cmpstr(conf->memoryBackingDir, ==, "/c");
    g_assert_null(conf->ignoredKeys[0]);

    /* neither is NULL, which would be the mounts of the host */
    g_assert_cmpint(virQbjConfLoadText(conf, "hugetlbfs_mount = \"\"\n"), ==, 0);
    g_assert_nonnull(conf->hugetlbfsMounts);
    g_assert_null(conf->hugetlbfsMounts[0]);
    g_assert_null(conf->memoryBackingDir);
    g_assert_cmpint(virQbjConfLoadText(conf, "hugetlbfs_mount = [ ]\n"), ==, 0);
    g_assert_nonnull(conf->hugetlbfsMounts);
    g_assert_null(conf->hugetlbfsMounts[0]);
}

static void
qbjTestRefused(void)
{
    static const char *const texts[] = {
        "max_core = \"many\"\n", "max_core = -1\n", "remote_display_port_min = 5899\n",
        "remote_display_port_max = 65536\n", "remote_display_port_min = 5905\nremote_display_port_max = 5905\n",
        "user = \"no such account\"\n", "group = \"no such group\"\n", "stdio_handler = \"syslog\"\n",
        "security_driver = \"dac\"\n", "security_driver = [ \"selinux\", \"none\" ]\n",
        "security_driver = [ \"selinux\", \"selinux\" ]\n", "cgroup_controllers = [ \"disk\" ]\n",
        "user = \n", "user = \"root", "= 1\n", "user\n",
        "hugetlbfs_mount = \"pages\"\n", "memory_backing_dir = \"ram\"\n",
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(virQbjConf) conf = virQbjConfNew(true, NULL);
        uid_t user = conf->user;

        if (qbjTestLoad(conf, texts[i], NULL) == 0)
            g_error("accepted: %s", texts[i]);
        g_assert_cmpuint(conf->user, ==, user);
        g_assert_null(conf->securityDrivers);
    }
}

static void
qbjTestSession(void)
{
    g_autoptr(virQbjConf) conf = virQbjConfNew(false, NULL);
    g_autofree char *path = virQbjConfPath(conf);
    g_autofree char *config = g_build_filename(tmpdir, "config/libvirt", NULL);
    g_autofree char *file = g_build_filename(config, "qemu.conf", NULL);
    g_autofree char *lib = g_build_filename(config, "qemu/lib", NULL);
    g_autofree char *snapshot = g_build_filename(config, "qemu/snapshot", NULL);
    g_autofree char *state = g_build_filename(tmpdir, "run/libvirt/qemu/run", NULL);
    g_autofree char *log = g_build_filename(tmpdir, "cache/libvirt/qemu/log", NULL);
    struct stat sb;

    g_assert_cmpstr(path, ==, file);
    g_assert_cmpstr(conf->libDir, ==, lib);
    g_assert_cmpstr(conf->snapshotDir, ==, snapshot);
    g_assert_cmpstr(conf->stateDir, ==, state);
    g_assert_cmpstr(conf->logDir, ==, log);
    g_assert_cmpstr(conf->uri, ==, "qemu:///session");
    g_assert_false(conf->dynamicOwnership);

    g_assert_cmpint(qbjTestLoad(conf, "user = \"root\"\ndynamic_ownership = 1\n", NULL), ==, 0);
    g_assert_cmpuint(conf->user, ==, (uid_t) -1);
    g_assert_false(conf->dynamicOwnership);
    g_assert_cmpstr(conf->ignoredKeys[0], ==, "dynamic_ownership");
    g_assert_cmpstr(conf->ignoredKeys[1], ==, "user");

    g_assert_cmpint(virQbjConfMakeDirs(conf), ==, 0);
    g_assert_cmpint(virQbjConfMakeDirs(conf), ==, 0);
    g_assert_cmpint(stat(lib, &sb), ==, 0);
    g_assert_cmpuint(sb.st_mode & 07777, ==, 0700);
}

static void
qbjTestEmbed(void)
{
    g_autofree char *root = g_build_filename(tmpdir, "a b&c=d", NULL);
    g_autoptr(virQbjConf) conf = virQbjConfNew(geteuid() == 0, root);
    g_autofree char *path = virQbjConfPath(conf);
    g_autofree char *channel = g_build_filename(root, "lib/qemu/channel", NULL);
    g_autofree char *link = g_build_filename(root, "lib/qemu/ram", NULL);
    struct stat sb;

    g_assert_true(g_str_has_suffix(conf->uri, "/a%20b%26c%3Dd"));
    g_assert_true(g_str_has_suffix(path, "/a b&c=d/etc/qemu.conf"));
    g_assert_true(g_str_has_suffix(conf->stateDir, "/a b&c=d/run/qemu"));
    g_assert_cmpint(virQbjConfMakeDirs(conf), ==, 0);
    g_assert_cmpint(stat(channel, &sb), ==, 0);
    if (geteuid() != 0) {
        g_test_skip("owners need root");
        return;
    }
    g_assert_cmpuint(sb.st_uid, ==, conf->user);
    g_assert_cmpuint(sb.st_gid, ==, conf->group);
    g_assert_cmpint(stat(conf->stateDir, &sb), ==, 0);
    g_assert_cmpuint(sb.st_uid, ==, 0);

    /* QEMU's user may replace a folder inside its own one by a link: that one is not followed */
    g_assert_cmpint(rmdir(link), ==, 0);
    g_assert_cmpint(symlink(conf->stateDir, link), ==, 0);
    g_assert_cmpint(lchown(link, conf->user, conf->group), ==, 0);
    g_assert_cmpint(virQbjConfMakeDirs(conf), ==, -1);
    g_assert_cmpint(stat(conf->stateDir, &sb), ==, 0);
    g_assert_cmpuint(sb.st_uid, ==, 0);
}

static void
qbjTestUnsafeConcerns(void)
{
    g_autoptr(virQbjConf) conf = virQbjConfNew(true, NULL);
    g_autoptr(virDomainDef) def = g_new0(virDomainDef, 1);
    virDomainGraphicsDef vnc = { .type = VIR_DOMAIN_GRAPHICS_TYPE_VNC };
    virDomainGraphicsDef *graphics = &vnc;

    g_assert_cmpint(qbjTestLoad(conf, "vnc_tls = 1\nspice_tls = 1\nmac_filter = 1\nnbd_tls = 1\nchardev_tls = 1\n"
                                "swtpm_user = \"x\"\n", NULL), ==, 0);
    g_assert_null(virQbjConfUnsafeKeyFor(conf, def));

    def->graphics = &graphics;
    def->ngraphics = 1;
    g_assert_cmpstr(virQbjConfUnsafeKeyFor(conf, def), ==, "vnc_tls");
    vnc.type = VIR_DOMAIN_GRAPHICS_TYPE_SPICE;
    g_assert_cmpstr(virQbjConfUnsafeKeyFor(conf, def), ==, "spice_tls");
    def->graphics = NULL;
    def->ngraphics = 0;

    g_assert_cmpint(qbjTestLoad(conf, "cgroup_device_acl = [ \"/dev/null\" ]\n", NULL), ==, 0);
    g_assert_cmpstr(virQbjConfUnsafeKeyFor(conf, def), ==, "cgroup_device_acl");
}

static void
qbjTestSetHome(const char *variable, const char *folder)
{
    g_autofree char *path = g_build_filename(tmpdir, folder, NULL);

    g_setenv(variable, path, true);
}

int
main(int argc, char **argv)
{
    int ret;

    tmpdir = g_dir_make_tmp("qbjconftest-XXXXXX", NULL);
    g_assert_nonnull(tmpdir);
    qbjTestSetHome("XDG_CONFIG_HOME", "config");
    qbjTestSetHome("XDG_CACHE_HOME", "cache");
    qbjTestSetHome("XDG_RUNTIME_DIR", "run");
    /* each refused file is logged, too: hundreds of lines */
    g_setenv("LIBVIRT_LOG_OUTPUTS", "4:file:/dev/null", false);

    g_test_init(&argc, &argv, NULL);
    if (virInitialize() < 0)
        g_error("cannot start: %s", virGetLastErrorMessage());

    g_test_add_func("/conf/keys", qbjTestKeys);
    g_test_add_func("/conf/stock-file", qbjTestStockFile);
    g_test_add_func("/conf/defaults", qbjTestDefaults);
    g_test_add_func("/conf/values", qbjTestValues);
    g_test_add_func("/conf/process", qbjTestProcess);
    g_test_add_func("/conf/cgroups", qbjTestCgroups);
    g_test_add_func("/conf/memory", qbjTestMemory);
    g_test_add_func("/conf/refused", qbjTestRefused);
    g_test_add_func("/conf/session", qbjTestSession);
    g_test_add_func("/conf/embed", qbjTestEmbed);
    g_test_add_func("/conf/unsafe-concerns", qbjTestUnsafeConcerns);
    ret = g_test_run();

    virFileDeleteTree(tmpdir);
    g_free(tmpdir);
    return ret;
}
