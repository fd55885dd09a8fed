/* Prints the plan of a commit, for tests in other languages.
 *
 * usage: specprint DIR      DIR: domain.xml and request.json as in the golden cases, perhaps nodes.json and
 * spec.json
 *
 * With spec.json the pending phase of that spec is planned anew from nodes.json. A refusal goes to stderr,
 * status 1. */
#include <config.h>

#include "internal.h"
#include "specfixture.h"
#include "statusfixture.h"
#include "virerror.h"

static int
qbjPrintPlan(const char *dir, virDomainDef *def, qbjSpec **spec, qbjRefusal *refusal)
{
    g_autoptr(virJSONValue) request = qbjTestJSON(dir, "request.json");
    g_autoptr(virJSONValue) nodes = qbjTestJSON(dir, "nodes.json");
    g_autoptr(virJSONValue) json = qbjTestJSON(dir, "spec.json");
    virDomainDiskDef *disk;
    qbjCommitRequest req;

    if (!request)
        g_error("%s: no request.json", dir);
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
    g_autoptr(qbjSpec) spec = NULL;
    g_autoptr(virJSONValue) json = NULL;
    g_auto(qbjRefusal) refusal = QBJ_REFUSAL_INIT;
    g_autofree char *text = NULL;

    if (argc != 2 || virInitialize() < 0 || !(xmlopt = qbjTestXMLOption()))
        return 2;

    def = qbjTestDomain(argv[1], xmlopt);
    if (qbjPrintPlan(argv[1], def, &spec, &refusal) < 0) {
        text = qbjTestRefusalText(&refusal);
        fputs(text, stderr);
        return 1;
    }

    if (!(json = qbjSpecToJSON(spec)) || !(text = virJSONValueToString(json, false)))
        return 2;
    puts(text);
    return 0;
}
