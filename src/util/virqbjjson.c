#include <config.h>

#include "internal.h"
#include "virqbjjson.h"

size_t
virQbjJSONArraySize(const virJSONValue *value)
{
    return value && virJSONValueGetType(value) == VIR_JSON_TYPE_ARRAY ? virJSONValueArraySize(value) : 0;
}

int
virQbjJSONAppendAction(virJSONValue *actions, const char *type, virJSONValue **data)
{
    g_autoptr(virJSONValue) action = NULL;

    if (virJSONValueObjectAdd(&action, "s:type", type, "a:data", data, NULL) < 0)
        return -1;
    return virJSONValueArrayAppend(actions, &action);
}
