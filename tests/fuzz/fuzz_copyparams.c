/* The typed parameters of a virDomainBlockCopy, and what becomes of them in QEMU's command. An input has one
 * parameter in each line: name, type (a word, or a number), value.
 *
 * Laws: what is refused is refused with an error; what is taken is known by name, of the right type and
 * there once, and arrives in the request as it is; and QEMU is told each number that is not 0, as it is, or
 * the copy is refused with a reason. */
#include <config.h>

#include "internal.h"
#include "api_blockcopy.h"
#include "fuzz_main.h"
#include "spec_copy.h"
#include "virerror.h"
#include "virtypedparam.h"

#define QBJ_FUZZ_MAX 4096       /* parameters */

static void
qbjFuzzIgnoreError(void *opaque, virErrorPtr error)
{
}

static void
qbjFuzzStart(void)
{
    static bool started;

    if (started)
        return;
    if (virInitialize() < 0)
        g_error("cannot start: %s", virGetLastErrorMessage());
    virSetErrorFunc(NULL, qbjFuzzIgnoreError);
    started = true;
}

static void
qbjFuzzSet(virTypedParameterPtr param, const char *value)
{
    switch (param->type) {
    case VIR_TYPED_PARAM_INT:
        param->value.i = (int) g_ascii_strtoll(value, NULL, 10);
        return;
    case VIR_TYPED_PARAM_UINT:
        param->value.ui = (unsigned int) g_ascii_strtoull(value, NULL, 10);
        return;
    case VIR_TYPED_PARAM_DOUBLE:
        param->value.d = g_ascii_strtod(value, NULL);
        return;
    case VIR_TYPED_PARAM_BOOLEAN:
        param->value.b = *value == '1';
        return;
    case VIR_TYPED_PARAM_STRING:
        param->value.s = g_strdup(value);
        return;
    default:
        param->value.ul = g_ascii_strtoull(value, NULL, 10);
        return;
    }
}

/* "name type value"; the name may have blanks. */
static void
qbjFuzzRead(virTypedParameterPtr param, char *line)
{
    char *value = strrchr(line, ' ');
    char *type;

    if (value)
        *value++ = '\0';
    if ((type = strrchr(line, ' ')))
        *type++ = '\0';
    param->type = type ? virTypedParameterTypeFromString(type) : -1;
    if (param->type < 0 && type)
        param->type = (int) g_ascii_strtoll(type, NULL, 10);
    g_strlcpy(param->field, line, sizeof(param->field));
    qbjFuzzSet(param, NULLSTR_EMPTY(value));
}

/* --- laws --- */

/* How often the parameter is there, which is once at most; the value is that of @taken, or that is 0. */
static void
qbjFuzzCheckTaken(virTypedParameterPtr params, int nparams, const char *name, int type, unsigned long long taken)
{
    unsigned long long said = 0;
    int times = 0;
    int i;

    for (i = 0; i < nparams; i++) {
        if (STRNEQ(params[i].field, name))
            continue;
        times++;
        if (params[i].type != type)
            g_error("'%s' of type %d is taken", name, params[i].type);
        said = type == VIR_TYPED_PARAM_UINT ? params[i].value.ui : params[i].value.ul;
    }
    if (times > 1 || said != taken)
        g_error("'%s' is there %d times, %llu is said, %llu taken", name, times, said, taken);
}

static void
qbjFuzzCheckKnown(virTypedParameterPtr params, int nparams)
{
    static const char *const known[] = {
        VIR_DOMAIN_BLOCK_COPY_BANDWIDTH, VIR_DOMAIN_BLOCK_COPY_GRANULARITY, VIR_DOMAIN_BLOCK_COPY_BUF_SIZE, NULL
    };
    int i;

    for (i = 0; i < nparams; i++) {
        if (!g_strv_contains(known, params[i].field))
            g_error("'%s' is taken", params[i].field);
    }
}

static void
qbjFuzzCheckTold(virJSONValue *arguments, const char *key, unsigned long long wanted)
{
    unsigned long long told = 0;

    if (virJSONValueObjectHasKey(arguments, key) &&
        virJSONValueObjectGetNumberUlong(arguments, key, &told) < 0)
        g_error("'%s' is no number that QEMU can take", key);
    if (told != wanted)
        g_error("'%s': QEMU is told %llu, not %llu", key, told, wanted);
}

static virStorageSource *
qbjFuzzImage(const char *name)
{
    virStorageSource *image = virStorageSourceNew();

    image->type = VIR_STORAGE_TYPE_FILE;
    image->format = VIR_STORAGE_FILE_QCOW2;
    image->path = g_strdup_printf("/img/%s", name);
    image->nodestorage = g_strdup_printf("%s-storage", name);
    image->nodeformat = g_strdup_printf("%s-format", name);
    image->backingStore = virStorageSourceNew();
    return image;
}

static void
qbjFuzzCheckPlan(const qbjCopyRequest *req, const qbjSpec *spec)
{
    g_autoptr(virJSONValue) json = qbjSpecToJSON(spec);
    g_autofree char *text = json ? virJSONValueToString(json, false) : NULL;
    g_autoptr(virJSONValue) read = text ? virJSONValueFromString(text) : NULL;
    virJSONValue *start = read ? virJSONValueObjectGetArray(read, "start") : NULL;
    virJSONValue *arguments =
        start ? virJSONValueObjectGetObject(virJSONValueArrayGet(start, 0), "arguments") : NULL;

    if (!arguments)
        g_error("no mirror is started: %s", NULLSTR(text));
    qbjFuzzCheckTold(arguments, "speed", req->bandwidth);
    qbjFuzzCheckTold(arguments, "granularity", req->granularity);
    qbjFuzzCheckTold(arguments, "buf-size", req->bufSize);
}

static void
qbjFuzzPlan(qbjCopyRequest *req)
{
    g_autoptr(virDomainDiskDef) disk = virDomainDiskDefNew(NULL);
    g_autoptr(virStorageSource) target = qbjFuzzImage("target");
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autoptr(qbjSpec) spec = NULL;

    g_clear_pointer(&disk->src, virObjectUnref);
    disk->src = qbjFuzzImage("disk");
    disk->dst = g_strdup("vda");
    disk->bus = VIR_DOMAIN_DISK_BUS_VIRTIO;
    req->target = target;
    if (qbjGuardCopyRequest(req, &refusal) == 0) {
        if (qbjSpecPlanCopy(disk, req, &spec, &refusal) < 0)
            g_error("guarded, and not planned: %s", NULLSTR(refusal.message));
        qbjFuzzCheckPlan(req, spec);
    } else if (refusal.code == VIR_ERR_OK || !refusal.message || !*refusal.message) {
        g_error("numbers are refused without a reason");
    }
    req->target = NULL;
}

static void
qbjFuzzTake(virTypedParameterPtr params, int nparams)
{
    qbjCopyRequest req = { .flags = VIR_DOMAIN_BLOCK_COPY_REUSE_EXT };
    virErrorPtr error;

    if (qbjApiBlockCopyParams(params, nparams, &req) < 0) {
        error = virGetLastError();
        if (!error || error->code == VIR_ERR_OK || !error->message || !*error->message)
            g_error("parameters are refused without an error");
        virResetLastError();
        return;
    }
    qbjFuzzCheckKnown(params, nparams);
    qbjFuzzCheckTaken(params, nparams, VIR_DOMAIN_BLOCK_COPY_BANDWIDTH, VIR_TYPED_PARAM_ULLONG, req.bandwidth);
    qbjFuzzCheckTaken(params, nparams, VIR_DOMAIN_BLOCK_COPY_GRANULARITY, VIR_TYPED_PARAM_UINT, req.granularity);
    qbjFuzzCheckTaken(params, nparams, VIR_DOMAIN_BLOCK_COPY_BUF_SIZE, VIR_TYPED_PARAM_ULLONG, req.bufSize);
    qbjFuzzPlan(&req);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *) data, size);
    g_auto(GStrv) lines = g_strsplit(g_strchomp(text), "\n", QBJ_FUZZ_MAX);
    int nparams = g_strv_length(lines);
    virTypedParameterPtr params = g_new0(virTypedParameter, nparams);
    int i;

    qbjFuzzStart();
    for (i = 0; i < nparams; i++)
        qbjFuzzRead(&params[i], lines[i]);
    qbjFuzzTake(params, nparams);
    virTypedParamsFree(params, nparams);
    return 0;
}

/* --- changes --- */

static const char *const qbjFuzzWords[] = {
    "bandwidth", "granularity", "buf-size", " ullong ", " uint ", " int ", " llong ", " double ", " boolean ", " string ", " 0 ",
    " 8 ", " -1 ", "0", "1", "511", "512", "65536", "67108864", "134217728", "4294967295", "4294967296", "9223372036854775807",
    "9223372036854775808", "18446744073709551615", "nan", "1e400", "\n", "bandwidth ullong 1\n", "granularity uint 65536\n",
    "buf-size ullong 0\n", "%s%n", "bandwidth\x7f",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
};

/* Puts a word over, before, or in the place of something. */
size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned int seed)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    const char *word = qbjFuzzWords[g_rand_int_range(rand, 0, G_N_ELEMENTS(qbjFuzzWords))];
    size_t length = strlen(word);
    size_t at = size > 0 ? g_rand_int_range(rand, 0, size) : 0;
    size_t gone = g_rand_boolean(rand) ? g_rand_int_range(rand, 0, 24) : 0;

    gone = MIN(gone, size - at);
    if (LLVMFuzzerMutate && g_rand_int_range(rand, 0, 3) == 0)
        return LLVMFuzzerMutate(data, size, room);
    if (size - gone + length > room)
        return size;
    memmove(data + at + length, data + at + gone, size - at - gone);
    memcpy(data + at, word, length);
    return size - gone + length;
}
