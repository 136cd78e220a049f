"""Ctrl-C and SIGTERM: a command ends soon, in one word, with exit code 130 or 143, at any moment.

While the command runs, `Interrupted` unwinds it, so that files and the processes it started are
tidied up; a second signal does not disturb that. While Python imports or ends there is nothing to
tidy up, and the process ends at once. Three things could lose the exception: Python ignores one
that lands in a finalizer, some code swallows whatever comes, as Keras does where it reads logs, and
no code of ours runs while a backend computes or compiles. So a thread raises it again, and ends the
process after `SECONDS` whatever it is at: all that is written is written whole or not at all.

`import capszoo` calls `heed` in its first lines: that is why this module imports the standard
library alone.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
import weakref
from collections.abc import Callable
from collections.abc import Sequence
from types import FrameType
from typing import Any

# For a process that a command of ours started half of it, so that the command can wait for it.
SECONDS = 8.0
# After which an exception that was lost is raised again.
PAUSE = 1.0
# Tells a process that we start which process it must not outlive.
PARENT = "CAPSZOO_PARENT"
_HEEDED = (signal.SIGINT, signal.SIGTERM)

# The signal that came, and the exception that it raised, which lives as long as it is on its way.
came: int | None = None
_raised: Callable[[], Any] | None = None
_running = False
_is_child = False


class Interrupted(BaseException):
    """What Ctrl-C and SIGTERM raise in a command, no `Exception` that anything would handle."""


def heed() -> None:
    """Makes Ctrl-C and SIGTERM end this process, which is the `capszoo` command.

    A signal that whoever started the process made it ignore stays ignored. Where another process
    of ours started this one, the end of that one ends this one, too.
    """
    global _is_child
    parent = os.environ.pop(PARENT, None)
    _is_child = parent is not None
    ours, of_python = socket.socketpair()
    of_python.setblocking(False)
    # Python writes the number of each signal here at once, also while a backend computes.
    signal.set_wakeup_fd(of_python.fileno(), warn_on_full_buffer=False)
    for number in _HEEDED:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    if parent is not None and hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEEDED)
    sys.unraisablehook = _show_others
    sys.excepthook = _end_or_show
    if hasattr(os, "register_at_fork"):
        # A signal in between waits: the thread that sees to it is not in the child.
        os.register_at_fork(
            before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, _HEEDED),
            after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEEDED),
            after_in_child=_forget,
        )
    # The other end of the pair lives as long as the thread.
    arguments = (ours, of_python, None if parent is None else int(parent))
    threading.Thread(target=_watch, args=arguments, daemon=True).start()


def run(command: Callable[[], Any]) -> None:
    """Runs a command; one that was interrupted has unwound, and the process ends.

    Args:
        command: A function without arguments.
    """
    global _running
    try:
        _running = True
        command()
    finally:
        _running = False
        if came:
            _end()


def start(words: Sequence[str], environment: dict[str, str], **options: Any) -> Any:
    """Starts a command of ours that ends where this process ends.

    Ctrl-C in a terminal reaches it, too; until it heeds that, which takes Python a moment, it is
    held back.

    Args:
        words: Of the command.
        environment: Environment variables beside those of this process.
        **options: Of `subprocess.Popen`.

    Returns:
        The `subprocess.Popen`.
    """
    import subprocess  # which the command itself does without, in its first moments

    environment = {**os.environ, PARENT: str(os.getpid()), **environment}
    if not hasattr(signal, "pthread_sigmask"):
        return subprocess.Popen(words, env=environment, **options)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        return subprocess.Popen(words, env=environment, **options)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _interrupt(number: int, frame: FrameType | None) -> None:
    global came
    if came and not _lost():
        return
    came = came or number
    if not _running:
        _end()
    # Not by a name: the traceback would keep what this frame holds.
    raise _remembered(Interrupted())


def _remembered(error):
    global _raised
    _raised = weakref.ref(error)
    return error


def _lost():
    return _raised is not None and _raised() is None


def _end():
    """Ends the process without what Python does at its exit, where threads of backends crash."""
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    with contextlib.suppress(Exception):
        if not _is_child:
            print("Aborted.", file=sys.stderr)
        sys.stderr.flush()
    os._exit(128 + came)


def _watch(signals, _, parent):
    """Sees to it that a signal that came is not lost, and that the parent still runs."""
    signals.settimeout(None if parent is None else 1.0)
    number = None
    while number is None:
        try:
            number = next(filter(_is_ours, signals.recv(64)), None)
        except TimeoutError:
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGTERM)
    again = time.monotonic() + PAUSE
    until = time.monotonic() + (SECONDS / 2 if parent else SECONDS)
    while time.monotonic() < until:
        time.sleep(0.2)
        if _lost() and time.monotonic() > again:
            os.kill(os.getpid(), number)
            again = time.monotonic() + PAUSE
    os._exit(128 + number)


def _is_ours(number):
    return number in _HEEDED and signal.getsignal(number) is _interrupt


def _show_others(unraisable):
    if not issubclass(unraisable.exc_type, Interrupted):
        sys.__unraisablehook__(unraisable)


def _end_or_show(kind, error, traceback):
    if came:
        _end()
    sys.__excepthook__(kind, error, traceback)


def _forget():
    """Lets a fork of this process end as any process does."""
    signal.set_wakeup_fd(-1)
    for number in _HEEDED:
        if signal.getsignal(number) is _interrupt:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEEDED)
