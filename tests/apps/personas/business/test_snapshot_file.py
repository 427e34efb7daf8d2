"""Files of figures: all of it is right, or nothing is taken."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officium.apps.personas.business import snapshot_file
from officium.apps.personas.business.errors import ImportRejected
from officium.apps.personas.business.snapshot_file import FileFormat, read_snapshots

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
DAY = datetime(2026, 11, 20, tzinfo=UTC)


def test_csv_has_a_snapshot_in_each_line() -> None:
    content = (
        b"\xef\xbb\xbfasOf,Sessions,users,conversions,revenue,churned customers\r\n"
        b"2026-11-19,1400,430,20,11000,\r\n"
        b"2026-11-20T00:00:00Z, 1500 ,450,23,12500.50,3\r\n\r\n"
    )

    first, second = read_snapshots(content, "csv", NOW)

    assert first.figures == {"sessions": 1400, "users": 430, "conversions": 20, "revenue": 11000}
    assert second.as_of == DAY
    assert second.figures == {
        "sessions": 1500,
        "users": 450,
        "conversions": 23,
        "revenue": 12500.5,
        "churned customers": 3,
    }


@pytest.mark.parametrize("wrapped", [False, True])
def test_json_has_a_list_of_snapshots(wrapped: bool) -> None:
    rows = b'[{"as_of": "2026-11-20", "users": 450, "extra": {"mrr": 9.5}, "nps": 40, "sessions": null}]'
    content = b'{"snapshots": ' + rows + b"}" if wrapped else rows

    (snapshot,) = read_snapshots(content, "json", NOW)

    assert (snapshot.as_of, snapshot.figures) == (DAY, {"users": 450, "mrr": 9.5, "nps": 40})


def test_every_wrong_row_is_told_with_its_number() -> None:
    content = (
        b"date,users,revenue\n2026-11-18,5,1\nsoon,5,1\n2026-11-19,many,1\n2026-11-18,6,1\n2026-11-20,-4,1\n"
    )

    with pytest.raises(ImportRejected) as caught:
        read_snapshots(content, "csv", NOW)

    rows = caught.value.fields["rows"]
    assert isinstance(rows, list)
    assert [each["row"] for each in rows] == [3, 4, 5, 6]
    assert "Row 2 is of the same moment" in rows[2]["problem"]
    assert "row 3" in caught.value.message
    assert "and 1 more" in caught.value.message


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        pytest.param("csv", b"", id="empty"),
        pytest.param("csv", b"asOf,users\n", id="head-alone"),
        pytest.param("csv", b"users\n5\n", id="no-moment"),
        pytest.param("csv", b"asOf,users,users\n2026-11-20,1,2\n", id="column-twice"),
        pytest.param("csv", b"asOf,users\n2026-11-20,1,2\n", id="more-cells-than-columns"),
        pytest.param("csv", b'asOf,users\n2026-11-20,"1\n', id="open-quote"),
        pytest.param("csv", b"asOf,users\n2026-11-20,\xff\n", id="no-utf-8"),
        pytest.param("csv", b"asOf,revenue\n2026-11-20,1e999\n", id="endless"),
        pytest.param("csv", b"asOf,revenue\n2026-11-20,nan\n", id="no-number"),
        pytest.param("csv", b"asOf,users\n2026-11-20,1.5\n", id="half-a-user"),
        pytest.param("csv", b"asOf,users\n2026-11-20T10:00:00,1\n", id="nobodys-time"),
        pytest.param("csv", b"asOf,users\n0001-01-01T00:00:00+14:00,1\n", id="before-all-time"),
        pytest.param("json", b"{", id="no-json"),
        pytest.param("json", b"[1]", id="no-object"),
        pytest.param("json", b'{"snapshots": 1}', id="no-list"),
        pytest.param("json", b'[{"asOf": "2026-11-20", "users": true}]', id="truth-is-no-number"),
        pytest.param("json", b'[{"asOf": ["2026-11-20"], "users": 1}]', id="moment-in-a-list"),
        pytest.param("json", b"[" * 100_000, id="deep"),
    ],
)
def test_file_that_is_none_is_refused(kind: FileFormat, content: bytes) -> None:
    with pytest.raises(ImportRejected):
        read_snapshots(content, kind, NOW)


def test_file_with_too_many_rows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot_file, "MOST_ROWS", 3)
    days = (f"{DAY - timedelta(days=ago):%Y-%m-%d},1\n" for ago in range(4))

    with pytest.raises(ImportRejected, match="at most 3 rows"):
        read_snapshots(f"asOf,users\n{''.join(days)}".encode(), "csv", NOW)


def test_file_that_is_too_large_is_refused() -> None:
    with pytest.raises(ImportRejected, match="1024 KB"):
        read_snapshots(b" " * (1024 * 1024 + 1), "json", NOW)


@given(st.binary(max_size=200), st.sampled_from(["csv", "json"]))
def test_no_bytes_break_it(content: bytes, kind: FileFormat) -> None:
    for data in (content, b"asOf,users,x\n2026-11-20," + content, b'[{"asOf": "2026-11-20", "x": ' + content):
        with suppress(ImportRejected):
            assert read_snapshots(data, kind, NOW)
