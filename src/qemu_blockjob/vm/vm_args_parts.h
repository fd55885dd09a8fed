/* The parts of a QEMU command line, one function each; vm_args.c calls them in order. Only for the
 * vm_args_*.c files.
 *
 * Each part appends to @cmd what its subject needs, nothing when the definition has none of it, and returns
 * -1 with an error reported (VIR_ERR_CONFIG_UNSUPPORTED, naming the element) when the definition asks for
 * something else.
 * On -1 the command is thrown away by the caller, so a part need not undo what it has appended. */
#pragma once

#include "vm_args.h"
#include "virjson.h"

/* vm_args_refuse.c: elements that no part knows. Runs first. */
int qbjVmArgsRefuse(virCommand *cmd, const qbjVmArgsInput *input);

/* vm_args_machine.c */
int qbjVmArgsAddMachine(virCommand *cmd, const qbjVmArgsInput *input);
int qbjVmArgsAddTseg(virCommand *cmd, const qbjVmArgsInput *input);
int qbjVmArgsAddVmcoreinfo(virCommand *cmd, const qbjVmArgsInput *input);
int qbjVmArgsAddSmp(virCommand *cmd, const qbjVmArgsInput *input);

/* vm_args_memory.c */
/* Both pc and q35 call their memory so; the back-end must have this name to be the machine's RAM. */
#define QBJ_VM_ARGS_RAM_ID "pc.ram"
int qbjVmArgsAddMemory(virCommand *cmd, const qbjVmArgsInput *input);
/* The object @id for piece @cell (see qbjVmMemoryDescribe) of @kib KiB, and what it needs. */
int qbjVmArgsAddBackend(virCommand *cmd, const qbjVmArgsInput *input, const char *id, int cell,
                        unsigned long long kib);
/* What @kib KiB become: QEMU takes whole MiB. */
unsigned long long qbjVmArgsMemory(unsigned long long kib);

/* vm_args_numa.c */
int qbjVmArgsAddNuma(virCommand *cmd, const qbjVmArgsInput *input);

/* vm_args_cpu.c */
int qbjVmArgsAddCpu(virCommand *cmd, const qbjVmArgsInput *input);

/* vm_args_clock.c */
int qbjVmArgsAddClock(virCommand *cmd, const qbjVmArgsInput *input);

/* vm_args_boot.c: power management, boot menu, direct kernel boot, boot order */
int qbjVmArgsAddPower(virCommand *cmd, const qbjVmArgsInput *input);
int qbjVmArgsAddBoot(virCommand *cmd, const qbjVmArgsInput *input);
/* Place of a disk in the boot order, 1 is first; 0: not bootable. Per-device <boot order> wins over
 * <os><boot dev>. */
unsigned int qbjVmArgsBootIndex(const virDomainDef *def, const virDomainDiskDef *disk);

unsigned int qbjVmArgsNetBootIndex(const virDomainDef *def, const virDomainNetDef *net);

/* vm_args_iothread.c */
int qbjVmArgsAddIOThreads(virCommand *cmd, const qbjVmArgsInput *input);

/* vm_args_pcictl.c: what the machine's own PCI root is told. */
int qbjVmArgsAddPCIRoots(virCommand *cmd, const qbjVmArgsInput *input);

/* vm_args_controller.c */
int qbjVmArgsAddControllers(virCommand *cmd, const qbjVmArgsInput *input);

/* vm_args_disk.c */
int qbjVmArgsAddDisks(virCommand *cmd, const qbjVmArgsInput *input);

/* vm_args_chardev.c */
int qbjVmArgsAddMonitor(virCommand *cmd, const qbjVmArgsInput *input);

/* vm_args_chr.c */
int qbjVmArgsAddSerials(virCommand *cmd, const qbjVmArgsInput *input);
int qbjVmArgsAddParallels(virCommand *cmd, const qbjVmArgsInput *input);
int qbjVmArgsAddChannels(virCommand *cmd, const qbjVmArgsInput *input);
int qbjVmArgsAddConsoles(virCommand *cmd, const qbjVmArgsInput *input);

/* vm_args_custom.c: arguments and environment of the user's own. */
int qbjVmArgsAddCustom(virCommand *cmd, const qbjVmArgsInput *input);

/* vm_args_cpufeature.c: the end of the value of -cpu */
int qbjVmArgsAppendCpuOfFeatures(virBuffer *buf, const virDomainDef *def);

/* vm_args_firmware.c */
int qbjVmArgsAddFirmware(virCommand *cmd, const qbjVmArgsInput *input);
int qbjVmArgsAddSecureFlash(virCommand *cmd, const qbjVmArgsInput *input);
int qbjVmArgsAddRom(virCommand *cmd, const qbjVmArgsInput *input);
/* The end of the value of -machine. */
void qbjVmArgsAppendFlash(virBuffer *buf, const virDomainDef *def);

/* vm_args_tpm.c */
int qbjVmArgsAddTpm(virCommand *cmd, const qbjVmArgsInput *input);

/* vm_args_smbios.c */
int qbjVmArgsAddSmbios(virCommand *cmd, const qbjVmArgsInput *input);

/* vm_args_net.c */
int qbjVmArgsAddNets(virCommand *cmd, const qbjVmArgsInput *input);

/* vm_args_input.c */
int qbjVmArgsAddInputs(virCommand *cmd, const qbjVmArgsInput *input);
int qbjVmArgsAddInput(virCommand *cmd, const virDomainDef *def, const virDomainInputDef *input);

/* vm_args_small.c */
int qbjVmArgsAddBalloon(virCommand *cmd, const qbjVmArgsInput *input);
int qbjVmArgsAddRngs(virCommand *cmd, const qbjVmArgsInput *input);
int qbjVmArgsAddRng(virCommand *cmd, const virDomainDef *def, const virDomainRNGDef *rng);
int qbjVmArgsAddWatchdog(virCommand *cmd, const qbjVmArgsInput *input);
int qbjVmArgsAddPanics(virCommand *cmd, const qbjVmArgsInput *input);
int qbjVmArgsAddVsock(virCommand *cmd, const qbjVmArgsInput *input);
int qbjVmArgsAddRedirdevs(virCommand *cmd, const qbjVmArgsInput *input);

/* vm_args_sound.c */
int qbjVmArgsAddSounds(virCommand *cmd, const qbjVmArgsInput *input);

/* vm_args_audio.c */
int qbjVmArgsAddAudio(virCommand *cmd, const qbjVmArgsInput *input);
/* Name of the back-end with number @id, or, with 0, of the first one; NULL when there is none. */
char *qbjVmArgsAudioId(const virDomainDef *def, unsigned int id);

/* vm_args_graphics.c */
int qbjVmArgsAddNoDisplay(virCommand *cmd, const qbjVmArgsInput *input);
int qbjVmArgsAddGraphics(virCommand *cmd, const qbjVmArgsInput *input);
/* The one listen element; NULL with an error reported when there is none that we know. */
const virDomainGraphicsListenDef *qbjVmArgsListen(const virDomainGraphicsDef *graphics);
/* Path of its socket; one in libDir when it names none. */
char *qbjVmArgsListenSocket(const qbjVmArgsInput *input, const virDomainGraphicsDef *graphics);

/* vm_args_vnc.c, vm_args_spice.c */
int qbjVmArgsAddVNC(virCommand *cmd, const qbjVmArgsInput *input, const virDomainGraphicsDef *graphics);
int qbjVmArgsAddSpice(virCommand *cmd, const qbjVmArgsInput *input, const virDomainGraphicsDef *graphics);

/* vm_args_video.c */
int qbjVmArgsAddVideo(virCommand *cmd, const qbjVmArgsInput *input);

/* vm_args_virtio.c */
typedef enum {
    QBJ_VM_ARGS_VIRTIO_BOTH,                /* what the slot makes of it */
    QBJ_VM_ARGS_VIRTIO_TRANSITIONAL,
    QBJ_VM_ARGS_VIRTIO_NON_TRANSITIONAL,
} qbjVmArgsVirtioForm;

/* Adds driver "NAME-pci..." and @options, which may be NULL: the first keys of a device. */
int qbjVmArgsStartVirtio(virJSONValue **props, const char *name, qbjVmArgsVirtioForm form,
                         const virDomainVirtioOptions *options);
/* iommu, ats, packed, page_per_vq; NULL has none. */
int qbjVmArgsAddVirtioOptions(virJSONValue **props, const virDomainVirtioOptions *options);
/* "virtio-blk-pci" or one of its two special forms, for @name "virtio-blk". The caller frees. */
char *qbjVmArgsVirtioDriver(const char *name, qbjVmArgsVirtioForm form);
/* Nothing for 0. */
int qbjVmArgsAddIOThread(virJSONValue **props, unsigned int iothread);

/* vm_args_json.c: helpers of the parts */

/* Appends @option with @props as its JSON text. */
int qbjVmArgsAddJSON(virCommand *cmd, const char *option, virJSONValue *props);

/* Adds the keys that place a device: bus, multifunction, addr or port; nothing for a device without
 * address. */
int qbjVmArgsAddAddress(virJSONValue **props, const virDomainDef *def, const virDomainDeviceInfo *info);

/* The controller that an address names; NULL with VIR_ERR_INTERNAL_ERROR reported when there is none. */
const virDomainControllerDef *qbjVmArgsFindController(const virDomainDef *def, virDomainControllerType type,
                                                      unsigned int idx);

/* Whether any of iommu, ats, packed, page_per_vq is set; for those that do not know them. NULL has none. */
bool qbjVmArgsHasVirtioOptions(const virDomainVirtioOptions *options);

/* Appends ",KEY=VALUE" with commas in @value doubled, as QEMU's plain options need it. */
void qbjVmArgsAppendValue(virBuffer *buf, const char *key, const char *value);
