"""The thread pool: limits, fork, several callers."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from pyneural import _core

pytestmark = pytest.mark.cpu


def big_sum() -> bytes:
    x = np.random.default_rng(0).normal(size=(256, 512)).astype("float32")
    return _core.matmul(x, x.T).numpy().tobytes()


def test_thread_count_is_checked():
    for bad in (0, -1, 257):
        with pytest.raises(ValueError, match="num_threads"):
            _core.set_num_threads(bad)


def test_no_thread_starts_at_import():
    code = "import threading, os, pyneural._core; print(len(os.listdir('/proc/self/task')))"
    environment = dict(os.environ, OPENBLAS_NUM_THREADS="1")
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert out.stdout.strip() == "1"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"PYNEURAL_NUM_THREADS": "3"}, 3),
        ({"OMP_NUM_THREADS": "5"}, 5),
        ({"PYNEURAL_NUM_THREADS": "2", "OMP_NUM_THREADS": "5"}, 2),
    ],
)
def test_environment_sets_the_threads(variables, expected):
    environment = {k: v for k, v in os.environ.items() if k not in ("PYNEURAL_NUM_THREADS", "OMP_NUM_THREADS")}
    code = "from pyneural import _core; print(_core.num_threads())"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**environment, **variables}
    )
    assert int(out.stdout) == expected


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity masks here")
def test_affinity_limits_the_threads():
    environment = {k: v for k, v in os.environ.items() if k not in ("PYNEURAL_NUM_THREADS", "OMP_NUM_THREADS")}
    code = "import os; os.sched_setaffinity(0, [sorted(os.sched_getaffinity(0))[0]])\n"
    code += "from pyneural import _core; print(_core.num_threads())"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert int(out.stdout) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_works_after_fork(many_threads):
    many_threads(4)
    expected = big_sum()
    for _ in range(5):
        child = os.fork()
        if child == 0:
            os._exit(0 if big_sum() == expected else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert big_sum() == expected


def test_callers_in_several_threads(many_threads):
    many_threads(4)
    expected = big_sum()
    wrong = []

    def work():
        for _ in range(20):
            if big_sum() != expected:
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_changing_the_count_while_working(many_threads):
    expected = None
    for count in (4, 1, 8, 2, 16, 3):
        many_threads(count)
        result = big_sum()
        assert expected in (None, result)
        expected = result


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity masks here")
def test_workers_may_run_anywhere_afterwards():
    """Workers that wait behind busy programs are moved, and may use all processors again."""
    code = """
import os, time
import numpy as np
from pyneural import _core
_core.set_num_threads(4)
x = _core.tensor(np.ones((256, 512), "float32"))
y = _core.tensor(np.ones((512, 256), "float32"))
end = time.monotonic() + 0.3
while time.monotonic() < end:
    _core.matmul(x, y)
masks = {tuple(sorted(os.sched_getaffinity(int(task)))) for task in os.listdir("/proc/self/task")}
assert masks == {tuple(sorted(os.sched_getaffinity(0)))}, masks
"""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in os.sched_getaffinity(0)]
    try:
        subprocess.run([sys.executable, "-c", code], check=True, env=dict(os.environ, OPENBLAS_NUM_THREADS="1"))
    finally:
        for process in busy:
            process.kill()
            process.wait()
