#include <config.h>

#include "internal.h"
#include "vm_secret.h"
#include "blocknode.h"
#include "datatypes.h"
#include "driver.h"
#include "vircrypto.h"
#include "virerror.h"
#include "viridentity.h"
#include "virqbjstatus.h"
#include "virrandom.h"
#include "virsecret.h"
#include "virsecureerase.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

#define QBJ_VM_SECRET_IV_LEN 16

/* More than any passphrase: the secret driver itself sets no limit. */
#define QBJ_VM_SECRET_MAX (64 * 1024)

void
qbjVmSecretFree(qbjVmSecret *secret)
{
    if (!secret)
        return;

    g_free(secret->data);
    g_free(secret->iv);
    g_free(secret);
}

static int
qbjVmSecretEncrypt(uint8_t *key, uint8_t *value, size_t length, qbjVmSecret *secret)
{
    uint8_t iv[QBJ_VM_SECRET_IV_LEN];
    g_autofree uint8_t *data = NULL;
    size_t dataLength = 0;

    if (virRandomBytes(iv, sizeof(iv)) < 0 ||
        virCryptoEncryptData(VIR_CRYPTO_CIPHER_AES256CBC, key, QBJ_VM_KEY_LEN, iv, sizeof(iv), value, length,
                             &data, &dataLength) < 0)
        return -1;

    secret->data = g_base64_encode(data, dataLength);
    secret->iv = g_base64_encode(iv, sizeof(iv));
    return 0;
}

/* A secret of libvirt that QEMU needs for an image. */
typedef struct _qbjVmSecretNeed qbjVmSecretNeed;
struct _qbjVmSecretNeed {
    const virStorageSource *src;
    virSecretLookupTypeDef *lookup;
    virSecretUsageType usage;
};

static int
qbjVmSecretFetch(const qbjVmSecretNeed *need, uint8_t *key, qbjVmSecret *secret)
{
    g_autoptr(virConnect) conn = virGetConnectSecret();
    g_autofree uint8_t *value = NULL;
    size_t length = 0;
    int ret = -1;

    if (!conn || virSecretGetSecretString(conn, need->lookup, need->usage, &value, &length) < 0)
        return -1;

    if (length == 0 || length > QBJ_VM_SECRET_MAX)
        virReportError(VIR_ERR_INVALID_SECRET, _("The secret of image '%s' has %zu bytes."),
                       NULLSTR(need->src->path), length);
    else
        ret = qbjVmSecretEncrypt(key, value, length, secret);

    virSecureErase(value, length);
    return ret;
}

/* Whoever may start the domain need not be able to read the passphrase; we may, even when it is private. A
 * program that has the driver inside it acts for nobody: then the one to be raised is itself. */
static int
qbjVmSecretFetchElevated(const qbjVmSecretNeed *need, uint8_t *key, qbjVmSecret *secret)
{
    g_autoptr(virIdentity) client = virIdentityGetCurrent();
    g_autoptr(virIdentity) system = client ? NULL : virIdentityGetSystem();
    g_autoptr(virIdentity) before = NULL;
    int ret = -1;

    if (!client && (!system || virIdentitySetCurrent(system) < 0))
        return -1;
    if ((before = virIdentityElevateCurrent()))
        ret = qbjVmSecretFetch(need, key, secret);

    return virIdentitySetCurrent(client) < 0 ? -1 : ret;
}

/* @name: of the QEMU object; @alias: where the image's private data has it for the status file. */
static int
qbjVmSecretPrepare(const qbjVmSecretNeed *need, const char *name, uint8_t *key, GHashTable *secrets, char **alias)
{
    qbjVmSecret *secret = g_new0(qbjVmSecret, 1);

    g_hash_table_insert(secrets, g_strdup(name), secret);
    if (qbjVmSecretFetchElevated(need, key, secret) < 0)
        return -1;

    g_free(*alias);
    *alias = g_strdup(name);
    return 0;
}

static int
qbjVmSecretPrepareEncryption(virStorageSource *src, virQbjStoragePrivate *priv, uint8_t *key, GHashTable *secrets)
{
    g_autofree char *name = qbjBlockNodeSecret(src);
    qbjVmSecretNeed need = { .src = src, .usage = VIR_SECRET_USAGE_TYPE_VOLUME };

    if (src->encryption->nsecrets != 1) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("image '%s' is encrypted, and its definition names %zu secrets instead of one"),
                       NULLSTR(src->path), src->encryption->nsecrets);
        return -1;
    }

    need.lookup = &src->encryption->secrets[0]->seclookupdef;
    return qbjVmSecretPrepare(&need, name, key, secrets, &priv->secretAlias[VIR_QBJ_SECRET_ENCRYPTION]);
}

static int
qbjVmSecretPrepareAuth(virStorageSource *src, virQbjStoragePrivate *priv, uint8_t *key, GHashTable *secrets)
{
    bool iscsi = src->protocol == VIR_STORAGE_NET_PROTOCOL_ISCSI;
    g_autofree char *name = qbjBlockNodeAuthSecret(src);
    qbjVmSecretNeed need = {
        .src = src,
        .lookup = &src->auth->seclookupdef,
        .usage = iscsi ? VIR_SECRET_USAGE_TYPE_ISCSI : VIR_SECRET_USAGE_TYPE_CEPH,
    };

    return qbjVmSecretPrepare(&need, name, key, secrets, &priv->secretAlias[VIR_QBJ_SECRET_AUTH]);
}

static int
qbjVmSecretPrepareImage(virStorageSource *src, uint8_t *key, GHashTable *secrets)
{
    /* elsewhere it has no meaning, and is refused by name later */
    bool auth = src->auth && virStorageSourceGetActualType(src) == VIR_STORAGE_TYPE_NETWORK;
    virQbjStoragePrivate *priv;

    if (!src->encryption && !auth)
        return 0;
    if (!(priv = virQbjStoragePrivateGet(src)))
        return -1;
    if (auth && qbjVmSecretPrepareAuth(src, priv, key, secrets) < 0)
        return -1;

    return src->encryption ? qbjVmSecretPrepareEncryption(src, priv, key, secrets) : 0;
}

int
qbjVmSecretsPrepare(virDomainDef *def, uint8_t *key, GHashTable **secrets)
{
    size_t i;

    *secrets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify) qbjVmSecretFree);
    for (i = 0; i < def->ndisks; i++) {
        virStorageSource *src;

        for (src = def->disks[i]->src; virStorageSourceIsBacking(src); src = src->backingStore) {
            if (qbjVmSecretPrepareImage(src, key, *secrets) < 0)
                return -1;
        }
    }

    return 0;
}
