/* The entry points of migration, called as a daemon calls them for its clients (behaviour/22, 3): each
 * refuses in the order that clients know, and changes nothing. Embed mode, TAP output. */
#include <config.h>

#include "internal.h"
#include "datatypes.h"
#include "embedfixture.h"
#include "libvirt_internal.h"
#include "virtypedparam.h"

#define TOO_MUCH (1U << 30)

static char *cookie;
static int cookieLen;
static char *uri;

/* The last call failed with @code, and said @words. */
static void
refused(bool failed, int code, const char *words, const char *what)
{
    const char *message = virGetLastErrorMessage();

    CHECK(failed && virGetLastErrorCode() == code && strstr(message, words), what);
    CHECK(!cookie && cookieLen == 0 && !uri, "nothing is told");
    virResetLastError();
}

/* Each call that would begin one, with the same flags. */
static void
refusedFrom(virDomainPtr domain, unsigned int flags, int code, const char *words)
{
    refused(!virDomainMigrateBegin3(domain, NULL, &cookie, &cookieLen, flags, NULL, 0), code, words, "Begin3");
    refused(!virDomainMigrateBegin3Params(domain, NULL, 0, &cookie, &cookieLen, flags), code, words, "Begin3Params");
    refused(virDomainMigratePerform(domain, NULL, 0, "tcp:a:1", flags, NULL, 0) < 0, code, words, "Perform");
    refused(virDomainMigratePerform3(domain, NULL, NULL, 0, &cookie, &cookieLen, "qemu+ssh://a/system", "tcp:a:1",
                                     flags, NULL, 0) < 0, code, words, "Perform3");
    refused(virDomainMigratePerform3Params(domain, "qemu+ssh://a/system", NULL, 0, NULL, 0, &cookie, &cookieLen,
                                           flags) < 0, code, words, "Perform3Params");
}

static void
refusedInto(virConnectPtr conn, virTypedParameterPtr params, int nparams, const char *xml, unsigned int flags,
            int code, const char *words)
{
    virStreamPtr stream = virStreamNew(conn, 0);

    refused(virDomainMigratePrepare2(conn, &cookie, &cookieLen, NULL, &uri, flags, "n", 0, xml) < 0, code, words,
            "Prepare2");
    refused(virDomainMigratePrepareTunnel(conn, stream, flags, "n", 0, xml) < 0, code, words, "PrepareTunnel");
    refused(virDomainMigratePrepare3(conn, NULL, 0, &cookie, &cookieLen, NULL, &uri, flags, "n", 0, xml) < 0, code,
            words, "Prepare3");
    refused(virDomainMigratePrepareTunnel3(conn, stream, NULL, 0, &cookie, &cookieLen, flags, "n", 0, xml) < 0,
            code, words, "PrepareTunnel3");
    refused(virDomainMigratePrepare3Params(conn, params, nparams, NULL, 0, &cookie, &cookieLen, &uri, flags) < 0,
            code, words, "Prepare3Params");
    refused(virDomainMigratePrepareTunnel3Params(conn, stream, params, nparams, NULL, 0, &cookie, &cookieLen,
                                                 flags) < 0, code, words, "PrepareTunnel3Params");
    virStreamFree(stream);
}

static void
testFrom(virConnectPtr conn, virDomainPtr domain)
{
    refusedFrom(domain, TOO_MUCH, VIR_ERR_INVALID_ARG, "unsupported flags");
    refusedFrom(domain, VIR_MIGRATE_LIVE, VIR_ERR_OPERATION_UNSUPPORTED, "migration is not supported");
    refusedFrom(domain, VIR_MIGRATE_OFFLINE, VIR_ERR_OPERATION_UNSUPPORTED, "migration is not supported");

    if (!CHECK(virDomainBlockCommit(domain, "vda", NULL, NULL, 1, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE |
                                    VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES) == 0, "a job"))
        return;
    refusedFrom(domain, TOO_MUCH, VIR_ERR_INVALID_ARG, "unsupported flags");
    refusedFrom(domain, 0, VIR_ERR_OPERATION_INVALID, "domain has active block job");
    refusedFrom(domain, VIR_MIGRATE_NON_SHARED_DISK | VIR_MIGRATE_PEER2PEER | VIR_MIGRATE_TUNNELLED,
                VIR_ERR_OPERATION_INVALID, "domain has active block job");
    refusedFrom(domain, VIR_MIGRATE_OFFLINE, VIR_ERR_OPERATION_UNSUPPORTED, "migration is not supported");
    CHECK(virDomainBlockJobAbort(domain, "vda", 0) == 0, "the job is aborted");
    CHECK(virConnectNumOfDomains(conn) == 1 && virDomainIsActive(domain) == 1, "the domain is where it was");
}

static void
testOff(virConnectPtr conn)
{
    g_autofree char *xml = embedDomainXML("off", 1);
    virDomainPtr domain = virDomainDefineXML(conn, xml);

    if (!CHECK(domain != NULL, "a domain that does not run"))
        return;
    refusedFrom(domain, 0, VIR_ERR_OPERATION_INVALID, "domain is not running");
    refusedFrom(domain, VIR_MIGRATE_OFFLINE, VIR_ERR_OPERATION_UNSUPPORTED, "migration is not supported");
    CHECK(virDomainUndefine(domain) == 0, "it is undefined");
    virDomainFree(domain);
}

static void
testInto(virConnectPtr conn)
{
    g_autofree char *xml = embedDomainXML("coming", 1);
    virTypedParameterPtr params = NULL;
    int nparams = 0;
    int max = 0;

    refusedInto(conn, NULL, 0, NULL, 0, VIR_ERR_INVALID_ARG, "XML of the domain");
    virTypedParamsAddString(&params, &nparams, &max, VIR_MIGRATE_PARAM_DEST_XML, xml);
    refusedInto(conn, params, nparams, xml, TOO_MUCH, VIR_ERR_INVALID_ARG, "unsupported flags");
    refusedInto(conn, params, nparams, xml, 0, VIR_ERR_OPERATION_UNSUPPORTED, "migration is not supported");
    virTypedParamsReplaceString(&params, &nparams, VIR_MIGRATE_PARAM_DEST_XML, "<nothing/>");
    refusedInto(conn, params, nparams, "<nothing/>", 0, VIR_ERR_XML_ERROR, "");
    CHECK(virConnectNumOfDefinedDomains(conn) == 0, "no domain has come");
    virTypedParamsFree(params, nparams);
}

/* Names and types of parameters, on both sides. */
static void
testParams(virConnectPtr conn, virDomainPtr domain)
{
    char text[] = "x";
    virTypedParameter wrong[] = {
        { .field = "nonsense", .type = VIR_TYPED_PARAM_STRING, .value.s = text },
        { .field = VIR_MIGRATE_PARAM_BANDWIDTH, .type = VIR_TYPED_PARAM_STRING, .value.s = text },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(wrong); i++) {
        int code = i == 0 ? VIR_ERR_ARGUMENT_UNSUPPORTED : VIR_ERR_INVALID_ARG;
        virTypedParameterPtr one = &wrong[i];

        refused(!virDomainMigrateBegin3Params(domain, one, 1, &cookie, &cookieLen, 0), code, one->field,
                "Begin3Params");
        refused(virDomainMigratePerform3Params(domain, NULL, one, 1, NULL, 0, &cookie, &cookieLen, 0) < 0, code,
                one->field, "Perform3Params");
        refused(virDomainMigratePrepare3Params(conn, one, 1, NULL, 0, &cookie, &cookieLen, &uri, 0) < 0, code,
                one->field, "Prepare3Params");
        refused(!virDomainMigrateFinish3Params(conn, one, 1, NULL, 0, &cookie, &cookieLen, 0, 0), code, one->field,
                "Finish3Params");
        refused(virDomainMigrateConfirm3Params(domain, one, 1, NULL, 0, 0, 0) < 0, code, one->field,
                "Confirm3Params");
    }
}

/* The ends of a migration that nobody has begun leave the domain alone. */
static void
testEnds(virConnectPtr conn, virDomainPtr domain)
{
    g_autofree char *name = g_strdup(virDomainGetName(domain));
    const char *words = "is not being migrated";
    virTypedParameter param = {
        .field = VIR_MIGRATE_PARAM_DEST_NAME, .type = VIR_TYPED_PARAM_STRING, .value.s = name
    };

    refused(!virDomainMigrateFinish2(conn, name, NULL, 0, "tcp:a", 0, 1), VIR_ERR_OPERATION_INVALID, words, "Finish2");
    refused(!virDomainMigrateFinish3(conn, name, NULL, 0, &cookie, &cookieLen, NULL, NULL, 0, 1),
            VIR_ERR_OPERATION_INVALID, words, "Finish3");
    refused(!virDomainMigrateFinish3Params(conn, &param, 1, NULL, 0, &cookie, &cookieLen, 0, 1),
            VIR_ERR_OPERATION_INVALID, words, "Finish3Params");
    refused(!virDomainMigrateFinish3Params(conn, NULL, 0, NULL, 0, &cookie, &cookieLen, 0, 1),
            VIR_ERR_NO_DOMAIN, "", "Finish3Params without a name");
    refused(!virDomainMigrateFinish3(conn, "nobody", NULL, 0, &cookie, &cookieLen, NULL, NULL, 0, 1),
            VIR_ERR_NO_DOMAIN, "nobody", "Finish3 of another name");
    refused(virDomainMigrateConfirm3(domain, NULL, 0, 0, 0) < 0, VIR_ERR_OPERATION_INVALID, words, "Confirm3");
    refused(virDomainMigrateConfirm3Params(domain, NULL, 0, NULL, 0, 0, 0) < 0, VIR_ERR_OPERATION_INVALID, words,
            "Confirm3Params");
    CHECK(virDomainIsActive(domain) == 1, "it runs on");
}

static void
testTune(virDomainPtr domain)
{
    const char *words = "is not being migrated";
    unsigned long long number = 7;
    unsigned long speed = 7;

    refused(virDomainMigrateGetMaxDowntime(domain, &number, 0) < 0, VIR_ERR_OPERATION_INVALID, words, "downtime");
    refused(virDomainMigrateSetMaxDowntime(domain, 5, 0) < 0, VIR_ERR_OPERATION_INVALID, words, "set downtime");
    refused(virDomainMigrateGetCompressionCache(domain, &number, 0) < 0, VIR_ERR_OPERATION_INVALID, words, "cache");
    refused(virDomainMigrateSetCompressionCache(domain, 1 << 20, 0) < 0, VIR_ERR_OPERATION_INVALID, words,
            "set cache");
    refused(virDomainMigrateGetMaxSpeed(domain, &speed, 0) < 0, VIR_ERR_OPERATION_INVALID, words, "speed");
    refused(virDomainMigrateSetMaxSpeed(domain, 5, 0) < 0, VIR_ERR_OPERATION_INVALID, words, "set speed");
    refused(virDomainMigrateStartPostCopy(domain, 0) < 0, VIR_ERR_OPERATION_INVALID, words, "post-copy");
    refused(virDomainMigrateSetMaxSpeed(domain, 5, TOO_MUCH) < 0, VIR_ERR_INVALID_ARG, "unsupported flags", "flags");
    CHECK(number == 7 && speed == 7, "no number is told");
}

/* So that a client begins, and is told why it cannot, instead of looking for another protocol. */
static void
testFeatures(virConnectPtr conn)
{
    CHECK(virConnectSupportsFeature(conn, VIR_DRV_FEATURE_MIGRATION_V3) == 1 &&
          virConnectSupportsFeature(conn, VIR_DRV_FEATURE_MIGRATION_P2P) == 1 &&
          virConnectSupportsFeature(conn, VIR_DRV_FEATURE_MIGRATION_OFFLINE) == 1 &&
          virConnectSupportsFeature(conn, VIR_DRV_FEATURE_MIGRATION_PARAMS) == 1, "clients are to begin");
    CHECK(virConnectSupportsFeature(conn, VIR_DRV_FEATURE_MIGRATION_V1) == 0 &&
          virConnectSupportsFeature(conn, VIR_DRV_FEATURE_MIGRATION_DIRECT) == 0 &&
          virConnectSupportsFeature(conn, VIR_DRV_FEATURE_XML_MIGRATABLE) == 0, "but not in other ways");
}

static void
testAll(virConnectPtr conn)
{
    virDomainPtr domain = embedDomainStart(conn, "going", 3);

    if (!domain)
        return;
    testFeatures(conn);
    testFrom(conn, domain);
    testOff(conn);
    testInto(conn);
    testParams(conn, domain);
    testEnds(conn, domain);
    testTune(domain);
    virDomainDestroy(domain);
    virDomainFree(domain);
}

int
main(void)
{
    virConnectPtr conn;

    embedBegin("qbj-migrate-XXXXXX", "images");
    if (CHECK((conn = embedOpen()) != NULL, "open"))
        testAll(conn);
    CHECK(embedClose(conn), "cleanup of the driver");
    return embedEnd();
}
