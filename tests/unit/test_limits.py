"""The language of limits: what is read, what is not, and how it is shown."""

import pytest

from hermetic.policy import limits

GOOD = [
    (limits.size, "1", 1, "1 bytes"),
    (limits.size, "1023B", 1023, "1023 bytes"),
    (limits.size, "512M", 512 << 20, "512 MiB"),
    (limits.size, "512MiB", 512 << 20, "512 MiB"),
    (limits.size, "512mb", 512 << 20, "512 MiB"),
    (limits.size, "1.5G", 3 << 29, "1.5 GiB"),
    (limits.size, "2T", 2 << 40, "2 TiB"),
    (limits.size, "1000000", 1000000, "976.56 KiB"),
    (limits.duration, "90", 90, "90 s"),
    (limits.duration, "90s", 90, "90 s"),
    (limits.duration, "0.5", 0.5, "0.5 s"),
    (limits.duration, "250ms", 0.25, "0.25 s"),
    (limits.duration, "5m", 300, "300 s"),
    (limits.duration, "1h30m", 5400, "5400 s"),
    (limits.duration, "1d", 86400, "86400 s"),
    (limits.count, "64", 64, "64"),
]


@pytest.mark.parametrize(("reader", "text", "value", "shown"), GOOD, ids=[row[1] for row in GOOD])
def test_reads_and_shows(reader, text, value, shown):
    assert reader(text) == value
    field = next(field for field, known in limits.READERS.items() if known is reader)
    assert limits.shown(field, value) == f"{limits.NAMES[field]} {shown}"


BAD = [
    (limits.size, "", "a size was expected"),
    (limits.size, "M", "a size was expected"),
    (limits.size, "12Q", "a size was expected"),
    (limits.size, "1M1", "a size was expected"),
    (limits.size, "1 M", "a size was expected"),
    (limits.size, "-1", "a size was expected"),
    (limits.size, "1.2.3M", "a size was expected"),
    (limits.size, "0", "it would leave nothing"),
    (limits.size, "0.1", "it would leave nothing"),
    (limits.size, "9" * 90 + "T", "it is too large"),
    (limits.size, "٣M", "a size was expected"),
    (limits.duration, "", "a time was expected"),
    (limits.duration, "soon", "a time was expected"),
    (limits.duration, "5M", "a time was expected"),
    (limits.duration, "1h30", "a time was expected"),
    (limits.duration, "1:30", "a time was expected"),
    (limits.duration, "0s", "it would leave nothing"),
    (limits.duration, "99999d", "it is too large"),
    (limits.count, "", "a number was expected"),
    (limits.count, "1.5", "a number was expected"),
    (limits.count, "²", "a number was expected"),
    (limits.count, "0", "it would leave nothing"),
    (limits.count, "9" * 5000, "it is too large"),
]


@pytest.mark.parametrize(("reader", "text", "why"), BAD, ids=[f"{row[0].__name__} {row[1][:10]!r}" for row in BAD])
def test_refuses(reader, text, why):
    with pytest.raises(limits.LimitError, match=why) as caught:
        reader(text)
    reader(caught.value.like.partition(",")[0])
