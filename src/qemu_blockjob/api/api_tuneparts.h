/* What the calls of api_tune*.c have in common. */
#pragma once

#include "api_domain.h"
#include "datatypes.h"
#include "virerror.h"

#define QBJ_API_TUNE_AFFECT (VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG)
#define QBJ_API_TUNE_GET (QBJ_API_TUNE_AFFECT | VIR_TYPED_PARAM_STRING_OKAY)

/* What a call wants set: for qbjVmConfigApply(). Borrowed. */
typedef struct _qbjApiTuneParams qbjApiTuneParams;
struct _qbjApiTuneParams {
    virTypedParameterPtr params;
    int nparams;
};

/* A session's QEMU is in no control group: -1 with @code reported. @what: "CPU" */
int qbjApiTuneNotInSession(virDomainObj *vm, int code, const char *what);

/* The running VM's group has @controller: 0, else -1 with VIR_ERR_OPERATION_INVALID reported. */
int qbjApiTuneNeedsGroup(virDomainObj *vm, int controller);
