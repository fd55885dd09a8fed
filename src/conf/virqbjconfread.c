#include <config.h>

#include "internal.h"
#include "virqbjconfread.h"
#include "vircgroup.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_CONF

static int
virQbjConfReadPort(virConf *file, const char *filename, const char *name, unsigned int *port)
{
    if (virConfGetValueUInt(file, name, port) < 0)
        return -1;

    if (*port < VIR_QBJ_CONF_PORT_MIN || *port > VIR_QBJ_CONF_PORT_MAX) {
        virReportError(VIR_ERR_CONF_SYNTAX, _("The value %u of '%s' in %s is not a port from %d to %d"),
                       *port, name, filename, VIR_QBJ_CONF_PORT_MIN, VIR_QBJ_CONF_PORT_MAX);
        return -1;
    }

    return 0;
}

int
virQbjConfReadDisplay(virQbjConf *conf, virConf *file, const char *filename)
{
    if (virConfGetValueString(file, "vnc_listen", &conf->vncListen) < 0 ||
        virConfGetValueString(file, "vnc_password", &conf->vncPassword) < 0 ||
        virQbjConfReadPort(file, filename, "remote_display_port_min", &conf->displayPortMin) < 0 ||
        virQbjConfReadPort(file, filename, "remote_display_port_max", &conf->displayPortMax) < 0)
        return -1;

    if (conf->displayPortMin >= conf->displayPortMax) {     /* the allocator wants two at least */
        virReportError(VIR_ERR_CONF_SYNTAX,
                       _("'remote_display_port_min' is not below 'remote_display_port_max' in %s"), filename);
        return -1;
    }

    return 0;
}

static int
virQbjConfReadCore(virQbjConf *conf, virConf *file, const char *filename)
{
    g_autofree char *word = NULL;

    if (virConfGetValueType(file, "max_core") != VIR_CONF_STRING)
        return virConfGetValueULLong(file, "max_core", &conf->maxCore) < 0 ? -1 : 0;

    if (virConfGetValueString(file, "max_core", &word) < 0)
        return -1;

    if (STRNEQ_NULLABLE(word, "unlimited")) {
        virReportError(VIR_ERR_CONF_SYNTAX, _("The value '%s' of 'max_core' in %s is not known"),
                       NULLSTR_EMPTY(word), filename);
        return -1;
    }

    conf->maxCore = ULLONG_MAX;
    return 0;
}

int
virQbjConfReadProcess(virQbjConf *conf, virConf *file, const char *filename)
{
    if (virConfGetValueUInt(file, "max_processes", &conf->maxProcesses) < 0 ||
        virConfGetValueUInt(file, "max_files", &conf->maxFiles) < 0 ||
        virQbjConfReadCore(conf, file, filename) < 0 ||
        virConfGetValueString(file, "save_image_format", &conf->saveImageFormat) < 0 ||
        virConfGetValueString(file, "snapshot_image_format", &conf->snapshotImageFormat) < 0 ||
        virConfGetValueString(file, "dump_image_format", &conf->dumpImageFormat) < 0 ||
        virConfGetValueBool(file, "auto_start_bypass_cache", &conf->autoStartBypassCache) < 0 ||
        virConfGetValueBool(file, "dump_guest_core", &conf->dumpGuestCore) < 0 ||
        virConfGetValueBool(file, "set_process_name", &conf->setProcessName) < 0 ||
        virConfGetValueBool(file, "log_timestamp", &conf->logTimestamp) < 0)
        return -1;

    return 0;
}

int
virQbjConfReadCgroups(virQbjConf *conf, virConf *file, const char *filename)
{
    g_auto(GStrv) names = NULL;
    int rc = virConfGetValueStringList(file, "cgroup_controllers", false, &names);
    int controllers = 0;
    size_t i;

    if (rc <= 0)
        return rc;
    for (i = 0; names && names[i]; i++) {
        int controller = virCgroupControllerTypeFromString(names[i]);

        if (controller < 0) {
            virReportError(VIR_ERR_CONF_SYNTAX, _("The value '%s' of 'cgroup_controllers' in %s is not known"),
                           names[i], filename);
            return -1;
        }
        controllers |= 1 << controller;
    }
    if (conf->privileged)
        conf->cgroupControllers = controllers;
    return 0;
}

/* An empty path switches huge pages off, as an empty list does. */
static void
virQbjConfDropEmpty(char **list)
{
    size_t from;
    size_t to = 0;

    for (from = 0; list[from]; from++) {
        if (*list[from])
            list[to++] = list[from];
        else
            g_free(list[from]);
    }
    list[to] = NULL;
}

static int
virQbjConfCheckPath(const char *path, const char *name, const char *filename)
{
    if (!path || g_path_is_absolute(path))
        return 0;

    virReportError(VIR_ERR_CONF_SYNTAX, _("The value '%s' of '%s' in %s is not an absolute path"), path, name,
                   filename);
    return -1;
}

int
virQbjConfReadMemory(virQbjConf *conf, virConf *file, const char *filename)
{
    size_t i;

    if (virConfGetValueStringList(file, "hugetlbfs_mount", true, &conf->hugetlbfsMounts) < 0 ||
        virConfGetValueString(file, "memory_backing_dir", &conf->memoryBackingDir) < 0 ||
        virQbjConfCheckPath(conf->memoryBackingDir, "memory_backing_dir", filename) < 0)
        return -1;

    if (virConfGetValueType(file, "hugetlbfs_mount") != VIR_CONF_NONE && !conf->hugetlbfsMounts)
        conf->hugetlbfsMounts = g_new0(char *, 1);
    if (!conf->hugetlbfsMounts)
        return 0;
    virQbjConfDropEmpty(conf->hugetlbfsMounts);
    for (i = 0; conf->hugetlbfsMounts[i]; i++) {
        if (virQbjConfCheckPath(conf->hugetlbfsMounts[i], "hugetlbfs_mount", filename) < 0)
            return -1;
    }

    return 0;
}
