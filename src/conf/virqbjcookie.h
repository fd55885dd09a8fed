/* <cookie> of a snapshot's metadata: what a daemon must know of the guest beside its definition, above all
 * the CPU as the guest saw it. Elements of other drivers are kept as they are. */
#pragma once

#include "internal.h"
#include "cpu_conf.h"
#include "virsavecookie.h"

/* For virDomainXMLOptionNew(). */
extern virSaveCookieCallbacks virQbjCookieCallbacks;

/* A cookie with @cpu, a new reference; NULL with an error reported. */
virObject *virQbjCookieNew(const virCPUDef *cpu);

/* The CPU in @cookie, to be freed, or NULL in *@cpu when it has none. Returns 0, -1 with an error reported.
 * */
int virQbjCookieGetCPU(virObject *cookie, virCPUDef **cpu);
