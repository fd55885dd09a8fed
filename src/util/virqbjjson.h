/* What libvirt's virjson.h lacks: looking at what another program has answered, or has not; and what it is
 * asked for in the same form at many places. */
#pragma once

#include "internal.h"
#include "virjson.h"

/* The number of members; 0 for NULL and for what is no array. libvirt's own functions take neither. */
size_t virQbjJSONArraySize(const virJSONValue *value);

/* The member of array @value whose member @key is the string @wanted; NULL: there is none, as in what is no
 * array. @wanted may be NULL, which none is. */
virJSONValue *virQbjJSONArrayFind(virJSONValue *value, const char *key, const char *wanted);

/* Whether the string @word is a member of array @value. */
bool virQbjJSONArrayHas(virJSONValue *value, const char *word);

/* Appends {"type": @type, "data": @data} to @actions, those of QMP's command transaction. @data is taken
 * over. Returns 0, -1 with an error reported. */
int virQbjJSONAppendAction(virJSONValue *actions, const char *type, virJSONValue **data);
