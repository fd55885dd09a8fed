/* The folders that QEMU makes files with guest memory in. */

#include <config.h>

#include "internal.h"
#include "vm_memory.h"
#include "domain_private.h"
#include "host_folder.h"
#include "hypervisor/domain_driver.h"
#include "viralloc.h"
#include "virerror.h"
#include "virlog.h"
#include "virstring.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_memory");

void
qbjVmMemoryPlacesClear(qbjVmMemoryPlaces *places)
{
    size_t i;

    for (i = 0; i < places->nmounts; i++)
        g_free(places->mounts[i].mnt_dir);
    g_clear_pointer(&places->mounts, g_free);
    places->nmounts = 0;
    g_clear_pointer(&places->ramDir, g_free);
    g_clear_pointer(&places->below, g_free);
}

/* The size that the kernel gives when none is named, KiB; 0: this kernel has no huge pages. */
static unsigned long long
qbjVmMemoryDefaultPage(void)
{
    g_autofree char *text = NULL;
    const char *line;
    unsigned long long size = 0;
    char *end;

    if (virFileReadAllQuiet("/proc/meminfo", 64 * 1024, &text) < 0 || !(line = strstr(text, "\nHugepagesize:")))
        return 0;
    line = strchr(line, ':') + 1;
    virSkipSpaces(&line);
    return virStrToLong_ull(line, &end, 10, &size) < 0 ? 0 : size;
}

static int
qbjVmMemoryAddMount(qbjVmMemoryPlaces *places, const char *path, unsigned long long deflt)
{
    virHugeTLBFS mount = { .mnt_dir = NULL };

    if (virFileGetHugepageSize(path, &mount.size) < 0)
        return -1;
    mount.mnt_dir = g_strdup(path);
    mount.deflt = mount.size == deflt;
    VIR_APPEND_ELEMENT(places->mounts, places->nmounts, mount);
    return 0;
}

static int
qbjVmMemoryFindMounts(const virQbjConf *conf, qbjVmMemoryPlaces *places)
{
    unsigned long long deflt;
    size_t i;

    if (!conf->hugetlbfsMounts)
        return virFileFindHugeTLBFS(&places->mounts, &places->nmounts);

    deflt = qbjVmMemoryDefaultPage();
    for (i = 0; conf->hugetlbfsMounts[i]; i++) {
        if (qbjVmMemoryAddMount(places, conf->hugetlbfsMounts[i], deflt) < 0)
            return -1;
    }
    return 0;
}

/* What all daemons of a host may use is divided between their roots. */
int
qbjVmMemoryPlacesFind(const virQbjConf *conf, const virDomainDef *def, qbjVmMemoryPlaces *places)
{
    g_autofree char *name = virDomainDefGetShortName(def);
    g_autofree char *hash = conf->root ? virDomainDriverGenerateRootHash("qemu", conf->root) : NULL;

    if (!name)
        return -1;
    if (conf->memoryBackingDir) {
        places->ramDir = g_strdup_printf("%s/libvirt/qemu/%s%s%s", conf->memoryBackingDir, NULLSTR_EMPTY(hash),
                                         hash ? "-" : "", name);
    } else {
        places->ramDir = g_strdup_printf("%s/%s", conf->ramDir, name);
    }
    places->below = g_strdup_printf("libvirt/%s/%s", hash ? hash : "qemu", name);
    return def->mem.nhugepages > 0 ? qbjVmMemoryFindMounts(conf, places) : 0;
}

static int
qbjVmMemoryMakeFolder(virDomainObj *vm, const char *path)
{
    const qbjDriver *driver = QBJ_DOMAIN_PRIVATE(vm)->driver;
    const virQbjConf *conf = driver->conf;
    g_autofree char *parent = g_path_get_dirname(path);
    VIR_AUTOCLOSE fd = -1;

    if (g_mkdir_with_parents(parent, conf->privileged ? 0755 : 0700) < 0) {
        virReportSystemError(errno, _("unable to create folder '%s'"), parent);
        return -1;
    }
    if ((fd = qbjHostFolderMake(path, 0700)) < 0 ||
        qbjHostFolderGive(fd, conf->privileged ? conf->user : (uid_t) -1, conf->group, path) < 0)
        return -1;
    return virSecurityManagerDomainSetPathLabel(driver->security, vm->def, path, true);
}

/* The folder for @memory, or NULL. The caller frees. */
static char *
qbjVmMemoryFolder(const qbjVmMemory *memory, const qbjVmMemoryPlaces *places)
{
    switch (memory->kind) {
    case QBJ_VM_MEMORY_FILE:
        return g_strdup(places->ramDir);
    case QBJ_VM_MEMORY_HUGETLBFS:
        return g_strdup_printf("%s/%s", memory->mount->mnt_dir, places->below);
    case QBJ_VM_MEMORY_RAM:
    case QBJ_VM_MEMORY_MEMFD:
    default:
        return NULL;
    }
}

/* A set of the folders that are needed. */
static int
qbjVmMemoryFolders(const virDomainDef *def, const qbjVmMemoryPlaces *places, GHashTable *folders)
{
    int ncells = virDomainNumaGetNodeCount(def->numa);
    int cell;

    for (cell = ncells > 0 ? 0 : QBJ_VM_MEMORY_WHOLE; cell < ncells; cell++) {
        qbjVmMemory memory;
        char *folder;

        if (qbjVmMemoryDescribe(def, cell, places, &memory) < 0)
            return -1;
        if ((folder = qbjVmMemoryFolder(&memory, places)))
            g_hash_table_add(folders, folder);
    }
    return 0;
}

int
qbjVmMemoryMake(virDomainObj *vm)
{
    g_auto(qbjVmMemoryPlaces) places = { .ramDir = NULL };
    g_autoptr(GHashTable) folders = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    GHashTableIter iter;
    gpointer folder;

    if (qbjVmMemoryPlacesFind(QBJ_DOMAIN_PRIVATE(vm)->driver->conf, vm->def, &places) < 0 ||
        qbjVmMemoryFolders(vm->def, &places, folders) < 0)
        return -1;

    g_hash_table_iter_init(&iter, folders);
    while (g_hash_table_iter_next(&iter, &folder, NULL)) {
        if (qbjVmMemoryMakeFolder(vm, folder) < 0)
            return -1;
    }
    return 0;
}

static void
qbjVmMemoryRemoveFolder(const char *path)
{
    if (qbjHostFolderRemove(path) < 0)
        VIR_WARN("cannot remove folder '%s': %s", path, g_strerror(errno));
}

void
qbjVmMemoryRemove(virDomainObj *vm)
{
    g_auto(qbjVmMemoryPlaces) places = { .ramDir = NULL };
    size_t i;

    if (qbjVmMemoryPlacesFind(QBJ_DOMAIN_PRIVATE(vm)->driver->conf, vm->def, &places) < 0) {
        VIR_WARN("cannot look for files with memory of domain '%s': %s", vm->def->name, virGetLastErrorMessage());
        virResetLastError();
    }
    if (places.ramDir)
        qbjVmMemoryRemoveFolder(places.ramDir);
    for (i = 0; i < places.nmounts; i++) {
        g_autofree char *path = g_strdup_printf("%s/%s", places.mounts[i].mnt_dir, places.below);

        qbjVmMemoryRemoveFolder(path);
    }
}
