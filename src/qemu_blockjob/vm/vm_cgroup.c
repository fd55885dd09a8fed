#include <config.h>

#include "internal.h"
#include "vm_cgroup.h"
#include "vm_numa.h"
#include "vm_tpm.h"
#include "domain_driver.h"
#include "hypervisor/domain_cgroup.h"
#include "hypervisor/domain_driver.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virsystemd.h"
#include "virutil.h"

#define VIR_FROM_THIS VIR_FROM_QEMU
VIR_LOG_INIT("qbj.vm_cgroup");

#define QBJ_VM_CGROUP_DRIVER "qemu"
#define QBJ_VM_CGROUP_PARTITION "/machine"

int
qbjVmCgroupCheckSettings(const qbjDriver *driver)
{
    int devices = VIR_CGROUP_CONTROLLER_DEVICES;

    if (driver->conf->cgroupControllers == -1 || !(driver->conf->cgroupControllers & 1 << devices))
        return 0;
    virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                   _("the controller '%s' in setting 'cgroup_controllers' of qemu.conf is not supported by this driver"),
                   virCgroupControllerTypeToString(devices));
    return -1;
}

bool
qbjVmCgroupWanted(const qbjDriver *driver)
{
    return driver->conf->cgroupControllers != 0 && virCgroupAvailable();
}

bool
qbjVmCgroupWillBind(const qbjDriver *driver)
{
    return qbjVmCgroupWanted(driver) && (driver->conf->cgroupControllers & (1 << VIR_CGROUP_CONTROLLER_CPUSET)) &&
           virCgroupControllerAvailable(VIR_CGROUP_CONTROLLER_CPUSET);
}

bool
qbjVmCgroupHas(virDomainObj *vm, int controller)
{
    virCgroup *cgroup = QBJ_DOMAIN_PRIVATE(vm)->cgroup;

    return cgroup && virCgroupHasController(cgroup, controller);
}

static char *
qbjVmCgroupName(virDomainObj *vm)
{
    const virQbjConf *conf = QBJ_DOMAIN_PRIVATE(vm)->driver->conf;

    return virDomainDriverGenerateMachineName(QBJ_VM_CGROUP_DRIVER, conf->root, vm->def->id, vm->def->name,
                                              conf->privileged);
}

/* --- what needs them ------------------------------------------------------------------------------- */

static bool
qbjVmCgroupTunesCpu(const virDomainDef *def)
{
    const virDomainCputune *tune = &def->cputune;

    return tune->sharesSpecified || tune->period || tune->quota || tune->global_period || tune->global_quota ||
           tune->emulator_period || tune->emulator_quota || tune->iothread_period || tune->iothread_quota;
}

static bool
qbjVmCgroupTunesMemory(const virDomainDef *def)
{
    return virMemoryLimitIsSet(def->mem.hard_limit) || virMemoryLimitIsSet(def->mem.soft_limit) ||
           virMemoryLimitIsSet(def->mem.swap_hard_limit);
}

int
qbjVmCgroupCheck(virDomainObj *vm, const virDomainDef *def)
{
    bool session = !QBJ_DOMAIN_PRIVATE(vm)->driver->conf->privileged;
    const struct {
        bool wanted;
        int controller;
        const char *what;
    } needs[] = {
        { qbjVmCgroupTunesCpu(def), VIR_CGROUP_CONTROLLER_CPU, "CPU" },
        { qbjVmCgroupTunesMemory(def), VIR_CGROUP_CONTROLLER_MEMORY, "Memory" },
        { def->blkio.weight || def->blkio.ndevices > 0, VIR_CGROUP_CONTROLLER_BLKIO, "Block I/O" },
        { qbjVmNumaNeedsCpuset(def), VIR_CGROUP_CONTROLLER_CPUSET, "Restrictive NUMA" },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(needs); i++) {
        if (!needs[i].wanted || qbjVmCgroupHas(vm, needs[i].controller))
            continue;
        if (session)
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED, _("%s tuning is not available in session mode"), needs[i].what);
        else
            virReportError(VIR_ERR_CONFIG_UNSUPPORTED,
                           _("%s tuning needs the control group controller '%s', which is not available"),
                           needs[i].what, virCgroupControllerTypeToString(needs[i].controller));
        return -1;
    }
    return 0;
}

/* --- one thread ------------------------------------------------------------------------------------ */

static virBitmap *
qbjVmCgroupCpus(virDomainDef *def, virCgroupThreadName kind, int id)
{
    virDomainIOThreadIDDef *iothread;
    virDomainVcpuDef *vcpu;
    virBitmap *map = NULL;

    if (kind == VIR_CGROUP_THREAD_EMULATOR)
        map = def->cputune.emulatorpin;
    else if (kind == VIR_CGROUP_THREAD_VCPU && (vcpu = virDomainDefGetVcpu(def, id)))
        map = vcpu->cpumask;
    else if (kind == VIR_CGROUP_THREAD_IOTHREAD && (iothread = virDomainIOThreadIDFind(def, id)))
        map = iothread->cpumask;
    return map ? map : def->cpumask;
}

static int
qbjVmCgroupSetCpuset(virDomainObj *vm, virCgroup *group, virCgroupThreadName kind, int id)
{
    virBitmap *cpus = qbjVmCgroupCpus(vm->def, kind, id);

    if (!virCgroupHasController(group, VIR_CGROUP_CONTROLLER_CPUSET))
        return 0;
    if (kind != VIR_CGROUP_THREAD_EMULATOR && qbjVmNumaSetMems(vm->def, group) < 0)
        return -1;
    return cpus ? virDomainCgroupSetupCpusetCpus(group, cpus) : 0;
}

static int
qbjVmCgroupSetBandwidth(virDomainObj *vm, virCgroup *group, virCgroupThreadName kind)
{
    const virDomainCputune *tune = &vm->def->cputune;

    if (kind == VIR_CGROUP_THREAD_EMULATOR)
        return virDomainCgroupSetupVcpuBW(group, tune->emulator_period, tune->emulator_quota);
    if (kind == VIR_CGROUP_THREAD_IOTHREAD)
        return virDomainCgroupSetupVcpuBW(group, tune->iothread_period, tune->iothread_quota);
    return virDomainCgroupSetupVcpuBW(group, tune->period, tune->quota);
}

int
qbjVmCgroupThread(virDomainObj *vm, virCgroupThreadName kind, int id, pid_t thread)
{
    virCgroup *parent = QBJ_DOMAIN_PRIVATE(vm)->cgroup;
    g_autoptr(virCgroup) group = NULL;

    if (!qbjVmCgroupHas(vm, VIR_CGROUP_CONTROLLER_CPU) && !qbjVmCgroupHas(vm, VIR_CGROUP_CONTROLLER_CPUSET))
        return 0;
    if (virCgroupNewThread(parent, kind, id, true, &group) < 0 ||
        qbjVmCgroupSetCpuset(vm, group, kind, id) < 0 ||
        qbjVmCgroupSetBandwidth(vm, group, kind) < 0)
        return -1;
    return virCgroupAddThread(group, thread);
}

int
qbjVmCgroupBindEmulator(virDomainObj *vm)
{
    g_autoptr(virCgroup) group = NULL;

    if (!qbjVmCgroupHas(vm, VIR_CGROUP_CONTROLLER_CPUSET))
        return 0;
    if (!(group = qbjVmCgroupOfThread(vm, VIR_CGROUP_THREAD_EMULATOR, 0)))
        return -1;
    return qbjVmNumaSetMems(vm->def, group);
}

int
qbjVmCgroupPinEmulator(virDomainObj *vm, virBitmap *cpus)
{
    g_autoptr(virCgroup) group = NULL;

    if (!qbjVmCgroupHas(vm, VIR_CGROUP_CONTROLLER_CPUSET))
        return 0;
    if (!(group = qbjVmCgroupOfThread(vm, VIR_CGROUP_THREAD_EMULATOR, 0)))
        return -1;
    return virDomainCgroupSetupCpusetCpus(group, cpus);
}

void
qbjVmCgroupThreadGone(virDomainObj *vm, virCgroupThreadName kind, int id)
{
    virCgroup *parent = QBJ_DOMAIN_PRIVATE(vm)->cgroup;

    if (parent && virCgroupDelThread(parent, kind, id) < 0) {
        VIR_WARN("A control group of domain '%s' is left: %s", vm->def->name, virGetLastErrorMessage());
        virResetLastError();
    }
}

virCgroup *
qbjVmCgroupOfThread(virDomainObj *vm, virCgroupThreadName kind, int id)
{
    virCgroup *group = NULL;

    return virCgroupNewThread(QBJ_DOMAIN_PRIVATE(vm)->cgroup, kind, id, false, &group) < 0 ? NULL : group;
}

/* --- the VM ---------------------------------------------------------------------------------------- */

/* Whether one of the controllers of @root, the host's topmost group, has a group @path. */
static bool
qbjVmCgroupExists(virCgroup *root, const char *path)
{
    int controller;

    for (controller = 0; controller < VIR_CGROUP_CONTROLLER_LAST; controller++) {
        g_autofree char *folder = NULL;

        if (virCgroupHasController(root, controller) &&
            virCgroupPathOfController(root, controller, path + 1, &folder) == 0 && virFileExists(folder))
            return true;
    }
    return false;
}

/* What an earlier run of this name and number has left: its limits shall not be ours. With machined it is
 * systemd that cleans up. Asked for what is not there libvirt.so would write errors into the log. */
static void
qbjVmCgroupRemoveStale(virDomainObj *vm)
{
    int controllers = QBJ_DOMAIN_PRIVATE(vm)->driver->conf->cgroupControllers;
    g_autofree char *name = qbjVmCgroupName(vm);
    g_autofree char *path = NULL;
    g_autoptr(virCgroup) root = NULL;
    g_autoptr(virCgroup) cgroup = NULL;

    if (!name || virSystemdHasMachined() == 0)
        return;
    path = g_strdup_printf(QBJ_VM_CGROUP_PARTITION "/%s.libvirt-" QBJ_VM_CGROUP_DRIVER, name);
    if (virCgroupNew("/", controllers, &root) < 0 ||
        (qbjVmCgroupExists(root, path) &&
         (virCgroupNew(path, controllers, &cgroup) < 0 || virCgroupRemove(cgroup) < 0)))
        virResetLastError();
}

/* Processes that belong to QEMU are where it is itself. */
static int
qbjVmCgroupAddHelper(virDomainObj *vm, pid_t pid)
{
    g_autoptr(virCgroup) group = NULL;

    if (pid == 0)
        return 0;
    if (virCgroupAddMachineProcess(QBJ_DOMAIN_PRIVATE(vm)->cgroup, pid) < 0)
        return -1;
    if (!qbjVmCgroupHas(vm, VIR_CGROUP_CONTROLLER_CPU) && !qbjVmCgroupHas(vm, VIR_CGROUP_CONTROLLER_CPUSET))
        return 0;
    if (!(group = qbjVmCgroupOfThread(vm, VIR_CGROUP_THREAD_EMULATOR, 0)))
        return -1;
    return virCgroupAddProcess(group, pid);
}

/* In a container the groups can often be seen, but not be changed: as if there were none. */
static int
qbjVmCgroupSetup(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    g_autofree char *name = qbjVmCgroupName(vm);

    if (!name)
        return -1;
    if (virDomainCgroupSetupCgroup(QBJ_VM_CGROUP_DRIVER, vm, 0, NULL, &priv->cgroup,
                                   priv->driver->conf->cgroupControllers, 0, priv->driver->conf->privileged,
                                   name) == 0)
        return 0;
    if (!virLastErrorIsSystemErrno(EROFS))
        return -1;
    virResetLastError();
    g_clear_pointer(&priv->cgroup, virCgroupFree);
    qbjVmCgroupRemoveStale(vm);
    return 0;
}

int
qbjVmCgroupMake(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);

    qbjVmCgroupRemoveStale(vm);
    if (qbjVmCgroupSetup(vm) < 0 ||
        qbjVmCgroupCheck(vm, vm->def) < 0 ||
        virDomainCgroupSetupGlobalCpuCgroup(vm, priv->cgroup) < 0)
        return -1;
    if (!priv->cgroup) {
        VIR_WARN("Domain '%s' runs without control groups, which this host does not allow", vm->def->name);
        return 0;
    }
    if (qbjVmCgroupThread(vm, VIR_CGROUP_THREAD_EMULATOR, 0, vm->pid) < 0)
        return -1;
    return qbjVmCgroupAddHelper(vm, qbjVmTpmProcess(vm));
}

void
qbjVmCgroupConnect(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    g_autofree char *name = NULL;

    if (priv->cgroup || !qbjVmCgroupWanted(priv->driver))
        return;
    if (!(name = qbjVmCgroupName(vm)) ||
        virDomainCgroupConnectCgroup(QBJ_VM_CGROUP_DRIVER, vm, &priv->cgroup, priv->driver->conf->cgroupControllers,
                                     priv->driver->conf->privileged, name) < 0) {
        VIR_WARN("The control groups of domain '%s' were not found: %s", vm->def->name, virGetLastErrorMessage());
        virResetLastError();
    }
}

void
qbjVmCgroupRemove(virDomainObj *vm)
{
    qbjDomainPrivate *priv = QBJ_DOMAIN_PRIVATE(vm);
    g_autofree char *name = NULL;

    if (!qbjVmCgroupWanted(priv->driver))
        return;
    if (!priv->cgroup) {
        qbjVmCgroupRemoveStale(vm);
        return;
    }
    if (!(name = qbjVmCgroupName(vm)) || virDomainCgroupRemoveCgroup(vm, priv->cgroup, name) < 0) {
        VIR_WARN("The control groups of domain '%s' are left: %s", vm->def->name, virGetLastErrorMessage());
        virResetLastError();
    }
    g_clear_pointer(&priv->cgroup, virCgroupFree);
}
