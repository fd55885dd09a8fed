#include <config.h>

#include "refusal.h"

void
qbjRefusalSet(qbjRefusal *refusal, virErrorNumber code, const char *fmt, ...)
{
    va_list args;

    if (refusal->code != VIR_ERR_OK)
        return;

    refusal->code = code;
    va_start(args, fmt);
    refusal->message = g_strdup_vprintf(fmt, args);
    va_end(args);
}

void
qbjRefusalClear(qbjRefusal *refusal)
{
    refusal->code = VIR_ERR_OK;
    g_clear_pointer(&refusal->message, g_free);
}
