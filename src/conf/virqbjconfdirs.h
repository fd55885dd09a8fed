/* Where each mode keeps its files. */
#pragma once

#include "virqbjconf.h"

/* Sets every directory and the URI of @conf from its privileged and root. */
void virQbjConfSetDirs(virQbjConf *conf);

/* Frees what virQbjConfSetDirs() has set. */
void virQbjConfClearDirs(virQbjConf *conf);
