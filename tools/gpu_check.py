"""Does all that a machine with a GPU can do: builds, tests, looks for errors in memory, measures. `make gpu-check`.

Usage: python3 tools/gpu_check.py [--only build,tests,sanitizer,benchmarks] [--limit SECONDS] [--wheels FOLDER]

Each part has a time limit, and one that fails does not keep the next one from running. What came out is written to
benchmarks/results/<name of the GPU>/gpu_check.json, part by part, so that parts can run one at a time. With --emulated
all of it runs on the emulated device (docs/emulation.md) at tiny sizes: a test of this tool.
"""

import argparse
import datetime
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import gpu_environment
from gpu_parts import PARTS, SUITES, Context
from gpu_process import run

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
FOLDER = ROOT / "build" / "gpu-check"
EMULATED = {"name": "emulated", "compute_capability": "8.0", "driver": "none"}


def main(arguments=None):
    """Runs the parts. The exit status is 1 if one of them failed."""
    options = parse(arguments)
    gpu = EMULATED if options.emulated else find_gpu()
    slug = "-".join(gpu["name"].lower().split())
    output = options.output or (FOLDER if options.emulated else RESULTS) / slug
    output.mkdir(parents=True, exist_ok=True)
    python = gpu_environment.make(FOLDER / "venv", options.wheels, FOLDER / "environment.log", options.python)
    context = Context(
        ROOT, FOLDER, options.build_folder, output, python, gpu, options.emulated, options.limit, options.suites
    )
    file = output / "gpu_check.json"
    report = json.loads(file.read_text()) if file.exists() else {}
    report |= {"gpu": gpu, "cuda": cuda_version(), "parts": report.get("parts", {})}
    for name in options.only:
        print(f"--- {name}", flush=True)
        begin = time.monotonic()
        try:
            part = PARTS[name](context)
        except Exception as error:  # the next part may work all the same
            part = {"ok": False, "problem": f"{type(error).__name__}: {error}"}
        part |= {
            "seconds": round(time.monotonic() - begin, 1),
            "commit": commit(),
            "date": datetime.date.today().isoformat(),
        }
        before = report["parts"].get(name, {}) if name == "benchmarks" else {}  # its suites may run one at a time
        report["parts"][name] = before | part
        file.write_text(json.dumps(report, indent=2) + "\n")
        summary = part.get("summary") or part.get("problem", "")
        print(f"{name}: {'ok' if part['ok'] else 'FAILED'} in {part['seconds']:.0f} s. {summary}", flush=True)
    print(f"Written: {file}")
    return 0 if all(report["parts"][name]["ok"] for name in options.only) else 1


def parse(arguments):
    """The options, checked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(PARTS), metavar="PARTS", help=f"some of {','.join(PARTS)}")
    parser.add_argument("--suites", default=",".join(SUITES), help=f"of the benchmarks: some of {','.join(SUITES)}")
    parser.add_argument("--limit", type=float, default=3600.0, metavar="SECONDS", help="for each part (3600)")
    parser.add_argument("--wheels", type=Path, help="a folder of wheels: no package index is asked")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="whose packages are used, too")
    parser.add_argument("--output", type=Path, help="a folder for results, instead of benchmarks/results/GPU")
    parser.add_argument("--build-folder", type=Path, default=FOLDER / "cmake", help="of CMake")
    parser.add_argument("--emulated", action="store_true", help="a dry run on the emulated device")
    options = parser.parse_args(arguments)
    for option, names in (("only", PARTS), ("suites", SUITES)):
        chosen = tuple(getattr(options, option).split(","))
        setattr(options, option, chosen)
        for name in chosen:
            if name not in names:
                parser.error(f"--{option}: {name!r} is none of {', '.join(names)}")
    if options.wheels and not options.wheels.is_dir():
        parser.error(f"--wheels: there is no folder {options.wheels}")
    return options


def find_gpu():
    """The first GPU, as its driver describes it."""
    if not shutil.which("nvidia-smi"):
        sys.exit("gpu-check needs a GPU: nvidia-smi, which comes with NVIDIA's driver, was not found.")
    query = ["nvidia-smi", "--query-gpu=name,compute_cap,driver_version", "--format=csv,noheader", "--id=0"]
    done = subprocess.run(query, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"gpu-check needs a GPU: nvidia-smi says: {(done.stdout + done.stderr).strip()}")
    name, capability, driver = (part.strip() for part in done.stdout.strip().split(","))
    return {"name": name, "compute_capability": capability, "driver": driver}


def cuda_version():
    """Of the compiler, or None."""
    nvcc = shutil.which("nvcc") or shutil.which("/usr/local/cuda/bin/nvcc")
    if nvcc is None:
        return None
    return run([nvcc, "--version"], None, 60).text.strip().splitlines()[-1]


def commit():
    """What is checked out, marked where files differ from it."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*", "--abbrev=10"]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


if __name__ == "__main__":
    sys.exit(main())
