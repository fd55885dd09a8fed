#include <config.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "internal.h"
#include "host_secret.h"
#include "blocknode.h"
#include "datatypes.h"
#include "driver.h"
#include "host_folder.h"
#include "vircrypto.h"
#include "virerror.h"
#include "virfile.h"
#include "viridentity.h"
#include "virqbjstatus.h"
#include "virrandom.h"
#include "virsecret.h"
#include "virsecureerase.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

#define QBJ_HOST_SECRET_IV_LEN 16

/* More than any passphrase: the secret driver itself sets no limit. */
#define QBJ_HOST_SECRET_MAX (64 * 1024)

void
qbjHostSecretFree(qbjHostSecret *secret)
{
    if (!secret)
        return;

    g_free(secret->data);
    g_free(secret->iv);
    g_free(secret);
}

static int
qbjHostSecretEncrypt(uint8_t *key, uint8_t *value, size_t length, qbjHostSecret *secret)
{
    uint8_t iv[QBJ_HOST_SECRET_IV_LEN];
    g_autofree uint8_t *data = NULL;
    size_t dataLength = 0;

    if (virRandomBytes(iv, sizeof(iv)) < 0 ||
        virCryptoEncryptData(VIR_CRYPTO_CIPHER_AES256CBC, key, QBJ_HOST_KEY_LEN, iv, sizeof(iv), value, length,
                             &data, &dataLength) < 0)
        return -1;

    secret->data = g_base64_encode(data, dataLength);
    secret->iv = g_base64_encode(iv, sizeof(iv));
    return 0;
}

/* A secret of libvirt that QEMU needs for an image. */
typedef struct _qbjHostSecretNeed qbjHostSecretNeed;
struct _qbjHostSecretNeed {
    const virStorageSource *src;
    virSecretLookupTypeDef *lookup;
    virSecretUsageType usage;
};

static int
qbjHostSecretFetch(const qbjHostSecretNeed *need, uint8_t *key, qbjHostSecret *secret)
{
    g_autoptr(virConnect) conn = virGetConnectSecret();
    g_autofree uint8_t *value = NULL;
    size_t length = 0;
    int ret = -1;

    if (!conn || virSecretGetSecretString(conn, need->lookup, need->usage, &value, &length) < 0)
        return -1;

    if (length == 0 || length > QBJ_HOST_SECRET_MAX)
        virReportError(VIR_ERR_INVALID_SECRET, _("The secret of image '%s' has %zu bytes."),
                       NULLSTR(need->src->path), length);
    else
        ret = qbjHostSecretEncrypt(key, value, length, secret);

    virSecureErase(value, length);
    return ret;
}

/* Whoever may start the domain need not be able to read the passphrase; we may, even when it is private. A
 * program that has the driver inside it acts for nobody: then the one to be raised is itself. */
static int
qbjHostSecretFetchElevated(const qbjHostSecretNeed *need, uint8_t *key, qbjHostSecret *secret)
{
    g_autoptr(virIdentity) client = virIdentityGetCurrent();
    g_autoptr(virIdentity) system = client ? NULL : virIdentityGetSystem();
    g_autoptr(virIdentity) before = NULL;
    int ret = -1;

    if (!client && (!system || virIdentitySetCurrent(system) < 0))
        return -1;
    if ((before = virIdentityElevateCurrent()))
        ret = qbjHostSecretFetch(need, key, secret);

    return virIdentitySetCurrent(client) < 0 ? -1 : ret;
}

/* @name: of the QEMU object; @alias: where the image's private data has it for the status file. */
static int
qbjHostSecretPrepare(const qbjHostSecretNeed *need, const char *name, uint8_t *key, GHashTable *secrets, char **alias)
{
    qbjHostSecret *secret = g_new0(qbjHostSecret, 1);

    g_hash_table_insert(secrets, g_strdup(name), secret);
    if (qbjHostSecretFetchElevated(need, key, secret) < 0)
        return -1;

    g_free(*alias);
    *alias = g_strdup(name);
    return 0;
}

static int
qbjHostSecretPrepareEncryption(virStorageSource *src, virQbjStoragePrivate *priv, uint8_t *key, GHashTable *secrets)
{
    g_autofree char *name = qbjBlockNodeSecret(src);
    qbjHostSecretNeed need = { .src = src, .usage = VIR_SECRET_USAGE_TYPE_VOLUME };

    if (src->encryption->nsecrets != 1) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("image '%s' is encrypted, and its definition names %zu secrets instead of one"),
                       NULLSTR(src->path), src->encryption->nsecrets);
        return -1;
    }

    need.lookup = &src->encryption->secrets[0]->seclookupdef;
    return qbjHostSecretPrepare(&need, name, key, secrets, &priv->secretAlias[VIR_QBJ_SECRET_ENCRYPTION]);
}

static int
qbjHostSecretPrepareAuth(virStorageSource *src, virQbjStoragePrivate *priv, uint8_t *key, GHashTable *secrets)
{
    bool iscsi = src->protocol == VIR_STORAGE_NET_PROTOCOL_ISCSI;
    g_autofree char *name = qbjBlockNodeAuthSecret(src);
    qbjHostSecretNeed need = {
        .src = src,
        .lookup = &src->auth->seclookupdef,
        .usage = iscsi ? VIR_SECRET_USAGE_TYPE_ISCSI : VIR_SECRET_USAGE_TYPE_CEPH,
    };

    return qbjHostSecretPrepare(&need, name, key, secrets, &priv->secretAlias[VIR_QBJ_SECRET_AUTH]);
}

/* Elsewhere than on the network it has no meaning, and is refused by name later. */
static bool
qbjHostSecretHasAuth(const virStorageSource *src)
{
    return src->auth && virStorageSourceGetActualType(src) == VIR_STORAGE_TYPE_NETWORK;
}

static int
qbjHostSecretPrepareImage(virStorageSource *src, uint8_t *key, GHashTable *secrets)
{
    virQbjStoragePrivate *priv;

    if (!src->encryption && !qbjHostSecretHasAuth(src))
        return 0;
    if (!(priv = virQbjStoragePrivateGet(src)))
        return -1;
    if (qbjHostSecretHasAuth(src) && qbjHostSecretPrepareAuth(src, priv, key, secrets) < 0)
        return -1;

    return src->encryption ? qbjHostSecretPrepareEncryption(src, priv, key, secrets) : 0;
}

GHashTable *
qbjHostSecretsNew(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify) qbjHostSecretFree);
}

int
qbjHostSecretsAdd(virStorageSource *top, uint8_t *key, GHashTable *secrets)
{
    virStorageSource *src;

    for (src = top; virStorageSourceIsBacking(src); src = src->backingStore) {
        if (qbjHostSecretPrepareImage(src, key, secrets) < 0)
            return -1;
    }
    return 0;
}

bool
qbjHostSecretsNeeded(const virStorageSource *top)
{
    for (; virStorageSourceIsBacking(top); top = top->backingStore) {
        if (top->encryption || qbjHostSecretHasAuth(top))
            return true;
    }
    return false;
}

/* What stands there may be of QEMU's user's making: a link is not followed, a FIFO not waited for. */
int
qbjHostSecretReadKey(const char *libDir, uint8_t *key)
{
    g_autofree char *path = g_strdup_printf("%s/" QBJ_HOST_KEY_NAME, libDir);
    VIR_AUTOCLOSE folder = qbjHostFolderOpen(libDir);
    VIR_AUTOCLOSE fd = folder < 0 ? -1 :
        openat(folder, QBJ_HOST_KEY_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        virReportSystemError(errno, _("cannot read master key '%s', which QEMU needs for a secret"), path);
        return -1;
    }
    if (!S_ISREG(st.st_mode) || st.st_size != QBJ_HOST_KEY_LEN ||
        saferead(fd, key, QBJ_HOST_KEY_LEN) != QBJ_HOST_KEY_LEN) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("master key '%s', which QEMU needs for a secret, is damaged"), path);
        return -1;
    }
    return 0;
}

virJSONValue *
qbjHostSecretObject(const char *name, const qbjHostSecret *secret)
{
    g_autoptr(virJSONValue) props = NULL;

    if (virJSONValueObjectAdd(&props,
                              "s:qom-type", "secret",
                              "s:id", name,
                              "s:data", secret ? secret->data : "",
                              "s:keyid", QBJ_HOST_KEY_OBJECT,
                              "s:iv", secret ? secret->iv : "",
                              "s:format", "base64",
                              NULL) < 0)
        return NULL;

    return g_steal_pointer(&props);
}
