/* Images that a VM or a block job must not take: through the whole module. TAP output. */
#include <config.h>

#include <stdio.h>

#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "internal.h"
#include "embedfixture.h"

/* Opening a FIFO waits for its other end, which may never come. */
static void
testNoImage(virConnectPtr conn)
{
    g_autofree char *xml = embedDomainXML("noimage", 9);
    g_autofree char *path = embedImagePath(9);
    const char *const makers[] = { "mkfifo", "mkdir", NULL };
    size_t i;

    for (i = 0; makers[i]; i++) {
        CHECK(embedRun(makers[i], path, NULL), makers[i]);
        CHECK(!virDomainCreateXML(conn, xml, 0) && embedErrorIs(VIR_ERR_CONFIG_UNSUPPORTED) &&
              strstr(virGetLastErrorMessage(), path), "what is no image is refused by name");
        embedRun("rm", "-rf", path, NULL);
    }
}

/* The headers name it: the definition does not. */
static void
testNoImageBelow(virConnectPtr conn)
{
    g_autofree char *xml = embedDomainXML("noimagebelow", 2);
    g_autofree char *path = embedImagePath(0);
    size_t i;
    const char *const makers[] = { "mkfifo", "mkdir", NULL };

    for (i = 0; makers[i]; i++) {
        CHECK(embedImagesMake(3) && embedRun("rm", path, NULL) && embedRun(makers[i], path, NULL), makers[i]);
        CHECK(!virDomainCreateXML(conn, xml, 0) && embedErrorIs(VIR_ERR_CONFIG_UNSUPPORTED) &&
              strstr(virGetLastErrorMessage(), path), "at the end of a chain it is refused by name, too");
        embedRun("rm", "-rf", path, NULL);
    }
}

/* A top that is smaller than base hides the end of base; a base that is smaller grows (protocol H14). */
static void
testSizes(virConnectPtr conn)
{
    g_autofree char *xml = embedDomainXML("sizes", 2);
    g_autofree char *bottom = embedImagePath(0);
    g_autofree char *middle = embedImagePath(1);
    g_autofree char *top = embedImagePath(2);
    virDomainBlockJobInfo info;
    virDomainPtr domain;
    virDomainPtr larger;

    if (!CHECK(embedImagesMake(3) && embedRun("qemu-img", "resize", bottom, "128M", NULL), "a base that is larger"))
        return;
    domain = virDomainCreateXML(conn, xml, VIR_DOMAIN_START_PAUSED);
    CHECK(domain && virDomainBlockCommit(domain, "vda", NULL, NULL, 0, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE) < 0 &&
          embedErrorIs(VIR_ERR_OPERATION_UNSUPPORTED) && strstr(virGetLastErrorMessage(), top),
          "an active commit into it is refused");
    CHECK(virDomainGetBlockJobInfo(domain, "vda", &info, 0) == 0 && !embedXMLHas(domain, 0, "<mirror"),
          "no job is left");
    embedEventReset();
    CHECK(virDomainBlockCommit(domain, "vda", bottom, middle, 0, 0) == 0 && embedEventWait("bj2:vda:3:0 "),
          "below an image that is as small as top it is not");
    CHECK(virDomainDestroy(domain) == 0, "destroy");
    virDomainFree(domain);

    if (!CHECK(embedImagesMake(3) && embedRun("qemu-img", "resize", bottom, "128M", NULL) &&
               embedRun("qemu-img", "resize", top, "256M", NULL), "a middle image that is smaller than both"))
        return;
    larger = virDomainCreateXML(conn, xml, VIR_DOMAIN_START_PAUSED);
    CHECK(larger && virDomainBlockCommit(larger, "vda", bottom, middle, 0, 0) < 0 &&
          embedErrorIs(VIR_ERR_OPERATION_UNSUPPORTED) && strstr(virGetLastErrorMessage(), middle),
          "its commit is refused");
    embedEventReset();
    CHECK(virDomainBlockCommit(larger, "vda", NULL, NULL, 0, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE) == 0 &&
          embedEventWait("bj2:vda:4:3 ") &&
          virDomainBlockJobAbort(larger, "vda", VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT) == 0, "a commit into a smaller base");
    CHECK(virDomainDestroy(larger) == 0, "destroy");
    virDomainFree(larger);
    CHECK(embedRun("sh", "-c", "qemu-img info -U \"$0\" | grep -q '256 MiB'", bottom, NULL), "base has grown");
}

int
main(void)
{
    virConnectPtr conn;

    embedBegin("qbj-image-XXXXXX", "images");

    if (CHECK((conn = embedOpen()) != NULL, "open")) {
        embedEventRegister(conn);
        testNoImage(conn);
        testNoImageBelow(conn);
        testSizes(conn);
        embedEventDeregister(conn);
    }
    CHECK(embedClose(conn), "cleanup of the driver");
    return embedEnd();
}
