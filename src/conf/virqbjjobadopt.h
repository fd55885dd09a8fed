/* Jobs of which only the stock form is there: begun, or last saved, by a stock daemon. */
#pragma once

#include "virqbjjobstock.h"

/* Plans the rest of the job @stock on the disk's chain in @def. NULL (logged) when the type is none that we
 * plan, or the nodes are not in the chain: then the job cannot go on. */
qbjSpec *virQbjJobAdoptSpec(const virQbjJobStock *stock, const virDomainDef *def);

/* State and what is known of the outcome, from the stock form, into @job. -1 (logged) for a state that we
 * do not know. */
int virQbjJobAdoptState(const virQbjJobStock *stock, virQbjJob *job);

/* The job with what the two above found, or as BROKEN. Never NULL. */
virQbjJob *virQbjJobAdopt(const virQbjJobStock *stock, const virDomainDef *def);

/* A BROKEN job of this name; @stock may be NULL. Never NULL. */
virQbjJob *virQbjJobAdoptBroken(const char *name, const virQbjJobStock *stock, const virDomainDef *def);
