#include <config.h>

#include "internal.h"
#include "virqbjconfkeys.h"
#include "storage_source_conf.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_CONF

static bool
virQbjKeyHasGraphics(const virDomainDef *def, virDomainGraphicsType type)
{
    size_t i;

    for (i = 0; i < def->ngraphics; i++) {
        if (def->graphics[i]->type == type)
            return true;
    }

    return false;
}

static bool
virQbjKeyHasVNC(const virDomainDef *def)
{
    return virQbjKeyHasGraphics(def, VIR_DOMAIN_GRAPHICS_TYPE_VNC);
}

static bool
virQbjKeyHasSpice(const virDomainDef *def)
{
    return virQbjKeyHasGraphics(def, VIR_DOMAIN_GRAPHICS_TYPE_SPICE);
}

static bool
virQbjKeyHasNet(const virDomainDef *def)
{
    return def->nnets > 0;
}

static bool
virQbjKeyHasTPM(const virDomainDef *def)
{
    return def->ntpms > 0;
}

static bool
virQbjKeyAnyTCP(virDomainChrDef *const *devs, size_t ndevs)
{
    size_t i;

    for (i = 0; i < ndevs; i++) {
        if (devs[i]->source && devs[i]->source->type == VIR_DOMAIN_CHR_TYPE_TCP)
            return true;
    }

    return false;
}

/* Devices whose source may be a TCP one in a less visible place count as such. */
static bool
virQbjKeyHasTCPChardev(const virDomainDef *def)
{
    size_t i;

    for (i = 0; i < def->nrngs; i++) {
        if (def->rngs[i]->backend == VIR_DOMAIN_RNG_BACKEND_EGD)
            return true;
    }

    return def->nsmartcards > 0 || def->nredirdevs > 0 ||
           virQbjKeyAnyTCP(def->serials, def->nserials) || virQbjKeyAnyTCP(def->parallels, def->nparallels) ||
           virQbjKeyAnyTCP(def->channels, def->nchannels) || virQbjKeyAnyTCP(def->consoles, def->nconsoles);
}

static bool
virQbjKeyHasProtocol(const virDomainDef *def, virStorageNetProtocol protocol)
{
    size_t i;

    for (i = 0; i < def->ndisks; i++) {
        const virStorageSource *src;

        for (src = def->disks[i]->src; src; src = src->backingStore) {
            if (virStorageSourceGetActualType(src) == VIR_STORAGE_TYPE_NETWORK && src->protocol == (int) protocol)
                return true;
        }
    }

    return false;
}

static bool
virQbjKeyHasNBD(const virDomainDef *def)
{
    return virQbjKeyHasProtocol(def, VIR_STORAGE_NET_PROTOCOL_NBD);
}

static bool
virQbjKeyHasVxHS(const virDomainDef *def)
{
    return virQbjKeyHasProtocol(def, VIR_STORAGE_NET_PROTOCOL_VXHS);
}

#define BOOL VIR_QBJ_KEY_BOOL
#define UINT VIR_QBJ_KEY_UINT
#define INT VIR_QBJ_KEY_INT
#define STRING VIR_QBJ_KEY_STRING
#define LIST VIR_QBJ_KEY_LIST
#define ACTED VIR_QBJ_KEY_ACTED_ON
#define SYSTEM VIR_QBJ_KEY_SYSTEM_ONLY
#define IGNORED VIR_QBJ_KEY_IGNORED
#define UNSAFE VIR_QBJ_KEY_UNSAFE

/* Names: the qemu.conf that libvirt-daemon-system 9.0.0 installs. Types: which values a stock daemon accepts,
 * tried for each key. Unsafe is a key by which an administrator shuts something off that would stay open
 * with us. */
static const virQbjKey virQbjKeys[] = {
    /* who QEMU runs as, and what it may touch */
    { "user", STRING, SYSTEM, NULL, NULL },
    { "group", STRING, SYSTEM, NULL, NULL },
    { "dynamic_ownership", BOOL, SYSTEM, NULL, NULL },
    { "remember_owner", BOOL, SYSTEM, NULL, NULL },
    { "security_driver", VIR_QBJ_KEY_STRING_OR_LIST, ACTED, NULL, NULL },
    { "security_default_confined", BOOL, ACTED, NULL, NULL },
    { "security_require_confined", BOOL, ACTED, NULL, NULL },
    { "seccomp_sandbox", INT, ACTED, NULL, NULL },
    { "namespaces", LIST, UNSAFE, "", NULL },
    { "cgroup_controllers", LIST, UNSAFE, "", NULL },
    { "cgroup_device_acl", LIST, UNSAFE, NULL, NULL },
    { "sched_core", STRING, UNSAFE, "none", NULL },
    { "lock_manager", STRING, UNSAFE, "nop", NULL },
    { "mac_filter", BOOL, UNSAFE, "0", virQbjKeyHasNet },
    { "relaxed_acs_check", BOOL, IGNORED, "0", NULL },
    { "swtpm_user", STRING, UNSAFE, NULL, virQbjKeyHasTPM },
    { "swtpm_group", STRING, UNSAFE, NULL, virQbjKeyHasTPM },

    /* VNC and SPICE: passwords, encryption, sockets that only local users reach */
    { "vnc_listen", STRING, ACTED, NULL, NULL },
    { "vnc_auto_unix_socket", BOOL, UNSAFE, "0", virQbjKeyHasVNC },
    { "vnc_tls", BOOL, UNSAFE, "0", virQbjKeyHasVNC },
    { "vnc_tls_x509_cert_dir", STRING, IGNORED, NULL, NULL },
    { "vnc_tls_x509_secret_uuid", STRING, IGNORED, NULL, NULL },
    { "vnc_tls_x509_verify", BOOL, IGNORED, "0", NULL },
    { "vnc_password", STRING, UNSAFE, NULL, virQbjKeyHasVNC },
    { "vnc_sasl", BOOL, UNSAFE, "0", virQbjKeyHasVNC },
    { "vnc_sasl_dir", STRING, IGNORED, NULL, NULL },
    { "vnc_allow_host_audio", BOOL, IGNORED, "0", NULL },
    { "spice_listen", STRING, IGNORED, NULL, NULL },
    { "spice_auto_unix_socket", BOOL, UNSAFE, "0", virQbjKeyHasSpice },
    { "spice_tls", BOOL, UNSAFE, "0", virQbjKeyHasSpice },
    { "spice_tls_x509_cert_dir", STRING, IGNORED, NULL, NULL },
    { "spice_password", STRING, UNSAFE, NULL, virQbjKeyHasSpice },
    { "spice_sasl", BOOL, UNSAFE, "0", virQbjKeyHasSpice },
    { "spice_sasl_dir", STRING, IGNORED, NULL, NULL },
    { "nographics_allow_host_audio", BOOL, IGNORED, "0", NULL },
    { "remote_display_port_min", UINT, IGNORED, "5900", NULL },
    { "remote_display_port_max", UINT, IGNORED, "65535", NULL },
    { "remote_websocket_port_min", UINT, IGNORED, "5700", NULL },
    { "remote_websocket_port_max", UINT, IGNORED, "65535", NULL },

    /* TLS of the others; the folders and secrets matter only where TLS is on, and that is refused */
    { "default_tls_x509_cert_dir", STRING, IGNORED, NULL, NULL },
    { "default_tls_x509_secret_uuid", STRING, IGNORED, NULL, NULL },
    { "default_tls_x509_verify", BOOL, IGNORED, NULL, NULL },
    { "chardev_tls", BOOL, UNSAFE, "0", virQbjKeyHasTCPChardev },
    { "chardev_tls_x509_cert_dir", STRING, IGNORED, NULL, NULL },
    { "chardev_tls_x509_secret_uuid", STRING, IGNORED, NULL, NULL },
    { "chardev_tls_x509_verify", BOOL, IGNORED, NULL, NULL },
    { "nbd_tls", BOOL, UNSAFE, "0", virQbjKeyHasNBD },
    { "nbd_tls_x509_cert_dir", STRING, IGNORED, NULL, NULL },
    { "nbd_tls_x509_secret_uuid", STRING, IGNORED, NULL, NULL },
    { "vxhs_tls", BOOL, UNSAFE, "0", virQbjKeyHasVxHS },
    { "vxhs_tls_x509_cert_dir", STRING, IGNORED, NULL, NULL },
    { "vxhs_tls_x509_secret_uuid", STRING, IGNORED, NULL, NULL },
    { "backup_tls_x509_cert_dir", STRING, IGNORED, NULL, NULL },
    { "backup_tls_x509_secret_uuid", STRING, IGNORED, NULL, NULL },
    { "backup_tls_x509_verify", BOOL, IGNORED, NULL, NULL },
    { "migrate_tls_x509_cert_dir", STRING, IGNORED, NULL, NULL },
    { "migrate_tls_x509_secret_uuid", STRING, IGNORED, NULL, NULL },
    { "migrate_tls_x509_verify", BOOL, IGNORED, NULL, NULL },
    { "migrate_tls_force", BOOL, IGNORED, "0", NULL },

    /* limits of the process */
    { "max_processes", UINT, IGNORED, "0", NULL },
    { "max_files", UINT, IGNORED, "0", NULL },
    { "max_threads_per_process", UINT, IGNORED, "0", NULL },
    { "max_core", VIR_QBJ_KEY_UINT_OR_STRING, IGNORED, "0", NULL },
    { "dump_guest_core", BOOL, IGNORED, "0", NULL },
    { "set_process_name", BOOL, IGNORED, "0", NULL },

    /* the daemon */
    { "max_queued", UINT, IGNORED, "0", NULL },
    { "stdio_handler", STRING, ACTED, NULL, NULL },
    { "log_timestamp", BOOL, IGNORED, "1", NULL },
    { "keepalive_interval", INT, IGNORED, NULL, NULL },
    { "keepalive_count", UINT, IGNORED, NULL, NULL },
    { "capability_filters", LIST, IGNORED, "", NULL },
    { "deprecation_behavior", STRING, IGNORED, "none", NULL },

    /* saving, dumping, migrating */
    { "save_image_format", STRING, IGNORED, "raw", NULL },
    { "dump_image_format", STRING, IGNORED, "raw", NULL },
    { "snapshot_image_format", STRING, IGNORED, "raw", NULL },
    { "auto_dump_path", STRING, IGNORED, NULL, NULL },
    { "auto_dump_bypass_cache", BOOL, IGNORED, "0", NULL },
    { "auto_start_bypass_cache", BOOL, IGNORED, "0", NULL },
    { "migration_address", STRING, IGNORED, NULL, NULL },
    { "migration_host", STRING, IGNORED, NULL, NULL },
    { "migration_port_min", UINT, IGNORED, NULL, NULL },
    { "migration_port_max", UINT, IGNORED, NULL, NULL },

    /* helpers and devices */
    { "hugetlbfs_mount", VIR_QBJ_KEY_STRING_OR_LIST, IGNORED, NULL, NULL },
    { "memory_backing_dir", STRING, IGNORED, NULL, NULL },
    { "nvram", LIST, IGNORED, NULL, NULL },
    { "bridge_helper", STRING, IGNORED, NULL, NULL },
    { "pr_helper", STRING, IGNORED, NULL, NULL },
    { "slirp_helper", STRING, IGNORED, NULL, NULL },
    { "dbus_daemon", STRING, IGNORED, NULL, NULL },
    { "gluster_debug_level", UINT, IGNORED, NULL, NULL },
    { "virtiofsd_debug", BOOL, IGNORED, "0", NULL },
};

const virQbjKey *
virQbjKeyAll(size_t *nkeys)
{
    *nkeys = G_N_ELEMENTS(virQbjKeys);
    return virQbjKeys;
}

const virQbjKey *
virQbjKeyFind(const char *name)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(virQbjKeys); i++) {
        if (STREQ(virQbjKeys[i].name, name))
            return &virQbjKeys[i];
    }

    return NULL;
}

static int
virQbjKeyTextList(virConf *file, const virQbjKey *key, char **text)
{
    g_auto(GStrv) list = NULL;
    int rc = virConfGetValueStringList(file, key->name, key->type == VIR_QBJ_KEY_STRING_OR_LIST, &list);

    if (rc > 0)
        *text = list ? g_strjoinv(",", list) : g_strdup("");
    return rc;
}

static int
virQbjKeyTextNumber(virConf *file, const virQbjKey *key, char **text)
{
    bool flag;
    unsigned int number;
    int integer;
    int rc;

    if (key->type == VIR_QBJ_KEY_BOOL) {
        if ((rc = virConfGetValueBool(file, key->name, &flag)) > 0)
            *text = g_strdup(flag ? "1" : "0");
    } else if (key->type == VIR_QBJ_KEY_INT) {
        if ((rc = virConfGetValueInt(file, key->name, &integer)) > 0)
            *text = g_strdup_printf("%d", integer);
    } else {
        if ((rc = virConfGetValueUInt(file, key->name, &number)) > 0)
            *text = g_strdup_printf("%u", number);
    }

    return rc;
}

int
virQbjKeyText(virConf *file, const virQbjKey *key, char **text)
{
    bool isString = virConfGetValueType(file, key->name) == VIR_CONF_STRING;

    switch (key->type) {
    case VIR_QBJ_KEY_LIST:
    case VIR_QBJ_KEY_STRING_OR_LIST:
        return virQbjKeyTextList(file, key, text);
    case VIR_QBJ_KEY_STRING:
        return virConfGetValueString(file, key->name, text);
    case VIR_QBJ_KEY_UINT_OR_STRING:
        if (isString)
            return virConfGetValueString(file, key->name, text);
        return virQbjKeyTextNumber(file, key, text);
    case VIR_QBJ_KEY_BOOL:
    case VIR_QBJ_KEY_UINT:
    case VIR_QBJ_KEY_INT:
    default:
        return virQbjKeyTextNumber(file, key, text);
    }
}
