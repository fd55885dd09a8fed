/* A spec as JSON, for the record of the job and for golden files. Reading it back: spec_json_read.c. */
#include <config.h>

#include "spec.h"
#include "storage_source_conf.h"

static virJSONValue *
qbjImageToJSON(const qbjImage *image)
{
    g_autoptr(virJSONValue) json = NULL;

    if (virJSONValueObjectAdd(&json,
                              "s:type", virStorageTypeToString(image->storageType),
                              "s:format", virStorageFileFormatTypeToString(image->format),
                              "S:path", image->path,
                              "S:format-node", image->formatNode,
                              "S:storage-node", image->storageNode,
                              NULL) < 0)
        return NULL;

    return g_steal_pointer(&json);
}

static virJSONValue *
qbjStepToJSON(const qbjStep *step)
{
    g_autoptr(virJSONValue) arguments = step->arguments ? virJSONValueCopy(step->arguments) : NULL;
    g_autoptr(virJSONValue) image = step->image ? qbjImageToJSON(step->image) : NULL;
    g_autoptr(virJSONValue) undo = step->undo ? qbjStepToJSON(step->undo) : NULL;
    g_autoptr(virJSONValue) json = NULL;
    int rc = -1;

    switch (step->type) {
    case QBJ_STEP_QMP:
        rc = virJSONValueObjectAdd(&json, "s:execute", step->command, "A:arguments", &arguments,
                                   "S:job", step->job, "B:optional", step->optional, "A:undo", &undo, NULL);
        break;
    case QBJ_STEP_ACCESS:
        rc = virJSONValueObjectAdd(&json, "s:access", qbjAccessTypeToString(step->access), "a:image", &image,
                                   "A:undo", &undo, NULL);
        break;
    case QBJ_STEP_UNLINK:
        rc = virJSONValueObjectAdd(&json, "a:unlink", &image, "S:identity", step->identity, NULL);
        break;
    case QBJ_STEP_FILE:
        rc = virJSONValueObjectAdd(&json, "a:file", &image, "s:identity", step->identity, "B:filled", step->filled,
                                   "A:undo", &undo, NULL);
        break;
    case QBJ_STEP_EMPTY:
        rc = virJSONValueObjectAdd(&json, "a:empty", &image, "s:identity", step->identity, "B:begun", step->begun,
                                   "P:capacity", step->capacity, "S:backing", step->backing,
                                   "B:encrypted", step->encrypted, NULL);
        break;
    case QBJ_STEP_SECRET:
        rc = virJSONValueObjectAdd(&json, "s:secret", step->secret, "A:undo", &undo, NULL);
        break;
    case QBJ_STEP_LAST:
        break;
    }

    return rc < 0 ? NULL : g_steal_pointer(&json);
}

static virJSONValue *
qbjPhaseToJSON(GPtrArray *steps)
{
    g_autoptr(virJSONValue) json = virJSONValueNewArray();
    size_t i;

    for (i = 0; i < steps->len; i++) {
        g_autoptr(virJSONValue) step = qbjStepToJSON(g_ptr_array_index(steps, i));

        if (!step || virJSONValueArrayAppend(json, &step) < 0)
            return NULL;
    }

    return g_steal_pointer(&json);
}

static virJSONValue *
qbjChangeToJSON(const qbjChange *change)
{
    g_autoptr(virJSONValue) json = NULL;

    if (virJSONValueObjectAdd(&json,
                              "s:type", qbjChangeTypeTypeToString(change->type),
                              "S:disk", change->disk,
                              "S:above", change->above,
                              "S:now-on", change->nowOn,
                              "S:relative", change->relative,
                              NULL) < 0)
        return NULL;

    return g_steal_pointer(&json);
}

virJSONValue *
qbjSpecToJSON(const qbjSpec *spec)
{
    g_autoptr(virJSONValue) json = NULL;
    g_autoptr(virJSONValue) change = qbjChangeToJSON(&spec->change);
    size_t i;

    if (virJSONValueObjectAdd(&json,
                              "s:type", qbjJobTypeTypeToString(spec->type),
                              "s:job", spec->job,
                              "S:disk", spec->disk,
                              "S:device", spec->device,
                              "S:root-old", spec->rootOld,
                              "S:root-new", spec->rootNew,
                              "S:base", spec->base,
                              "S:top", spec->top,
                              "S:top-parent", spec->topParent,
                              "a:change", &change,
                              NULL) < 0)
        return NULL;

    for (i = 0; i < QBJ_PHASE_LAST; i++) {
        g_autoptr(virJSONValue) steps = NULL;

        /* a record that does not need it is one that an older daemon can read */
        if (i == QBJ_PHASE_ATTACH && spec->phase[i]->len == 0)
            continue;
        steps = qbjPhaseToJSON(spec->phase[i]);
        if (!steps || virJSONValueObjectAppend(json, qbjSpecPhaseTypeToString(i), &steps) < 0)
            return NULL;
    }

    return g_steal_pointer(&json);
}
