/* vm_load.h: what the files of many domains become, read by several threads. */
#include <config.h>

#include "internal.h"

#include <unistd.h>

#include "domain_private.h"
#include "vm_load.h"
#include "virerror.h"
#include "virfile.h"
#include "viruuid.h"

#define MANY 120

static const char config[] =
    "<domain type='qemu'><name>%s</name><uuid>%s</uuid><title>%s</title><memory>1024</memory>"
    "<os><type arch='x86_64' machine='pc'>hvm</type></os></domain>";
static const char status[] =
    "<domstatus state='running' reason='booted' pid='%d'><taint flag='high-privileges'/>"
    "<deprecation>an old thing</deprecation>"
    "<monitor path='/run/%s.sock' type='unix'/>"
    "<qemuCaps><flag name='kvm'/><flag name='flag-%d%s'/></qemuCaps>"
    "<domain type='qemu' id='%d'><name>%s</name><uuid>%s</uuid><memory>1024</memory>"
    "<os><type arch='x86_64' machine='pc'>hvm</type></os></domain></domstatus>";

typedef struct _Fixture Fixture;
struct _Fixture {
    char *folder;
    virQbjConf conf;
    qbjDriver driver;
};

static virDomainDefParserConfig parser;
static virDomainXMLPrivateDataCallbacks callbacks = {
    .alloc = qbjDomainPrivateNew,
    .free = qbjDomainPrivateFree,
    .parse = qbjDomainPrivateParse,
    .format = qbjDomainPrivateFormat,
};

static void
fixtureSetUp(Fixture *this, gconstpointer opaque G_GNUC_UNUSED)
{
    this->folder = g_dir_make_tmp("qbj-load-XXXXXX", NULL);
    g_assert_nonnull(this->folder);
    this->conf.stateDir = g_build_filename(this->folder, "run", NULL);
    this->conf.configDir = g_build_filename(this->folder, "etc", NULL);
    this->conf.autostartDir = g_build_filename(this->folder, "etc", "autostart", NULL);
    g_assert_cmpint(g_mkdir_with_parents(this->conf.stateDir, 0700), ==, 0);
    g_assert_cmpint(g_mkdir_with_parents(this->conf.autostartDir, 0700), ==, 0);
    this->driver.conf = &this->conf;
    parser.priv = &this->driver;
    this->driver.xmlopt = virDomainXMLOptionNew(&parser, &callbacks, NULL, NULL, NULL, NULL);
    this->driver.domains = virDomainObjListNew();
    g_assert_true(this->driver.xmlopt && this->driver.domains);
}

static void
fixtureTearDown(Fixture *this, gconstpointer opaque G_GNUC_UNUSED)
{
    virObjectUnref(this->driver.domains);
    virObjectUnref(this->driver.xmlopt);
    g_assert_cmpint(virFileDeleteTree(this->folder), ==, 0);
    g_free(this->conf.stateDir);
    g_free(this->conf.configDir);
    g_free(this->conf.autostartDir);
    g_free(this->folder);
}

static void
put(const char *folder, const char *name, const char *text)
{
    g_autofree char *path = g_strdup_printf("%s/%s", folder, name);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static char *
uuidOf(int number)
{
    return g_strdup_printf("00000000-0000-4000-8000-%012d", number);
}

static void
putConfig(Fixture *this, const char *name, int number, const char *title)
{
    g_autofree char *uuid = uuidOf(number);
    g_autofree char *text = g_strdup_printf(config, name, uuid, title);
    g_autofree char *file = g_strdup_printf("%s.xml", name);

    put(this->conf.configDir, file, text);
}

static void
putStatus(Fixture *this, const char *name, int number)
{
    g_autofree char *uuid = uuidOf(number);
    g_autofree char *text = g_strdup_printf(status, 1000 + number, name, number,
                                             number % 4 ? "" : "&amp;", number, name, uuid);
    g_autofree char *file = g_strdup_printf("%s.xml", name);

    put(this->conf.stateDir, file, text);
}

static unsigned int
count(Fixture *this)
{
    return virDomainObjListNumOfDomains(this->driver.domains, true, NULL, NULL) +
           virDomainObjListNumOfDomains(this->driver.domains, false, NULL, NULL);
}

static void
checkRunning(Fixture *this, const char *name, int number)
{
    virDomainObj *vm = virDomainObjListFindByName(this->driver.domains, name);
    g_autofree char *monitor = g_strdup_printf("/run/%s.sock", name);
    g_autofree char *flag = g_strdup_printf("flag-%d%s", number, number % 4 ? "" : "&");
    int reason = -1;

    g_assert_nonnull(vm);
    g_assert_cmpint(vm->def->id, ==, number);
    g_assert_cmpint(vm->pid, ==, 1000 + number);
    g_assert_cmpint(virDomainObjGetState(vm, &reason), ==, VIR_DOMAIN_RUNNING);
    g_assert_cmpint(reason, ==, VIR_DOMAIN_RUNNING_BOOTED);
    g_assert_cmpint(vm->taint, ==, 1 << VIR_DOMAIN_TAINT_HIGH_PRIVILEGES);
    g_assert_cmpuint(vm->ndeprecations, ==, 1);
    g_assert_cmpstr(vm->deprecations[0], ==, "an old thing");
    g_assert_true(QBJ_DOMAIN_PRIVATE(vm)->driver == &this->driver);
    g_assert_cmpstr(QBJ_DOMAIN_PRIVATE(vm)->status->monitorPath, ==, monitor);
    g_assert_cmpuint(g_strv_length(QBJ_DOMAIN_PRIVATE(vm)->status->caps), ==, 2);
    g_assert_cmpstr(QBJ_DOMAIN_PRIVATE(vm)->status->caps[1], ==, flag);
    g_assert_cmpint(vm->persistent, ==, number % 3 != 0);
    g_assert_cmpint(vm->newDef != NULL, ==, number % 3 != 0);
    virDomainObjEndAPI(&vm);
}

static void
checkShutOff(Fixture *this, const char *name, int number)
{
    virDomainObj *vm = virDomainObjListFindByName(this->driver.domains, name);

    g_assert_nonnull(vm);
    g_assert_false(virDomainObjIsActive(vm));
    g_assert_true(vm->persistent);
    g_assert_cmpint(vm->autostart, ==, number % 5 == 0);
    g_assert_cmpstr(vm->def->title, ==, name);
    virDomainObjEndAPI(&vm);
}

/* Every second domain runs, every third of these is transient, and every second of them has a flag that is
 * not as drivers write it; every fifth of the others is started with the host. */
static void
testMany(Fixture *this, gconstpointer opaque G_GNUC_UNUSED)
{
    int i;

    for (i = 0; i < MANY; i++) {
        g_autofree char *name = g_strdup_printf("d%d", i);
        g_autofree char *target = g_strdup_printf("%s/%s.xml", this->conf.configDir, name);
        g_autofree char *link = g_strdup_printf("%s/%s.xml", this->conf.autostartDir, name);

        if (i % 2 == 0)
            putStatus(this, name, i);
        if (i % 2 || i % 3)
            putConfig(this, name, i, name);
        if (i % 2 && i % 5 == 0)
            g_assert_cmpint(symlink(target, link), ==, 0);
    }
    g_assert_cmpint(qbjVmLoadAll(&this->driver), ==, 0);
    g_assert_cmpuint(count(this), ==, MANY);
    for (i = 0; i < MANY; i++) {
        g_autofree char *name = g_strdup_printf("d%d", i);

        if (i % 2 == 0)
            checkRunning(this, name, i);
        else
            checkShutOff(this, name, i);
    }
}

/* What cannot be read, or cannot be beside another one, keeps nobody else from being listed. */
static void
testBroken(Fixture *this, gconstpointer opaque G_GNUC_UNUSED)
{
    virDomainObj *vm;

    putStatus(this, "runs", 1);
    putStatus(this, "twin", 1);                 /* the UUID of another one */
    putConfig(this, "runs", 7, "of another");   /* the name of another one */
    putConfig(this, "good", 2, "good");
    put(this->conf.stateDir, "broken.xml", "<domstatus");
    put(this->conf.configDir, "broken.xml", "<domain");
    put(this->conf.configDir, "empty.xml", "");
    put(this->conf.configDir, "no-definition", "<domain/>");
    put(this->conf.configDir, ".qbj-1.new", "<domain/>");
    g_assert_cmpint(qbjVmLoadAll(&this->driver), ==, 0);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_OK);
    g_assert_cmpuint(count(this), ==, 2);

    vm = virDomainObjListFindByName(this->driver.domains, "good");
    g_assert_nonnull(vm);
    virDomainObjEndAPI(&vm);
    vm = virDomainObjListFindByName(this->driver.domains, "runs");
    g_assert_nonnull(vm);
    g_assert_cmpint(vm->def->id, ==, 1);
    g_assert_null(vm->newDef);
    virDomainObjEndAPI(&vm);
}

static void
testNoFolder(Fixture *this, gconstpointer opaque G_GNUC_UNUSED)
{
    g_assert_cmpint(virFileDeleteTree(this->conf.configDir), ==, 0);
    g_assert_cmpint(virFileDeleteTree(this->conf.stateDir), ==, 0);
    g_assert_cmpint(qbjVmLoadAll(&this->driver), ==, 0);
    g_assert_cmpuint(count(this), ==, 0);

    put(this->folder, "run", "no folder");
    g_assert_cmpint(qbjVmLoadAll(&this->driver), ==, -1);
    g_assert_cmpint(virGetLastErrorCode(), ==, VIR_ERR_SYSTEM_ERROR);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0);

    g_test_add("/load/many", Fixture, NULL, fixtureSetUp, testMany, fixtureTearDown);
    g_test_add("/load/broken", Fixture, NULL, fixtureSetUp, testBroken, fixtureTearDown);
    g_test_add("/load/no folder", Fixture, NULL, fixtureSetUp, testNoFolder, fixtureTearDown);
    return g_test_run();
}
