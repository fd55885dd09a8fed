#include <config.h>

#include "internal.h"
#include "blocknode_net.h"
#include "virstring.h"
#include "viruri.h"

#define QBJ_BLOCK_NBD_PORT 10809
#define QBJ_BLOCK_ISCSI_PORT 3260

/* What a protocol has a place for. */
enum {
    QBJ_BLOCK_NET_AUTH = 1 << 0,
    QBJ_BLOCK_NET_SNAPSHOT = 1 << 1,
    QBJ_BLOCK_NET_CONFIG = 1 << 2,
    QBJ_BLOCK_NET_INITIATOR = 1 << 3,
    QBJ_BLOCK_NET_NO_HOST = 1 << 4,     /* the config file names them */
    QBJ_BLOCK_NET_HOSTS = 1 << 5,       /* more than one */
};

static unsigned int
qbjBlockNetPlaces(const virStorageSource *src)
{
    if (virStorageSourceGetActualType(src) != VIR_STORAGE_TYPE_NETWORK)
        return 0;
    if (src->protocol == VIR_STORAGE_NET_PROTOCOL_ISCSI)
        return QBJ_BLOCK_NET_AUTH | QBJ_BLOCK_NET_INITIATOR;
    if (src->protocol == VIR_STORAGE_NET_PROTOCOL_RBD)
        return QBJ_BLOCK_NET_AUTH | QBJ_BLOCK_NET_SNAPSHOT | QBJ_BLOCK_NET_CONFIG | QBJ_BLOCK_NET_NO_HOST |
               QBJ_BLOCK_NET_HOSTS;

    return 0;
}

const char *
qbjBlockNetUnused(const virStorageSource *src)
{
    unsigned int places = qbjBlockNetPlaces(src);
    const struct {
        bool used;
        unsigned int place;
        const char *name;
    } settings[] = {
        { src->auth, QBJ_BLOCK_NET_AUTH, "auth" },
        { src->snapshot, QBJ_BLOCK_NET_SNAPSHOT, "snapshot" },
        { src->configFile, QBJ_BLOCK_NET_CONFIG, "config" },
        { src->initiator.iqn, QBJ_BLOCK_NET_INITIATOR, "initiator" },
        { src->ncookies > 0, 0, "cookies" },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(settings); i++) {
        if (settings[i].used && !(places & settings[i].place))
            return settings[i].name;
    }

    return NULL;
}

/* A name that the header of an image states may leave out anything. */
static int
qbjBlockNetCheckHost(const virStorageSource *src, const virStorageNetHostDef *host, qbjRefusal *refusal)
{
    const char *protocol = virStorageNetProtocolTypeToString(src->protocol);
    bool tcp = host->transport == VIR_STORAGE_NET_HOST_TRANS_TCP;

    if (!tcp && (host->transport != VIR_STORAGE_NET_HOST_TRANS_UNIX || src->protocol != VIR_STORAGE_NET_PROTOCOL_NBD)) {
        qbjRefusalSet(refusal, VIR_ERR_CONFIG_UNSUPPORTED,
                      _("transport '%s' is not supported for disks of protocol '%s'"),
                      NULLSTR(virStorageNetHostTransportTypeToString(host->transport)), protocol);
        return -1;
    }
    if (tcp ? !host->name : !host->socket) {
        qbjRefusalSet(refusal, VIR_ERR_CONFIG_UNSUPPORTED,
                      _("a server of a disk of protocol '%s' has neither a name nor a socket"), protocol);
        return -1;
    }

    return 0;
}

static int
qbjBlockNetCheckHosts(const virStorageSource *src, qbjRefusal *refusal)
{
    unsigned int places = qbjBlockNetPlaces(src);
    size_t i;

    if ((src->nhosts == 0 && !(places & QBJ_BLOCK_NET_NO_HOST)) ||
        (src->nhosts > 1 && !(places & QBJ_BLOCK_NET_HOSTS))) {
        qbjRefusalSet(refusal, VIR_ERR_CONFIG_UNSUPPORTED,
                      _("a disk of protocol '%s' needs exactly one host, not %zu"),
                      virStorageNetProtocolTypeToString(src->protocol), src->nhosts);
        return -1;
    }

    for (i = 0; i < src->nhosts; i++) {
        if (qbjBlockNetCheckHost(src, &src->hosts[i], refusal) < 0)
            return -1;
    }

    return 0;
}

/* A password of another kind is for another protocol. */
static int
qbjBlockNetCheckAuth(const virStorageSource *src, qbjRefusal *refusal)
{
    const char *wanted = src->protocol == VIR_STORAGE_NET_PROTOCOL_ISCSI ? "iscsi" : "ceph";

    if (!src->auth || STREQ_NULLABLE(src->auth->secrettype, wanted))
        return 0;

    qbjRefusalSet(refusal, VIR_ERR_CONFIG_UNSUPPORTED,
                  _("a secret of type '%s' is not supported for disks of protocol '%s'"),
                  NULLSTR(src->auth->secrettype), virStorageNetProtocolTypeToString(src->protocol));
    return -1;
}

static int
qbjBlockNetCheck(const virStorageSource *src, qbjRefusal *refusal)
{
    if (src->haveTLS == VIR_TRISTATE_BOOL_YES) {
        qbjRefusalSet(refusal, VIR_ERR_CONFIG_UNSUPPORTED, _("TLS is not supported yet for disks of protocol '%s'"),
                      NULLSTR(virStorageNetProtocolTypeToString(src->protocol)));
        return -1;
    }
    if (qbjBlockNetCheckHosts(src, refusal) < 0)
        return -1;

    return qbjBlockNetCheckAuth(src, refusal);
}

static virJSONValue *
qbjBlockNetNBDServer(const virStorageNetHostDef *host)
{
    g_autoptr(virJSONValue) server = NULL;
    g_autofree char *port = g_strdup_printf("%u", host->port ? host->port : QBJ_BLOCK_NBD_PORT);
    int rc;

    if (host->transport == VIR_STORAGE_NET_HOST_TRANS_UNIX)
        rc = virJSONValueObjectAdd(&server, "s:type", "unix", "s:path", host->socket, NULL);
    else
        rc = virJSONValueObjectAdd(&server, "s:type", "inet", "s:host", host->name, "s:port", port, NULL);

    return rc < 0 ? NULL : g_steal_pointer(&server);
}

static virJSONValue *
qbjBlockNetNBD(const virStorageSource *src)
{
    g_autoptr(virJSONValue) server = qbjBlockNetNBDServer(src->hosts);
    g_autoptr(virJSONValue) location = NULL;

    if (!server ||
        virJSONValueObjectAdd(&location, "s:driver", "nbd", "a:server", &server, "S:export", src->path, NULL) < 0)
        return NULL;

    return g_steal_pointer(&location);
}

/* "iqn.2003-01.org.example:disks/3" is the target and the number of the unit there, which is 0 when it is not
 * said. */
static int
qbjBlockNetISCSISplit(const virStorageSource *src, char **target, unsigned int *lun, qbjRefusal *refusal)
{
    const char *name = NULLSTR_EMPTY(src->path);
    const char *slash = strchr(name, '/');

    *lun = 0;
    if (*name && *name != '/' &&
        (!slash || (g_ascii_isdigit(slash[1]) && virStrToLong_uip(slash + 1, NULL, 10, lun) == 0))) {
        *target = slash ? g_strndup(name, slash - name) : g_strdup(name);
        return 0;
    }

    qbjRefusalSet(refusal, VIR_ERR_CONFIG_UNSUPPORTED,
                  _("the name '%s' of an iSCSI disk is not a target, or a target, a slash and the number of a unit"),
                  name);
    return -1;
}

/* An IPv6 address without the brackets that people may have written. */
static char *
qbjBlockNetHostName(const virStorageNetHostDef *host)
{
    size_t length = strlen(host->name);

    if (length > 2 && *host->name == '[' && host->name[length - 1] == ']')
        return g_strndup(host->name + 1, length - 2);
    return g_strdup(host->name);
}

static char *
qbjBlockNetISCSIPortal(const virStorageNetHostDef *host)
{
    g_autofree char *name = qbjBlockNetHostName(host);

    return g_strdup_printf(strchr(name, ':') ? "[%s]:%u" : "%s:%u", name,
                           host->port ? host->port : QBJ_BLOCK_ISCSI_PORT);
}

static virJSONValue *
qbjBlockNetISCSI(const virStorageSource *src, const char *secret, qbjRefusal *refusal)
{
    g_autoptr(virJSONValue) location = NULL;
    g_autofree char *portal = qbjBlockNetISCSIPortal(src->hosts);
    g_autofree char *target = NULL;
    unsigned int lun;

    if (qbjBlockNetISCSISplit(src, &target, &lun, refusal) < 0 ||
        virJSONValueObjectAdd(&location,
                              "s:driver", "iscsi",
                              "s:portal", portal,
                              "s:target", target,
                              "u:lun", lun,
                              "s:transport", "tcp",
                              "S:user", secret ? src->auth->username : NULL,
                              "S:password-secret", secret,
                              "S:initiator-name", src->initiator.iqn,
                              NULL) < 0)
        return NULL;

    return g_steal_pointer(&location);
}

static int
qbjBlockNetRBDServers(const virStorageSource *src, virJSONValue **servers)
{
    size_t i;

    if (src->nhosts == 0)
        return 0;

    *servers = virJSONValueNewArray();
    for (i = 0; i < src->nhosts; i++) {
        g_autofree char *port = g_strdup_printf("%u", src->hosts[i].port);
        g_autoptr(virJSONValue) server = NULL;

        if (virJSONValueObjectAdd(&server, "s:host", src->hosts[i].name, "s:port", port, NULL) < 0 ||
            virJSONValueArrayAppend(*servers, &server) < 0)
            return -1;
    }

    return 0;
}

/* Servers that want no password are let be, as Ceph's own default has it. */
static virJSONValue *
qbjBlockNetRBDAuth(const char *secret)
{
    g_autoptr(virJSONValue) modes = NULL;

    if (!secret)
        return NULL;

    modes = virJSONValueNewArray();
    if (virJSONValueArrayAppendString(modes, "cephx") < 0 || virJSONValueArrayAppendString(modes, "none") < 0)
        return NULL;

    return g_steal_pointer(&modes);
}

static virJSONValue *
qbjBlockNetRBD(const virStorageSource *src, const char *secret, qbjRefusal *refusal)
{
    g_autoptr(virJSONValue) modes = qbjBlockNetRBDAuth(secret);
    g_autoptr(virJSONValue) servers = NULL;
    g_autoptr(virJSONValue) location = NULL;

    if (!src->volume || !src->path) {
        qbjRefusalSet(refusal, VIR_ERR_CONFIG_UNSUPPORTED, "%s",
                      _("the name of an RBD disk must be that of a pool, a slash and that of an image"));
        return NULL;
    }

    if (qbjBlockNetRBDServers(src, &servers) < 0 ||
        virJSONValueObjectAdd(&location,
                              "s:driver", "rbd",
                              "s:pool", src->volume,
                              "s:image", src->path,
                              "S:snapshot", src->snapshot,
                              "S:conf", src->configFile,
                              "A:server", &servers,
                              "S:user", secret ? src->auth->username : NULL,
                              "A:auth-client-required", &modes,
                              "S:key-secret", secret,
                              NULL) < 0)
        return NULL;

    return g_steal_pointer(&location);
}

virJSONValue *
qbjBlockNetLocation(const virStorageSource *src, const char *secret, qbjRefusal *refusal)
{
    const char *protocol = virStorageNetProtocolTypeToString(src->protocol);

    if (src->protocol != VIR_STORAGE_NET_PROTOCOL_NBD &&
        src->protocol != VIR_STORAGE_NET_PROTOCOL_ISCSI &&
        src->protocol != VIR_STORAGE_NET_PROTOCOL_RBD) {
        qbjRefusalSet(refusal, VIR_ERR_CONFIG_UNSUPPORTED, _("network protocol '%s' is not supported yet for disks"),
                      NULLSTR(protocol));
        return NULL;
    }
    if (qbjBlockNetCheck(src, refusal) < 0)
        return NULL;

    if (src->protocol == VIR_STORAGE_NET_PROTOCOL_NBD)
        return qbjBlockNetNBD(src);
    if (src->protocol == VIR_STORAGE_NET_PROTOCOL_ISCSI)
        return qbjBlockNetISCSI(src, secret, refusal);
    return qbjBlockNetRBD(src, secret, refusal);
}

/* QEMU reads no URI without the number of the unit. */
static char *
qbjBlockNetUriPath(const virStorageSource *src)
{
    const char *path = NULLSTR_EMPTY(src->path);
    bool unit = src->protocol == VIR_STORAGE_NET_PROTOCOL_ISCSI && !strchr(path, '/');

    return g_strdup_printf("/%s%s", path, unit ? "/0" : "");
}

/* Whether the name can stand in a URI as it is; others would make one that nobody can read. */
static bool
qbjBlockNetHostIsPlain(const char *name)
{
    return *name && name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:")] == '\0';
}

char *
qbjBlockNetUri(const virStorageSource *src)
{
    bool iscsi = src->protocol == VIR_STORAGE_NET_PROTOCOL_ISCSI;
    g_autofree char *server = NULL;
    g_autofree char *scheme = g_strdup(virStorageNetProtocolTypeToString(src->protocol));
    g_autofree char *path = qbjBlockNetUriPath(src);
    virURI uri = { .scheme = scheme, .path = path };

    if (src->protocol == VIR_STORAGE_NET_PROTOCOL_RBD || src->initiator.iqn ||
        src->hosts->transport != VIR_STORAGE_NET_HOST_TRANS_TCP)
        return NULL;

    uri.server = server = qbjBlockNetHostName(src->hosts);
    if (!qbjBlockNetHostIsPlain(server))
        return NULL;
    uri.port = src->hosts->port ? src->hosts->port : iscsi ? QBJ_BLOCK_ISCSI_PORT : QBJ_BLOCK_NBD_PORT;
    return virURIFormat(&uri);
}
