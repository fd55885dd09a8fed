#include <config.h>

#include "internal.h"
#include "virerror.h"
#include "virstring.h"
#include "qmp_message.h"
#include "qmp_stream.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* The schema allows these in names of commands; nothing in it needs escaping. */
#define COMMAND_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

qbjQmpMessageKind
qbjQmpMessageGetKind(virJSONValue *message)
{
    if (!virJSONValueIsObject(message))
        return QBJ_QMP_MESSAGE_OTHER;
    if (virJSONValueObjectGetObject(message, "QMP"))
        return QBJ_QMP_MESSAGE_GREETING;
    if (virJSONValueObjectGetString(message, "event"))
        return QBJ_QMP_MESSAGE_EVENT;
    if (virJSONValueObjectHasKey(message, "return") ||
        virJSONValueObjectGetObject(message, "error"))
        return QBJ_QMP_MESSAGE_ANSWER;
    return QBJ_QMP_MESSAGE_OTHER;
}


/* A number as we give them: neither -1 nor 1.5 is one. */
static bool
qbjQmpMessageReadId(const char *text, unsigned int *id)
{
    unsigned int number;
    char *end;

    if (!g_ascii_isdigit(*text) || virStrToLong_ui(text, &end, 10, &number) < 0 || !strchr(",} \t\r\n", *end))
        return false;
    *id = number;
    return true;
}

bool
qbjQmpMessageGetId(virJSONValue *answer, unsigned int *id)
{
    virJSONValue *value = virJSONValueObjectGetByType(answer, "id", VIR_JSON_TYPE_NUMBER);

    return value && qbjQmpMessageReadId(virJSONValueGetNumberString(value), id);
}

/* The byte behind the string that begins at @text with its quote; all of the message is well-formed as far
 * as brackets and strings go, because qmp_stream.c has cut it out. */
static const char *
qbjQmpMessageSkipString(const char *text)
{
    for (text++; *text && *text != '"'; text++) {
        if (*text == '\\' && text[1])
            text++;
    }
    return *text ? text + 1 : text;
}

/* Where the value of the member begins whose key is the string at @text; NULL when that string is no key. */
static const char *
qbjQmpMessageFindValue(const char *text)
{
    text = qbjQmpMessageSkipString(text);
    text += strspn(text, " \t\r\n");
    if (*text != ':')
        return NULL;
    return text + 1 + strspn(text + 1, " \t\r\n");
}

bool
qbjQmpMessagePeekId(const char *text, unsigned int *id)
{
    unsigned int depth = 0;
    bool isAnswer = false;
    const char *idText = NULL;

    while (*text) {
        const char *value;

        if (*text != '"') {
            if (*text == '{' || *text == '[')
                depth++;
            else if (*text == '}' || *text == ']')
                depth--;
            text++;
            continue;
        }
        if (depth == 1 && (value = qbjQmpMessageFindValue(text))) {
            if (STRPREFIX(text, "\"return\"") || STRPREFIX(text, "\"error\""))
                isAnswer = true;
            else if (STRPREFIX(text, "\"id\""))
                idText = value;
        }
        text = qbjQmpMessageSkipString(text);
    }
    return isAnswer && idText && qbjQmpMessageReadId(idText, id);
}

void
qbjQmpMessageTakeOutcome(virJSONValue *answer, qbjQmpCommand *command)
{
    virJSONValue *error = virJSONValueObjectGetObject(answer, "error");

    command->failed = error != NULL;
    if (error) {
        command->errorClass = g_strdup(virJSONValueObjectGetString(error, "class"));
        command->errorText = g_strdup(virJSONValueObjectGetString(error, "desc"));
        /* without a class it would look like a lost connection */
        if (!command->errorClass)
            command->errorClass = g_strdup("GenericError");
    } else {
        ignore_value(virJSONValueObjectRemoveKey(answer, "return", &command->reply));
    }
}

char *
qbjQmpMessageFormat(const char *execute, virJSONValue *arguments)
{
    g_autofree char *text = NULL;

    if (!*execute || execute[strspn(execute, COMMAND_CHARACTERS)]) {
        virReportError(VIR_ERR_INTERNAL_ERROR, _("'%s' is not the name of a QEMU command"), execute);
        return NULL;
    }
    if (!arguments || virJSONValueObjectKeysNumber(arguments) == 0)
        return g_strdup_printf("{\"execute\":\"%s\"", execute);

    if (!(text = virJSONValueToString(arguments, false)))
        return NULL;
    return g_strdup_printf("{\"execute\":\"%s\",\"arguments\":%s", execute, text);
}

/* Whether the whole of @text is one object, nested no deeper than we let the parser see. */
static bool
qbjQmpMessageIsObject(const char *text)
{
    g_autoptr(qbjQmpStream) stream = qbjQmpStreamNew(QBJ_QMP_REPLY_MAX);
    size_t length = strlen(text);
    const char *object;
    const char *problem;

    memcpy(qbjQmpStreamReserve(stream, length), text, length);
    qbjQmpStreamAdvance(stream, length);

    return qbjQmpStreamNext(stream, &object, &problem) == 1 &&
        qbjQmpStreamNext(stream, &object, &problem) == 0 &&
        qbjQmpStreamIsBetween(stream);
}

char *
qbjQmpMessageFormatText(const char *text)
{
    g_autoptr(virJSONValue) command = NULL;
    char *body;

    if (!qbjQmpMessageIsObject(text)) {
        virReportError(VIR_ERR_INTERNAL_ERROR, _("cannot parse json %s: it is not one JSON object"), text);
        return NULL;
    }
    if (!(command = virJSONValueFromString(text)))
        return NULL;
    if (virJSONValueObjectRemoveKey(command, "id", NULL) < 0)
        return NULL;
    if (!(body = virJSONValueToString(command, false)))
        return NULL;
    body[strlen(body) - 1] = '\0';
    return body;
}

void
qbjQmpMessageAppend(GString *out, const char *body, unsigned int id)
{
    g_string_append_printf(out, "%s%s\"id\":%u}\n", body, STREQ(body, "{") ? "" : ",", id);
}
