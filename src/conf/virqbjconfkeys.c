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

bool
virQbjKeyConcernsDomain(const virQbjKey *key, const virDomainDef *def)
{
    switch (key->concern) {
    case VIR_QBJ_CONCERN_VNC:
        return virQbjKeyHasGraphics(def, VIR_DOMAIN_GRAPHICS_TYPE_VNC);
    case VIR_QBJ_CONCERN_SPICE:
        return virQbjKeyHasGraphics(def, VIR_DOMAIN_GRAPHICS_TYPE_SPICE);
    case VIR_QBJ_CONCERN_NET:
        return def->nnets > 0;
    case VIR_QBJ_CONCERN_TPM:
        return def->ntpms > 0;
    case VIR_QBJ_CONCERN_TCP:
        return virQbjKeyHasTCPChardev(def);
    case VIR_QBJ_CONCERN_NBD:
        return virQbjKeyHasProtocol(def, VIR_STORAGE_NET_PROTOCOL_NBD);
    case VIR_QBJ_CONCERN_VXHS:
        return virQbjKeyHasProtocol(def, VIR_STORAGE_NET_PROTOCOL_VXHS);
    case VIR_QBJ_CONCERN_ALL:
    default:
        return true;
    }
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
#define ANY VIR_QBJ_CONCERN_ALL
#define VNC VIR_QBJ_CONCERN_VNC
#define SPICE VIR_QBJ_CONCERN_SPICE
#define NET VIR_QBJ_CONCERN_NET
#define TPM VIR_QBJ_CONCERN_TPM
#define TCP VIR_QBJ_CONCERN_TCP
#define NBD VIR_QBJ_CONCERN_NBD
#define VXHS VIR_QBJ_CONCERN_VXHS

/* Names: the qemu.conf that libvirt-daemon-system 9.0.0 installs. Types: which values a stock daemon accepts,
 * tried for each key. Unsafe is a key by which an administrator shuts something off that would stay open
 * with us. */
static const virQbjKey virQbjKeys[] = {
    /* who QEMU runs as, and what it may touch */
    { "user", STRING, SYSTEM, NULL, ANY, "Debian: ``libvirt-qemu``" },
    { "group", STRING, SYSTEM, NULL, ANY, "Debian: ``libvirt-qemu``" },
    { "dynamic_ownership", BOOL, SYSTEM, NULL, ANY, NULL },
    { "remember_owner", BOOL, SYSTEM, NULL, ANY, NULL },
    { "security_driver", VIR_QBJ_KEY_STRING_OR_LIST, ACTED, NULL, ANY,
      "DAC is always there, ``none`` adds nothing; with another one no domain starts" },
    { "security_default_confined", BOOL, ACTED, NULL, ANY, NULL },
    { "security_require_confined", BOOL, ACTED, NULL, ANY, NULL },
    { "seccomp_sandbox", INT, ACTED, NULL, ANY, "on, unless it is 0" },
    { "namespaces", LIST, UNSAFE, "", ANY,
      "A private ``/dev``, the default of the stock driver, does not exist: a warning" },
    { "cgroup_controllers", LIST, SYSTEM, NULL, ANY,
      "see `control groups <host.html#control-groups>`__; with ``devices`` in it no domain starts" },
    { "cgroup_device_acl", LIST, UNSAFE, NULL, ANY, NULL },
    { "sched_core", STRING, UNSAFE, "none", ANY, NULL },
    { "lock_manager", STRING, UNSAFE, "nop", ANY, "Nothing would lock the images" },
    { "mac_filter", BOOL, UNSAFE, "0", NET, NULL },
    { "relaxed_acs_check", BOOL, IGNORED, "0", ANY, "host devices do not exist" },
    { "swtpm_user", STRING, UNSAFE, NULL, TPM, NULL },
    { "swtpm_group", STRING, UNSAFE, NULL, TPM, NULL },

    /* VNC and SPICE: passwords, encryption, sockets that only local users reach */
    { "vnc_listen", STRING, ACTED, NULL, ANY, NULL },
    { "vnc_auto_unix_socket", BOOL, UNSAFE, "0", VNC, NULL },
    { "vnc_tls", BOOL, UNSAFE, "0", VNC, NULL },
    { "vnc_tls_x509_cert_dir", STRING, IGNORED, NULL, ANY, "matters with ``vnc_tls`` only" },
    { "vnc_tls_x509_secret_uuid", STRING, IGNORED, NULL, ANY, "matters with ``vnc_tls`` only" },
    { "vnc_tls_x509_verify", BOOL, IGNORED, "0", ANY, "matters with ``vnc_tls`` only" },
    { "vnc_password", STRING, ACTED, NULL, ANY,
      "of a display that has none in its XML; an empty one lets nobody in" },
    { "vnc_sasl", BOOL, UNSAFE, "0", VNC, NULL },
    { "vnc_sasl_dir", STRING, IGNORED, NULL, ANY, "matters with ``vnc_sasl`` only" },
    { "vnc_allow_host_audio", BOOL, IGNORED, "0", ANY, NULL },
    { "spice_listen", STRING, IGNORED, NULL, ANY, NULL },
    { "spice_auto_unix_socket", BOOL, UNSAFE, "0", SPICE, NULL },
    { "spice_tls", BOOL, UNSAFE, "0", SPICE, NULL },
    { "spice_tls_x509_cert_dir", STRING, IGNORED, NULL, ANY, "matters with ``spice_tls`` only" },
    { "spice_password", STRING, UNSAFE, NULL, SPICE, NULL },
    { "spice_sasl", BOOL, UNSAFE, "0", SPICE, NULL },
    { "spice_sasl_dir", STRING, IGNORED, NULL, ANY, "matters with ``spice_sasl`` only" },
    { "nographics_allow_host_audio", BOOL, IGNORED, "0", ANY, NULL },
    { "remote_display_port_min", UINT, ACTED, NULL, ANY, "5900 or above" },
    { "remote_display_port_max", UINT, ACTED, NULL, ANY, "65535 or below" },
    { "remote_websocket_port_min", UINT, IGNORED, "5700", ANY, NULL },
    { "remote_websocket_port_max", UINT, IGNORED, "65535", ANY, NULL },

    /* TLS of the others; the folders and secrets matter only where TLS is on, and that is refused */
    { "default_tls_x509_cert_dir", STRING, IGNORED, NULL, ANY, NULL },
    { "default_tls_x509_secret_uuid", STRING, IGNORED, NULL, ANY, NULL },
    { "default_tls_x509_verify", BOOL, IGNORED, NULL, ANY, NULL },
    { "chardev_tls", BOOL, UNSAFE, "0", TCP, NULL },
    { "chardev_tls_x509_cert_dir", STRING, IGNORED, NULL, ANY, "matters with ``chardev_tls`` only" },
    { "chardev_tls_x509_secret_uuid", STRING, IGNORED, NULL, ANY, "matters with ``chardev_tls`` only" },
    { "chardev_tls_x509_verify", BOOL, IGNORED, NULL, ANY, "matters with ``chardev_tls`` only" },
    { "nbd_tls", BOOL, UNSAFE, "0", NBD, NULL },
    { "nbd_tls_x509_cert_dir", STRING, IGNORED, NULL, ANY, "matters with ``nbd_tls`` only" },
    { "nbd_tls_x509_secret_uuid", STRING, IGNORED, NULL, ANY, "matters with ``nbd_tls`` only" },
    { "vxhs_tls", BOOL, UNSAFE, "0", VXHS, NULL },
    { "vxhs_tls_x509_cert_dir", STRING, IGNORED, NULL, ANY, "matters with ``vxhs_tls`` only" },
    { "vxhs_tls_x509_secret_uuid", STRING, IGNORED, NULL, ANY, "matters with ``vxhs_tls`` only" },
    { "backup_tls_x509_cert_dir", STRING, IGNORED, NULL, ANY, NULL },
    { "backup_tls_x509_secret_uuid", STRING, IGNORED, NULL, ANY, NULL },
    { "backup_tls_x509_verify", BOOL, IGNORED, NULL, ANY, NULL },
    { "migrate_tls_x509_cert_dir", STRING, IGNORED, NULL, ANY, NULL },
    { "migrate_tls_x509_secret_uuid", STRING, IGNORED, NULL, ANY, NULL },
    { "migrate_tls_x509_verify", BOOL, IGNORED, NULL, ANY, NULL },
    { "migrate_tls_force", BOOL, IGNORED, "0", ANY, "there is no migration" },

    /* limits of the process */
    { "max_processes", UINT, ACTED, NULL, ANY, NULL },
    { "max_files", UINT, ACTED, NULL, ANY, NULL },
    { "max_threads_per_process", UINT, IGNORED, "0", ANY, NULL },
    { "max_core", VIR_QBJ_KEY_UINT_OR_STRING, ACTED, NULL, ANY, "bytes or ``\"unlimited\"``; not set: none" },
    { "dump_guest_core", BOOL, ACTED, NULL, ANY, "``dumpCore`` of ``<memory>`` wins" },
    { "set_process_name", BOOL, ACTED, NULL, ANY, NULL },

    /* the daemon */
    { "max_queued", UINT, ACTED, NULL, ANY, NULL },
    { "stdio_handler", STRING, ACTED, NULL, ANY, "see `logs <host.html#logs>`__" },
    { "log_timestamp", BOOL, ACTED, NULL, ANY, NULL },
    { "blockjob_pivot_stop_guest", BOOL, ACTED, NULL, ANY,
      "of this driver only, off; see `the guest stops for a pivot <recovery.html#the-guest-stops-for-a-pivot>`__" },
    { "keepalive_interval", INT, IGNORED, NULL, ANY, "for migration" },
    { "keepalive_count", UINT, IGNORED, NULL, ANY, "for migration" },
    { "capability_filters", LIST, IGNORED, "", ANY, NULL },
    { "deprecation_behavior", STRING, IGNORED, "none", ANY, "QEMU is never asked to complain" },

    /* saving, dumping, migrating */
    { "save_image_format", STRING, ACTED, NULL, ANY,
      "``raw``, ``gzip``, ``bzip2``, ``xz`` or ``lzop``; another word is refused by each save" },
    { "dump_image_format", STRING, ACTED, NULL, ANY,
      "the same, of core dumps, but for kdumps; another word, or a program that is not there, is ``raw``" },
    { "snapshot_image_format", STRING, ACTED, NULL, ANY, "the same, of the file with the memory of a snapshot" },
    { "auto_dump_path", STRING, IGNORED, NULL, ANY, "there are no dumps" },
    { "auto_dump_bypass_cache", BOOL, IGNORED, "0", ANY, "there are no dumps" },
    { "auto_start_bypass_cache", BOOL, ACTED, NULL, ANY, NULL },
    { "migration_address", STRING, IGNORED, NULL, ANY, "there is no migration" },
    { "migration_host", STRING, IGNORED, NULL, ANY, "there is no migration" },
    { "migration_port_min", UINT, IGNORED, NULL, ANY, "there is no migration" },
    { "migration_port_max", UINT, IGNORED, NULL, ANY, "there is no migration" },

    /* helpers and devices */
    { "hugetlbfs_mount", VIR_QBJ_KEY_STRING_OR_LIST, ACTED, NULL, ANY,
      "looked at when a VM with huge pages starts" },
    { "memory_backing_dir", STRING, ACTED, NULL, ANY, "of the VMs that start from then on" },
    { "nvram", LIST, IGNORED, NULL, ANY, NULL },
    { "bridge_helper", STRING, IGNORED, NULL, ANY, NULL },
    { "pr_helper", STRING, IGNORED, NULL, ANY, NULL },
    { "slirp_helper", STRING, IGNORED, NULL, ANY, NULL },
    { "dbus_daemon", STRING, IGNORED, NULL, ANY, NULL },
    { "gluster_debug_level", UINT, IGNORED, NULL, ANY, NULL },
    { "virtiofsd_debug", BOOL, IGNORED, "0", ANY, NULL },
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
    unsigned long long number;
    int integer;
    int rc;

    if (key->type == VIR_QBJ_KEY_BOOL) {
        if ((rc = virConfGetValueBool(file, key->name, &flag)) > 0)
            *text = g_strdup(flag ? "1" : "0");
    } else if (key->type == VIR_QBJ_KEY_INT) {
        if ((rc = virConfGetValueInt(file, key->name, &integer)) > 0)
            *text = g_strdup_printf("%d", integer);
    } else if (key->type == VIR_QBJ_KEY_UINT_OR_STRING) {
        if ((rc = virConfGetValueULLong(file, key->name, &number)) > 0)
            *text = g_strdup_printf("%llu", number);
    } else {
        unsigned int small;

        if ((rc = virConfGetValueUInt(file, key->name, &small)) > 0)
            *text = g_strdup_printf("%u", small);
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
