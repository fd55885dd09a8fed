/* <qemu:commandline> of the domain XML: arguments and environment that a user adds to QEMU's. */
#pragma once

#include "internal.h"
#include "virxml.h"

#define VIR_QBJ_COMMANDLINE_URI "http://libvirt.org/schemas/domain/qemu/1.0"

typedef struct _virQbjCommandline virQbjCommandline;
struct _virQbjCommandline {
    char **args;                /* NULL terminated */
    char **envNames;            /* NULL terminated; the value of each is in the same place of: */
    char **envValues;           /* "" for one without a value */
};

/* For virDomainXMLOptionNew(); a definition's namespaceData is then a virQbjCommandline, or NULL. Other
 * elements of the namespace are not read, and so refused by the support check. A name that no environment
 * variable can have is VIR_ERR_XML_ERROR. */
extern virXMLNamespace virQbjCommandlineNamespace;
