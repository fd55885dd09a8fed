/* A spec from JSON. It is read from a file that may be damaged, by a daemon that then acts on it: whatever
 * ToJSON would not have written is refused, and sizes and depth are limited. */
#include <config.h>

#include "spec.h"
#include "storage_source_conf.h"

static int
qbjSpecDamaged(qbjRefusal *refusal, const char *what)
{
    qbjRefusalSet(refusal, VIR_ERR_INTERNAL_ERROR, _("saved block job cannot be read: %s"), what);
    return -1;
}

/* A reader of one object: each key taken is counted, so that a key nobody asked for is found. libvirt's
 * accessors want a mutable value although they do not change it. */
typedef struct _qbjReader qbjReader;
struct _qbjReader {
    virJSONValue *object;
    int taken;
    qbjRefusal *refusal;
};

static int
qbjReaderStart(qbjReader *reader, virJSONValue *value, qbjRefusal *refusal)
{
    if (!value || !virJSONValueIsObject(value))
        return qbjSpecDamaged(refusal, "an object is missing");

    *reader = (qbjReader) { .object = value, .refusal = refusal };
    return 0;
}

static virJSONValue *
qbjReaderTake(qbjReader *reader, const char *key, virJSONType type)
{
    virJSONValue *value = virJSONValueObjectGetByType(reader->object, key, type);

    if (value)
        reader->taken++;
    return value;
}

/* @out: set to a copy, or left alone when there is no such key and it is not needed. */
static int
qbjReaderString(qbjReader *reader, const char *key, bool needed, char **out)
{
    virJSONValue *value = qbjReaderTake(reader, key, VIR_JSON_TYPE_STRING);
    const char *text = value ? virJSONValueGetString(value) : NULL;

    if (!text)
        return needed ? qbjSpecDamaged(reader->refusal, key) : 0;
    if (strlen(text) > QBJ_SPEC_MAX_STRING)
        return qbjSpecDamaged(reader->refusal, key);

    *out = g_strdup(text);
    return 0;
}

static int
qbjReaderEnum(qbjReader *reader, const char *key, int (*fromString)(const char *), int *out)
{
    virJSONValue *value = qbjReaderTake(reader, key, VIR_JSON_TYPE_STRING);
    int number = value ? fromString(virJSONValueGetString(value)) : -1;

    if (number < 0)
        return qbjSpecDamaged(reader->refusal, key);

    *out = number;
    return 0;
}

/* Duplicate keys, wrong types and unknown keys all show as keys that were not taken. */
static int
qbjReaderEnd(qbjReader *reader)
{
    if (virJSONValueObjectKeysNumber(reader->object) != reader->taken)
        return qbjSpecDamaged(reader->refusal, "there is more in it than it should have");

    return 0;
}

static int
qbjArgumentsCheckString(const char *text, qbjRefusal *refusal)
{
    if (strlen(NULLSTR_EMPTY(text)) > QBJ_SPEC_MAX_STRING)
        return qbjSpecDamaged(refusal, "a command has a string that is too long");

    return 0;
}

static int
qbjArgumentsCheck(virJSONValue *value, unsigned int depth, size_t *budget, qbjRefusal *refusal)
{
    virJSONType type = virJSONValueGetType(value);
    size_t n = 0;
    size_t i;

    if (depth > QBJ_SPEC_MAX_DEPTH || *budget == 0)
        return qbjSpecDamaged(refusal, "a command is too large");
    (*budget)--;

    if (type == VIR_JSON_TYPE_STRING)
        return qbjArgumentsCheckString(virJSONValueGetString(value), refusal);
    if (type == VIR_JSON_TYPE_OBJECT)
        n = virJSONValueObjectKeysNumber(value);
    else if (type == VIR_JSON_TYPE_ARRAY)
        n = virJSONValueArraySize(value);

    for (i = 0; i < n; i++) {
        virJSONValue *member = type == VIR_JSON_TYPE_OBJECT ? virJSONValueObjectGetValue(value, i) :
            virJSONValueArrayGet(value, i);

        if (qbjArgumentsCheck(member, depth + 1, budget, refusal) < 0)
            return -1;
    }

    return 0;
}

static qbjImage *
qbjImageFromJSON(virJSONValue *json, qbjRefusal *refusal)
{
    g_autoptr(qbjImage) image = g_new0(qbjImage, 1);
    qbjReader reader;

    if (qbjReaderStart(&reader, json, refusal) < 0 ||
        qbjReaderEnum(&reader, "type", virStorageTypeFromString, &image->storageType) < 0 ||
        qbjReaderEnum(&reader, "format", virStorageFileFormatTypeFromString, &image->format) < 0 ||
        qbjReaderString(&reader, "path", false, &image->path) < 0 ||
        qbjReaderString(&reader, "format-node", false, &image->formatNode) < 0 ||
        qbjReaderString(&reader, "storage-node", false, &image->storageNode) < 0 ||
        qbjReaderEnd(&reader) < 0)
        return NULL;

    return g_steal_pointer(&image);
}

static int
qbjStepReadCommand(qbjReader *reader, qbjStep *step)
{
    virJSONValue *arguments = qbjReaderTake(reader, "arguments", VIR_JSON_TYPE_OBJECT);
    virJSONValue *optional = qbjReaderTake(reader, "optional", VIR_JSON_TYPE_BOOLEAN);
    size_t budget = QBJ_SPEC_MAX_VALUES;

    step->type = QBJ_STEP_QMP;
    if (qbjReaderString(reader, "execute", true, &step->command) < 0 ||
        qbjReaderString(reader, "job", false, &step->job) < 0)
        return -1;
    if (arguments && qbjArgumentsCheck(arguments, 0, &budget, reader->refusal) < 0)
        return -1;

    if (arguments)
        step->arguments = virJSONValueCopy(arguments);
    if (optional)
        ignore_value(virJSONValueGetBoolean(optional, &step->optional));
    return 0;
}

static int
qbjStepReadAccess(qbjReader *reader, qbjStep *step)
{
    int access;

    step->type = QBJ_STEP_ACCESS;
    if (qbjReaderEnum(reader, "access", qbjAccessTypeFromString, &access) < 0 ||
        !(step->image = qbjImageFromJSON(qbjReaderTake(reader, "image", VIR_JSON_TYPE_OBJECT), reader->refusal)))
        return -1;

    step->access = access;
    return 0;
}

static int
qbjStepReadUnlink(qbjReader *reader, qbjStep *step)
{
    step->type = QBJ_STEP_UNLINK;
    if (!(step->image = qbjImageFromJSON(qbjReaderTake(reader, "unlink", VIR_JSON_TYPE_OBJECT), reader->refusal)) ||
        qbjReaderString(reader, "identity", false, &step->identity) < 0)
        return -1;
    if (!step->image->path)
        return qbjSpecDamaged(reader->refusal, "a file to be removed has no path");

    return 0;
}

static void
qbjReaderBoolean(qbjReader *reader, const char *key, bool *out)
{
    virJSONValue *value = qbjReaderTake(reader, key, VIR_JSON_TYPE_BOOLEAN);

    if (value)
        ignore_value(virJSONValueGetBoolean(value, out));
}

/* @key: "file" or "empty" */
static int
qbjStepReadFile(qbjReader *reader, const char *key, qbjStepType type, qbjStep *step)
{
    step->type = type;
    if (!(step->image = qbjImageFromJSON(qbjReaderTake(reader, key, VIR_JSON_TYPE_OBJECT), reader->refusal)) ||
        qbjReaderString(reader, "identity", true, &step->identity) < 0)
        return -1;
    if (!step->image->path)
        return qbjSpecDamaged(reader->refusal, "a file has no path");
    return 0;
}

/* A record of an older daemon has no capacity. */
static int
qbjStepReadEmpty(qbjReader *reader, qbjStep *step)
{
    virJSONValue *capacity = qbjReaderTake(reader, "capacity", VIR_JSON_TYPE_NUMBER);

    if (qbjStepReadFile(reader, "empty", QBJ_STEP_EMPTY, step) < 0 ||
        qbjReaderString(reader, "backing", false, &step->backing) < 0)
        return -1;
    if (capacity && virJSONValueGetNumberUlong(capacity, &step->capacity) < 0)
        return qbjSpecDamaged(reader->refusal, "capacity");
    qbjReaderBoolean(reader, "begun", &step->begun);
    qbjReaderBoolean(reader, "encrypted", &step->encrypted);
    return 0;
}

/* Without the arguments: whoever has read it only undoes it. */
static int
qbjStepReadSecret(qbjReader *reader, qbjStep *step)
{
    step->type = QBJ_STEP_SECRET;
    step->command = g_strdup("object-add");
    return qbjReaderString(reader, "secret", true, &step->secret);
}

static qbjStep *
qbjStepFromJSON(virJSONValue *json, bool isUndo, qbjRefusal *refusal)
{
    g_autoptr(qbjStep) step = g_new0(qbjStep, 1);
    virJSONValue *undo;
    qbjReader reader;
    int rc;

    if (qbjReaderStart(&reader, json, refusal) < 0)
        return NULL;

    if (virJSONValueObjectHasKey(json, "execute"))
        rc = qbjStepReadCommand(&reader, step);
    else if (virJSONValueObjectHasKey(json, "access"))
        rc = qbjStepReadAccess(&reader, step);
    else if (virJSONValueObjectHasKey(json, "file"))
        rc = qbjStepReadFile(&reader, "file", QBJ_STEP_FILE, step);
    else if (virJSONValueObjectHasKey(json, "empty"))
        rc = qbjStepReadEmpty(&reader, step);
    else if (virJSONValueObjectHasKey(json, "secret"))
        rc = qbjStepReadSecret(&reader, step);
    else
        rc = qbjStepReadUnlink(&reader, step);
    if (rc < 0)
        return NULL;
    if (step->type == QBJ_STEP_FILE)
        qbjReaderBoolean(&reader, "filled", &step->filled);

    /* an undo has none of its own: this also bounds the depth */
    if (!isUndo && (undo = qbjReaderTake(&reader, "undo", VIR_JSON_TYPE_OBJECT)) &&
        !(step->undo = qbjStepFromJSON(undo, true, refusal)))
        return NULL;
    /* an undo removes only what its job has made */
    if (isUndo && step->type == QBJ_STEP_UNLINK && !step->identity) {
        qbjSpecDamaged(refusal, "a file to be removed has no identity");
        return NULL;
    }

    return qbjReaderEnd(&reader) < 0 ? NULL : g_steal_pointer(&step);
}

static int
qbjPhaseFromJSON(qbjReader *reader, qbjSpec *spec, qbjSpecPhase phase)
{
    const char *name = qbjSpecPhaseTypeToString(phase);
    virJSONValue *json = qbjReaderTake(reader, name, VIR_JSON_TYPE_ARRAY);
    size_t n = json ? virJSONValueArraySize(json) : 0;
    size_t i;

    if (!json && phase == QBJ_PHASE_ATTACH)
        return 0;
    if (!json || n > QBJ_SPEC_MAX_STEPS)
        return qbjSpecDamaged(reader->refusal, name);

    for (i = 0; i < n; i++) {
        qbjStep *step = qbjStepFromJSON(virJSONValueArrayGet(json, i), false, reader->refusal);

        if (!step)
            return -1;
        g_ptr_array_add(spec->phase[phase], step);
        if (step->undo && phase != QBJ_PHASE_PREPARE)
            return qbjSpecDamaged(reader->refusal, name);
        if (step->type == QBJ_STEP_EMPTY ||
            ((step->type == QBJ_STEP_FILE || step->type == QBJ_STEP_SECRET || step->job) && phase != QBJ_PHASE_PREPARE))
            return qbjSpecDamaged(reader->refusal, name);
        if ((step->type == QBJ_STEP_UNLINK) != (phase == QBJ_PHASE_UNLINK))
            return qbjSpecDamaged(reader->refusal, name);
    }

    /* none: a job that was taken over, or one that could not be understood */
    if (phase == QBJ_PHASE_START && n > 1)
        return qbjSpecDamaged(reader->refusal, name);
    return 0;
}

static int
qbjChangeFromJSON(virJSONValue *json, qbjChange *change, qbjRefusal *refusal)
{
    qbjReader reader;
    int type;

    if (qbjReaderStart(&reader, json, refusal) < 0 ||
        qbjReaderEnum(&reader, "type", qbjChangeTypeTypeFromString, &type) < 0 ||
        qbjReaderString(&reader, "disk", type != QBJ_CHANGE_NONE, &change->disk) < 0 ||
        qbjReaderString(&reader, "above", type == QBJ_CHANGE_CUT, &change->above) < 0 ||
        qbjReaderString(&reader, "now-on", type == QBJ_CHANGE_SWITCH, &change->nowOn) < 0 ||
        qbjReaderString(&reader, "relative", false, &change->relative) < 0)
        return -1;

    change->type = type;
    return qbjReaderEnd(&reader);
}

static int
qbjSpecReadNames(qbjReader *reader, qbjSpec *spec)
{
    if (qbjReaderString(reader, "job", true, &spec->job) < 0 ||
        qbjReaderString(reader, "disk", false, &spec->disk) < 0 ||
        qbjReaderString(reader, "device", false, &spec->device) < 0 ||
        qbjReaderString(reader, "root-old", false, &spec->rootOld) < 0 ||
        qbjReaderString(reader, "root-new", false, &spec->rootNew) < 0 ||
        qbjReaderString(reader, "base", false, &spec->base) < 0 ||
        qbjReaderString(reader, "top", false, &spec->top) < 0 ||
        qbjReaderString(reader, "top-parent", false, &spec->topParent) < 0)
        return -1;

    return 0;
}

qbjSpec *
qbjSpecFromJSON(const virJSONValue *json, qbjRefusal *refusal)
{
    /* libvirt's accessors take a mutable value and only read it */
    virJSONValue *value = (virJSONValue *) (uintptr_t) json;
    g_autoptr(qbjSpec) spec = NULL;
    qbjReader reader;
    size_t i;
    int type;

    if (qbjReaderStart(&reader, value, refusal) < 0 ||
        qbjReaderEnum(&reader, "type", qbjJobTypeTypeFromString, &type) < 0)
        return NULL;

    spec = qbjSpecNew(type, NULL, NULL);
    if (qbjSpecReadNames(&reader, spec) < 0 ||
        qbjChangeFromJSON(qbjReaderTake(&reader, "change", VIR_JSON_TYPE_OBJECT), &spec->change, refusal) < 0)
        return NULL;

    for (i = 0; i < QBJ_PHASE_LAST; i++) {
        if (qbjPhaseFromJSON(&reader, spec, i) < 0)
            return NULL;
    }

    return qbjReaderEnd(&reader) < 0 ? NULL : g_steal_pointer(&spec);
}
