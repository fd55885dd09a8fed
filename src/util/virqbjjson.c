#include <config.h>

#include "internal.h"
#include "virqbjjson.h"

size_t
virQbjJSONArraySize(const virJSONValue *value)
{
    return value && virJSONValueGetType(value) == VIR_JSON_TYPE_ARRAY ? virJSONValueArraySize(value) : 0;
}

virJSONValue *
virQbjJSONArrayFind(virJSONValue *value, const char *key, const char *wanted)
{
    size_t i;

    for (i = 0; wanted && i < virQbjJSONArraySize(value); i++) {
        virJSONValue *member = virJSONValueArrayGet(value, i);

        if (STREQ_NULLABLE(virJSONValueObjectGetString(member, key), wanted))
            return member;
    }
    return NULL;
}

bool
virQbjJSONArrayHas(virJSONValue *value, const char *word)
{
    size_t i;

    for (i = 0; i < virQbjJSONArraySize(value); i++) {
        if (STREQ_NULLABLE(virJSONValueGetString(virJSONValueArrayGet(value, i)), word))
            return true;
    }
    return false;
}

int
virQbjJSONAppendAction(virJSONValue *actions, const char *type, virJSONValue **data)
{
    g_autoptr(virJSONValue) action = NULL;

    if (virJSONValueObjectAdd(&action, "s:type", type, "a:data", data, NULL) < 0)
        return -1;
    return virJSONValueArrayAppend(actions, &action);
}
