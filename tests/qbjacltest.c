/* An access manager that denies everything: no callback of the driver does, or tells, anything; each of them
 * has a line. Embed mode; acltest.py looks at the source for the same. TAP output. */
#include <config.h>

#include "aclfixture.h"
#include "embedfixture.h"

#include "access/viraccessmanager.h"

#define XML "<domain type='qemu'><name>%s</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>" \
    "<os><type arch='x86_64' machine='pc'>hvm</type></os><devices><controller type='usb' model='none'/>" \
    "<memballoon model='none'/></devices></domain>"

static void
testDenied(virConnectPtr conn, virDomainPtr domain)
{
    g_autofree char *other = g_strdup_printf(XML, "other");
    virAccessManager *before = virObjectRef(virAccessManagerGetDefault());
    /* nobody is known to it here, and it denies what nobody asks for */
    virAccessManager *deny = virAccessManagerNew("polkit");

    if (CHECK(deny != NULL, "an access manager")) {
        virAccessManagerSetDefault(deny);
        aclTableTake(conn);
        aclTestConnection(conn, other);
        aclTestNode(conn);
        aclTestEvents(conn);
        aclTestDomainQueries(conn, domain);
        aclTestDomainSettings(conn, domain);
        aclTestDomainActions(conn, domain);
        aclTestDomainMigration(conn, domain, other);
        aclTestDomainAgent(conn, domain);
        aclTestSnapshots(conn, domain);
        aclTableCheck();
        virAccessManagerSetDefault(before);
    }
    virObjectUnref(deny);
    virObjectUnref(before);
}

static void
testAll(virConnectPtr conn)
{
    g_autofree char *xml = g_strdup_printf(XML, "acl");
    g_autofree char *text = NULL;
    g_autofree char *after = NULL;
    virDomainPtr domain = virDomainDefineXML(conn, xml);

    if (!CHECK(domain && virDomainCreateWithFlags(domain, VIR_DOMAIN_START_PAUSED) == 0, "a domain that runs"))
        return;
    text = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE);
    testDenied(conn, domain);
    after = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE);
    CHECK(virConnectNumOfDomains(conn) == 1 && virConnectNumOfDefinedDomains(conn) == 0 &&
          virDomainIsActive(domain) == 1 && virDomainIsPersistent(domain) == 1 && text && STREQ_NULLABLE(after, text),
          "nothing has changed");
    virDomainDestroy(domain);
    virDomainUndefine(domain);
    virDomainFree(domain);
}

int
main(void)
{
    virConnectPtr conn;

    embedBegin("qbj-acl-XXXXXX", "images");
    if (CHECK((conn = embedOpen()) != NULL, "open"))
        testAll(conn);
    CHECK(embedClose(conn), "cleanup of the driver");
    return embedEnd();
}
