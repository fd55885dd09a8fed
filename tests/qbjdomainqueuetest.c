/* The queue of events of one VM (domain_queue.h) when its QEMU floods it. There is no QEMU and no worker: the
 * test pushes as the event thread would and drains as the holder of the VM's job. */
#include <config.h>

#include <string.h>

#include "internal.h"
#include "domain_queue.h"

#define RUN 7

static unsigned int handled[QBJ_DOMAIN_EVENT_LOST + 1];
static GString *order;

static void
handle(virDomainObj *vm G_GNUC_UNUSED, qbjDomainEvent *event)
{
    static const char letters[] = { 'q', 'e', 'c', 'g', 't', 'L' };

    handled[event->type]++;
    if (order->len == 0 || order->str[order->len - 1] != letters[event->type])
        g_string_append_c(order, letters[event->type]);
}

typedef struct _Fixture Fixture;
struct _Fixture {
    qbjDriver driver;
    virDomainXMLOption *xmlopt;
    virDomainObj *vm;
};

static void
fixtureSetUp(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    fixture->driver.handleEvent = handle;
    fixture->xmlopt = virDomainXMLOptionNew(NULL, NULL, NULL, NULL, NULL, NULL);
    g_assert_nonnull(fixture->xmlopt);
    fixture->vm = virDomainObjNew(fixture->xmlopt);     /* locked */
    fixture->vm->privateData = qbjDomainPrivateNew(&fixture->driver);
    fixture->vm->privateDataFreeFunc = qbjDomainPrivateFree;
    fixture->vm->def = virDomainDefNew(fixture->xmlopt);
    fixture->vm->def->name = g_strdup("flooded");
    fixture->vm->def->id = RUN;
    memset(handled, 0, sizeof(handled));
    order = g_string_new(NULL);
}

static void
fixtureTearDown(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    virDomainObjEndAPI(&fixture->vm);
    virObjectUnref(fixture->xmlopt);
    g_string_free(order, true);
}

static void
push(Fixture *fixture, qbjDomainEventType type, int run, const char *json)
{
    qbjDomainEvent *event = g_new0(qbjDomainEvent, 1);

    event->type = type;
    event->domainId = run;
    if (json)
        event->qmp = virJSONValueFromString(json);
    qbjDomainQueuePush(fixture->vm, event);
}

static void
flood(Fixture *fixture, unsigned int n, int run, const char *json)
{
    while (n-- > 0)
        push(fixture, QBJ_DOMAIN_EVENT_QMP, run, json);
}

static unsigned int
queued(Fixture *fixture)
{
    return QBJ_DOMAIN_PRIVATE(fixture->vm)->queue.length;
}

static void
testManySmall(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    flood(fixture, 100000, RUN, "{\"event\":\"RESUME\"}");
    g_assert_cmpuint(queued(fixture), <=, QBJ_DOMAIN_QUEUE_MAX + 1);

    /* what is not QEMU's is never dropped */
    push(fixture, QBJ_DOMAIN_EVENT_PROCESS_GONE, RUN, NULL);
    qbjDomainQueueDrain(fixture->vm);
    g_assert_cmpuint(handled[QBJ_DOMAIN_EVENT_QMP], ==, QBJ_DOMAIN_QUEUE_MAX);
    g_assert_cmpuint(handled[QBJ_DOMAIN_EVENT_LOST], ==, 1);
    g_assert_cmpstr(order->str, ==, "qLg");
}

static void
testFewLarge(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    g_autoptr(GString) json = g_string_new("{\"event\":\"X\",\"data\":{\"a\":[0");
    unsigned int i;

    for (i = 0; i < 1000; i++)          /* 100 KB of text and as much again for 1000 values */
        g_string_append_printf(json, ",\"%0100u\"", i);
    g_string_append(json, "]}}");
    flood(fixture, 200, RUN, json->str);
    g_assert_cmpuint(queued(fixture), >, 40);
    g_assert_cmpuint(queued(fixture), <, 100);
    qbjDomainQueueDrain(fixture->vm);
    g_assert_cmpstr(order->str, ==, "qL");
}

/* A handler that asks QEMU may get an answer that is older than what is said next. */
static void
testKeptAfterwards(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    unsigned int round;

    for (round = 0; round < 3; round++) {
        flood(fixture, QBJ_DOMAIN_QUEUE_MAX + 10, RUN, "{\"event\":\"STOP\"}");
        qbjDomainQueueDrain(fixture->vm);
    }
    push(fixture, QBJ_DOMAIN_EVENT_QMP, RUN, "{\"event\":\"STOP\"}");
    qbjDomainQueueDrain(fixture->vm);
    g_assert_cmpstr(order->str, ==, "qLqLqLq");
    g_assert_cmpuint(handled[QBJ_DOMAIN_EVENT_LOST], ==, 3);
    g_assert_cmpuint(QBJ_DOMAIN_PRIVATE(fixture->vm)->queueWeight, ==, 0);
}

/* The run before this one has flooded the queue, and nobody has looked at it since. */
static void
testNextRun(Fixture *fixture, gconstpointer opaque G_GNUC_UNUSED)
{
    flood(fixture, QBJ_DOMAIN_QUEUE_MAX + 10, RUN - 1, "{\"event\":\"STOP\"}");
    flood(fixture, 10, RUN, "{\"event\":\"STOP\"}");
    qbjDomainQueueDrain(fixture->vm);
    g_assert_cmpstr(order->str, ==, "L");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/domainqueue/many-small", Fixture, NULL, fixtureSetUp, testManySmall, fixtureTearDown);
    g_test_add("/domainqueue/few-large", Fixture, NULL, fixtureSetUp, testFewLarge, fixtureTearDown);
    g_test_add("/domainqueue/kept-afterwards", Fixture, NULL, fixtureSetUp, testKeptAfterwards, fixtureTearDown);
    g_test_add("/domainqueue/next-run", Fixture, NULL, fixtureSetUp, testNextRun, fixtureTearDown);
    return g_test_run();
}
