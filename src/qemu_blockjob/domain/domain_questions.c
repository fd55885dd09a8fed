#include <config.h>

#include "internal.h"
#include "domain_questions.h"
#include "virerror.h"

qbjDomainQuestions *
qbjDomainQuestionsNew(void)
{
    return g_new0(qbjDomainQuestions, 1);
}

void
qbjDomainQuestionsFree(qbjDomainQuestions *questions)
{
    size_t i;

    if (!questions)
        return;
    if (questions->begun)
        qbjDomainQmpAbandon(questions->begun);
    qbjQmpUnref(questions->qmp);
    for (i = 0; i < questions->n; i++) {
        qbjQmpCommandClear(&questions->commands[i]);
        virJSONValueFree(questions->commands[i].arguments);
    }
    g_free(questions);
}

void
qbjDomainQuestionsAdd(qbjDomainQuestions *questions, const char *execute, virJSONValue *arguments)
{
    qbjQmpCommand *command = &questions->commands[questions->n++];

    g_assert(questions->n <= QBJ_DOMAIN_QUESTIONS_MAX);
    command->execute = execute;
    command->arguments = arguments;
}

void
qbjDomainQuestionsSend(virDomainObj *vm, qbjDomainQuestions *questions)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    g_clear_pointer(&priv->questions, qbjDomainQuestionsFree);
    if (!(questions->begun = qbjDomainQmpBegin(vm, questions->commands, questions->n))) {
        virResetLastError();            /* whoever wants the answers asks again, and is told */
        qbjDomainQuestionsFree(questions);
        return;
    }
    questions->qmp = qbjQmpRef(priv->qmp);
    priv->questions = questions;
}

qbjDomainQuestions *
qbjDomainQuestionsTake(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    g_autoptr(qbjDomainQuestions) questions = g_steal_pointer(&priv->questions);

    return questions && questions->qmp == priv->qmp ? g_steal_pointer(&questions) : NULL;
}

int
qbjDomainQuestionsRun(virDomainObj *vm, qbjDomainQuestions *questions)
{
    if (!questions->begun)
        return qbjDomainQmpRun(vm, questions->commands, questions->n);
    return qbjDomainQmpCollect(vm, g_steal_pointer(&questions->begun));
}

qbjQmpCommand *
qbjDomainQuestionsFind(qbjDomainQuestions *questions, const char *execute)
{
    size_t i;

    for (i = 0; i < questions->n; i++) {
        if (STREQ(questions->commands[i].execute, execute))
            return &questions->commands[i];
    }
    return NULL;
}
