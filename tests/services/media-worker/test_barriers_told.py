"""A machine that cannot confine decoders fully says so, or refuses to start where that was asked for."""

import pytest
from structlog.testing import capture_logs

from coffer_chassis import metrics
from coffer_media_worker import app
from coffer_media_worker.app import tell_barriers, tell_decoders


def test_a_missing_barrier_is_told_in_log_and_metric() -> None:
    with capture_logs() as said:
        tell_barriers(("paths",), required=False)
    assert [(line["event"], line["missing"], line["log_level"]) for line in said] == [("jail_incomplete", ["paths"], "warning")]
    stands = {
        sample.labels["barrier"]: sample.value for metric in metrics.MEDIA_BARRIERS.collect() for sample in metric.samples
    }
    assert (stands["paths"], stands["system_calls"]) == (0, 1)


def test_nothing_is_said_where_nothing_is_missing() -> None:
    with capture_logs() as said:
        tell_barriers((), required=True)
    assert said == []


def test_it_does_not_start_without_barriers_that_are_required() -> None:
    with pytest.raises(RuntimeError, match="system_calls"):
        tell_barriers(("system_calls",), required=True)


def test_files_without_a_preview_are_told_where_their_decoder_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "OPTIONAL", {"json": "files of JSON", "no_such_decoder": "files of nobody"})
    with capture_logs() as said:
        assert tell_decoders() == ["files of nobody"]
    (line,) = said
    assert (line["event"], line["without_preview"], line["log_level"]) == ("decoders_missing", ["files of nobody"], "warning")
    monkeypatch.setattr(app, "OPTIONAL", {"json": "files of JSON"})
    with capture_logs() as said:
        assert tell_decoders() == []
    assert said == []
