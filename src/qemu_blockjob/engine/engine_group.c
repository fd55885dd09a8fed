#include <config.h>

#include "internal.h"
#include "engine_group.h"
#include "engine_request.h"
#include "engine_switch.h"
#include "domain_save.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

GPtrArray *
qbjEngineGroupMembers(virDomainObj *vm, virQbjJob *job)
{
    const GPtrArray *jobs = QBJ_DOMAIN_PRIVATE(vm)->status->jobs;
    GPtrArray *members = g_ptr_array_new();
    size_t i;

    for (i = 0; job->group && i < jobs->len; i++) {
        virQbjJob *other = g_ptr_array_index(jobs, i);

        if (STREQ_NULLABLE(other->group, job->group))
            g_ptr_array_add(members, other);
    }
    if (!job->group)
        g_ptr_array_add(members, job);
    return members;
}

bool
qbjEngineGroupIsWhole(const GPtrArray *members)
{
    const virQbjJob *job = g_ptr_array_index(members, 0);

    return !job->group || members->len == job->groupSize;
}

const char *
qbjEngineGroupName(const virQbjJob *job)
{
    return job->group ? job->group : job->spec->job;
}

static virQbjJob *
qbjEngineGroupTake(virDomainObj *vm, const char *name, GPtrArray *members)
{
    virDomainDiskDef *disk = qbjEngineRequestDisk(vm, name);
    virQbjJob *job = disk ? qbjEngineRequestJob(vm, disk) : NULL;

    if (!job)
        return NULL;
    if (g_ptr_array_find(members, job, NULL)) {
        virReportError(VIR_ERR_INVALID_ARG, _("disk '%s' is named twice"), name);
        return NULL;
    }
    if (qbjEngineJobKind(job) != QBJ_KIND_A || virQbjJobIsAdopted(job) || job->group ||
        qbjEngineStrayFind(vm, job->spec->job) ||
        (job->state != QBJ_STATE_RUNNING && job->state != QBJ_STATE_READY)) {
        virReportError(VIR_ERR_OPERATION_INVALID, _("block job '%s' cannot be pivoted together with others"),
                       job->spec->job);
        return NULL;
    }
    return job;
}

static void
qbjEngineGroupSet(virDomainObj *vm, const GPtrArray *members, const char *name)
{
    size_t i;

    for (i = 0; i < members->len; i++) {
        virQbjJob *job = g_ptr_array_index(members, i);

        qbjEngineSwitchForget(vm, job);         /* what was prepared for it alone */
        g_free(job->group);
        job->group = g_strdup(name);
        job->groupSize = name ? members->len : 0;
    }
}

int
qbjEngineGroupMake(virDomainObj *vm, const char *const *disks)
{
    g_autoptr(GPtrArray) members = g_ptr_array_new();
    g_autofree char *name = NULL;

    for (; *disks; disks++) {
        virQbjJob *job = qbjEngineGroupTake(vm, *disks, members);

        if (!job)
            return -1;
        g_ptr_array_add(members, job);
    }
    if (members->len < 2) {
        virReportError(VIR_ERR_INVALID_ARG, "%s", _("a group has two disks at least"));
        return -1;
    }
    /* nobody else can be called so: its first job's name is the VM's only one */
    name = g_strdup_printf("group-%s", ((virQbjJob *) g_ptr_array_index(members, 0))->spec->job);
    qbjEngineGroupSet(vm, members, name);
    if (qbjDomainSaveStatus(vm) < 0) {
        qbjEngineGroupSet(vm, members, NULL);
        return -1;
    }
    return 0;
}
