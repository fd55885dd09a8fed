/* What a client's snapshot document may say. */
#pragma once

/* Whether there is nothing in @xml, which libvirt has parsed, that it would have read over: -1 with
 * VIR_ERR_CONFIG_UNSUPPORTED reported, which names the element or attribute. What only says how a snapshot
 * was (its state, its time, its <domain>) is known, for clients hand back what they were shown. */
int qbjMomentXMLCheck(const char *xml);
