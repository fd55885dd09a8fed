/* Prints the plan of a commit or a pull, for tests in other languages.
 *
 * usage: specprint DIR      DIR: domain.xml and request.json as in the golden cases, perhaps nodes.json and
 * spec.json
 *
 * With spec.json the pending phase of that spec is planned anew from nodes.json. A pull with "ended" in its
 * request is one that QEMU has ended by itself; with "back" only the arguments are printed that put the graph
 * back. A refusal goes to stderr, status 1. */
#include <config.h>

#include "internal.h"
#include "specfixture.h"
#include "statusfixture.h"
#include "virerror.h"

static int
qbjPrintPull(virDomainDef *def, virJSONValue *request, const virJSONValue *nodes, const virJSONValue *json,
             qbjSpec **spec, qbjRefusal *refusal)
{
    virDomainDiskDef *disk;
    qbjPullRequest req = qbjTestPullRequest(def, request, &disk);

    if (json)
        *spec = qbjSpecFromJSON(json, refusal);
    else if (qbjGuardPullDisk(disk, NULL, refusal) == 0 && qbjGuardPull(disk, &req, refusal) == 0)
        ignore_value(qbjSpecPlanPull(disk, &req, spec, refusal));

    if (*spec && nodes)
        return qbjSpecPlanPullPending(*spec, disk, nodes, virJSONValueObjectHasKey(request, "ended"), refusal);
    return *spec ? 0 : -1;
}

static virJSONValue *
qbjPrintBack(virDomainDef *def, virJSONValue *request, const qbjSpec *spec, qbjRefusal *refusal)
{
    virDomainDiskDef *disk;

    qbjTestPullRequest(def, request, &disk);
    return qbjSpecPullGraphBack(spec, disk, refusal);
}

static int
qbjPrintPlan(virDomainDef *def, virJSONValue *request, const virJSONValue *nodes, const virJSONValue *json,
             qbjSpec **spec, qbjRefusal *refusal)
{
    virDomainDiskDef *disk;
    qbjCommitRequest req;

    if (qbjTestIsPull(request))
        return qbjPrintPull(def, request, nodes, json, spec, refusal);
    req = qbjTestRequest(def, request, &disk);

    if (json)
        *spec = qbjSpecFromJSON(json, refusal);
    else if (qbjGuardCommit(disk, &req, NULL, refusal) == 0)
        ignore_value(qbjSpecPlanCommit(disk, &req, spec, refusal));

    if (*spec && nodes)
        return qbjSpecPlanCommitPending(*spec, disk, nodes, refusal);
    return *spec ? 0 : -1;
}

int
main(int argc, char **argv)
{
    g_autoptr(virDomainXMLOption) xmlopt = NULL;
    g_autoptr(virDomainDef) def = NULL;
    g_autoptr(virJSONValue) request = NULL;
    g_autoptr(virJSONValue) nodes = NULL;
    g_autoptr(virJSONValue) old = NULL;
    g_autoptr(qbjSpec) spec = NULL;
    g_autoptr(virJSONValue) json = NULL;
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autofree char *text = NULL;

    if (argc != 2 || virInitialize() < 0 || !(xmlopt = qbjTestXMLOption()))
        return 2;

    def = qbjTestDomain(argv[1], xmlopt);
    nodes = qbjTestJSON(argv[1], "nodes.json");
    old = qbjTestJSON(argv[1], "spec.json");
    if (!(request = qbjTestJSON(argv[1], "request.json")))
        g_error("%s: no request.json", argv[1]);
    if (qbjPrintPlan(def, request, nodes, old, &spec, &refusal) < 0) {
        text = qbjTestRefusalText(&refusal);
        fputs(text, stderr);
        return 1;
    }

    json = virJSONValueObjectHasKey(request, "back") ? qbjPrintBack(def, request, spec, &refusal) : qbjSpecToJSON(spec);
    if (!json || !(text = virJSONValueToString(json, false)))
        return 2;
    puts(text);
    return 0;
}
