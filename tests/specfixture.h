/* Golden cases of core/: a running domain's XML and a request in, commands or a refusal out. */
#pragma once

#include "internal.h"
#include "domain_conf.h"
#include "virjson.h"
#include "refusal.h"
#include "spec_commit.h"
#include "spec_pull.h"

/* Reads DIR/domain.xml, the live definition of a running domain. An image without <privateData> gets the node
 * names that its index stands for (02/Q2). Fails the test when the file cannot be read. */
virDomainDef *qbjTestDomain(const char *dir, virDomainXMLOption *xmlopt);

/* Reads DIR/NAME; NULL when there is no such file, a test failure when it is no JSON. */
virJSONValue *qbjTestJSON(const char *dir, const char *name);

/* A commit request as JSON: {"disk", "top", "base": name or null, "flags": [...], "bandwidth": bytes/s}.
 * Image names are looked up by index or exact path only; the rules for names (01/A9) are host/'s. Fails
 * the test for unknown names. */
qbjCommitRequest qbjTestRequest(virDomainDef *def, virJSONValue *json, virDomainDiskDef **disk);

/* A pull request as JSON: {"disk", "base": name or null, "relative": bool, "bandwidth": bytes/s}; as
 * above. */
qbjPullRequest qbjTestPullRequest(virDomainDef *def, virJSONValue *json, virDomainDiskDef **disk);

/* True for a request.json that is one of a pull: it names no "flags". */
bool qbjTestIsPull(virJSONValue *json);

/* The flags in the array @key of @json; @names: of the bits, from the lowest one, then NULL. An unknown name
 * fails the test. */
unsigned int qbjTestFlags(virJSONValue *json, const char *key, const char *const *names);

/* What is saved must be read back as it was; @json: of a spec. */
void qbjTestRoundTrip(virJSONValue *json);

/* @json with one member of an object, and one element of an array in it, per line: so that a diff is the
 * review. */
char *qbjTestJSONText(virJSONValue *json);

/* "VIR_ERR_INVALID_ARG: text", as in error.txt. */
char *qbjTestRefusalText(const qbjRefusal *refusal);

/* Compares with DIR/NAME when @text is set, and with DIR/error.txt otherwise; the other one must not exist.
 * With QBJ_REGENERATE=1 the right one is written and the other one removed. */
void qbjTestCompareResult(const char *dir, const char *name, const char *text, const qbjRefusal *refusal);
