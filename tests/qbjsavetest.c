/* Saves and restores with the whole driver in this process (qemu:///embed) and a real QEMU, where
 * memory-error tools reach everything: what works, and each way in which a save or a restore fails. TAP
 * output.
 *
 * What a guest writes meanwhile, and the files of the stock driver, are in tests/live/save.py. */
#include <config.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "internal.h"
#include "embedfixture.h"

static bool
isRunning(virDomainPtr domain)
{
    int state;

    return virDomainGetState(domain, &state, NULL, 0) == 0 && state == VIR_DOMAIN_RUNNING;
}

/* It is paused at its start, so that nothing of it is due. */
static virDomainPtr
running(virConnectPtr conn, const char *name)
{
    virDomainPtr domain = embedDomainStart(conn, name, 2);

    CHECK(domain && virDomainResume(domain) == 0 && isRunning(domain), "it runs");
    return domain;
}

static virDomainPtr
restored(virConnectPtr conn, const char *name, const char *path, const char *xml, unsigned int flags)
{
    CHECK(virDomainRestoreFlags(conn, path, xml, flags) == 0, "restore");
    return virDomainLookupByName(conn, name);
}

static void
testFile(virConnectPtr conn, const char *path)
{
    virDomainPtr domain = running(conn, "file");
    g_autofree char *xml = NULL;

    CHECK(virDomainSave(domain, path) == 0 && embedGoneWait(conn, "file"), "save");
    virDomainFree(domain);
    CHECK((xml = virDomainSaveImageGetXMLDesc(conn, path, 0)) && strstr(xml, "<name>file</name>"), "what is in it");
    CHECK(virDomainSaveImageDefineXML(conn, path, xml, VIR_DOMAIN_SAVE_PAUSED) == 0, "written again, to be paused");
    domain = restored(conn, "file", path, NULL, 0);
    CHECK(domain && !isRunning(domain) && virDomainResume(domain) == 0, "it is paused, and goes on");
    CHECK(virDomainSaveFlags(domain, path, xml, VIR_DOMAIN_SAVE_PAUSED) == 0, "saved with a definition");
    virDomainFree(domain);
    domain = restored(conn, "file", path, xml, VIR_DOMAIN_SAVE_RUNNING);
    CHECK(domain && isRunning(domain) && virDomainDestroy(domain) == 0, "restored with one, running");
    virDomainFree(domain);
}

static void
testManaged(virConnectPtr conn)
{
    g_autofree char *xml = embedDomainXML("managed", 1);
    virDomainPtr domain = embedImagesMake(2) ? virDomainDefineXML(conn, xml) : NULL;

    if (!CHECK(domain && virDomainCreate(domain) == 0, "a persistent domain runs"))
        return;
    CHECK(virDomainManagedSave(domain, 0) == 0 && virDomainHasManagedSaveImage(domain, 0) == 1 &&
          virDomainIsActive(domain) == 0, "managed save");
    CHECK(virDomainUndefine(domain) < 0 && embedErrorIs(VIR_ERR_OPERATION_INVALID), "undefine is refused");
    CHECK(virDomainCreate(domain) == 0 && isRunning(domain) && virDomainHasManagedSaveImage(domain, 0) == 0, "start");
    CHECK(virDomainManagedSave(domain, VIR_DOMAIN_SAVE_BYPASS_CACHE) == 0, "past the cache");
    CHECK(virDomainCreateWithFlags(domain, VIR_DOMAIN_START_FORCE_BOOT) == 0 &&
          virDomainHasManagedSaveImage(domain, 0) == 0, "a start that gives it up");
    CHECK(virDomainManagedSave(domain, 0) == 0 && virDomainManagedSaveRemove(domain, 0) == 0 &&
          virDomainUndefine(domain) == 0, "remove, undefine");
    virDomainFree(domain);
}

static void
testRefused(virConnectPtr conn, const char *path)
{
    virDomainPtr domain = running(conn, "refused");
    g_autofree char *image = embedImagePath(0);
    virTypedParameterPtr params = NULL;
    int nparams = 0;
    int maxparams = 0;
    g_autofree char *pipe = g_build_filename(embedRootDir, "pipe", NULL);

    CHECK(virDomainSave(domain, image) < 0 && embedErrorIs(VIR_ERR_OPERATION_INVALID), "over an image of its own");
    CHECK(virTypedParamsAddString(&params, &nparams, &maxparams, VIR_DOMAIN_SAVE_PARAM_FILE, "saved") == 0 &&
          virDomainSaveParams(domain, params, nparams, 0) < 0 && embedErrorIs(VIR_ERR_INVALID_ARG) &&
          virDomainRestoreParams(conn, params, nparams, 0) < 0 && embedErrorIs(VIR_ERR_INVALID_ARG),
          "a path without a folder: whose would it be?");
    virTypedParamsFree(params, nparams);
    CHECK(virDomainSave(domain, "/dev/null") < 0 && embedErrorIs(VIR_ERR_OPERATION_UNSUPPORTED), "into a device");
    CHECK(virDomainBlockCommit(domain, "vda", NULL, NULL, 0, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE) == 0 &&
          embedEventWait("bj2:vda:4:3 ") && virDomainSave(domain, path) < 0 &&
          embedErrorIs(VIR_ERR_OPERATION_INVALID), "beside a block job (07/G1.1)");
    CHECK(virDomainRestore(conn, image) < 0 && embedErrorIs(VIR_ERR_OPERATION_FAILED), "no save image");
    CHECK(mkfifo(pipe, 0600) == 0 && virDomainRestore(conn, pipe) < 0 && embedErrorIs(VIR_ERR_OPERATION_UNSUPPORTED),
          "a pipe is not waited for");
    CHECK(isRunning(domain) && virDomainDestroy(domain) == 0, "it ran all the time");
    virDomainFree(domain);
}

static const char *restorePath;

static void *
restoreOnce(void *opaque)
{
    return GINT_TO_POINTER(virDomainRestore(opaque, restorePath) == 0);
}

/* Two clients at once: one of them gets it. */
static void
testTwice(virConnectPtr conn, const char *path)
{
    virDomainPtr domain = running(conn, "twice");
    unsigned int good = 0;
    size_t round;

    restorePath = path;
    for (round = 0; round < 5; round++) {
        GThread *threads[2];
        unsigned int came = 0;
        size_t i;

        if (virDomainSave(domain, path) < 0)
            break;
        virDomainFree(domain);
        for (i = 0; i < G_N_ELEMENTS(threads); i++)
            threads[i] = g_thread_new("restore", restoreOnce, conn);
        for (i = 0; i < G_N_ELEMENTS(threads); i++)
            came += GPOINTER_TO_INT(g_thread_join(threads[i]));
        domain = virDomainLookupByName(conn, "twice");
        good += came == 1 && domain && isRunning(domain);
    }
    CHECK(good == 5, "two restores of one file: one of them");
    CHECK(virDomainDestroy(domain) == 0, "destroy");
    virDomainFree(domain);
}

/* What would have a guest go on with a state that is older than its disks, or drop what a client has
 * written. */
static void
testManagedBeside(virConnectPtr conn, const char *path)
{
    g_autofree char *xml = embedDomainXML("beside", 1);
    g_autofree char *whole = NULL;
    virDomainPtr domain = embedImagesMake(2) ? virDomainDefineXML(conn, xml) : NULL;

    CHECK(domain && virDomainCreate(domain) == 0 && virDomainSave(domain, path) == 0 &&
          virDomainRestore(conn, path) == 0 && virDomainManagedSave(domain, 0) == 0, "a file, and a managed save");
    CHECK(virDomainRestore(conn, path) < 0 && embedErrorIs(VIR_ERR_OPERATION_INVALID) &&
          virDomainIsActive(domain) == 0, "a restore of the file would leave the managed save behind");
    whole = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE);
    CHECK(!virDomainCreateXML(conn, whole, 0) && embedErrorIs(VIR_ERR_OPERATION_INVALID) &&
          virDomainIsActive(domain) == 0 && virDomainHasManagedSaveImage(domain, 0) == 1,
          "another definition would not be taken");
    CHECK(virDomainCreate(domain) == 0 && virDomainDestroy(domain) == 0 && virDomainUndefine(domain) == 0, "start");
    virDomainFree(domain);
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

/* A save that cannot be recorded is not begun. */
static void
testUnrecorded(virConnectPtr conn, const char *path)
{
    virDomainPtr domain = running(conn, "unrecorded");

    embedFault("save:1+");
    CHECK(virDomainSave(domain, path) < 0 && isRunning(domain) && !g_file_test(path, G_FILE_TEST_EXISTS),
          "no record, no save");
    embedFault(NULL);
    CHECK(virDomainDestroy(domain) == 0, "destroy");
    virDomainFree(domain);
}

/* A save that failed, and is not taken back yet, over an image that is there and complete: that is no reason
 * to end the guest. */
static void
testOver(virConnectPtr conn, const char *path)
{
    virDomainPtr domain = running(conn, "over");

    CHECK(virDomainSave(domain, path) == 0 && virDomainRestore(conn, path) == 0, "an image is there");
    virDomainFree(domain);
    domain = virDomainLookupByName(conn, "over");
    embedFault("image-seal:1,vm-save-back:1+");
    CHECK(domain && virDomainSave(domain, path) < 0 && !isRunning(domain), "a save fails, and cannot be taken back");
    CHECK(virDomainSave(domain, path) < 0 && embedErrorIs(VIR_ERR_OPERATION_INVALID), "no other one before it is");
    embedFault(NULL);
    CHECK(runsAgain(domain) && virDomainSave(domain, path) == 0 && virDomainRestore(conn, path) == 0,
          "it goes on, and can be saved");
    virDomainFree(domain);
    domain = virDomainLookupByName(conn, "over");
    CHECK(domain && virDomainDestroy(domain) == 0, "destroy");
    virDomainFree(domain);
    unlink(path);
}

/* What has happened has happened, durably or not. */
static void
testUnsynced(virConnectPtr conn)
{
    g_autofree char *xml = embedDomainXML("unsynced", 1);
    virDomainPtr domain = embedImagesMake(2) ? virDomainDefineXML(conn, xml) : NULL;

    if (!CHECK(domain && virDomainCreate(domain) == 0, "a persistent domain runs"))
        return;
    embedFault("image-sync:1+");
    CHECK(virDomainManagedSave(domain, 0) == 0, "saved into a folder that cannot be synced");
    CHECK(virDomainCreate(domain) == 0 && isRunning(domain) && virDomainHasManagedSaveImage(domain, 0) == 0,
          "the guest is not given up for an image that is gone");
    embedFault(NULL);
    CHECK(virDomainDestroy(domain) == 0 && virDomainUndefine(domain) == 0, "destroy, undefine");
    virDomainFree(domain);
}

/* After a save that has failed. A stream that is called off is closed a moment later; a QEMU that does not
 * know how to take a file, which no real one does, keeps it until it is given another. */
static bool
keepsOpen(const char *name, const char *path)
{
    unsigned int tries;

    if (strstr(virGetLastErrorMessage(), "'getfd'"))
        return false;

    for (tries = 0; tries < 100 && embedQemuHasOpen(name, path); tries++)
        g_usleep(50000);
    return embedQemuHasOpen(name, path);
}

/* That QEMU has answered at its start is handled some time later, by questions to it, which are not to meet a
 * fault: a save handles what has come before it writes, also one that fails. */
static virDomainPtr
settled(virConnectPtr conn, const char *name, const char *path)
{
    virDomainPtr domain = running(conn, name);

    embedFault("vm-save:1");
    CHECK(virDomainSave(domain, path) < 0, "a save that fails at its end");
    embedFault(NULL);
    CHECK(runsAgain(domain) && !keepsOpen(name, path), "it runs again");
    return domain;
}

/* QEMU does what it is told, and its answers are lost, one after the other: that to a file it was given as
 * well. */
static void
testUnanswered(virConnectPtr conn, const char *path)
{
    virDomainPtr domain = settled(conn, "unanswered", path);
    unsigned int failed = 0;
    bool whole = true;
    unsigned int n;

    for (n = 1; n <= 10 && whole; n++) {
        g_autofree char *fault = g_strdup_printf("qmp-answer:%u", n);
        bool saved;

        embedFault(fault);
        saved = virDomainSave(domain, path) == 0;
        embedFault(NULL);
        failed += !saved;
        if (saved)
            whole = virDomainRestore(conn, path) == 0 && unlink(path) == 0;
        else
            whole = !keepsOpen("unanswered", path) && access(path, F_OK) < 0;
        whole = whole && runsAgain(domain);
    }
    CHECK(whole && failed > 3, "each answer that is lost leaves it running, no file, and none open in QEMU");
    CHECK(virDomainDestroy(domain) == 0, "destroyed");
    virDomainFree(domain);
}

/* Until a save or a restore does not meet the fault any more. */
static void
testFaults(virConnectPtr conn, const char *path, const char *point)
{
    virDomainPtr domain = settled(conn, point, path);
    unsigned int failed = 0;
    bool kept = false;
    bool left = false;
    bool saved = false;

    while (!saved && failed < 60) {
        g_autofree char *fault = g_strdup_printf("%s:%u", point, failed + 1);

        embedFault(fault);
        saved = virDomainSave(domain, path) == 0;
        embedFault(NULL);
        if (saved)
            break;
        failed++;
        kept |= keepsOpen(point, path);
        left = left || !runsAgain(domain) || g_file_test(path, G_FILE_TEST_EXISTS);
        if (left)
            break;
    }
    CHECK(saved && !left && failed > 0, "each failure leaves it running, and no file");
    CHECK(!kept, "QEMU gives back the file of a save that has failed");
    virDomainFree(domain);
    for (failed = 0; saved && failed < 60; failed++) {
        g_autofree char *fault = g_strdup_printf("%s:%u", point, failed + 1);

        embedFault(fault);
        saved = virDomainRestore(conn, path) < 0;
        embedFault(NULL);
    }
    domain = virDomainLookupByName(conn, point);
    CHECK(failed < 60 && domain && runsAgain(domain) && virDomainDestroy(domain) == 0, "and can be restored at last");
    if (domain)
        virDomainFree(domain);
    unlink(path);
}
#endif

int
main(void)
{
    virConnectPtr conn;
    g_autofree char *path = NULL;

    embedBegin("qbj-save-XXXXXX", "images");
    path = g_build_filename(embedRootDir, "saved", NULL);
    if (CHECK((conn = embedOpen()) != NULL, "open")) {
        embedEventRegister(conn);
        testFile(conn, path);
        testManaged(conn);
        unlink(path);
        testRefused(conn, path);
        testTwice(conn, path);
        testManagedBeside(conn, path);
        unlink(path);
#ifdef QBJ_DEBUG_CHECKS
        testUnrecorded(conn, path);
        testOver(conn, path);
        testUnsynced(conn);
        testFaults(conn, path, "image-create");
        testFaults(conn, path, "image-seal");
        testFaults(conn, path, "qmp-error");
        testUnanswered(conn, path);
#endif
        embedEventDeregister(conn);
    }
    CHECK(embedClose(conn), "cleanup of the driver");
    return embedEnd();
}
