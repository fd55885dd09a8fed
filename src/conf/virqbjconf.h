/* Driver configuration: directories of this daemon, and the stock qemu.conf. */
#pragma once

#include "internal.h"

typedef struct _virQbjConf virQbjConf;
struct _virQbjConf {
    bool privileged;
    char *root;                 /* embed mode, else NULL */
    /* directories, 05/X1.1, 10.1, 11.4 */
    char *configDir;            /* NAME.xml: /etc/libvirt/qemu, $XDG_CONFIG_HOME/libvirt/qemu, ROOT/etc/qemu */
    char *autostartDir;
    char *stateDir;             /* status files */
    char *libDir;
    char *channelTargetDir;
    char *logDir;
    char *cacheDir;
    char *uri;                  /* qemu:///system, qemu:///session, qemu:///embed?root=... */
    /* qemu.conf */
    uid_t user;                 /* (uid_t)-1: as the daemon */
    gid_t group;
    bool dynamicOwnership;
    bool rememberOwner;
    char **securityDrivers;     /* NULL: not set, the host's default applies */
    bool securityDefaultConfined;
    bool securityRequireConfined;
    char *vncListen;
    unsigned int maxQueued;
    int seccompSandbox;         /* -1 default (on), 0, 1 */
    bool stdioLogd;             /* stdio_handler = "logd" */
    char *lockManager;          /* NULL or a name */
    /* keys that were set in the file and that we do not act on, sorted, NULL terminated; safety relevant ones are in
     * unsafeKeys: a start is refused by that name */
    char **ignoredKeys;
    char **unsafeKeys;
};

/* Defaults for this mode. @root: embed root or NULL. */
virQbjConf *virQbjConfNew(bool privileged, const char *root);
void virQbjConfFree(virQbjConf *conf);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virQbjConf, virQbjConfFree);

/* Reads qemu.conf (missing: fine). -1 with an error reported for a file that cannot be parsed or a value of the
 * wrong type; @conf is then unchanged. */
int virQbjConfLoad(virQbjConf *conf, const char *filename);

/* Path of the file for this mode: /etc/libvirt/qemu.conf, $XDG_CONFIG_HOME/libvirt/qemu.conf, ROOT/etc/qemu.conf. */
char *virQbjConfPath(const virQbjConf *conf);

/* Makes every directory, 0700 in a session; in system mode libDir and below belong to user:group (11.4). */
int virQbjConfMakeDirs(const virQbjConf *conf);
