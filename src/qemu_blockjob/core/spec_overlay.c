#include <config.h>

#include "internal.h"
#include "spec_overlay.h"
#include "spec_parts.h"
#include "virqbjjson.h"

int
qbjSpecPlanOverlay(const virDomainDiskDef *disk, const qbjCopyRequest *req, qbjSpec **spec, qbjRefusal *refusal)
{
    g_autofree char *name = g_strdup_printf("snapshot-%s-%s", disk->dst, req->target->nodeformat);
    g_autoptr(qbjSpec) plan = NULL;

    if (qbjSpecCheckChain(disk, refusal) < 0)
        return -1;

    plan = qbjSpecNew(QBJ_TYPE_COPY, name, disk->dst);
    plan->device = qbjSpecDevice(disk);
    plan->rootOld = g_strdup(disk->src->nodeformat);
    plan->rootNew = g_strdup(req->target->nodeformat);
    plan->change.type = QBJ_CHANGE_SWITCH;
    plan->change.disk = g_strdup(disk->dst);
    plan->change.nowOn = g_strdup(req->target->nodeformat);
    if (qbjSpecAddOverlay(plan, disk, req, refusal) < 0)
        return -1;
    *spec = g_steal_pointer(&plan);
    return 0;
}

static int
qbjSpecAddOverlayBitmap(virJSONValue *actions, const qbjBitmap *bitmap, const char *node)
{
    g_autoptr(virJSONValue) data = NULL;

    if (virJSONValueObjectAdd(&data, "s:node", node, "s:name", bitmap->name, "b:persistent", true, "b:disabled", false,
                              "U:granularity", bitmap->granularity, NULL) < 0)
        return -1;
    return virQbjJSONAppendAction(actions, "block-dirty-bitmap-add", &data);
}

int
qbjSpecAddOverlayActions(virJSONValue *actions, qbjBitmapSet *set, const virDomainDiskDef *disk,
                         const virStorageSource *overlay, qbjRefusal *refusal)
{
    const qbjBitmapNode *node = set ? qbjBitmapNodeFind(set, disk->src->nodeformat) : NULL;
    g_autoptr(virJSONValue) data = NULL;
    size_t i;

    for (i = 0; node && i < node->bitmaps->len; i++) {
        const qbjBitmap *bitmap = g_ptr_array_index(node->bitmaps, i);

        if (bitmap->persistent && bitmap->recording && !bitmap->inconsistent &&
            qbjSpecAddOverlayBitmap(actions, bitmap, overlay->nodeformat) < 0)
            break;
    }
    if ((!node || i == node->bitmaps->len) &&
        virJSONValueObjectAdd(&data, "s:node", disk->src->nodeformat, "s:overlay", overlay->nodeformat, NULL) > 0 &&
        virQbjJSONAppendAction(actions, "blockdev-snapshot", &data) == 0)
        return 0;
    qbjRefusalSet(refusal, VIR_ERR_INTERNAL_ERROR, _("The snapshot of disk '%s' cannot be planned"), disk->dst);
    return -1;
}
