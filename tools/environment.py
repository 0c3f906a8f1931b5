"""Makes the virtual environment, builds the engine and installs pyneural into it: what `make` does first.

Usage: python3 tools/environment.py FOLDER EXTRA[,EXTRA...]

A second run compiles only what changed. Every refusal names the missing piece and how to get it.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time

BUILD_REQUIREMENTS = ["scikit-build-core>=0.11", "pybind11>=3.0"]
LOG = os.path.join("build", "install.log")


def stop(problem, remedy):
    sys.exit(f"\npyneural cannot be built here: {problem}\n  {remedy}\n")


def check_machine():
    """Refuses early, in words, what would fail late, in a compiler's log."""
    if sys.version_info < (3, 10):
        stop(
            f"Python {sys.version_info[0]}.{sys.version_info[1]} is too old, 3.10 or newer is needed.",
            "Name another one: make PYTHON=python3.11 demo",
        )
    if not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")):
        stop("the headers of Python are missing.", "On Debian or Ubuntu: sudo apt install python3-dev")
    compiler = os.environ.get("CXX") or next(filter(shutil.which, ["c++", "g++", "clang++"]), None)
    if compiler is None or not shutil.which(compiler.split()[0]):
        stop(
            f"no C++ compiler was found (looked for {compiler or 'c++, g++ and clang++'}).",
            "On Debian or Ubuntu: sudo apt install g++",
        )
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "probe.cpp")
        with open(source, "w") as file:
            file.write(
                "#include <concepts>\n#include <span>\nstd::integral auto f(std::span<int> s) { return s[0]; }\n"
            )
        probe = [*compiler.split(), "-std=c++20", "-c", source, "-o", source + ".o"]
        if subprocess.run(probe, capture_output=True, check=False).returncode != 0:
            stop(
                f"{compiler} does not compile C++20.",
                "GCC 12 or newer, or Clang 14 or newer, is needed; name it: CXX=clang++ make demo",
            )


def make_environment(folder):
    python = os.path.join(folder, "bin", "python")
    pip_works = [python, "-c", "import pip"]
    if os.path.exists(python) and subprocess.run(pip_works, capture_output=True, check=False).returncode == 0:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    print(f"Making the virtual environment in {folder}", flush=True)
    made = subprocess.run([sys.executable, "-m", "venv", folder], capture_output=True, text=True, check=False)
    if made.returncode != 0 and shutil.which("virtualenv"):
        made = subprocess.run(["virtualenv", "-q", "-p", sys.executable, folder], capture_output=True, text=True)
    if made.returncode != 0:
        shutil.rmtree(folder, ignore_errors=True)
        stop(
            "Python's module venv does not work:\n  " + (made.stdout + made.stderr).strip().replace("\n", "\n  "),
            "On Debian or Ubuntu: sudo apt install python3-venv",
        )
    return python


def pip_install(python, *arguments):
    """Runs pip; shows one line that counts compiled files, and the log if it fails."""
    command = [python, "-m", "pip", "install", "--disable-pip-version-check", "-v", *arguments]
    begin = time.monotonic()
    live = sys.stdout.isatty()
    with open(LOG, "a", buffering=1, encoding="utf-8") as log:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
        for line in process.stdout:
            log.write(line)
            step = re.match(r"\s*\[(\d+)/(\d+)\] ", line)
            if step and live:
                sys.stdout.write(f"\r\033[K  compiled {step[1]} of {step[2]}")
                sys.stdout.flush()
            elif line.startswith("Collecting ") and live:
                sys.stdout.write(f"\r\033[K  fetching {line.split()[1]}")
                sys.stdout.flush()
    if live:
        sys.stdout.write("\r\033[K")
    if process.wait() != 0:
        with open(LOG, encoding="utf-8") as log:
            sys.stderr.write("".join(log.readlines()[-60:]))
        sys.exit(f"\nInstalling failed; the whole log is in {LOG}")
    return time.monotonic() - begin


def choose_cuda():
    """GPU kernels for the GPU of this machine; none where there is none: compiling for all kinds takes many minutes."""
    chosen = os.environ.get("PYNEURAL_CUDA")
    if chosen:
        option = f"-DPYNEURAL_CUDA={chosen}"
    elif os.path.exists("/dev/nvidiactl"):
        option = "-DPYNEURAL_CUDA_ARCHITECTURES=native"
    else:
        option = "-DPYNEURAL_CUDA=OFF"
    # Through the environment: pip has options for it only from 22.1 on.
    os.environ["CMAKE_ARGS"] = f"{option} {os.environ.get('CMAKE_ARGS', '')}".strip()


def main():
    folder, extras = sys.argv[1], sys.argv[2]
    check_machine()
    os.makedirs("build", exist_ok=True)
    open(LOG, "w").close()
    python = make_environment(folder)
    # Built without isolation: a build environment of its own has a new path each time, and everything would be
    # compiled again.
    pip_install(python, *BUILD_REQUIREMENTS)
    ask = "from scikit_build_core.build import get_requires_for_build_wheel as ask; print('\\n'.join(ask()))"
    tools = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.split("\n")
    tools = [tool for tool in tools if tool]
    if tools:  # CMake or Ninja, where the machine has none
        pip_install(python, *tools)
    if shutil.which("ccache"):
        os.environ.setdefault("CMAKE_CXX_COMPILER_LAUNCHER", "ccache")
    choose_cuda()
    print(f"Building and installing pyneural [{extras}]: some minutes the first time, seconds later", flush=True)
    seconds = pip_install(python, "--no-build-isolation", "--editable", f".[{extras}]")
    print(f"Installed in {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
