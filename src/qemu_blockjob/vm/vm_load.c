#include <config.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "internal.h"
#include "vm_load.h"
#include "domain_private.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virstring.h"
#include "virthread.h"
#include "virxml.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_load");

/* Nearly all of the time is spent in libxml2 and libvirt's parser, half a millisecond for each file. More
 * threads than processors do not harm: on a busy host each of them gets its share. */
#define QBJ_VM_LOAD_THREADS 8

/* Clients wait for the files, and not for what other drivers begin at the same time, as nodedev. */
#define QBJ_VM_LOAD_AHEAD 10

/* A larger status file, 1 MiB, is read as it is. */
#define QBJ_VM_LOAD_CUT_MAX (1024 * 1024)

/* Of a VM that runs: process and monitor; of a daemon besides. Fewer VMs find room in the table of
 * descriptors that each process begins with, or let it grow once, which is what making room costs. */
#define QBJ_VM_LOAD_FDS 2
#define QBJ_VM_LOAD_FDS_OTHERS 64
#define QBJ_VM_LOAD_FDS_VMS 16

/* Devices of the host may be missing at the moment: what cannot be found out is found out by the start. */
#define QBJ_VM_LOAD_CONFIG_FLAGS \
    (VIR_DOMAIN_DEF_PARSE_INACTIVE | VIR_DOMAIN_DEF_PARSE_SKIP_VALIDATE | VIR_DOMAIN_DEF_PARSE_ALLOW_POST_PARSE_FAIL)

typedef struct _qbjVmLoadFile qbjVmLoadFile;
struct _qbjVmLoadFile {
    char *name;                 /* of the domain, as the file has it */
    char *path;
    bool live;                  /* a status file */
    virDomainObj *read;         /* what is in a status file, not locked; NULL: it cannot be read */
    virDomainDef *def;          /* the same of a definition */
    bool autostart;
    char *error;                /* why not */
};

typedef struct _qbjVmLoad qbjVmLoad;
struct _qbjVmLoad {
    qbjDriver *driver;
    GPtrArray *files;           /* of qbjVmLoadFile */
    int next;                   /* atomic: the first that nobody has taken */
    size_t nlive;               /* that many are of VMs that run */
    int room;                   /* atomic: somebody has made room for descriptors */
};

static void
qbjVmLoadFileFree(void *data)
{
    qbjVmLoadFile *file = data;

    virObjectUnref(file->read);
    virDomainDefFree(file->def);
    g_free(file->name);
    g_free(file->path);
    g_free(file->error);
    g_free(file);
}

/* Returns 0, -1 with an error reported. A folder that is not there has no files. */
static int
qbjVmLoadList(GPtrArray *files, const char *folder, bool live)
{
    g_autoptr(DIR) entries = NULL;
    struct dirent *entry;
    int rc = virDirOpenIfExists(&entries, folder);

    while (rc > 0 && (rc = virDirRead(entries, &entry, folder)) > 0) {
        g_autofree char *name = g_strdup(entry->d_name);
        qbjVmLoadFile *file;

        if (!virStringStripSuffix(name, ".xml"))
            continue;
        file = g_new0(qbjVmLoadFile, 1);
        file->path = g_build_filename(folder, entry->d_name, NULL);
        file->name = g_steal_pointer(&name);
        file->live = live;
        g_ptr_array_add(files, file);
    }
    return rc;
}

/* Status files first. */
static int
qbjVmLoadOrder(const void *one, const void *other)
{
    const qbjVmLoadFile *a = *(qbjVmLoadFile *const *) one;
    const qbjVmLoadFile *b = *(qbjVmLoadFile *const *) other;

    return a->live != b->live ? b->live - a->live : strcmp(a->name, b->name);
}

/* --- by several threads --- */

/* A file in memory, which can be opened by the name that the caller frees; NULL: there is none. */
static char *
qbjVmLoadMemory(const char *text, int *fd)
{
    size_t length = strlen(text);

    if ((*fd = memfd_create("qbj-status", MFD_CLOEXEC)) < 0 || safewrite(*fd, text, length) != (ssize_t) length)
        return NULL;
    return g_strdup_printf("/proc/self/fd/%d", *fd);
}

/* The file without the capability flags, which take a third of the time (virQbjStatusCutCaps). libvirt.so
 * reads status files by name only. NULL: it has to be read as it is. */
static virDomainObj *
qbjVmLoadCut(qbjDriver *driver, const char *path)
{
    g_autofree char *text = NULL;
    g_autofree char *rest = NULL;
    g_autofree char *name = NULL;
    g_auto(GStrv) caps = NULL;
    VIR_AUTOCLOSE fd = -1;
    int length = virFileReadAllQuiet(path, QBJ_VM_LOAD_CUT_MAX, &text);
    virDomainObj *read;

    if (length < 0 || strlen(text) != (size_t) length || !(rest = virQbjStatusCutCaps(text, &caps)) ||
        !(name = qbjVmLoadMemory(rest, &fd)) ||
        !(read = virDomainObjParseFile(name, driver->xmlopt, QBJ_STATUS_PARSE_FLAGS)))
        return NULL;
    g_strfreev(QBJ_DOMAIN_PRIVATE(read)->status->caps);
    QBJ_DOMAIN_PRIVATE(read)->status->caps = g_steal_pointer(&caps);
    return read;
}

static void
qbjVmLoadStatus(qbjDriver *driver, qbjVmLoadFile *file)
{
    if (!(file->read = qbjVmLoadCut(driver, file->path)) &&
        !(file->read = virDomainObjParseFile(file->path, driver->xmlopt, QBJ_STATUS_PARSE_FLAGS)))
        return;
    virObjectUnlock(file->read);        /* it comes locked */
}

static void
qbjVmLoadConfig(qbjDriver *driver, qbjVmLoadFile *file)
{
    g_autofree char *link = g_strdup_printf("%s/%s.xml", driver->conf->autostartDir, file->name);
    int autostart;

    if ((autostart = virFileLinkPointsTo(link, file->path)) < 0)
        return;
    file->autostart = autostart > 0;
    file->def = virDomainDefParseFile(file->path, driver->xmlopt, NULL, QBJ_VM_LOAD_CONFIG_FLAGS);
}

/* Makes room in the table of descriptors for those of @n VMs that run. Each time that the kernel makes it
 * larger, whoever needed that waits some 10 ms, for all other threads to have seen it. */
static void
qbjVmLoadRoom(size_t n)
{
    VIR_AUTOCLOSE fd = open("/", O_PATH | O_CLOEXEC);
    int far = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, (int) (QBJ_VM_LOAD_FDS_OTHERS + n * QBJ_VM_LOAD_FDS));

    VIR_FORCE_CLOSE(far);
}

static void
qbjVmLoadWork(void *opaque)
{
    qbjVmLoad *load = opaque;
    int i;

    if (load->nlive >= QBJ_VM_LOAD_FDS_VMS && g_atomic_int_compare_and_exchange(&load->room, false, true))
        qbjVmLoadRoom(load->nlive);
    while ((i = g_atomic_int_add(&load->next, 1)) < (int) load->files->len) {
        qbjVmLoadFile *file = g_ptr_array_index(load->files, i);

        if (file->live)
            qbjVmLoadStatus(load->driver, file);
        else
            qbjVmLoadConfig(load->driver, file);
        if (!file->read && !file->def)
            file->error = g_strdup(virGetLastErrorMessage());
        virResetLastError();
    }
}

/* The caller takes its part: without threads it reads all. */
static void
qbjVmLoadRead(qbjVmLoad *load)
{
    virThread threads[QBJ_VM_LOAD_THREADS - 1];
    size_t wanted = MIN(G_N_ELEMENTS(threads), load->files->len / 2);
    size_t n = 0;

    xmlInitParser();                    /* not while several threads come to it */
    while (n < wanted && virThreadCreateFull(&threads[n], true, qbjVmLoadWork, "qbj-load", false, load) == 0)
        n++;
    if (n < wanted)
        virResetLastError();
    qbjVmLoadWork(load);
    while (n > 0)
        virThreadJoin(&threads[--n]);
}

/* --- one after the other --- */

/* All that a status file says; @read is left with what a new object has. */
static void
qbjVmLoadTake(virDomainObj *vm, virDomainObj *read)
{
    void *fresh = vm->privateData;

    vm->privateData = read->privateData;
    read->privateData = fresh;
    vm->state = read->state;
    vm->pid = read->pid;
    vm->taint = read->taint;
    vm->deprecations = g_steal_pointer(&read->deprecations);
    vm->ndeprecations = read->ndeprecations;
    read->ndeprecations = 0;
}

/* NULL with an error reported, else locked. */
static virDomainObj *
qbjVmLoadAddStatus(qbjDriver *driver, qbjVmLoadFile *file)
{
    virDomainObj *vm = virDomainObjListFindByUUID(driver->domains, file->read->def->uuid);

    if (vm) {
        virReportError(VIR_ERR_OPERATION_FAILED, _("domain '%s' has its UUID"), vm->def->name);
        virDomainObjEndAPI(&vm);
        return NULL;
    }
    if ((vm = virDomainObjListAdd(driver->domains, &file->read->def, driver->xmlopt, VIR_DOMAIN_OBJ_LIST_ADD_LIVE,
                                  NULL)))
        qbjVmLoadTake(vm, file->read);
    return vm;
}

/* NULL with an error reported, else locked. */
static virDomainObj *
qbjVmLoadAddConfig(qbjDriver *driver, qbjVmLoadFile *file)
{
    virDomainDef *old = NULL;
    virDomainObj *vm = virDomainObjListAdd(driver->domains, &file->def, driver->xmlopt, 0, &old);

    virDomainDefFree(old);
    if (!vm)
        return NULL;
    vm->autostart = file->autostart;
    vm->persistent = 1;
    return vm;
}

static void
qbjVmLoadAdd(qbjDriver *driver, qbjVmLoadFile *file)
{
    virDomainObj *vm = NULL;

    if (file->read)
        vm = qbjVmLoadAddStatus(driver, file);
    else if (file->def)
        vm = qbjVmLoadAddConfig(driver, file);
    if (!vm)
        VIR_ERROR(_("'%s' is left out, because it cannot be loaded: %s"), file->path,
                  file->error ? file->error : virGetLastErrorMessage());
    virResetLastError();
    virDomainObjEndAPI(&vm);
}

/* The calling thread, and what it begins, goes before others; in a session it may not, and does not. An
 * emulator that has to be asked what it can is begun so, too. Returns how nice the thread was. */
static int
qbjVmLoadHurry(void)
{
    int nice = getpriority(PRIO_PROCESS, gettid());

    ignore_value(setpriority(PRIO_PROCESS, gettid(), nice - QBJ_VM_LOAD_AHEAD));
    return nice;
}

static void
qbjVmLoadFiles(qbjVmLoad *load)
{
    int nice = qbjVmLoadHurry();
    size_t i;

    qbjVmLoadRead(load);
    for (i = 0; i < load->files->len; i++)
        qbjVmLoadAdd(load->driver, g_ptr_array_index(load->files, i));
    ignore_value(setpriority(PRIO_PROCESS, gettid(), nice));
}

int
qbjVmLoadAll(qbjDriver *driver)
{
    g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(qbjVmLoadFileFree);
    qbjVmLoad load = { .driver = driver, .files = files };

    if (qbjVmLoadList(files, driver->conf->stateDir, true) < 0)
        return -1;
    load.nlive = files->len;
    if (qbjVmLoadList(files, driver->conf->configDir, false) < 0)
        return -1;
    g_ptr_array_sort(files, qbjVmLoadOrder);
    qbjVmLoadFiles(&load);
    return 0;
}
