/* Pulls with the whole driver in this process (qemu:///embed) and real QEMUs, where memory-error tools reach
 * everything: ends of all kinds, a monitor that refuses, a job that somebody else ends. TAP output.
 *
 * What a guest writes meanwhile, and storage that fails, is tested in tests/live/pulls.py. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>

#include "internal.h"
#include "embedfixture.h"

#define LAYERS 4
#define TOP (LAYERS - 1)
#define HELD 1                      /* bytes in a second */

/* Ends the domain; the active image holds the data of the layers from @first on, and of those below when they
 * are still there. */
static void
ended(virDomainPtr domain, const char *what)
{
    unsigned int missing = 0;
    unsigned int i;

    CHECK(virDomainDestroy(domain) == 0, "destroy");
    for (i = 0; i < LAYERS; i++)
        missing += !embedImageHolds(TOP, i);
    CHECK(missing == 0, what);
    virDomainFree(domain);
}

static void
imagesRemove(unsigned int first, unsigned int last)
{
    unsigned int i;

    for (i = first; i <= last; i++) {
        g_autofree char *path = embedImagePath(i);

        CHECK(unlink(path) == 0, "an image that is not needed any more");
    }
}

static void
testWhole(virConnectPtr conn)
{
    virDomainPtr domain = embedDomainStart(conn, "whole", LAYERS);
    virDomainBlockJobInfo info;

    if (!domain)
        return;
    CHECK(virDomainBlockPull(domain, "vda", 0, 0) == 0, "pull starts");
    CHECK(embedEventWait("bj:path:1:0 bj2:vda:1:0 "), "COMPLETED events in order (03/E)");
    CHECK(embedInChain(domain, TOP) && !embedInChain(domain, 0), "the active image stands alone (01/P10)");
    CHECK(virDomainGetBlockJobInfo(domain, "vda", &info, 0) == 0, "no job any more");
    imagesRemove(0, TOP - 1);
    embedEventReset();
    CHECK(virDomainBlockPull(domain, "vda", 0, 0) == 0 && embedEventWait("bj2:vda:1:0 "), "once more (01/P12)");
    ended(domain, "it holds the data of all");
}

static void
testBase(virConnectPtr conn)
{
    virDomainPtr domain = embedDomainStart(conn, "base", LAYERS);
    g_autofree char *base = embedImagePath(1);
    g_autofree char *top = embedImagePath(TOP);

    if (!domain)
        return;
    CHECK(virDomainBlockRebase(domain, "vda", base, 0, VIR_DOMAIN_BLOCK_REBASE_RELATIVE) == 0, "rebase starts");
    CHECK(embedEventWait("bj2:vda:1:0 "), "COMPLETED");
    CHECK(embedInChain(domain, 1) && embedInChain(domain, 0) && !embedInChain(domain, 2), "what is between has left");
    CHECK(embedRun("sh", "-c", "qemu-img info -U \"$0\" | grep -q '^backing file: disk.1 '", top, NULL),
          "the name in the header is still relative (01/P13)");
    imagesRemove(2, 2);
    ended(domain, "the chain holds the data of all");
}

static void
testRefused(virDomainPtr domain)
{
    g_autofree char *top = embedImagePath(TOP);

    CHECK(virDomainBlockPull(domain, "vda", 0, 0) < 0 && embedErrorIs(VIR_ERR_OPERATION_UNSUPPORTED),
          "a second pull is refused (01/A13)");
    CHECK(virDomainBlockJobAbort(domain, "vda", VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT) < 0 &&
          embedErrorIs(VIR_ERR_BLOCK_COPY_ACTIVE), "there is nothing to pivot to (01/J3)");
    CHECK(virDomainBlockRebase(domain, "vda", NULL, 0, VIR_DOMAIN_BLOCK_REBASE_RELATIVE) < 0 &&
          embedErrorIs(VIR_ERR_INVALID_ARG), "RELATIVE without a base (01/P2)");
    CHECK(virDomainBlockRebase(domain, "vda", top, 0, VIR_DOMAIN_BLOCK_REBASE_COPY) < 0 &&
          embedErrorIs(VIR_ERR_OPERATION_UNSUPPORTED), "COPY is refused");
}

/* All figures of the disk, while there is a pull. */
static bool
figures(virDomainPtr domain)
{
    virDomainPtr domains[] = { domain, NULL };
    virDomainStatsRecordPtr *records = NULL;
    virDomainBlockInfo info;
    int n = virDomainListGetStats(domains, VIR_DOMAIN_STATS_BLOCK, &records, VIR_CONNECT_GET_ALL_DOMAINS_STATS_BACKING);

    virDomainStatsRecordListFree(records);
    return n == 1 && virDomainGetBlockInfo(domain, "vda", &info, 0) == 0 && info.capacity > 0;
}

static void
testHeld(virConnectPtr conn)
{
    virDomainPtr domain = embedDomainStart(conn, "held", LAYERS);
    virDomainBlockJobInfo info;

    if (!domain)
        return;
    CHECK(virDomainBlockPull(domain, "vda", HELD, VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES) == 0, "a held pull starts");
    CHECK(virDomainGetBlockJobInfo(domain, "vda", &info, VIR_DOMAIN_BLOCK_JOB_INFO_BANDWIDTH_BYTES) == 1 &&
          info.type == VIR_DOMAIN_BLOCK_JOB_TYPE_PULL && info.bandwidth == HELD && info.cur < info.end,
          "job info (01/I2, I6)");
    testRefused(domain);
    CHECK(figures(domain), "figures of the disk (protocol H3)");
    CHECK(virDomainBlockJobAbort(domain, "vda", 0) == 0, "abort");
    CHECK(embedEventWait("bj:path:1:2 bj2:vda:1:2 "), "CANCELED events");
    CHECK(embedInChain(domain, 0), "the chain is the old one (01/J15)");
    CHECK(virDomainBlockPull(domain, "vda", 0, 0) == 0 && embedEventWait("bj2:vda:1:0 "), "the next one completes");
    ended(domain, "it holds the data of all");
}

#ifdef QBJ_DEBUG_CHECKS

static bool
monitor(virDomainPtr domain, const char *command, const char *key, const char *more)
{
    g_autofree char *text = g_strdup_printf("{\"execute\":\"%s\",\"arguments\":{\"%s\":"
                                            "\"pull-vda-libvirt-1-format\"%s}}", command, key, more);
    char *reply = NULL;
    bool done = virDomainQemuMonitorCommand(domain, text, &reply, 0) == 0 && strstr(reply, "return");

    free(reply);
    return done;
}

/* Somebody else lets it run to its end, finalizes and perhaps dismisses it, while we are deaf. */
static void
testForeign(virConnectPtr conn, const char *name, bool dismiss)
{
    virDomainPtr domain = embedDomainStart(conn, name, LAYERS);
    virDomainBlockJobInfo info;
    int tries;

    if (!domain)
        return;
    CHECK(virDomainBlockPull(domain, "vda", HELD, VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES) == 0, "a held pull starts");
    embedFault("qmp-error:1+,queue:1+");
    CHECK(virDomainGetBlockJobInfo(domain, "vda", &info, 0) == 1 && info.type == VIR_DOMAIN_BLOCK_JOB_TYPE_PULL,
          "info when QEMU refuses the question");
    CHECK(monitor(domain, "block-job-set-speed", "device", ",\"speed\":0"), "somebody else lets it run");
    for (tries = 0; tries < 500 && !monitor(domain, "job-finalize", "id", ""); tries++)
        g_usleep(10000);
    CHECK(tries < 500 && (!dismiss || monitor(domain, "job-dismiss", "id", "")), "and ends it");
    embedFault(NULL);
    CHECK(embedEventWait("bj2:vda:1:0 "), "COMPLETED, when we hear of it");
    CHECK(embedInChain(domain, TOP) && !embedInChain(domain, 0), "the chain is the new one");
    /* only what has been flushed is there then */
    CHECK(embedQemuKill(name) && embedEventWait("life:5:"), "QEMU is killed");
    virDomainFree(domain);
    imagesRemove(0, TOP - 1);
    for (tries = 0; tries < LAYERS; tries++)
        CHECK(embedImageHolds(TOP, tries), "the image holds the data of each layer");
}

/* Each action of the end meets a monitor that refuses, and is tried again. */
static void
testRefusingMonitor(virConnectPtr conn)
{
    virDomainPtr domain = embedDomainStart(conn, "refusing", LAYERS);

    if (!domain)
        return;
    CHECK(virDomainBlockPull(domain, "vda", HELD, VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES) == 0, "a held pull starts");
    embedFault("qmp-error:1+");
    CHECK(monitor(domain, "block-job-set-speed", "device", ",\"speed\":0"), "it runs on");
    g_usleep(1500000);
    CHECK(!embedEventSeen("bj2:vda:1:"), "it cannot end");
    embedFault(NULL);
    CHECK(embedEventWait("bj2:vda:1:"), "until QEMU answers again");
    CHECK(virDomainBlockPull(domain, "vda", 0, 0) == 0 && embedEventWait("bj2:vda:1:0 "), "the next one completes");
    ended(domain, "it holds the data of all");
}

#endif

int
main(void)
{
    virConnectPtr conn;

    embedBegin("qbj-pull-XXXXXX", "images");
    if (CHECK((conn = embedOpen()) != NULL, "open")) {
        embedEventRegister(conn);
        testWhole(conn);
        testBase(conn);
        testHeld(conn);
#ifdef QBJ_DEBUG_CHECKS
        testForeign(conn, "finalized", false);
        testForeign(conn, "dismissed", true);
        testRefusingMonitor(conn);
#endif
        embedEventDeregister(conn);
    }
    CHECK(embedClose(conn), "cleanup of the driver");
    return embedEnd();
}
