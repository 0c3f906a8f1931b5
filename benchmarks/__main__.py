"""Measures pyneural against its peers on this machine: `python -m benchmarks --help`."""

from benchmarks.harness.command import main

if __name__ == "__main__":
    raise SystemExit(main())
