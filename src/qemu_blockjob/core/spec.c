#include <config.h>

#include "spec.h"

VIR_ENUM_IMPL(qbjSpecPhase,
              QBJ_PHASE_LAST,
              "prepare", "start", "attach", "pending", "nodes", "rights", "unlink", "abort",
);

VIR_ENUM_IMPL(qbjAccess,
              QBJ_ACCESS_LAST,
              "none", "ro", "rw",
);

VIR_ENUM_IMPL(qbjChangeType,
              QBJ_CHANGE_LAST,
              "none", "switch", "cut",
);

qbjImage *
qbjImageNew(int storageType, int format, const char *path, const char *formatNode, const char *storageNode)
{
    qbjImage *image = g_new0(qbjImage, 1);

    image->storageType = storageType;
    image->format = format;
    image->path = g_strdup(path);
    image->formatNode = g_strdup(formatNode);
    image->storageNode = g_strdup(storageNode);
    return image;
}

void
qbjImageFree(qbjImage *image)
{
    if (!image)
        return;

    g_free(image->path);
    g_free(image->formatNode);
    g_free(image->storageNode);
    g_free(image);
}

void
qbjStepFree(qbjStep *step)
{
    if (!step)
        return;

    g_free(step->command);
    virJSONValueFree(step->arguments);
    g_free(step->secret);
    g_free(step->job);
    g_free(step->identity);
    g_free(step->backing);
    qbjImageFree(step->image);
    qbjStepFree(step->undo);
    g_free(step);
}

qbjSpec *
qbjSpecNew(qbjJobType type, const char *job, const char *disk)
{
    qbjSpec *spec = g_new0(qbjSpec, 1);
    size_t i;

    spec->type = type;
    spec->job = g_strdup(job);
    spec->disk = g_strdup(disk);
    for (i = 0; i < QBJ_PHASE_LAST; i++)
        spec->phase[i] = g_ptr_array_new_with_free_func((GDestroyNotify) qbjStepFree);

    return spec;
}

void
qbjSpecFree(qbjSpec *spec)
{
    size_t i;

    if (!spec)
        return;

    g_free(spec->job);
    g_free(spec->disk);
    g_free(spec->device);
    g_free(spec->rootOld);
    g_free(spec->rootNew);
    g_free(spec->base);
    g_free(spec->top);
    g_free(spec->topParent);
    for (i = 0; i < QBJ_PHASE_LAST; i++)
        g_ptr_array_unref(spec->phase[i]);
    g_free(spec->change.disk);
    g_free(spec->change.above);
    g_free(spec->change.nowOn);
    g_free(spec->change.relative);
    g_free(spec);
}

qbjStep *
qbjStepNewCommand(const char *command, virJSONValue *arguments)
{
    qbjStep *step = g_new0(qbjStep, 1);

    step->type = QBJ_STEP_QMP;
    step->command = g_strdup(command);
    step->arguments = arguments;
    return step;
}

qbjStep *
qbjStepNewDelete(const char *command, const char *key, const char *name)
{
    virJSONValue *arguments = virJSONValueNewObject();
    qbjStep *step;

    virJSONValueObjectAppendString(arguments, key, name);
    step = qbjStepNewCommand(command, arguments);
    step->optional = true;
    return step;
}

qbjStep *
qbjStepNewAccess(qbjImage *image, qbjAccess access)
{
    qbjStep *step = g_new0(qbjStep, 1);

    step->type = QBJ_STEP_ACCESS;
    step->image = image;
    step->access = access;
    return step;
}

static qbjStep *
qbjSpecAppend(qbjSpec *spec, qbjSpecPhase phase, qbjStep *step)
{
    g_ptr_array_add(spec->phase[phase], step);
    return step;
}

qbjStep *
qbjSpecAddCommand(qbjSpec *spec, qbjSpecPhase phase, const char *command, virJSONValue *arguments)
{
    return qbjSpecAppend(spec, phase, qbjStepNewCommand(command, arguments));
}

qbjStep *
qbjSpecAddAccess(qbjSpec *spec, qbjSpecPhase phase, qbjImage *image, qbjAccess access)
{
    return qbjSpecAppend(spec, phase, qbjStepNewAccess(image, access));
}

qbjStep *
qbjSpecAddUnlink(qbjSpec *spec, qbjImage *image)
{
    qbjStep *step = g_new0(qbjStep, 1);

    step->type = QBJ_STEP_UNLINK;
    step->image = image;
    return qbjSpecAppend(spec, QBJ_PHASE_UNLINK, step);
}

qbjStep *
qbjSpecAddFile(qbjSpec *spec, qbjImage *image, const char *identity, bool made)
{
    qbjStep *step = g_new0(qbjStep, 1);

    step->type = QBJ_STEP_FILE;
    step->image = image;
    step->identity = g_strdup(identity);
    step->undo = g_new0(qbjStep, 1);
    step->undo->type = made ? QBJ_STEP_UNLINK : QBJ_STEP_EMPTY;
    step->undo->image = qbjImageNew(image->storageType, image->format, image->path, image->formatNode,
                                    image->storageNode);
    step->undo->identity = g_strdup(identity);
    return qbjSpecAppend(spec, QBJ_PHASE_PREPARE, step);
}

qbjStep *
qbjSpecAddSecret(qbjSpec *spec, const char *name)
{
    qbjStep *step = qbjSpecAddCommand(spec, QBJ_PHASE_PREPARE, "object-add", NULL);

    step->type = QBJ_STEP_SECRET;
    step->secret = g_strdup(name);
    step->undo = qbjStepNewDelete("object-del", "id", name);
    return step;
}
