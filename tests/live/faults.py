"""A daemon that fails on demand: see src/util/virqbjfault.h. Only modules with debug_checks can."""

import os

from daemon import Daemon


class FaultDaemon(Daemon):
    def environment(self):
        self.faults = self.path("faults")
        return dict(super().environment(), QBJ_FAULT_FILE=self.faults)

    def can_fail(self):
        with open(self.loaded_module(), "rb") as f:
            return b"QBJ_FAULT_FILE" in f.read()

    def fail(self, wanted):
        """None: not any more."""
        if wanted is None:
            os.unlink(self.faults)
            return
        with open(self.faults + ".new", "w") as f:
            f.write(wanted)
        os.rename(self.faults + ".new", self.faults)
