/* From a parsed definition to one that can be started: defaults, addresses, aliases, and the refusal of
 * all the rest. */
#pragma once

#include "domain_conf.h"
#include "vm_caps.h"

/* Fills the callbacks of @config (post-parse, addresses, validation) and its features. config->priv becomes
 * @context, which must live as long as the virDomainXMLOption. */
typedef struct _qbjVmDefContext qbjVmDefContext;
struct _qbjVmDefContext {
    struct _qbjDriver *driver;  /* not used by the callbacks; for the private data of domains */
    qbjVmCapsCache *caps;
    const char *channelDir;     /* sockets of channels are in folders below it, one for each run; NULL: none */
    const char *nvramDir;       /* for the variables of firmware; NULL: /var/lib/libvirt/qemu/nvram */
    const char *vncListen;      /* default listen address */
};
void qbjVmDefFillConfig(virDomainDefParserConfig *config, qbjVmDefContext *context);

/* Parses @xml as define and create do, and checks with qbjVmDefCheckSupported() that all of it is in force.
 * @parseFlags: virDomainDefParseFlags. The caller frees. NULL with an error reported, always: libvirt's
 * parser fails without one in places, which is VIR_ERR_XML_ERROR here. */
virDomainDef *qbjVmDefParse(const char *xml, virDomainXMLOption *xmlopt, unsigned int parseFlags);

/* The sound that a definition without any gets is dropped, if @def has no other. */
void qbjVmDefDropAudio(virDomainDef *def);

/* Before a start: the file that @def was loaded from may have been written by another driver, or without an
 * emulator.
 * Completes it if need be, validates it, checks its support and its addresses. -1 with an error reported. */
int qbjVmDefCheckStart(virDomainDef *def, virDomainXMLOption *xmlopt);

/* Nothing is silently ignored. (1) Each element, attribute and text of @xml must be found again in what the
 * parsed @def formats to, apart from a table of documented normalisations; (2) each element, attribute and
 * enumerated value of that formatted text must be in the table of what the driver acts on. Returns -1 with
 * VIR_ERR_CONFIG_UNSUPPORTED reported, naming the first element, attribute or value (its path); 0
 * otherwise. With @xml NULL (1) is left out. */
int qbjVmDefCheckSupported(const char *xml, virDomainDef *def, virDomainXMLOption *xmlopt);

/* The same for @xml, a <disk> that is no part of a definition but names the destination of a copy, which was
 * parsed as @target: each element and attribute of it must be in the table, and what names the images must
 * be found in @target. Those of the device have no meaning there, for the device stays as it is: they are
 * let through. VIR_ERR_CONFIG_UNSUPPORTED, or libvirt's error of XML that cannot be read. */
int qbjVmDefCheckDestination(const char *xml, virStorageSource *target, virDomainXMLOption *xmlopt);

/* Assigns <alias> names to all devices of a definition that is about to start, and disk qom names (11.2,
 * 05/X5). */
int qbjVmDefAssignAliases(virDomainDef *def);

/* The same for @dev, which is to be plugged into the running domain @def and is no part of it yet; the
 * controller of a disk is. -1 with VIR_ERR_CONFIG_UNSUPPORTED reported for a disk on a bus without a name. */
int qbjVmDefAssignAlias(virDomainDef *def, virDomainDeviceDef *dev);

/* The element of one device, without a domain around it. @flags: as of virDomainDefFormatInternal(). The
 * caller frees; NULL with an error reported: VIR_ERR_OPERATION_UNSUPPORTED for a type of device that cannot
 * be plugged. */
char *qbjVmDefFormatDevice(virDomainDeviceDef *dev, virDomainXMLOption *xmlopt, unsigned int flags);

/* As qbjVmDefCheckSupported() for @xml, one device that was parsed as @dev. */
int qbjVmDefCheckDevice(const char *xml, virDomainDeviceDef *dev, virDomainXMLOption *xmlopt);

/* Whether @wanted differs from @disk in nothing but its medium and startupPolicy. -1 with
 * VIR_ERR_OPERATION_UNSUPPORTED reported, naming what differs. */
int qbjVmDefCheckSameDisk(virDomainDiskDef *disk, virDomainDiskDef *wanted, virDomainXMLOption *xmlopt);
