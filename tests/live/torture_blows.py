"""What torture.py does to daemon and QEMU while jobs run. Each function gets the round and does its harm; what it has
killed it tells the round, which waits for what comes next."""

import os
import signal
import subprocess
import threading
import time

import libvirt

import jobs
import jobtest
from copies import quietly
from torture_machine import Violation, stop


def kill_daemon(r):
    r.daemon.kill()


def kill_twice(r):
    """The second one dies while it starts."""
    r.daemon.kill()
    r.daemon.start(wait=False)
    time.sleep(r.random.uniform(0, 0.6))
    r.daemon.kill()


def come_to_step(r):
    """The wish was made before the jobs began. Returns whether the daemon is there now."""
    step = r.daemon.died(4)
    r.say("it stands before: %s" % step)
    if not step:
        r.tally["daemon did not come to the step"] += 1
    return step


def die_at_step(r):
    come_to_step(r)


def look_at_step(r):
    if come_to_step(r):
        r.look()
        os.kill(r.daemon.pid, signal.SIGCONT)


def kill_qemu_at_step(r):
    """The daemon goes on and finds that it is gone."""
    if come_to_step(r):
        r.kill(r.victim)
        os.kill(r.daemon.pid, signal.SIGCONT)


def crash_host_at_step(r):
    if come_to_step(r):
        crash_host(r)


def kill_both_at_step(r):
    if come_to_step(r):
        r.kill(r.victim)
        r.daemon.kill()


def close_monitor_at_step(r):
    if come_to_step(r):
        close_monitor(r)
        os.kill(r.daemon.pid, signal.SIGCONT)


def stop_daemon(r):
    stop(r.daemon.pid)
    time.sleep(r.random.uniform(0.05, 1.5))
    os.kill(r.daemon.pid, signal.SIGCONT)


def stop_qemu(r):
    pid = r.victim.pid()
    if stop(pid):
        time.sleep(r.random.uniform(0.05, 3))
        os.kill(pid, signal.SIGCONT)


def restart_beside_stopped_qemu(r):
    """The daemon is killed and started again while QEMU does not answer."""
    pid = r.victim.pid()
    stop(pid)
    r.daemon.kill()
    r.daemon.start()
    time.sleep(r.random.uniform(0, 1))
    os.kill(pid, signal.SIGCONT)


def kill_qemu(r):
    r.kill(r.victim)


def kill_both(r):
    """In one order or the other; the next daemon finds a dead QEMU and the record."""
    if r.random.random() < 0.5:
        r.daemon.kill()
        time.sleep(r.random.choice([0, 0, 0.05]))
        r.kill(r.victim)
    else:
        r.kill(r.victim)
        time.sleep(r.random.choice([0, 0.002, 0.02]))
        r.daemon.kill()


def destroy(r):
    r.killed.add(r.victim)
    try:
        r.victim.domain().destroy()
    except libvirt.libvirtError as e:
        raise Violation("%s cannot be destroyed: %s" % (r.victim.name, e)) from None


def crash_host(r):
    """All processes end at once, and what is not on a disk is gone."""
    for machine in r.play.machines:
        r.kill(machine)
    r.daemon.kill()
    for entry in os.scandir(r.daemon.state_dir):
        if entry.is_file(follow_symlinks=False):
            os.unlink(entry)
    for machine in r.play.machines:
        machine.forget_owners()


def pester(r):
    """Other clients end jobs, change their speed, and stop the guest for a moment."""
    domain = r.victim.domain()
    disks = [disk.target for disk in r.victim.disks]
    calls = [lambda t: domain.blockJobAbort(t, 0), lambda t: domain.blockJobAbort(t, jobtest.PIVOT),
             lambda t: domain.blockJobSetSpeed(t, 1), lambda t: domain.blockJobSetSpeed(t, 0),
             lambda t: (domain.suspend(), domain.resume())]
    for _ in range(r.random.randrange(5, 20)):
        thread = threading.Thread(target=quietly, args=(r.random.choice(calls), r.random.choice(disks)), daemon=True)
        thread.start()
        r.jobs_beside.append(thread)
        time.sleep(r.random.choice([0, 0.01, 0.1]))


def close_monitor(r):
    """Somebody shuts the connection between them."""
    r.say("%d connections shut" % r.daemon.shut_monitor(r.victim.name))


def fill(folder):
    """Takes what room there is; gives the file to remove."""
    filler = os.path.join(folder, "filler")
    subprocess.run(["dd", "if=/dev/zero", "of=" + filler, "bs=4k"], stderr=subprocess.DEVNULL)
    return filler


def full(r, folder):
    """No room for status files, or for definitions, for a while."""
    filler = fill(folder)
    time.sleep(r.random.uniform(0.2, 2))
    os.unlink(filler)


def full_state(r):
    full(r, r.daemon.state_dir)


def full_config(r):
    full(r, r.daemon.config_dir)


def full_and_killed(r):
    """The daemon dies with a full state directory, and the next one comes up with it."""
    filler = fill(r.daemon.state_dir)
    time.sleep(r.random.uniform(0, 0.3))
    r.daemon.kill()
    r.daemon.start()
    time.sleep(r.random.uniform(0, 1))
    os.unlink(filler)


def nothing(r):
    jobs.wait_for(lambda: not any(job.is_alive() for job in r.jobs), 3)


# with a daemon that dies, or is stopped, before a step that was chosen; as below
AT_STEP = {
    "daemon killed at a step": (die_at_step, 6),
    "held still at a step": (look_at_step, 4),
    "QEMU killed at a step": (kill_qemu_at_step, 3),
    "QEMU and daemon killed at a step": (kill_both_at_step, 3),
    "host crashed at a step": (crash_host_at_step, 2),
    "monitor closed at a step": (close_monitor_at_step, 2),
}
# name -> (function, how often beside the others)
BLOWS = {
    "none": (nothing, 1),
    "daemon killed": (kill_daemon, 4),
    "daemon killed twice": (kill_twice, 2),
    "daemon stopped": (stop_daemon, 1),
    "QEMU stopped": (stop_qemu, 1),
    "QEMU stopped, daemon killed": (restart_beside_stopped_qemu, 2),
    "QEMU killed": (kill_qemu, 2),
    "QEMU and daemon killed": (kill_both, 3),
    "domain destroyed": (destroy, 1),
    "host crashed": (crash_host, 2),
    "other clients": (pester, 2),
    "monitor closed": (close_monitor, 2),
    "state directory full": (full_state, 2),
    "definitions' directory full": (full_config, 1),
    "state directory full, daemon killed": (full_and_killed, 2),
    **AT_STEP,
}
