/* Changes to the tree of an XML document: a damaged byte seldom gets past an XML parser. */
#pragma once

#include <libxml/parser.h>
#include <stdint.h>

#include "internal.h"

/* The document with a root element; NULL when @data is none. */
xmlDocPtr qbjFuzzXmlRead(const uint8_t *data, size_t size);

/* One change at @node: an attribute goes, or gets the value @value or one of @other's; or the element goes
 * (unless it is the root), is doubled, or is followed by a copy of @other, which may be of another
 * document. */
void qbjFuzzXmlChange(GRand *rand, xmlNodePtr node, xmlNodePtr other, const char *value);

/* One change at @node; @other is a second element of the same document. */
typedef void (*qbjFuzzXmlChanger)(GRand *rand, xmlNodePtr node, xmlNodePtr other);

/* What LLVMFuzzerCustomMutator does: up to three changes. */
size_t qbjFuzzXmlMutate(uint8_t *data, size_t size, size_t room, unsigned int seed, qbjFuzzXmlChanger change);

/* Any element of @doc. */
xmlNodePtr qbjFuzzXmlPick(GRand *rand, xmlDocPtr doc);
