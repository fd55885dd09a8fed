#include <config.h>

#include "internal.h"
#include "engine_export.h"
#include "engine_change.h"
#include "engine_switch.h"
#include "domain_qmp.h"
#include "virerror.h"
#include "virqbjjson.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* The protocol layer of an image counts as well: a request to it is held with those to the image. */
static const virStorageSource *
qbjEngineExportFindNode(const virStorageSource *chain, const char *node)
{
    const virStorageSource *image;

    for (image = chain; image; image = image->backingStore) {
        if (node && (STREQ_NULLABLE(image->nodeformat, node) || STREQ_NULLABLE(image->nodestorage, node)))
            return image;
    }
    return NULL;
}

int
qbjEngineExportRefuse(virDomainObj *vm, const virQbjJob *job)
{
    g_autoptr(virJSONValue) exports = NULL;
    const virDomainDiskDef *disk;
    size_t i;

    /* true from the first command of a person on, and once another daemon was there before this one */
    if (!QBJ_DOMAIN_PRIVATE(vm)->status->mayHaveBitmaps)
        return 0;
    if (qbjDomainQmpCallFor(vm, "query-block-exports", NULL, QBJ_ENGINE_PIVOT_MS, &exports) < 0)
        return -1;

    disk = qbjEngineChangeDisk(vm, job);
    for (i = 0; disk && i < virQbjJSONArraySize(exports); i++) {
        virJSONValue *entry = virJSONValueArrayGet(exports, i);

        if (qbjEngineExportFindNode(disk->src, virJSONValueObjectGetString(entry, "node-name"))) {
            virReportError(VIR_ERR_OPERATION_INVALID,
                           _("disk '%s' is exported at QEMU's monitor as '%s'; a client of that would hang the domain "
                             "during the pivot"),
                           job->spec->disk, NULLSTR(virJSONValueObjectGetString(entry, "id")));
            return -1;
        }
    }
    return 0;
}
