#include <config.h>

#include "internal.h"
#include "virqbjjson.h"

size_t
virQbjJSONArraySize(const virJSONValue *value)
{
    return value && virJSONValueGetType(value) == VIR_JSON_TYPE_ARRAY ? virJSONValueArraySize(value) : 0;
}
