/* Short words for the tables. Only vm_support_table_*.c includes this. */
#pragma once

#include "vm_support_parts.h"

#define TEXT QBJ_VM_SUPPORT_TEXT
#define ONCE QBJ_VM_SUPPORT_ONCE
#define OPAQUE QBJ_VM_SUPPORT_OPAQUE
#define VANISH QBJ_VM_SUPPORT_VANISH
#define FILLED QBJ_VM_SUPPORT_FILLED

#define NUMBER .same = qbjVmSupportSameNumber
#define SIZE .same = qbjVmSupportSameSize
#define OUTPUT .ignore = qbjVmSupportIgnoreAlways   /* shown in the XML of a running VM, no meaning on input */
