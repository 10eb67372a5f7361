"""Ctrl-C: at any moment, imports included, it ends the program with a sentence and its exit code, never a traceback."""

import os
import signal
import sys
from _thread import interrupt_main

INTERRUPTED = 130  # exit code
AGAIN = 0.02  # seconds
_SHOW_CURSOR = b"\x1b[?25h"  # which a progress bar hides
_at_work = _pressed = False


def heed() -> None:
    """Answer Ctrl-C from now on: at once while nothing is at work, and with KeyboardInterrupt in a command's work."""
    signal.signal(signal.SIGINT, _press)
    sys.unraisablehook = _raise_again


def begin() -> None:
    """A command is at work from here: it says itself what was done."""
    global _at_work
    _at_work = True


def end() -> None:
    """All is done and said: what is left, tidying up, is not interrupted any more."""
    global _at_work, _pressed
    _at_work = _pressed = False
    if signal.getsignal(signal.SIGINT) is _press:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def pressed() -> bool:
    """Whether what is raised now may stem from Ctrl-C, whatever a library that was being imported made of it."""
    return _pressed


def _press(*_: object) -> None:
    global _pressed
    if _at_work and not _pressed:
        _pressed = True
        raise KeyboardInterrupt
    said = b"Interrupted again: ended at once.\n" if _pressed else b"Interrupted: nothing was begun.\n"
    os.write(2, (_SHOW_CURSOR if os.isatty(2) else b"") + said)
    os._exit(INTERRUPTED)


def _raise_again(lost: "sys.UnraisableHookArgs") -> None:
    """An interruption that came where nothing can be raised, while an object was being deleted, comes again."""
    global _pressed
    if lost.exc_type is KeyboardInterrupt:
        from threading import Timer

        _pressed = False
        Timer(AGAIN, interrupt_main).start()  # not here, where nothing can be raised either
    else:
        sys.__unraisablehook__(lost)
