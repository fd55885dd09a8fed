/* What libvirt's virjson.h lacks: looking at what another program has answered, or has not. */
#pragma once

#include "internal.h"
#include "virjson.h"

/* The number of members; 0 for NULL and for what is no array. libvirt's own functions take neither. */
size_t virQbjJSONArraySize(const virJSONValue *value);
