"""``score`` where something cannot be judged: it is named with its reason, the rest is judged, and nothing is lost."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.history import EVERYTHING, History
from core.ink import apart
from core.words import visible
from tests.support.command_line import Run, draw, objects, start


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param("three.png", ("3 shapes", "--split"), id="several shapes"),
        pytest.param(
            "my scans", ("is a folder", "python -m core batch 'my scans' --output verdicts.csv"), id="a folder"
        ),
    ],
)
def test_what_another_option_or_command_judges_is_told_which(name: str, said: tuple[str, ...], run: Run) -> None:
    Path("my scans").mkdir()
    draw("three.png", count=3)

    result = run("score", name, draw(), "--model", "tiny-5", "--format", "json")

    bad, good = objects(result)
    assert (result.exit_code, list(bad), good["source"]) == (1, ["source", "error"], "five.png")
    assert all(word in bad["error"] for word in said)


@pytest.mark.parametrize("how", ["json", "csv", "table"])
def test_interrupted_by_the_keyboard_score_prints_what_it_has_and_says_how_far_it_came(
    how: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [draw(f"{i}.png") for i in range(3)]
    each = apart.each

    def interrupted(name: str, *work: Any) -> Iterator[Any]:
        if name == "2.png":
            raise KeyboardInterrupt
        return each(name, *work)

    monkeypatch.setattr(apart, "each", interrupted)

    result = run("score", *files, "--model", "tiny-5", "--format", how)

    assert result.exit_code == 130
    assert "2 of 3 files are done" in result.stderr
    assert "0.png" in result.stdout
    assert "1.png" in result.stdout
    assert History().count(EVERYTHING).judged == 1  # twice the same ink


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("text.png", b"no picture", id="not a picture"),
        pytest.param("empty.png", b"", id="0 bytes"),
        pytest.param("cut.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", id="cut off"),
        pytest.param("missing.png", None, id="missing"),
        pytest.param(".", None, id="a folder"),
        pytest.param("x" * 300 + ".png", None, id="a name too long"),
        pytest.param("odd [/x] :smile: [red].png", b"no picture", id="a name like markup"),
        pytest.param("null\0byte.png", None, id="a null byte"),
        pytest.param("/dev/zero", None, id="a device, which is not waited for"),
    ],
)
@pytest.mark.parametrize("output", ["json", "table"])
def test_a_file_that_cannot_be_judged_is_named_with_the_reason_and_the_rest_is_judged(
    name: str, content: bytes | None, output: str, run: Run
) -> None:
    if content is not None:
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(content)

    result = run("score", name, draw(), "--model", "tiny-5", "--format", output)

    assert result.exit_code == 1
    if output == "json":
        bad, good = objects(result)
        assert list(bad) == ["source", "error"]
        assert bad["source"] == name
        assert visible(name) in bad["error"]
        assert good["source"] == "five.png"
    else:
        assert visible(name) in result.stderr
        assert "five.png" in result.stdout


def test_a_good_file_with_a_name_like_markup_is_judged_and_named_as_it_is(run: Run) -> None:
    Path("[").mkdir()
    name = draw("[/x] :smile:.png")

    assert name in run("score", name, "--model", "tiny-5").stdout
    assert run("score", name, "--model", "tiny-5").exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param((), id="no file"),
        pytest.param(("five.png", ""), id="an empty name"),
        pytest.param(("five.png", "--alpha", "0"), id="alpha 0"),
        pytest.param(("five.png", "--alpha", "1"), id="alpha 1"),
        pytest.param(("five.png", "--alpha", "nan"), id="alpha NaN"),
        pytest.param(("five.png", "--alpha", "five"), id="alpha in words"),
        pytest.param(("five.png", "--evidence", "sound"), id="unknown evidence"),
        pytest.param(("five.png", "--format", "xml"), id="unknown format"),
        pytest.param(("five.png", "--model", "mnist-11"), id="unknown model"),
        pytest.param(("five.png", "--model", "five.safetensors"), id="damaged model"),
        pytest.param(("five.png", "--colour", "red"), id="unknown option"),
    ],
)
def test_wrong_usage_ends_with_2_and_a_reason_and_prints_nothing_to_standard_output(
    arguments: tuple[str, ...], run: Run
) -> None:
    draw()
    Path("five.safetensors").write_bytes(b"no model")

    result = run("score", *arguments)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.strip()


def test_a_history_that_cannot_be_written_is_said_and_the_verdict_still_stands(run: Run, state_dir: Path) -> None:
    (state_dir / "history.sqlite").write_bytes(b"no database at all" * 1_000)

    result = run("score", draw(), "--model", "tiny-5", "--format", "json")

    assert result.exit_code == 0
    assert objects(result)[0]["verdict"] in ("normal", "anomaly")
    assert "history" in result.stderr.lower()


def test_a_real_process_prints_json_alone_and_ends_with_1_when_something_was_refused(run: Run) -> None:
    Path("empty.png").touch()
    strange = os.fsdecode(b"f\xfcnf.png")
    draw(strange)

    with start("score", strange, "empty.png", "--model", "tiny-5", "--format", "json") as process:
        out, err = process.communicate(timeout=120)

    good, bad = (json.loads(line) for line in out.splitlines())
    assert process.returncode == 1
    assert good["source"] == strange
    assert good["verdict"] in ("normal", "anomaly")
    assert "0 bytes" in bad["error"]
    assert err == ""


@pytest.mark.parametrize("output", ["json", "csv", "table"])
def test_what_a_file_is_called_never_acts_on_the_terminal(output: str, run: Run) -> None:
    bad, good = "\x1b[31m\u202egnp\n.png", draw("\x1b]0;mine\x07.png")
    Path(bad).write_bytes(b"no picture")

    result = run("score", bad, good, "--model", "tiny-5", "--format", output)

    said = (result.stdout + result.stderr).replace("\r\n", "\n")
    assert not {"\x1b", "\x07", "\u202e"} & {*said}
    assert "�[31m�gnp�.png is not a picture" in said.replace("\\ufffd", "�")
