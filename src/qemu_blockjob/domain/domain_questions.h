/* Questions to QEMU that are sent before anybody waits for the answers: with the very first bytes of a
 * connection, so that one that comes back costs one round trip and not three. */
#pragma once

#include "domain_qmp.h"

#define QBJ_DOMAIN_QUESTIONS_MAX 8

struct _qbjDomainQuestions {
    qbjQmpCommand commands[QBJ_DOMAIN_QUESTIONS_MAX];   /* their arguments belong to the questions */
    size_t n;
    qbjDomainQmpBegun *begun;   /* NULL: not sent yet */
    qbjQmp *qmp;                /* where they were sent */
};

qbjDomainQuestions *qbjDomainQuestionsNew(void);

/* Accepts NULL. Answers that are on their way are dropped. */
void qbjDomainQuestionsFree(qbjDomainQuestions *questions);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qbjDomainQuestions, qbjDomainQuestionsFree);

/* @execute: static. Takes over @arguments, which may be NULL. */
void qbjDomainQuestionsAdd(qbjDomainQuestions *questions, const char *execute, virJSONValue *arguments);

/* Sends them and keeps them with @vm, in the place of others that nobody has waited for. What cannot be sent
 * is dropped. @vm is locked. Takes over @questions. */
void qbjDomainQuestionsSend(virDomainObj *vm, qbjDomainQuestions *questions);

/* Those that were sent on the present connection; NULL: none. @vm is locked. The caller frees. */
qbjDomainQuestions *qbjDomainQuestionsTake(virDomainObj *vm);

/* Sends them unless that was done before, and waits for all answers, as qbjDomainQmpRun() does. */
int qbjDomainQuestionsRun(virDomainObj *vm, qbjDomainQuestions *questions);

/* What the answer to @execute says, an error answer included; NULL: it is not among them. */
qbjQmpCommand *qbjDomainQuestionsFind(qbjDomainQuestions *questions, const char *execute);
