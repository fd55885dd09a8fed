#include <config.h>

#include "internal.h"
#include "virqbjstatus.h"

/* What names of flags are made of; nothing of it means anything to XML. */
#define VIR_QBJ_STATUS_CUT_NAME "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-_"
#define VIR_QBJ_STATUS_CUT_SPACE " \t\r\n"

/* The root element behind the comment that drivers begin their files with; NULL: something else is there. */
static const char *
virQbjStatusCutRoot(const char *text)
{
    text += strspn(text, VIR_QBJ_STATUS_CUT_SPACE);
    if (STRPREFIX(text, "<!--")) {
        if (!(text = strstr(text, "-->")))
            return NULL;
        text += strlen("-->");
        text += strspn(text, VIR_QBJ_STATUS_CUT_SPACE);
    }
    return STRPREFIX(text, "<domstatus ") ? text : NULL;
}

/* The next tag behind that at @tag, and how many elements are open there. NULL: no plain tag, or the last
 * one. */
static const char *
virQbjStatusCutNext(const char *tag, unsigned int *depth)
{
    bool closes = tag[1] == '/';
    const char *at;
    char quote = '\0';

    if (tag[1] == '!' || tag[1] == '?')
        return NULL;
    for (at = tag + 1; *at != '>' || quote; at++) {
        if (*at == '\0' || *at == '<')
            return NULL;
        if (quote ? *at == quote : (*at == '\'' || *at == '"'))
            quote = quote ? '\0' : *at;
    }
    if (closes)
        (*depth)--;
    else if (at[-1] != '/')
        (*depth)++;
    return *depth > 0 ? strchr(at, '<') : NULL;
}

/* <qemuCaps> where drivers write it: a child of the root, before the definition, with nothing in front of it
 * that could make something else of its text. */
static const char *
virQbjStatusCutFind(const char *text)
{
    const char *tag = virQbjStatusCutRoot(text);
    const char *second;
    unsigned int depth = 0;

    if (!tag || !(second = virQbjStatusCutNext(tag, &depth)) || g_strstr_len(tag, second - tag, "xmlns"))
        return NULL;
    for (tag = second; tag; tag = virQbjStatusCutNext(tag, &depth)) {
        if (depth == 1 && STRPREFIX(tag, "<qemuCaps>"))
            return tag;
        if (STRPREFIX(tag, "<domain"))
            return NULL;
    }
    return NULL;
}

/* Behind the flag at @at, whose @name has @length bytes then; NULL: it is not written as drivers do. */
static const char *
virQbjStatusCutFlag(const char *at, const char **name, size_t *length)
{
    if (!(at = STRSKIP(at, "<flag name='")))
        return NULL;
    *name = at;
    *length = strspn(at, VIR_QBJ_STATUS_CUT_NAME);
    return *length > 0 ? STRSKIP(at + *length, "'/>") : NULL;
}

/* Behind the element at @at if it has what the driver writes itself, else NULL. */
static const char *
virQbjStatusCutOwn(const char *at)
{
    const char *const *own = virQbjCapsFlags();
    const char *end;

    for (at = STRSKIP(at, "<qemuCaps>"); at; own++) {
        const char *name;
        size_t length;

        at += strspn(at, VIR_QBJ_STATUS_CUT_SPACE);
        if ((end = STRSKIP(at, "</qemuCaps>")))
            return *own ? NULL : end;
        if (!*own || !(at = virQbjStatusCutFlag(at, &name, &length)) ||
            strlen(*own) != length || !STRPREFIX(name, *own))
            return NULL;
    }
    return NULL;
}

/* Behind the element at @at; NULL: something is in it that drivers do not write. */
static const char *
virQbjStatusCutRead(const char *at, GPtrArray *names)
{
    const char *end;

    at = STRSKIP(at, "<qemuCaps>");
    while (at) {
        const char *name;
        size_t length;

        at += strspn(at, VIR_QBJ_STATUS_CUT_SPACE);
        if ((end = STRSKIP(at, "</qemuCaps>")))
            return end;
        if ((at = virQbjStatusCutFlag(at, &name, &length)))
            g_ptr_array_add(names, g_strndup(name, length));
    }
    return NULL;
}

char *
virQbjStatusCutCaps(const char *text, char ***caps)
{
    const char *element = virQbjStatusCutFind(text);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    const char *rest;

    *caps = NULL;
    if (!element)
        return NULL;
    if (!(rest = virQbjStatusCutOwn(element))) {
        if (!(rest = virQbjStatusCutRead(element, names)))
            return NULL;
        if (names->len > 0) {
            g_ptr_array_add(names, NULL);
            *caps = (char **) g_ptr_array_free(g_steal_pointer(&names), FALSE);
        }
    }
    return g_strdup_printf("%.*s%s", (int) (element - text), text, rest);
}
