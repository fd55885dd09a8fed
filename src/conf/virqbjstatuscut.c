#include <config.h>

#include "internal.h"
#include "virqbjstatus.h"

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

/* A flag's name within the text. */
typedef struct _virQbjStatusCutName virQbjStatusCutName;
struct _virQbjStatusCutName {
    const char *text;
    size_t length;
};

/* How many bytes at @at names of flags are made of; nothing of that means anything to XML. */
static size_t
virQbjStatusCutSpan(const char *at)
{
    size_t n = 0;

    while (g_ascii_isalnum(at[n]) || at[n] == '.' || at[n] == '+' || at[n] == '-' || at[n] == '_')
        n++;
    return n;
}

/* Behind the flag at @at; NULL: it is not written as drivers do. */
static const char *
virQbjStatusCutFlag(const char *at, virQbjStatusCutName *name)
{
    if (!(at = STRSKIP(at, "<flag name='")))
        return NULL;
    name->text = at;
    name->length = virQbjStatusCutSpan(at);
    return name->length > 0 ? STRSKIP(at + name->length, "'/>") : NULL;
}

/* Behind the element at @at; NULL: something is in it that drivers do not write. @names: of
 * virQbjStatusCutName. */
static const char *
virQbjStatusCutRead(const char *at, GArray *names)
{
    const char *end;

    at = STRSKIP(at, "<qemuCaps>");
    while (at) {
        virQbjStatusCutName name;

        at += strspn(at, VIR_QBJ_STATUS_CUT_SPACE);
        if ((end = STRSKIP(at, "</qemuCaps>")))
            return end;
        if ((at = virQbjStatusCutFlag(at, &name)))
            g_array_append_val(names, name);
    }
    return NULL;
}

/* Whether they are those that the driver writes itself. */
static bool
virQbjStatusCutOwn(const GArray *names)
{
    const char *const *own = virQbjCapsFlags();
    size_t i;

    for (i = 0; i < names->len && own[i]; i++) {
        const virQbjStatusCutName *name = &g_array_index(names, virQbjStatusCutName, i);

        if (strlen(own[i]) != name->length || memcmp(name->text, own[i], name->length) != 0)
            return false;
    }
    return i == names->len && !own[i];
}

/* The caller frees. NULL: there are none. */
static char **
virQbjStatusCutCopy(const GArray *names)
{
    char **copy = names->len > 0 ? g_new0(char *, names->len + 1) : NULL;
    size_t i;

    for (i = 0; i < names->len; i++) {
        const virQbjStatusCutName *name = &g_array_index(names, virQbjStatusCutName, i);

        copy[i] = g_strndup(name->text, name->length);
    }
    return copy;
}

char *
virQbjStatusCutCaps(const char *text, char ***caps)
{
    const char *element = virQbjStatusCutFind(text);
    g_autoptr(GArray) names = g_array_new(FALSE, FALSE, sizeof(virQbjStatusCutName));
    const char *rest = element ? virQbjStatusCutRead(element, names) : NULL;

    *caps = rest && !virQbjStatusCutOwn(names) ? virQbjStatusCutCopy(names) : NULL;
    return rest ? g_strdup_printf("%.*s%s", (int) (element - text), text, rest) : NULL;
}
