"""``score``: one verdict a digit, in the formats that programs and people read."""

import csv
import io
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

from core import ink
from core.cli import output, score
from core.cli.app import app
from core.detector import Detector
from core.history import EVERYTHING, History
from core.operating_point import EVIDENCES
from core.views import second_opinion
from tests.support.command_line import Run, draw, objects
from tests.support.pens import beside_a_faint_stroke
from tests.support.piles import document

SCORE_KEYS = ["source", "box", "model", "evidence", "alpha", "class_id", "verdict", "p_value", "anomaly_score"]
SCORE_KEYS += ["score", "threshold", "scores", "p_values"]


@pytest.mark.parametrize("model", ["tiny-5", "tiny-any"])
def test_score_prints_one_object_with_the_documented_keys_and_of_several_digits_a_p_value_for_each(
    model: str, run: Run
) -> None:
    result = run("score", draw(), "--model", model, "--format", "json")

    (printed,) = objects(result)
    assert result.exit_code == 0
    assert list(printed) == [*SCORE_KEYS, *["digits"] * (model == "tiny-any")]
    assert list(printed.get("digits", "058")) == ["0", "5", "8"]
    assert [printed[key] for key in ("source", "model", "evidence", "alpha")] == ["five.png", model, "fused", 0.05]
    assert printed["verdict"] == ("anomaly" if printed["class_id"] else "normal")
    assert printed["anomaly_score"] == 1 - printed["p_value"]
    assert tuple(printed["scores"]) == tuple(printed["p_values"]) == EVIDENCES
    assert printed["scores"]["fused"] == printed["score"]
    left, top, right, bottom = printed["box"]
    assert 0 < left < right < 280
    assert 0 < top < bottom < 280


def test_a_picture_whose_exif_is_damaged_is_judged_without_a_word_of_the_decoders(
    run: Run, recwarn: pytest.WarningsRecorder
) -> None:
    with Image.open(draw()) as picture:
        picture.convert("L").save("exif.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(9))

    (printed,) = objects(run("score", "exif.jpg", "--model", "tiny-5", "--format", "json"))

    assert "verdict" in printed
    assert not [warning for warning in recwarn if "PIL" in warning.filename]


def test_the_numbers_are_those_of_the_detector_for_the_same_picture(run: Run) -> None:
    file = draw()

    (printed,) = objects(
        run("score", file, "--model", "tiny-any", "--evidence", "pixel", "--alpha", "0.2", "--format", "json")
    )

    readings = Detector.load("tiny-any").inspect(ink.read(Path(file)).images)
    assert printed["p_values"] == {name: float(p[0]) for name, p in readings.p_values.items()}
    assert printed["p_value"] == readings.p_values["pixel"][0]
    assert printed["digits"] == {name: float(p[0]) for name, p in readings.digits_by("pixel").items()}
    assert (printed["evidence"], printed["alpha"]) == ("pixel", 0.2)


def test_the_source_is_the_path_as_it_was_given_and_a_model_is_found_by_its_path_too(
    run: Run, tiny_detector_file: Path
) -> None:
    draw()

    for given in ("five.png", "./five.png", str(Path("five.png").resolve())):
        (printed,) = objects(run("score", given, "--model", str(tiny_detector_file), "--format", "json"))
        assert (printed["source"], printed["model"]) == (given, "tiny-5")


def test_an_alpha_too_small_for_any_threshold_is_null_in_json(run: Run) -> None:
    (printed,) = objects(run("score", draw(), "--model", "tiny-5", "--alpha", "0.0001", "--format", "json"))

    assert printed["threshold"] is None
    assert printed["verdict"] == "normal"


def test_shapes_are_several_digits_from_left_to_right_or_one_together_but_not_both(run: Run) -> None:
    asked = ("score", draw("three.png", count=3), "--model", "tiny-5", "--format", "json")

    result, (one,) = run(*asked, "--split"), objects(run(*asked, "--together"))

    printed = objects(result)
    assert result.exit_code == 0
    assert [list(each) for each in printed] == [SCORE_KEYS] * 3
    lefts = [each["box"][0] for each in printed]
    assert lefts == sorted(lefts)
    assert one["box"][2] - one["box"][0] > 560
    assert run(*asked, "--together", "--split").exit_code == 2
    asked = ("score", draw(), *asked[2:])
    assert objects(run(*asked)) == objects(run(*asked, "--split"))


def test_what_was_unsure_goes_to_standard_error_and_can_be_answered(run: Run) -> None:
    faint = Image.open(draw()).point(lambda value: 200 + value // 6)
    faint.save("faint.png", "PNG")

    unsure = run("score", "faint.png", "--model", "tiny-5", "--format", "json")
    turned = run("score", "faint.png", "--model", "tiny-5", "--format", "json", "--ink", "lighter")

    assert "faint.png: The ink is only" in unsure.stderr
    assert objects(unsure)[0]["verdict"]
    assert objects(turned) != objects(unsure)


def test_a_faint_stroke_that_was_left_out_is_said_with_the_option_that_takes_it_in(run: Run) -> None:
    beside_a_faint_stroke().save("four.png")

    left_out, taken_in = (
        run("score", "four.png", "--model", "tiny-5", "--format", "json", "--together", *more)
        for more in ((), ("--faint",))
    )

    assert "four.png: A faint stroke was left out. (--faint takes it in)" in left_out.stderr
    assert objects(left_out)[0]["box"][2] < 200 < objects(taken_in)[0]["box"][2]


def test_the_table_goes_to_standard_output_and_reasons_go_to_standard_error(run: Run) -> None:
    Path("empty.png").touch()

    result = run("score", draw(), "empty.png", "--model", "tiny-any")

    assert "five.png" in result.stdout
    assert "verdict" in result.stdout
    assert "empty.png" not in result.stdout
    assert "empty.png is empty (0 bytes)" in result.stderr.replace("\n", " ")
    assert result.exit_code == 1


def test_the_table_reads_a_normal_picture_as_one_digit_at_least_and_an_anomaly_as_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    seen = {"p_value": 0.5, "anomaly_score": 0.5, "alpha": 0.05}
    odd = seen | {"source": "odd.png", "verdict": "anomaly", "class_id": 1, "digits": {"3": 0.2, "8": 0.1}}
    even = seen | {"source": "even.png", "verdict": "normal", "class_id": 0, "digits": {"3": 0.01, "8": 0.04}}

    output.print_scores([odd, even], output.TableFormat.table)

    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in capsys.readouterr().out.splitlines()]
    assert [(row[0], row[-1]) for row in cells if row] == [("odd.png", ""), ("even.png", "8")]


def test_csv_is_one_line_a_digit_and_opens_in_a_spreadsheet_as_data(run: Run) -> None:
    Path("empty.png").touch()

    result = run("score", draw("=1+1.png"), "empty.png", "--model", "tiny-5", "--format", "csv")

    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["source"] for row in rows] == ["'=1+1.png", "empty.png"]
    assert rows[0]["verdict"] in ("normal", "anomaly")
    assert 0 < float(rows[0]["p_value"]) <= 1
    assert "0 bytes" in rows[1]["error"]
    assert rows[1]["verdict"] == ""


def test_each_page_of_a_pdf_is_judged_under_its_number_and_a_blank_one_is_refused_alone(run: Run) -> None:
    with Image.open(draw()) as five:
        Path("scan.pdf").write_bytes(document([five.convert("L"), Image.new("L", five.size, 255), five.convert("L")]))

    named = run("score", "scan.pdf", "--model", "tiny-5", "--format", "json")
    piped = CliRunner().invoke(app, ["score", "-", "--model", "tiny-5"], input=Path("scan.pdf").read_bytes())

    first, blank, last = objects(named)
    assert [page["source"] for page in (first, blank, last)] == [f"scan.pdf page {page}" for page in (1, 2, 3)]
    assert "no ink found" in blank["error"]
    assert last == first | {"source": "scan.pdf page 3"}
    assert "- page 3" in piped.stdout
    assert "standard input page 2: no ink found" in piped.stderr


def test_standard_input_is_a_picture_called_by_a_hyphen(run: Run) -> None:
    picture = Path(draw()).read_bytes()

    piped = CliRunner().invoke(app, ["score", "-", "--model", "tiny-5", "--format", "json"], input=picture)
    nothing = CliRunner().invoke(app, ["score", "-", "--model", "tiny-5", "--format", "json"], input=b"")

    (printed,) = objects(piped)
    (named,) = objects(run("score", "five.png", "--model", "tiny-5", "--format", "json"))
    assert printed == named | {"source": "-"}
    assert objects(nothing)[0]["error"].startswith("standard input is empty")


def test_long_names_are_told_apart_in_a_pipe_and_in_a_narrow_terminal(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [draw(f"box_17_folder_3_page_0042_of_the_archive_field_09_digit_{i}.png") for i in "ab"]

    piped = run("score", *names, "--model", "tiny-5").stdout
    monkeypatch.setattr(output, "out", Console(width=60))
    narrow = run("score", *names, "--model", "tiny-5").stdout.splitlines()

    for name in names:
        assert any(name in line for line in piped.splitlines())
        assert narrow[narrow.index(name) + 1].startswith("  verdict: ")
    assert "reads as" not in piped, "a model of one digit reads nothing but that"


def test_every_digit_judged_is_kept_in_the_history_unless_asked_not_to(run: Run) -> None:
    draw()
    draw("three.png", count=3)
    run("score", "five.png", "--model", "tiny-5", "--no-history")
    assert History().count(EVERYTHING).judged == 0

    result = run("score", "five.png", "three.png", "--split", "--model", "tiny-5", "--alpha", "0.2", "--format", "json")

    kept = History().browse(EVERYTHING, limit=10)
    printed = {(f"cli: {one['source']}", one["score"]): one for one in objects(result)}
    assert {verdict.source for verdict in kept} == {"cli: five.png", "cli: three.png"}
    for verdict in kept:
        same = printed[verdict.source, verdict.scores["fused"]]
        assert (verdict.p_value, verdict.class_id) == (same["p_value"], same["class_id"])
        assert (verdict.model, verdict.alpha, verdict.source_kind) == ("tiny-5", 0.2, "cli")
        assert verdict.model_hash == Detector.load("tiny-5").fingerprint


@pytest.mark.parametrize(("field", "said"), [("none", "no digit"), ("6", "6"), ("4 7 9", "4, 7 or 9")])
def test_a_second_opinion_is_listed_as_pages_say_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, field: str, said: str
) -> None:
    monkeypatch.setattr(output, "out", Console(width=200))
    judged = {
        "source": "a.png",
        "class_id": 0,
        "verdict": "normal",
        "p_value": 0.3,
        "anomaly_score": 0.7,
        "alpha": 0.05,
    }

    output.print_scores([judged | {"second_opinion": field}], output.TableFormat.table)

    assert f"│ {said}, to the network that knows all ten digits" in capsys.readouterr().out


def test_a_second_opinion_is_a_field_of_its_own_and_changes_no_verdict(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_opinion, "MODEL", "tiny-any")
    monkeypatch.setattr(score, "_model_of_all_ten", lambda: Detector.load("tiny-any"))
    asked = ("score", draw(), "--model", "tiny-5", "--format", "json", "--no-history")

    (alone,), (second,) = objects(run(*asked)), objects(run(*asked, "--second-opinion"))

    opinion = second.pop("second_opinion")
    assert second == alone
    assert opinion == "none" or set(opinion.split()) <= {"0", "5", "8"}
    several = run("score", "five.png", "--model", "tiny-any", "--second-opinion", "--format", "json", "--no-history")
    assert objects(several)[0]["second_opinion"] is None
    shown = run("score", "five.png", "--model", "tiny-5", "--second-opinion").stdout
    assert "to the network that knows all ten digits" in " ".join(shown.replace("│", " ").split())
    (kept,) = History().browse()
    assert kept.second_opinion == opinion
