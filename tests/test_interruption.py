"""Ctrl-C and SIGTERM: how a process ends, what it tidies up, and what does not keep it running."""

import signal
import subprocess
import sys
import textwrap
import time

import pytest

from capszoo import interruption
from tests.once import ONCE

pytestmark = ONCE
# The module by itself: its package would import Keras.
BEFORE = f"""
    import importlib.util, os, signal, sys, time
    signal.signal(signal.SIGINT, signal.default_int_handler)
    spec = importlib.util.spec_from_file_location("interruption", {interruption.__file__!r})
    interruption = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(interruption)

    def come(number=signal.SIGINT):
        os.kill(os.getpid(), number)
"""


def python(script, **arguments):
    words = [sys.executable, "-c", textwrap.dedent(BEFORE) + textwrap.dedent(script)]
    return subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **arguments
    )


def ended(script, **arguments):
    """What a script has printed, and on standard error, and its exit code."""
    process = python(script, **arguments)
    out, err = process.communicate(timeout=60)
    return out.split(), err.split(), process.returncode


@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_unwinds_and_tidies_up_once(number, code):
    script = f"""
        def command():
            print("running")
            try:
                come(signal.{number})
                time.sleep(30)
            finally:
                come(signal.SIGINT)
                come(signal.SIGTERM)
                time.sleep(0.3)
                print("tidied")

        interruption.heed()
        interruption.run(command)
        print("after")
    """
    assert ended(script) == (["running", "tidied"], ["Aborted."], code)


@pytest.mark.parametrize(
    "when",
    [
        "come(); time.sleep(30)",  # as while Python imports
        "interruption.run(lambda: None); come(); time.sleep(30)",  # as while Python ends
    ],
)
def test_ends_at_once_where_nothing_runs(when):
    assert ended(f"interruption.heed(); {when}") == ([], ["Aborted."], 130)


@pytest.mark.parametrize(
    "error", ["RuntimeError('of a backend')", "SystemExit(1)", "KeyError('anything')"]
)
def test_an_error_made_of_it_is_none(error):
    script = f"""
        def command():
            try:
                come()
            except BaseException:
                raise {error} from None

        interruption.heed()
        interruption.run(command)
    """
    assert ended(script) == ([], ["Aborted."], 130)


def test_is_not_lost_in_a_finalizer():
    script = """
        class Finalized:
            def __del__(self):
                come(signal.SIGTERM)
                print("finalized")

        def command():
            Finalized()
            time.sleep(30)

        interruption.heed()
        interruption.run(command)
    """
    assert ended(script) == ([], ["Aborted."], 143)


def test_what_is_swallowed_comes_again():
    """As Keras swallows whatever comes while it reads logs."""
    script = """
        def command():
            try:
                come(signal.SIGTERM)
                time.sleep(30)
            except:
                print("swallowed")
            try:
                time.sleep(30)
            finally:
                time.sleep(1.5)
                print("tidied")

        interruption.heed()
        interruption.run(command)
    """
    started = time.monotonic()
    assert ended(script) == (["swallowed", "tidied"], ["Aborted."], 143)
    assert time.monotonic() - started < interruption.SECONDS


def test_what_keeps_running_is_ended():
    script = """
        def command():
            words = ["ready"]  # said where nothing is let out any more
            while True:
                try:
                    if words:
                        print(words.pop(), flush=True)
                    time.sleep(30)
                except BaseException:
                    print("swallowed", flush=True)

        interruption.SECONDS = 0.5
        interruption.heed()
        interruption.run(command)
    """
    process = python(script)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert (out, err, process.returncode) == ("swallowed\n", "", 143)


def test_other_errors_are_shown_as_ever():
    out, err, code = ended("interruption.heed(); interruption.run(lambda: 1 / 0)")
    assert (out, code, err[-1]) == ([], 1, "zero")


def test_an_ignored_signal_stays_ignored():
    script = """
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        interruption.heed()
        interruption.run(come)
        time.sleep(0.5)
        print("done")
    """
    assert ended(script) == (["done"], [], 0)


def test_a_fork_ends_alone():
    script = """
        def command():
            for _ in range(20):
                child = os.fork()
                if not child:
                    time.sleep(30)
                    os._exit(3)
                os.kill(child, signal.SIGTERM)
                print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            time.sleep(0.5)

        interruption.heed()
        interruption.run(command)
    """
    assert ended(script) == ([str(-signal.SIGTERM)] * 20, [], 0)


def test_a_child_does_not_outlive_its_parent():
    """The parent is killed, and can do nothing about it: its child sees that, and tidies up."""
    child = """
        def command():
            print("running", flush=True)
            try:
                time.sleep(30)
            finally:
                print("tidied", flush=True)

        interruption.heed()
        assert interruption.PARENT not in os.environ
        interruption.run(command)
    """
    child = textwrap.dedent(BEFORE) + textwrap.dedent(child)
    script = f"""
        interruption.start([sys.executable, "-c", {child!r}], {{}}).wait()
    """
    parent = python(script)
    assert parent.stdout.readline() == "running\n"
    parent.kill()
    # The child has the same standard output: it ends where both have ended.
    out, err = parent.communicate(timeout=30)
    assert (out, err) == ("tidied\n", "")


def test_ctrl_c_waits_until_a_child_heeds_it():
    child = """
        come()
        print("held back")
        interruption.heed()
        print("never")
    """
    child = textwrap.dedent(BEFORE) + textwrap.dedent(child)
    script = f"""
        child = interruption.start([sys.executable, "-c", {child!r}], {{}})
        print(child.wait(), signal.pthread_sigmask(signal.SIG_BLOCK, []))
    """
    assert ended(script) == (["held", "back", "130", "set()"], [], 0)
