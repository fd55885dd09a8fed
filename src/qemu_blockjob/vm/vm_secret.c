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

static int
qbjVmSecretFetch(const virStorageSource *src, uint8_t *key, qbjVmSecret *secret)
{
    virSecretLookupTypeDef *lookup = &src->encryption->secrets[0]->seclookupdef;
    g_autoptr(virConnect) conn = virGetConnectSecret();
    g_autofree uint8_t *value = NULL;
    size_t length = 0;
    int ret = -1;

    if (!conn || virSecretGetSecretString(conn, lookup, VIR_SECRET_USAGE_TYPE_VOLUME, &value, &length) < 0)
        return -1;

    if (length == 0 || length > QBJ_VM_SECRET_MAX)
        virReportError(VIR_ERR_INVALID_SECRET, _("The secret of image '%s' has %zu bytes."), NULLSTR(src->path),
                       length);
    else
        ret = qbjVmSecretEncrypt(key, value, length, secret);

    virSecureErase(value, length);
    return ret;
}

/* Whoever may start the domain need not be able to read the passphrase; we may, even when it is private. A
 * program that has the driver inside it acts for nobody: then the one to be raised is itself. */
static int
qbjVmSecretFetchElevated(const virStorageSource *src, uint8_t *key, qbjVmSecret *secret)
{
    g_autoptr(virIdentity) client = virIdentityGetCurrent();
    g_autoptr(virIdentity) system = client ? NULL : virIdentityGetSystem();
    g_autoptr(virIdentity) before = NULL;
    int ret = -1;

    if (!client && (!system || virIdentitySetCurrent(system) < 0))
        return -1;
    if ((before = virIdentityElevateCurrent()))
        ret = qbjVmSecretFetch(src, key, secret);

    return virIdentitySetCurrent(client) < 0 ? -1 : ret;
}

static int
qbjVmSecretPrepareImage(virStorageSource *src, uint8_t *key, GHashTable *secrets)
{
    virQbjStoragePrivate *priv;
    g_autofree char *name = NULL;
    qbjVmSecret *secret;

    if (!src->encryption)
        return 0;

    if (src->encryption->nsecrets != 1) {
        virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                       _("image '%s' is encrypted, and its definition names %zu secrets instead of one"),
                       NULLSTR(src->path), src->encryption->nsecrets);
        return -1;
    }
    if (!(priv = virQbjStoragePrivateGet(src)))
        return -1;

    name = qbjBlockNodeSecret(src);
    secret = g_new0(qbjVmSecret, 1);
    g_hash_table_insert(secrets, g_strdup(name), secret);
    if (qbjVmSecretFetchElevated(src, key, secret) < 0)
        return -1;

    g_free(priv->secretAlias[VIR_QBJ_SECRET_ENCRYPTION]);
    priv->secretAlias[VIR_QBJ_SECRET_ENCRYPTION] = g_steal_pointer(&name);
    return 0;
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
