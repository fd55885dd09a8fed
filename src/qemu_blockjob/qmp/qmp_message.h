/* What a QMP message is, and the text of a command. No I/O, no locks. */
#pragma once

#include "internal.h"
#include "virjson.h"
#include "qmp_client.h"

typedef enum {
    QBJ_QMP_MESSAGE_GREETING,
    QBJ_QMP_MESSAGE_EVENT,
    QBJ_QMP_MESSAGE_ANSWER,     /* "return" or "error" */
    QBJ_QMP_MESSAGE_OTHER,      /* JSON, but not QMP */
} qbjQmpMessageKind;

/* @message: what the parser gave, any JSON value. */
qbjQmpMessageKind qbjQmpMessageGetKind(virJSONValue *message);

/* The number of the request that @answer belongs to; false when it has none, or one that we never give. */
bool qbjQmpMessageGetId(virJSONValue *answer, unsigned int *id);

/* The same for the text of an answer, without parsing it: large ones are parsed by whoever waits for them,
 * so that they do not hold up the event thread. False also for what is no answer. */
bool qbjQmpMessagePeekId(const char *text, unsigned int *id);

/* Moves the outcome out of @answer into the out-fields of @command. */
void qbjQmpMessageTakeOutcome(virJSONValue *answer, qbjQmpCommand *command);

/* The text of a command without its id and without the last brace. QEMU 7.2 reads its socket byte by byte
 * (2 us each), so there are no blanks. NULL with VIR_ERR_INTERNAL_ERROR reported. */
char *qbjQmpMessageFormat(const char *execute, virJSONValue *arguments);

/* The same for an object that a person typed; its own id is left out. */
char *qbjQmpMessageFormatText(const char *text);

/* Appends @body with @id and the end of line to @out. */
void qbjQmpMessageAppend(GString *out, const char *body, unsigned int id);
