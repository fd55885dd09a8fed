/* Passphrases of encrypted images, and passwords for images on the network, from libvirt's secret driver, for
 * QEMU. It gets them encrypted with a key that only the VM's QEMU and the daemon can read. */
#pragma once

#include "domain_conf.h"
#include "virjson.h"

#define QBJ_HOST_KEY_LEN 32                     /* of the master key of one run of a VM */
#define QBJ_HOST_KEY_NAME "master-key.aes"      /* its file in the VM's folder */
#define QBJ_HOST_KEY_OBJECT "masterKey0"        /* its name in QEMU */

/* A secret of QEMU's, encrypted with the VM's master key, both in base64. */
typedef struct _qbjHostSecret qbjHostSecret;
struct _qbjHostSecret {
    char *data;
    char *iv;
};
void qbjHostSecretFree(qbjHostSecret *secret);

/* A table for qbjHostSecretsAdd(): name of the QEMU object -> qbjHostSecret, which it owns. */
GHashTable *qbjHostSecretsNew(void);

/* Fetches what the images of the chain @top need, encrypts it with @key and adds it to @secrets. The names
 * of the objects are noted in the images' private data, for the status file; the images have their node
 * names. No passphrase stays in memory. The client whose call this thread carries out need not be able to
 * read it. No lock may be held, for the secret driver may be in another daemon. Returns 0, -1 with an
 * error reported: VIR_ERR_CONFIG_UNSUPPORTED for an encrypted image whose definition names no secret or
 * several, VIR_ERR_NO_SECRET, VIR_ERR_INVALID_SECRET for an empty one. */
int qbjHostSecretsAdd(virStorageSource *top, uint8_t *key, GHashTable *secrets);

/* Whether an image of the chain @top needs any. */
bool qbjHostSecretsNeeded(const virStorageSource *top);

/* Reads the master key in the folder @libDir, which may belong to QEMU's user. @key: of QBJ_HOST_KEY_LEN
 * bytes. Returns 0, -1 with an error reported, naming the file: VIR_ERR_SYSTEM_ERROR,
 * VIR_ERR_OPERATION_FAILED when it is no key. */
int qbjHostSecretReadKey(const char *libDir, uint8_t *key);

/* Properties of the QEMU object @name, as -object and object-add take them. @secret: NULL leaves the data
 * empty. The caller frees; NULL with an error reported. */
virJSONValue *qbjHostSecretObject(const char *name, const qbjHostSecret *secret);
