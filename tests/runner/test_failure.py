"""Failures: what is told of an exception, and what of it reaches another process."""

import pickle

import pytest

from curifactory.errors import CurifactoryError
from curifactory.failure import MOST, failed, of_machine


class Odd(Exception):
    def __init__(self, one, other):
        super().__init__(f"{one} and {other}")


class Disguised(Exception):
    def __reduce__(self):
        return ValueError, self.args


class Interrupting(Exception):
    def __reduce__(self):
        raise KeyboardInterrupt


def there(failure):
    """Return a failure as two other processes get it, one after the other."""
    return pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(failure))))


def test_an_exception_is_the_same_one_in_another_process():
    raised = there(failed(KeyError("x", 3))).raised()
    assert type(raised) is KeyError and raised.args == ("x", 3)


@pytest.mark.parametrize(
    "error",
    [
        Odd(1, 2),
        Disguised("x"),
        Interrupting("x"),
        ValueError("x" * MOST),
        ValueError(lambda: 1),
    ],
)
def test_what_does_not_arrive_whole_is_told(error):
    failure = there(failed(error))
    raised = failure.raised()
    assert type(raised) is CurifactoryError and raised is failure.raised()
    assert raised.message.startswith(f"{type(error).__name__}: ")


def test_a_failure_without_an_exception_is_told():
    raised = there(of_machine("WorkerLost", "its worker was killed")).raised()
    assert raised.message == "WorkerLost: its worker was killed"
