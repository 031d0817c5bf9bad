"""The protocol of notifications where a kernel does not know all of it."""

import errno
import fcntl
import os

import pytest

from hermetic.linux import notify


def ends_with(number):
    def ioctl(*_):
        raise OSError(number, os.strerror(number))

    return ioctl


def test_a_kernel_that_cannot_hand_over_goes_on_as_before(monkeypatch):
    monkeypatch.setattr(fcntl, "ioctl", ends_with(errno.EINVAL))
    notify.hand_over(5)


def test_what_is_no_listener_cannot_be_handed_over():
    reading, writing = os.pipe()
    try:
        with pytest.raises(OSError, match=os.strerror(errno.ENOTTY)):
            notify.hand_over(reading)
    finally:
        os.close(reading)
        os.close(writing)
