"""Files from the network: downloaded once, checked, put in place in one step."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

_BLOCK = 1 << 20


def keras_home() -> Path:
    """Keras's folder for downloads and settings: `$KERAS_HOME`, or `~/.keras`."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras").expanduser()


def sha256_of(path: Any) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def get_file(
    fname: str | None = None,
    origin: str | None = None,
    *,
    cache_subdir: str = "datasets",
    file_hash: str | None = None,
    cache_dir: Any = None,
    timeout: float = 30.0,
) -> str:
    """The path of a file in the cache, downloaded if it is not there.

    Args:
        fname: its name in the cache; the last part of `origin` by default.
        origin: its address.
        cache_subdir: folder in the cache.
        file_hash: its SHA-256; a file with another one is never used.
        cache_dir: the cache, `$KERAS_HOME` or `~/.keras` by default.
        timeout: seconds to wait for the server.

    Returns:
        The path.

    Raises:
        ValueError: no address, a name that leaves the cache, or a download with another hash.
        OSError: the download failed; the message tells how to put the file in place by hand.
    """
    if not origin:
        raise ValueError('Please specify the "origin" argument (URL of the file to download).')
    fname = fname or os.path.basename(origin.split("?", 1)[0])
    if not fname or os.path.basename(fname) != fname or fname in (".", ".."):
        raise ValueError(f"Invalid file name: {fname!r}")
    folder = (Path(cache_dir) if cache_dir else keras_home()) / cache_subdir
    path = folder / fname
    if path.is_file():
        if file_hash is None or sha256_of(path) == file_hash:
            return str(path)
        print(f"{path} is not the expected file (its SHA-256 differs): downloading it again.")
    folder.mkdir(parents=True, exist_ok=True)
    _download(origin, path, file_hash, timeout)
    return str(path)


def require_answer(origin: str, seconds: float) -> None:
    """Returns once a server has answered.

    Args:
        origin: an address.
        seconds: how long to wait, the look-up of the name included: that one knows no time limit of its own.

    Raises:
        OSError: no answer in time, or a refusal.
    """
    import threading
    import urllib.request

    outcome: list[Exception | None] = []

    def ask() -> None:
        try:
            urllib.request.urlopen(urllib.request.Request(origin, method="HEAD"), timeout=seconds).close()
            outcome.append(None)
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    host = origin.split("/")[2]
    error = outcome[0] if outcome else TimeoutError()
    reason = getattr(error, "reason", error)
    if isinstance(reason, TimeoutError):  # the thread's own limit may be over first
        raise OSError(f"{host} did not answer within {seconds:g} s") from error
    if error is not None:
        raise OSError(f"{host}: {reason}") from error


def _download(origin: str, path: Path, file_hash: str | None, timeout: float) -> None:
    import tempfile
    import urllib.request

    digest = hashlib.sha256()
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            try:
                with urllib.request.urlopen(origin, timeout=timeout) as response:
                    while block := response.read(_BLOCK):
                        digest.update(block)
                        file.write(block)
            except OSError as error:
                raise OSError(
                    f"Could not download {origin}: {error}. On a machine without network put the file at {path}."
                ) from error
            file.flush()
            os.fsync(file.fileno())
        if file_hash is not None and digest.hexdigest() != file_hash:
            raise ValueError(
                f"{origin} is not the expected file: its SHA-256 is {digest.hexdigest()}, expected {file_hash}."
            )
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)
