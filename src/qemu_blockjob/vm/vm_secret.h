/* Passphrases of encrypted images, and passwords for images on the network, from libvirt's secret driver, for
 * QEMU. */
#pragma once

#include "domain_private.h"
#include "vm_args.h"

#define QBJ_VM_KEY_LEN 32       /* of the master key */

void qbjVmSecretFree(qbjVmSecret *secret);

/* Fetches what the images of @def need and encrypts it with @key. @secrets: new table,
 * name of the QEMU object -> qbjVmSecret, which it owns; the names are noted in the images' private data,
 * for the status file. No passphrase stays in memory. Returns 0, -1 with an error reported:
 * VIR_ERR_CONFIG_UNSUPPORTED for an encrypted image whose definition names no secret, VIR_ERR_NO_SECRET. */
int qbjVmSecretsPrepare(virDomainDef *def, uint8_t *key, GHashTable **secrets);
