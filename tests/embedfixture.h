/* What programs that drive the whole module in their own process (qemu:///embed) share: a root folder, an
 * event loop, images
 * with known data, events. A program calls embedOpen() once: libvirt allows one embedded driver in a
 * process. */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>
#include <stdbool.h>

extern char *embedRootDir;          /* set by embedBegin(), or before embedRootPrepare() */
extern char *embedImageDir;         /* where embedImagePath() points */
extern unsigned int embedFailures;  /* checks that failed so far */

/* One line of TAP; tells the last libvirt error when @condition is false. Returns @condition. */
#define CHECK(condition, name) embedCheck((condition), (name), __LINE__)
bool embedCheck(bool condition, const char *name, int line);

/* The last line of TAP. Returns the exit code. */
int embedPlan(void);

/* Makes a root folder from @template (of g_dir_make_tmp()) ready for a driver, and in it @images, which is
 * embedImageDir then. */
void embedBegin(const char *template, const char *images);

/* Removes @top and all in it, unless a check failed. */
void embedFilesEnd(const char *top);

/* Removes what embedBegin() made, unless a check failed, and ends the output. Returns the exit code. */
int embedEnd(void);

/* Kills the QEMU of domain @name. */
bool embedQemuKill(const char *name);

/* Whether that QEMU has a file open whose name begins with @path, or began so before it was removed. */
bool embedQemuHasOpen(const char *name, const char *path);

/* Faults from now on (virqbjfault.h), NULL: none any more. */
void embedFault(const char *wanted);

/* Makes the root folder ready for a driver: rights, and a qemu.conf without security driver. */
void embedRootPrepare(void);

/* Starts the event loop and opens the driver; NULL with the libvirt error set. */
virConnectPtr embedOpen(void);

/* One more connection to the same driver. */
virConnectPtr embedOpenAgain(void);

/* Waits until there is no domain @name any more, 20 s at most. */
bool embedGoneWait(virConnectPtr conn, const char *name);

/* Closes @conn (may be NULL), has the driver clean up, ends the event loop. */
bool embedClose(virConnectPtr conn);

/* Logs life cycle ("life:EVENT:DETAIL ") and block job events ("bj:path:TYPE:STATUS ",
 * "bj2:TARGET:TYPE:STATUS "). */
void embedEventRegister(virConnectPtr conn);
void embedEventDeregister(virConnectPtr conn);

/* Waits until @text has been logged since the last embedEventReset(), 20 s at most. */
bool embedEventWait(const char *text);
bool embedEventSeen(const char *text);
void embedEventReset(void);

/* Runs a program found in PATH, its output thrown away; the last argument is NULL. Returns whether it
 * succeeded. */
bool embedRun(const char *program, ...) G_GNUC_NULL_TERMINATED;

/* disk.N in embedImageDir; to be freed with g_free(). */
char *embedImagePath(unsigned int n);

/* disk.0 <- disk.1 <- ... , each with 1 MiB of its own data. The headers hold relative names: a copy of
 * the folder
 * is a chain, too. */
bool embedImagesMake(unsigned int n);

/* Whether MiB number @n of image @top reads as layer @n wrote it. */
bool embedImageHolds(unsigned int top, unsigned int n);

/* A small domain with the disk vda on image @top; to be freed with g_free(). */
char *embedDomainXML(const char *name, unsigned int top);

/* Starts such a domain, paused, on the last of @layers images, which are made anew; forgets the events until
 * then. NULL after a failed check. */
virDomainPtr embedDomainStart(virConnectPtr conn, const char *name, unsigned int layers);

/* Whether image @n is in the live XML of @domain. */
bool embedInChain(virDomainPtr domain, unsigned int n);

bool embedErrorIs(int code);
bool embedXMLHas(virDomainPtr domain, unsigned int flags, const char *text);
