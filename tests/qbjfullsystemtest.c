/* Snapshots with the memory of the guest (08/S6), with the whole driver in this process (qemu:///embed) and a
 * real QEMU, where memory-error tools reach everything: what works, and each way in which one fails. TAP
 * output.
 *
 * What a guest writes meanwhile, and a daemon that dies, are in tests/live/fullsystem.py. */
#include <config.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "internal.h"
#include "embedfixture.h"

#define LIVE VIR_DOMAIN_SNAPSHOT_CREATE_LIVE
#define REUSE VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT

static bool
isRunning(virDomainPtr domain)
{
    int state;

    return virDomainGetState(domain, &state, NULL, 0) == 0 && state == VIR_DOMAIN_RUNNING;
}

static char *
memoryPath(const char *name)
{
    return g_strdup_printf("%s/%s.memory", embedRootDir, name);
}

static bool
hasMemory(const char *name)
{
    g_autofree char *path = memoryPath(name);
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) && g_str_has_prefix(text, "LibvirtQemudSave");
}

/* Of the disk, unless there is @disk. */
static bool
snapshot(virDomainPtr domain, const char *name, const char *disk, unsigned int flags)
{
    g_autofree char *path = memoryPath(name);
    g_autofree char *xml = g_strdup_printf("<domainsnapshot><name>%s</name><memory snapshot='external' file='%s'/>"
                                           "<disks>%s</disks></domainsnapshot>", name, path,
                                           disk ? disk : "<disk name='vda' snapshot='external'/>");
    virDomainSnapshotPtr snap = virDomainSnapshotCreateXML(domain, xml, flags);

    if (!snap)
        return false;
    virDomainSnapshotFree(snap);
    return true;
}

static bool
isListed(virDomainPtr domain, const char *name)
{
    virDomainSnapshotPtr snap = virDomainSnapshotLookupByName(domain, name, 0);

    if (!snap)
        return false;
    virDomainSnapshotFree(snap);
    return true;
}

/* Both definitions have the overlay of that name, or neither. @is: which of the two is wanted. */
static bool
isOn(virDomainPtr domain, const char *name, bool is)
{
    g_autofree char *live = virDomainGetXMLDesc(domain, 0);
    g_autofree char *inactive = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE);
    g_autofree char *suffix = g_strdup_printf(".%s'", name);

    return live && inactive && !!strstr(live, suffix) == is && !!strstr(inactive, suffix) == is;
}

static virDomainPtr
running(virConnectPtr conn, const char *name)
{
    g_autofree char *xml = embedDomainXML(name, 1);
    virDomainPtr domain = embedImagesMake(2) ? virDomainDefineXML(conn, xml) : NULL;

    CHECK(domain && virDomainCreate(domain) == 0 && isRunning(domain), "a persistent domain runs");
    return domain;
}

static void
gone(virDomainPtr domain)
{
    CHECK((virDomainIsActive(domain) == 0 || virDomainDestroy(domain) == 0) &&
          virDomainUndefineFlags(domain, VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA) == 0, "destroy, undefine");
    virDomainFree(domain);
}

static void
testKinds(virConnectPtr conn)
{
    virDomainPtr domain = running(conn, "kinds");
    virDomainSnapshotPtr snap;

    CHECK(snapshot(domain, "plain", NULL, 0) && isRunning(domain) && isOn(domain, "plain", true) && hasMemory("plain"),
          "08/S6.1: of a guest that stands still meanwhile");
    CHECK(snapshot(domain, "live", NULL, LIVE) && isRunning(domain) && isOn(domain, "live", true) && hasMemory("live"),
          "08/S6.2: of one that runs");
    CHECK(snapshot(domain, "alone", "<disk name='vda' snapshot='no'/>", 0) && isOn(domain, "alone", false) &&
          hasMemory("alone") && isRunning(domain), "08/S6.4: the memory alone");
    CHECK(virDomainSuspend(domain) == 0 && snapshot(domain, "paused", NULL, 0) && !isRunning(domain) &&
          isOn(domain, "paused", true), "of one that is paused, and stays so");
    CHECK((snap = virDomainSnapshotLookupByName(domain, "live", 0)) && virDomainRevertToSnapshot(snap, 0) == 0 &&
          isRunning(domain), "reverted to");
    if (snap)
        virDomainSnapshotFree(snap);
    CHECK(snapshot(domain, "halt", NULL, VIR_DOMAIN_SNAPSHOT_CREATE_HALT) && virDomainIsActive(domain) == 0 &&
          hasMemory("halt"), "08/S6.7: HALT");
    gone(domain);
}

static void
testRefused(virConnectPtr conn)
{
    virDomainPtr domain = running(conn, "refused");
    g_autofree char *there = memoryPath("there");
    g_autofree char *text = NULL;

    g_file_set_contents(there, "something", -1, NULL);
    CHECK(!snapshot(domain, "there", NULL, 0) && embedErrorIs(VIR_ERR_CONFIG_UNSUPPORTED), "a file is there");
    CHECK(!snapshot(domain, "x", "<disk name='vda' snapshot='internal'/>", 0) &&
          embedErrorIs(VIR_ERR_CONFIG_UNSUPPORTED), "an internal disk beside it");
    CHECK(g_file_get_contents(there, &text, NULL, NULL) && STREQ(text, "something") && !isListed(domain, "there"),
          "nothing has changed");
    CHECK(snapshot(domain, "there", "<disk name='vda' snapshot='no'/>", REUSE) && hasMemory("there"),
          "REUSE_EXT replaces it");
    CHECK(!snapshot(domain, "there", "<disk name='vda' snapshot='no'/>", REUSE), "a name twice");
    gone(domain);
    unlink(there);
}

#ifdef QBJ_DEBUG_CHECKS
static bool
runsAgain(virDomainPtr domain)
{
    int tries;

    for (tries = 0; tries < 1000 && !isRunning(domain); tries++)
        g_usleep(20000);
    return tries < 1000;
}

/* What is left of a failure. The record has gone when another one may begin: a call that needs that waits. */
static bool
isBack(virDomainPtr domain, const char *name)
{
    g_autofree char *path = memoryPath(name);
    int tries;

    for (tries = 0; tries < 500; tries++) {
        if (runsAgain(domain) && isOn(domain, name, false) && !isListed(domain, name) &&
            !g_file_test(path, G_FILE_TEST_EXISTS))
            return true;
        g_usleep(20000);
    }
    return false;
}

/* The fault at the @n-th place of @point: made, all of it, or nothing is. Gives whether it failed. */
static bool
testFault(virDomainPtr domain, const char *point, unsigned int n, unsigned int flags, bool *whole)
{
    g_autofree char *fault = g_strdup_printf("%s:%u", point, n);
    g_autofree char *name = g_strdup_printf("%s-%u-%u", point, n, flags);
    bool made;

    embedFault(fault);
    made = snapshot(domain, name, NULL, flags);
    embedFault(NULL);
    if (made)
        *whole = *whole && runsAgain(domain) && isOn(domain, name, true) && isListed(domain, name) && hasMemory(name);
    else
        *whole = *whole && isBack(domain, name);
    if (!*whole)
        printf("# %s, flags %u\n", fault, flags);
    return !made;
}

static void
testFaults(virConnectPtr conn, const char *point, unsigned int places)
{
    virDomainPtr domain = running(conn, point);
    g_autofree char *what = g_strdup_printf("%s: each of %u failures leaves all or nothing", point, places);
    unsigned int failed = 0;
    bool whole = true;
    unsigned int n;

    for (n = 1; whole && n <= places; n++)
        failed += testFault(domain, point, n, n % 2 ? LIVE : 0, &whole) +
                  (whole ? testFault(domain, point, n, n % 2 ? 0 : LIVE, &whole) : 0);
    CHECK(whole && failed > 0, what);
    gone(domain);
}
#endif

int
main(void)
{
    virConnectPtr conn;

    embedBegin("qbj-fullsystem-XXXXXX", "images");
    if (CHECK((conn = embedOpen()) != NULL, "open")) {
        testKinds(conn);
        testRefused(conn);
#ifdef QBJ_DEBUG_CHECKS
        testFaults(conn, "image-create", 1);
        testFaults(conn, "image-seal", 1);
        testFaults(conn, "image-sync", 1);
        testFaults(conn, "moment-memory", 1);
        testFaults(conn, "moment-switch", 1);
        testFaults(conn, "save", 8);
        testFaults(conn, "save-write", 5);
        testFaults(conn, "save-sync", 5);
        testFaults(conn, "qmp-error", 18);
#endif
    }
    CHECK(embedClose(conn), "cleanup of the driver");
    return embedEnd();
}
