"""Cases of the differential runs: rules about all block job calls that no vector shows (behaviour/01)."""

import json

import libvirt

import jobs
import plain
from cases_pull import pull_held
from recorder import ACTIVE, Stop

CASES = []


def case(function):
    CASES.append(function)
    return function


@case
def job_calls_of_a_domain_that_is_gone(r):
    """01/A2 and S before A3: flags and bandwidth first, then the domain."""
    paths = r.chain(2)
    r.define(plain.disk("vda", paths[-1]))
    d = r.domain
    d.undefine()
    for what, flags in (("A3", 0), ("A2", 1 << 20)):
        r.call(what + " commit", d.blockCommit, "vda", None, None, 0, ACTIVE | flags)
        r.call(what + " pull", d.blockPull, "vda", 0, flags)
        r.call(what + " rebase", d.blockRebase, "vda", paths[0], 0, flags)
        r.call(what + " abort", d.blockJobAbort, "vda", flags)
        r.call(what + " info", d.blockJobInfo, "vda", flags)
        r.call(what + " speed", d.blockJobSetSpeed, "vda", 1, flags)
    r.call("speed: the limit comes first", d.blockJobSetSpeed, "vda", 8796093022208, 0)
    r.call("commit: the domain comes first", d.blockCommit, "vda", None, None, 8796093022208, ACTIVE)
    r.call("rebase: RELATIVE comes after the domain", d.blockRebase, "vda", None, 0,
           libvirt.VIR_DOMAIN_BLOCK_REBASE_RELATIVE)


@case
def errors_name_the_target(r):
    """01/A8: also when the disk was named by its path."""
    paths = r.d(3)
    top = paths[-1]
    r.call("A8 no job: abort", r.domain.blockJobAbort, top, 0)
    r.call("A8 no job: speed", r.domain.blockJobSetSpeed, top, 1, 0)
    r.commit("A8 no flag", top, None, None)
    pull_held(r, disk=top)
    r.call("A8 busy: pull", r.domain.blockPull, top, 0, 0)
    r.commit("A8 busy: commit", top, None, None, 0, ACTIVE)
    r.call("A8 info", lambda: r.domain.blockJobInfo(top, 0)["type"])
    r.call("A8 speed", r.domain.blockJobSetSpeed, top, 2, libvirt.VIR_DOMAIN_BLOCK_JOB_SPEED_BANDWIDTH_BYTES)
    r.call("A8 abort", r.domain.blockJobAbort, top, 0)
    r.final("canceled")
    r.note_chain()


@case
def qemu_refuses_the_start(r):
    """01/C17, P7, A16: somebody else's job has the image. One error, nothing is left, and the next job works."""
    import libvirt_qemu
    paths = r.d(3)

    def monitor(execute, **arguments):
        text = json.dumps({"execute": execute, "arguments": {k.replace("_", "-"): v for k, v in arguments.items()}})
        answer = json.loads(libvirt_qemu.qemuMonitorCommand(r.domain, text, 0))
        if "error" in answer:
            raise Stop(str(answer))

    def status():
        text = libvirt_qemu.qemuMonitorCommand(r.domain, '{"execute":"query-jobs"}', 0)
        return [job["status"] for job in json.loads(text)["return"]]

    monitor("block-stream", device="libvirt-1-format", job_id="other", speed=1)
    jobs.wait_for(lambda: r.domain.blockJobInfo("vda", 0), 2)      # who shows it has to ask first whose it is
    r.commit("C17 active", "vda", None, None, 0, ACTIVE)
    r.commit("C17 intermediate", "vda", paths[0], paths[1])
    r.call("P7", r.domain.blockPull, "vda", 0, 0)
    r.call("P7 with a base", r.domain.blockRebase, "vda", paths[0], 0, 0)
    r.note_info("no job")
    r.note_chain("the same chain")
    r.note_events("no event")
    monitor("block-job-cancel", device="other")
    if not jobs.wait_for(lambda: not status()):
        raise Stop("the other job does not end")
    r.need("a pull", r.domain.blockPull, "vda", 0, 0)
    r.final()
    r.gone()
    r.note_chain()


@case
def questions_while_a_job_runs(r):
    """01/O2, O3, O15: a block job is no job of the domain; figures are there."""
    r.d(3)
    d = r.domain
    for what, start in (("pull", lambda: pull_held(r)), ("commit", r.held)):
        mark = r.events.mark()
        start()
        r.call("O15 %s: job" % what, lambda: d.jobInfo()[0])
        r.call("O15 %s: figures" % what, lambda: sorted(d.jobStats()))
        r.call("O2 %s: size" % what, lambda: d.blockInfo("vda")[0])
        r.call("O2 %s: by index" % what, d.blockInfo, "vda[2]")
        r.call("O3 %s: figures" % what, lambda: len(d.blockStats("vda")))
        r.call("O3 %s: more of them" % what, lambda: sorted(d.blockStatsFlags("vda")))
        r.call("%s: abort" % what, d.blockJobAbort, "vda", 0)
        r.final("canceled", since=mark)
