"""Commands with a time limit: what gpu_check.py runs."""

import contextlib
import os
import signal
import subprocess
import tempfile
from dataclasses import dataclass

GRACE = 20.0  # seconds between being told to stop and being stopped


@dataclass
class Done:
    """How a command ended: its exit status (None if it ran out of time), and what it printed."""

    status: int | None
    text: str

    @property
    def ok(self) -> bool:
        return self.status == 0

    def last_lines(self, count: int = 15) -> list[str]:
        """The end of what it printed."""
        return [line for line in self.text.splitlines() if line.strip()][-count:]


def run(command, log, seconds, environment=None, folder=None):
    """Runs a command and all that it starts for at most so long; its output goes to the file `log`, if there is one."""
    with contextlib.ExitStack() as stack:
        if log is None:
            out = stack.enter_context(tempfile.TemporaryFile("w+", errors="replace"))
        else:
            log.parent.mkdir(parents=True, exist_ok=True)
            out = stack.enter_context(open(log, "w+", errors="replace"))
        try:
            process = subprocess.Popen(
                [str(part) for part in command],
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        except OSError as error:
            return Done(127, str(error))
        try:
            status = process.wait(max(1.0, seconds))
        except subprocess.TimeoutExpired:
            status = None
            process.terminate()  # it may write what it has
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        out.seek(0)
        return Done(status, out.read())
