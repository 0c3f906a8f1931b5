"""A progress bar over tqdm; one line per epoch is left behind, the same with and without a bar."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

_LINE = 70  # characters beside the bar, with two metrics


def is_terminal() -> bool:
    """Whether a bar can be drawn: standard output is a terminal or a notebook."""
    try:
        return sys.stdout.isatty() or "ipykernel" in sys.modules
    except (AttributeError, ValueError):
        return False


def format_value(value: Any) -> str:
    """A metric with 4 digits, or in scientific notation where these would show too little."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return f"{number:.4f}" if number == 0 or 1e-3 < abs(number) < 1e5 else f"{number:.4e}"


class Progbar:
    """A progress bar.

    Args:
        target: number of steps, None if unknown.
        width: widest bar in characters; it shrinks where the line would not fit the terminal.
        verbose: 0 for silence, 1 for a bar (on a terminal), 2 for one line at the end.
        interval: seconds between two updates.
        stateful_metrics: accepted for compatibility: values are shown as they come.
        unit_name: what a step is called.
        label: what stands before the bar.
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Any = None,
        unit_name: str = "step",
        label: str = "",
    ):
        self.target = target
        self.width = width
        self.verbose = 2 if verbose == 1 and not is_terminal() else verbose
        self.interval = interval
        self.unit_name = unit_name
        self.label = label
        self._started = time.perf_counter()
        self._shown_at = 0.0
        self._done = 0
        self._bar: Any = None
        if self.verbose == 1:
            import shutil

            from tqdm import tqdm

            self._bar = tqdm(
                total=target,
                desc=label or None,
                unit=unit_name,
                file=sys.stdout,
                leave=False,
                ncols=min(shutil.get_terminal_size().columns, _LINE + width),
                bar_format="{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]",
            )

    def show(self, current: int, values: Callable[[], dict] | dict) -> None:
        """Draws the bar at `current` steps, unless that was done just now."""
        self._done = current
        now = time.perf_counter()
        if self._bar is None or now - self._shown_at < self.interval:
            return
        self._shown_at = now
        self._draw(current, values() if callable(values) else values)

    def update(self, current: int, values: Any = None, finalize: bool | None = None) -> None:
        """Draws the bar.

        Args:
            current: steps done.
            values: list of (name, value).
            finalize: whether these are all steps; by default whether `current` is the target.
        """
        values = dict(values or [])
        if finalize or (finalize is None and self.target is not None and current >= self.target):
            self._done = current
            self.finish(values)
        else:
            self.show(current, values)

    def add(self, n: int, values: Any = None) -> None:
        """Draws the bar `n` steps further on."""
        self.update(self._done + n, values)

    def finish(self, values: dict) -> None:
        """Draws the last state and ends the line."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        if self.verbose:
            print(self._line(values), flush=True)

    def _draw(self, current: int, values: dict) -> None:
        bar = self._bar
        bar.n = current
        bar.set_postfix_str(", ".join(_pairs(values)), refresh=False)
        bar.refresh()

    def _line(self, values: dict) -> str:
        seconds = time.perf_counter() - self._started
        steps = self.target or self._done
        parts = [self.label] if self.label else []
        if steps:
            parts += [f"{steps}/{steps}", f"{seconds:.0f}s", f"{_duration(seconds / steps)}/{self.unit_name}"]
        return " - ".join(parts + _pairs(values, ": "))


def _pairs(values: dict, colon: str = "=") -> list[str]:
    return [f"{name}{colon}{format_value(value)}" for name, value in values.items()]


def _duration(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"
