/* The sweep of qbjgrouptest.c: while two disks pivot together each save or command fails once, or the daemon
 * dies there,
  * or QEMU with it. Every pass is a process of its own: PROGRAM run|recover|recover-gone ROOT NAME FAULT.
  * Afterwards both
 * disks are old or both are new, in both definitions, with all data. */
#pragma once

/* Goes through all of them, with @program, in embedRootDir; a line of TAP for each kind of fault. */
void groupSweep(const char *program);

/* One process, with the words above. Returns its exit code. */
int groupSweepChild(char **argv);
