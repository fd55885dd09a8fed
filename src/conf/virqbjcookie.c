#include <config.h>

#include "internal.h"
#include "virqbjcookie.h"
#include "virqbjsaveimage.h"
#include "virqbjxml.h"
#include "virobject.h"

/* How deep an element of the cookie stands in the metadata. */
#define VIR_QBJ_COOKIE_LEVEL 2

typedef struct _virQbjCookie virQbjCookie;
struct _virQbjCookie {
    virObject parent;
    GPtrArray *elements;        /* texts of virQbjXMLText() */
};

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virQbjCookie, virObjectUnref);

static virClass *virQbjCookieClass;

static void
virQbjCookieDispose(void *obj)
{
    virQbjCookie *cookie = obj;

    g_ptr_array_unref(cookie->elements);
}

static int
virQbjCookieOnceInit(void)
{
    return VIR_CLASS_NEW(virQbjCookie, virClassForObject()) ? 0 : -1;
}
VIR_ONCE_GLOBAL_INIT(virQbjCookie);

static int
virQbjCookieParse(xmlXPathContextPtr ctxt, virObject **obj)
{
    g_autoptr(virQbjCookie) cookie = NULL;
    xmlNodePtr node;

    if (virQbjCookieInitialize() < 0 || !(cookie = virObjectNew(virQbjCookieClass)))
        return -1;
    cookie->elements = g_ptr_array_new_with_free_func(g_free);
    for (node = ctxt->node->children; node; node = node->next) {
        char *text;

        if (node->type != XML_ELEMENT_NODE)
            continue;
        if (!(text = virQbjXMLText(node, VIR_QBJ_COOKIE_LEVEL)))
            return -1;
        g_ptr_array_add(cookie->elements, text);
    }
    *obj = (virObject *) g_steal_pointer(&cookie);
    return 0;
}

static int
virQbjCookieFormat(virBuffer *buf, virObject *obj)
{
    const virQbjCookie *cookie = (const virQbjCookie *) obj;
    size_t i;

    for (i = 0; i < cookie->elements->len; i++)
        virQbjXMLFormatText(buf, g_ptr_array_index(cookie->elements, i));
    return 0;
}

virSaveCookieCallbacks virQbjCookieCallbacks = {
    .parse = virQbjCookieParse,
    .format = virQbjCookieFormat,
};

virObject *
virQbjCookieNew(const virCPUDef *cpu)
{
    g_autofree char *text = virQbjSaveCookieFormat(cpu);
    virObject *cookie = NULL;

    if (!text || virSaveCookieParseString(text, &cookie, &virQbjCookieCallbacks) < 0)
        return NULL;
    return cookie;
}

int
virQbjCookieGetCPU(virObject *cookie, virCPUDef **cpu)
{
    g_autofree char *text = cookie ? virSaveCookieFormat(cookie, &virQbjCookieCallbacks) : NULL;

    *cpu = NULL;
    return text ? virQbjSaveCookieParse(text, cpu) : 0;
}
