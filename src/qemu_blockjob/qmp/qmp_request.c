#include <config.h>

#include "internal.h"
#include "qmp_request.h"

void
qbjQmpRequestFree(qbjQmpRequest *request)
{
    if (!request)
        return;
    g_free(request->execute);
    virJSONValueFree(request->arguments);
    g_free(request);
}

void
qbjQmpRequestListInit(qbjQmpRequestList *list, unsigned int base)
{
    g_queue_init(&list->waiting);
    list->base = base;
    list->next = base;
}

void
qbjQmpRequestListClear(qbjQmpRequestList *list)
{
    qbjQmpRequest *request;

    while ((request = g_queue_pop_head(&list->waiting)))
        qbjQmpRequestFree(request);
}

bool
qbjQmpRequestListHasRoom(const qbjQmpRequestList *list, size_t n)
{
    return n <= QBJ_QMP_REQUESTS_MAX && list->waiting.length <= QBJ_QMP_REQUESTS_MAX - n;
}

void
qbjQmpRequestListAddAs(qbjQmpRequestList *list, qbjQmpRequest *request, unsigned int id)
{
    request->id = id;
    request->since = g_get_monotonic_time();
    g_queue_push_tail(&list->waiting, request);
}

unsigned int
qbjQmpRequestListAdd(qbjQmpRequestList *list, qbjQmpRequest *request)
{
    unsigned int id;

    if (g_queue_is_empty(&list->waiting))
        list->next = list->base;
    id = list->next++;
    qbjQmpRequestListAddAs(list, request, id);
    return id;
}

static GList *
qbjQmpRequestListFindLink(const qbjQmpRequestList *list, unsigned int id)
{
    GList *link = list->waiting.head;

    /* QEMU answers in order: it is the first one */
    while (link && ((const qbjQmpRequest *) link->data)->id != id)
        link = link->next;
    return link;
}

const qbjQmpRequest *
qbjQmpRequestListFind(const qbjQmpRequestList *list, unsigned int id)
{
    GList *link = qbjQmpRequestListFindLink(list, id);

    return link ? link->data : NULL;
}

qbjQmpRequest *
qbjQmpRequestListTake(qbjQmpRequestList *list, unsigned int id)
{
    GList *link = qbjQmpRequestListFindLink(list, id);
    qbjQmpRequest *request = link ? link->data : NULL;

    if (link)
        g_queue_delete_link(&list->waiting, link);
    return request;
}

void
qbjQmpRequestListAbandon(qbjQmpRequestList *list, const qbjQmpBatch *batch)
{
    GList *link;

    for (link = list->waiting.head; link; link = link->next) {
        qbjQmpRequest *request = link->data;

        if (request->batch == batch)
            request->batch = NULL;
    }
}

void
qbjQmpRequestDeliver(qbjQmpRequest *request, virJSONValue *json, char *text)
{
    qbjQmpBatch *batch = request->batch;

    batch->answers[request->position].json = json;
    batch->answers[request->position].text = text;
    if (--batch->missing == 0)
        virCondSignal(&batch->changed);
}

void
qbjQmpRequestListBreak(qbjQmpRequestList *list, GQueue *unheard)
{
    qbjQmpRequest *request;

    while ((request = g_queue_pop_head(&list->waiting))) {
        if (request->done) {
            g_queue_push_tail(unheard, request);
            continue;
        }
        if (request->batch) {
            request->batch->broken = true;
            virCondSignal(&request->batch->changed);
        }
        qbjQmpRequestFree(request);
    }
}
