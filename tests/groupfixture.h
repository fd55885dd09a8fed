/* What qbjgrouptest.c and its sweep share: a domain with two disks, and what only the engine can do. */
#pragma once

#include <libvirt/libvirt.h>

#define GROUP_LAYERS 3
#define GROUP_OLD "2 1 0 "
#define GROUP_NEW "0 "
#define GROUP_DISKS 2

extern const char *const groupTargets[GROUP_DISKS];

/* The images of each disk, in a folder of its target's name in embedImageDir. */
bool groupImagesMake(void);

/* On the last of them; to be freed with g_free(). */
char *groupDomainXML(const char *name);

/* The numbers of the images of @target in the order of the chain, as GROUP_OLD, without the mirror's; to be
 * freed. */
char *groupChain(virDomainPtr domain, const char *target, unsigned int flags);

/* Whether both disks have these chains, and no mirror. */
bool groupBothAre(virDomainPtr domain, const char *live, const char *inactive);

/* Has the device of disk number @disk write a MiB of its number, as a guest would. Not in a hold: then it
 * would not return (protocol H6). */
bool groupDeviceWrite(virDomainPtr domain, size_t disk, unsigned int mib);

/* Makes a group of the jobs on @disks, a list with NULL at its end; or of two. Returns as libvirt's calls
 * do. */
int groupMake(virDomainPtr domain, const char *const *disks);
int groupOf(virDomainPtr domain, const char *one, const char *other);

/* Starts an active commit; @bandwidth in bytes/s. */
int groupCommit(virDomainPtr domain, const char *target, unsigned long bandwidth);

/* 20 s for the job of @target to be ready, or not to be there. */
bool groupJobWait(virDomainPtr domain, const char *target, bool ready);
