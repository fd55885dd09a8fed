/* Reports what the pure layers below refused. */
#pragma once

#include "refusal.h"

/* Reports @refusal as the present thread's error; always -1. */
int qbjEngineRefuse(const qbjRefusal *refusal);
