"""A test marked `engine` without an engine is skipped, or fails where engines are required."""

import gc
import signal
import threading

from engines.rig import pytest_runtest_setup, pytest_xdist_make_scheduler

__all__ = ["pytest_runtest_setup", "pytest_xdist_make_scheduler"]

# As the product's own processes do: collecting takes a tenth of the time otherwise.
gc.set_threshold(50_000)

# Where these tests run in the background, or under nohup, interrupts are ignored, and what is started here
# would ignore those that it is tested with.
if (
    threading.current_thread() is threading.main_thread()
    and signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):
    signal.signal(signal.SIGINT, signal.default_int_handler)
