/* Records of block jobs as text and back, for tests of their forms. What fails ends the test. */
#pragma once

#include "internal.h"
#include "virqbjjob.h"

/* The jobs in @elements, children of a status file's root; the caller frees them. */
GPtrArray *qbjTestJobsParse(virDomainObj *vm, const char *elements);

/* The only job in @elements; the caller frees it. */
virQbjJob *qbjTestJobParse(virDomainObj *vm, const char *elements);

/* Both say the same, in their JSON form. */
void qbjTestSameSpec(const qbjSpec *one, const qbjSpec *other);
