/* What libvirt's virxml.h lacks: reading what may be damaged, and carrying elements along unread. */
#pragma once

#include "internal.h"
#include "virbuffer.h"
#include "virxml.h"

/* True for an element of this name in no namespace, or in that of @uri when it is not NULL. */
bool virQbjXMLIsElement(xmlNodePtr node, const char *name, const char *uri);

/* First child element of this name, or NULL. */
xmlNodePtr virQbjXMLChild(xmlNodePtr parent, const char *name, const char *uri);

/* Sets @to from the attribute @name of @node; a missing or empty one is logged, and @to stays as it is. */
void virQbjXMLTakeProp(xmlNodePtr node, const char *name, char **to);

/* Attribute @name as yes or no; a missing one is "no", anything else is logged and "no". */
bool virQbjXMLPropYes(xmlNodePtr node, const char *name);

/* Reads an unsigned attribute; returns -1 and leaves @to alone when it is missing or no number (the latter
 * is logged). */
int virQbjXMLPropNumber(xmlNodePtr node, const char *name, int base, unsigned long long *to);

/* The element as text that stands for itself: namespaces that it inherits are declared in it. @level: how
 * deep it will stand, for the indentation of what is in it. NULL with an error reported. */
char *virQbjXMLText(xmlNodePtr node, int level);

/* Whether XML can hold the text and gives it back as it was: UTF-8 without control characters, of which line
 * breaks and tabs become blanks in attributes, and the others get lost. */
bool virQbjXMLCanHold(const char *text);

/* Writes a text of virQbjXMLText(). @text: NULL writes nothing. */
void virQbjXMLFormatText(virBuffer *buf, const char *text);
