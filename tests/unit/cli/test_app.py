import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

import core
from core import datasets, ink, paths
from core.cli import output
from core.cli.app import app
from core.cli.options import model_names
from core.datasets.examples import for_normal
from core.detector import Detector, registry
from core.history import EVERYTHING, History
from core.operating_point import EVIDENCES

SCORE_KEYS = ["source", "box", "model", "evidence", "alpha", "class_id", "verdict", "p_value", "anomaly_score"]
SCORE_KEYS += ["score", "threshold", "scores", "p_values"]
Run = Callable[..., Result]


@pytest.fixture
def run(tiny_shelf: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in this process, in a folder of its own, where the models tiny-5 and tiny-any are on the shelf."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(paths, "CHECKPOINTS", tmp_path / "no-shipped-models")

    def call(*arguments: str) -> Result:
        result = CliRunner().invoke(app, arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return call


def draw(name: str = "five.png", digit: str = "5", count: int = 1) -> str:
    """A picture of a digit, drawn ``count`` times side by side."""
    picture = next(example for example in for_normal((digit,)) if example.name.endswith(f"a {digit}")).picture()
    page = Image.new("L", (picture.width * count, picture.height), 255)
    for i in range(count):
        page.paste(picture, (i * picture.width, 0))
    page.save(name, "PNG")
    return name


def objects(result: Result) -> list[dict[str, Any]]:
    """What was printed as JSON: one object on one line, and nothing else."""
    return [json.loads(line) for line in result.stdout.splitlines()]


# score: what is printed


def test_score_prints_one_object_with_the_documented_keys(run: Run) -> None:
    result = run("score", draw(), "--model", "tiny-5", "--format", "json")

    (found,) = objects(result)
    assert result.exit_code == 0
    assert list(found) == SCORE_KEYS
    assert (found["source"], found["model"], found["evidence"], found["alpha"]) == ("five.png", "tiny-5", "fused", 0.05)
    assert found["verdict"] == ("anomaly" if found["class_id"] else "normal")
    assert found["anomaly_score"] == 1 - found["p_value"]
    assert tuple(found["scores"]) == tuple(found["p_values"]) == EVIDENCES
    assert found["scores"]["fused"] == found["score"]
    left, top, right, bottom = found["box"]
    assert 0 < left < right < 280
    assert 0 < top < bottom < 280


def test_a_model_of_several_digits_adds_a_p_value_for_each(run: Run) -> None:
    (found,) = objects(run("score", draw(), "--model", "tiny-any", "--format", "json"))

    assert list(found) == [*SCORE_KEYS, "digits"]
    assert list(found["digits"]) == ["0", "5", "8"]


def test_the_numbers_are_those_of_the_detector_for_the_same_picture(run: Run) -> None:
    file = draw()

    (found,) = objects(
        run("score", file, "--model", "tiny-any", "--evidence", "pixel", "--alpha", "0.2", "--format", "json")
    )

    readings = Detector.load("tiny-any").inspect(ink.read(Path(file)).images)
    assert found["p_values"] == {name: float(p[0]) for name, p in readings.p_values.items()}
    assert found["p_value"] == readings.p_values["pixel"][0]
    assert found["digits"] == {name: float(p[0]) for name, p in readings.digit_p_values["pixel"].items()}
    assert (found["evidence"], found["alpha"]) == ("pixel", 0.2)


def test_the_source_is_the_path_as_it_was_given(run: Run) -> None:
    draw()

    for given in ("five.png", "./five.png", str(Path("five.png").resolve())):
        (found,) = objects(run("score", given, "--model", "tiny-5", "--format", "json"))
        assert found["source"] == given


def test_a_model_is_given_by_the_path_of_its_file_too(run: Run, tiny_detector_file: Path) -> None:
    (found,) = objects(run("score", draw(), "--model", str(tiny_detector_file), "--format", "json"))

    assert found["model"] == "tiny-5"


def test_an_alpha_too_small_for_any_line_is_null_in_json(run: Run) -> None:
    (found,) = objects(run("score", draw(), "--model", "tiny-5", "--alpha", "0.0001", "--format", "json"))

    assert found["threshold"] is None
    assert found["verdict"] == "normal"


def test_several_shapes_in_one_picture_are_an_error_that_says_how_many(run: Run) -> None:
    result = run("score", draw("three.png", count=3), "--model", "tiny-5", "--format", "json")

    (found,) = objects(result)
    assert result.exit_code == 1
    assert list(found) == ["source", "error"]
    assert "3 shapes" in found["error"]
    assert "--split" in found["error"]


def test_split_judges_each_shape_from_left_to_right(run: Run) -> None:
    result = run("score", draw("three.png", count=3), "--model", "tiny-5", "--format", "json", "--split")

    found = objects(result)
    assert result.exit_code == 0
    assert [list(each) for each in found] == [SCORE_KEYS] * 3
    lefts = [each["box"][0] for each in found]
    assert lefts == sorted(lefts)


def test_shapes_may_be_one_digit_together_but_not_one_and_several(run: Run) -> None:
    file = draw("three.png", count=3)

    (found,) = objects(run("score", file, "--model", "tiny-5", "--format", "json", "--together"))

    assert found["box"][2] - found["box"][0] > 560
    assert run("score", file, "--model", "tiny-5", "--together", "--split").exit_code == 2


def test_what_was_unsure_goes_to_standard_error_and_can_be_answered(run: Run) -> None:
    faint = Image.open(draw()).point(lambda value: 200 + value // 6)
    faint.save("faint.png", "PNG")

    unsure = run("score", "faint.png", "--model", "tiny-5", "--format", "json")
    turned = run("score", "faint.png", "--model", "tiny-5", "--format", "json", "--ink", "lighter")

    assert "faint.png: The ink is only" in unsure.stderr
    assert objects(unsure)[0]["verdict"]
    assert objects(turned) != objects(unsure)


def test_split_leaves_a_picture_of_one_digit_as_it_is(run: Run) -> None:
    file = draw()

    whole, split = (run("score", file, "--model", "tiny-5", "--format", "json", *more) for more in ((), ("--split",)))

    assert objects(whole) == objects(split)


def test_the_table_goes_to_standard_output_and_reasons_go_to_standard_error(run: Run) -> None:
    Path("empty.png").touch()

    result = run("score", draw(), "empty.png", "--model", "tiny-any")

    assert "five.png" in result.stdout
    assert "verdict" in result.stdout
    assert "empty.png" not in result.stdout
    assert "empty.png is empty (0 bytes)" in result.stderr.replace("\n", " ")
    assert result.exit_code == 1


def test_csv_is_one_line_a_digit_and_opens_in_a_spreadsheet_as_data(run: Run) -> None:
    Path("empty.png").touch()

    result = run("score", draw("=1+1.png"), "empty.png", "--model", "tiny-5", "--format", "csv")

    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["source"] for row in rows] == ["'=1+1.png", "empty.png"]
    assert rows[0]["verdict"] in ("normal", "anomaly")
    assert 0 < float(rows[0]["p_value"]) <= 1
    assert "0 bytes" in rows[1]["error"]
    assert rows[1]["verdict"] == ""


def test_standard_input_is_a_picture_called_by_a_hyphen(run: Run) -> None:
    picture = Path(draw()).read_bytes()

    piped = CliRunner().invoke(app, ["score", "-", "--model", "tiny-5", "--format", "json"], input=picture)
    nothing = CliRunner().invoke(app, ["score", "-", "--model", "tiny-5", "--format", "json"], input=b"")

    (found,) = objects(piped)
    (named,) = objects(run("score", "five.png", "--model", "tiny-5", "--format", "json"))
    assert found == named | {"source": "-"}
    assert objects(nothing)[0]["error"].startswith("standard input is empty")


def test_long_names_are_told_apart_in_a_pipe_and_in_a_narrow_terminal(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [draw(f"box_17_folder_3_page_0042_of_the_archive_field_09_digit_{i}.png") for i in "ab"]

    piped = run("score", *names, "--model", "tiny-5").stdout
    monkeypatch.setattr(output, "out", Console(width=60))
    narrow = run("score", *names, "--model", "tiny-5").stdout

    for name in names:
        assert any(name in line for line in piped.splitlines())
    cells = "".join(line.split("│")[1].strip() for line in narrow.splitlines() if line.startswith("│"))
    assert cells == "".join(names)


# score: what cannot be judged


def test_a_folder_is_named_as_one_with_the_command_that_judges_it(run: Run) -> None:
    Path("my scans").mkdir()

    result = run("score", "my scans", draw(), "--model", "tiny-5", "--format", "json")

    bad, good = objects(result)
    assert result.exit_code == 1
    assert "my scans is a folder" in bad["error"]
    assert "python -m core batch 'my scans' --output verdicts.csv" in bad["error"]
    assert good["source"] == "five.png"


@pytest.mark.parametrize("how", ["json", "csv", "table"])
def test_interrupted_by_the_keyboard_score_prints_what_it_has_and_says_how_far_it_came(
    how: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [draw(f"{i}.png") for i in range(3)]
    read = ink.read

    def interrupted(picture: Path, **options: Any) -> ink.Ink:
        if picture.name == "2.png":
            raise KeyboardInterrupt
        return read(picture, **options)

    monkeypatch.setattr(ink, "read", interrupted)

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
        assert name in bad["error"]
        assert good["source"] == "five.png"
    else:
        assert name in result.stderr
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


# The history


def test_every_digit_judged_is_kept_in_the_history(run: Run) -> None:
    draw()
    draw("three.png", count=3)

    result = run("score", "five.png", "three.png", "--split", "--model", "tiny-5", "--alpha", "0.2", "--format", "json")

    kept = History().browse(EVERYTHING, limit=10)
    printed = {(f"cli: {one['source']}", one["score"]): one for one in objects(result)}
    assert {verdict.source for verdict in kept} == {"cli: five.png", "cli: three.png"}
    for verdict in kept:
        same = printed[verdict.source, verdict.scores["fused"]]
        assert (verdict.p_value, verdict.class_id) == (same["p_value"], same["class_id"])
        assert (verdict.model, verdict.alpha, verdict.source_kind) == ("tiny-5", 0.2, "cli")
        assert verdict.model_hash == Detector.load("tiny-5").fingerprint


def test_no_history_keeps_none(run: Run) -> None:
    run("score", draw(), "--model", "tiny-5", "--no-history")

    assert History().count(EVERYTHING).judged == 0


def test_a_history_that_cannot_be_written_is_said_and_the_verdict_still_stands(run: Run, state_dir: Path) -> None:
    (state_dir / "history.sqlite").write_bytes(b"no database at all" * 1_000)

    result = run("score", draw(), "--model", "tiny-5", "--format", "json")

    assert result.exit_code == 0
    assert objects(result)[0]["verdict"] in ("normal", "anomaly")
    assert "history" in result.stderr.lower()


# evaluate and models


def test_evaluate_prints_one_object_with_the_documented_keys_and_what_was_measured_after_training(run: Run) -> None:
    result = run("evaluate", "--model", "tiny-any", "--dataset", "digits", "--format", "json")

    (found,) = objects(result)
    kept = Detector.load("tiny-any").evaluation_
    assert result.exit_code == 0
    assert list(found) == ["model", "normal", "n_normal", "n_anomaly", "auroc", "at_alpha"]
    assert (found["model"], found["normal"]) == ("tiny-any", ["0", "5", "8"])
    assert (found["n_normal"], found["n_anomaly"]) == (kept.n_normal, kept.n_anomaly)
    assert found["auroc"] == {evidence: kept.auroc(evidence) for evidence in EVIDENCES}
    assert list(found["at_alpha"]) == ["0.01", "0.05", "0.1"]
    for rates in found["at_alpha"].values():
        assert list(rates) == ["false_alarm_rate", "detection_rate"]
        assert all(0 <= rate <= 1 for rate in rates.values())


def test_a_data_set_without_anomalies_has_no_auroc_and_no_detection_rate(run: Run) -> None:
    save_npz("fives.npz", ("5",), 50)

    result = run("evaluate", "--model", "tiny-5", "--dataset", "npz:fives.npz", "--format", "json")

    (found,) = objects(result)
    assert found["n_anomaly"] == 0
    assert set(found["auroc"].values()) == {None}
    assert found["at_alpha"]["0.05"]["detection_rate"] is None
    assert found["at_alpha"]["0.05"]["false_alarm_rate"] is not None
    table = run("evaluate", "--model", "tiny-5", "--dataset", "npz:fives.npz")
    assert "no anomalies to tell apart" in table.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(("--model", "tiny-6"), 2, "there is no model 'tiny-6'", id="unknown model"),
        pytest.param(("--model", "tiny-5", "--dataset", "minst"), 1, "Did you mean 'mnist'", id="misspelt data set"),
        pytest.param(("--model", "tiny-5", "--dataset", "folder:nowhere"), 1, "nowhere", id="missing folder"),
        pytest.param((), 2, "--model", id="no model"),
    ],
)
def test_what_cannot_be_evaluated_ends_with_a_reason(
    arguments: tuple[str, ...], code: int, said: str, run: Run
) -> None:
    result = run("evaluate", *arguments, "--format", "json")

    assert result.exit_code == code
    assert result.stdout == ""
    assert said in result.stderr


def test_models_as_json_is_an_object_a_model(run: Run) -> None:
    (registry.own_folder() / "broken.safetensors").write_bytes(b"no model")

    broken, five, every = objects(run("models", "--format", "json"))

    assert list(broken) == ["model", "error"]
    assert (five["model"], five["normal"], five["shipped"]) == ("tiny-5", ["5"], False)
    assert every["normal"] == ["0", "5", "8"]
    assert Path(five["path"]).is_file()


def test_models_lists_what_there_is_and_names_what_cannot_be_used(run: Run) -> None:
    (registry.own_folder() / "broken.safetensors").write_bytes(b"no model")

    result = run("models")

    assert result.exit_code == 0
    for word in ("tiny-5", "tiny-any", "0, 5, 8", "broken", "cannot be"):
        assert word in result.stdout


# train


def test_train_puts_a_calibrated_and_evaluated_detector_on_the_shelf(run: Run) -> None:
    few = save_npz("few.npz", ("5", "8"), 63)
    quick = ("--epochs", "1", "--architecture", "dense", "--seed", "3")

    result = run("train", "--dataset", few, "--normal", "5", *quick)

    assert result.exit_code == 0
    detector = Detector.load("my-few-5")
    assert detector.card_.normal == ("5",)
    assert detector.card_.settings["architecture"] == "dense"
    assert detector.card_.settings["seed"] == 3
    assert detector.calibrations_["fused"].n == 10
    assert (detector.evaluation_.n_normal, detector.evaluation_.n_anomaly) == (13, 13)
    assert "AUROC" in result.stdout
    assert "my-few-5.safetensors" in result.stderr
    again = run("train", "--dataset", few, "--normal", "5", *quick)
    assert again.exit_code == 2
    assert "'my-few-5' is the name of a model that is already here: choose another name" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(("--normal", "x"), 2, "its labels are 0, 1, 2", id="a label that is not there"),
        pytest.param(("--normal", ","), 2, "name at least one digit", id="no label"),
        pytest.param(("--normal", "5", "--name", "../x"), 2, "is no model name", id="a name that climbs"),
        pytest.param(("--normal", "5", "--name", "tiny-5"), 2, "of a model that is already here", id="a name in use"),
        pytest.param(("--normal", "5", "--resume"), 1, "no interrupted run", id="nothing to resume"),
        pytest.param(("--normal", "5", "--epochs", "0"), 2, "--epochs", id="no epochs"),
        pytest.param(("--normal", "5", "--architecture", "tree"), 2, "--architecture", id="unknown architecture"),
        pytest.param(("--normal", "5", "--dataset", "digit"), 1, "Did you mean 'digits'", id="misspelt data set"),
        pytest.param((), 2, "--normal", id="nothing normal"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_any_training_and_leaves_nothing(
    arguments: tuple[str, ...], code: int, said: str, run: Run
) -> None:
    data = () if "--dataset" in arguments else ("--dataset", "digits")

    result = run("train", *data, *arguments)

    assert result.exit_code == code
    assert said in result.stderr
    assert [model.name for model in registry.shelf()] == ["tiny-5", "tiny-any"]
    assert not list(registry.runs_folder().glob("*"))


def test_training_killed_in_the_middle_resumes_to_the_same_detector_as_if_it_had_never_been(run: Run) -> None:
    few = save_npz("few.npz", ("0", "5"), 63)
    asked = ("--dataset", few, "--normal", "any", "--epochs", "6", "--architecture", "dense", "--seed", "1")
    assert run("train", *asked, "--name", "uninterrupted").exit_code == 0

    with start("train", *asked, "--name", "killed") as process:
        wait_for(registry.runs_folder() / "killed" / "digit-0.safetensors", process)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert "killed" not in [model.name for model in registry.shelf()]
    result = run("train", *asked, "--name", "killed", "--resume")

    assert result.exit_code == 0
    assert Detector.load("killed").fingerprint == Detector.load("uninterrupted").fingerprint
    assert not list(registry.runs_folder().glob("*"))


def test_interrupted_by_the_keyboard_training_says_how_to_go_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> Iterator[object]:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr("core.training.run.run", interrupted)

    result = run("train", "--dataset", "digits", "--normal", "0,5", "--name", "stopped")

    assert result.exit_code == 130
    assert result.stdout == ""
    assert "python -m core train --normal 0,5 --name stopped --resume" in result.stderr


# calibrate


def test_calibrate_makes_a_model_whose_promise_holds_for_the_ink_in_a_folder(run: Run) -> None:
    Path("mine").mkdir()
    for i, image in enumerate(datasets.load("digits", "test").of("5")[:25]):
        Image.fromarray((image * 255).astype(np.uint8)).save(f"mine/{i}.png")

    result = run("calibrate", "--model", "tiny-5", "--images", "mine", "--name", "mine-5")

    assert result.exit_code == 0
    made = Detector.load("mine-5")
    assert made.card_.recalibrated
    assert made.calibrations_["fused"].n == 25
    assert "mine" in made.card_.calibrated_on
    assert "mine-5.safetensors" in result.stderr


# As a process


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param("-h", 0, id="help"),
        pytest.param("--version", 0, id="version"),
        pytest.param("batch --help", 0, id="help of a command"),
        pytest.param("models --format json", 0, id="models"),
        pytest.param("score five.png --alpha 3", 2, id="score: alpha"),
        pytest.param("score five.png --model none", 2, id="score: model"),
        pytest.param("batch five.png --output x.csv --model none", 2, id="batch: model"),
        pytest.param("batch five.png --output x.csv --fdr 2", 2, id="batch: rate"),
        pytest.param("batch five.png --output x.doc", 2, id="batch: output"),
        pytest.param("train --dataset digits --normal x", 2, id="train: label"),
        pytest.param("train --dataset digits --normal 5 --name ../x", 2, id="train: name"),
        pytest.param("train --dataset minst --normal 5", 1, id="train: data set"),
        pytest.param("evaluate --model none", 2, id="evaluate: model"),
        pytest.param("calibrate --model none --images . --name x", 2, id="calibrate: model"),
        pytest.param("calibrate --model mnist-5 --images . --name mnist-5", 2, id="calibrate: name"),
    ],
)
def test_what_needs_no_network_does_not_wait_for_torch(arguments: str, code: int) -> None:
    heavy = ["torch", "torchvision", "sklearn", "scipy", "streamlit", "pandas", "plotly", "skimage"]
    program = f"""
import sys
from core.cli.app import app
try:
    app({arguments.split()})
except SystemExit as end:
    print(end.code, [name for name in {heavy} if name in sys.modules], file=sys.stderr)
"""

    ran = subprocess.run([sys.executable, "-c", program], cwd=paths.ROOT, capture_output=True, text=True, check=True)

    assert ran.stderr.splitlines()[-1] == f"{code} []"


def test_version_is_the_packages(run: Run) -> None:
    assert run("--version").stdout == f"odd-digit {core.__version__}\n"


def test_a_misspelt_command_is_told_the_one_that_was_meant(run: Run) -> None:
    result = run("scor", "five.png")

    assert result.exit_code == 2
    assert "Did you mean 'score'" in result.stderr


def test_the_shell_completes_names_of_models(tiny_shelf: tuple[str, str]) -> None:
    assert [name for name in model_names("tiny-") if name.startswith("tiny")] == ["tiny-5", "tiny-any"]
    assert model_names("no such") == []


def test_every_command_of_the_contract_is_there_with_its_options(run: Run) -> None:
    contract = {
        "score": "--model --evidence --alpha --split --together --ink --whole --format --no-history",
        "train": "--normal --dataset --architecture --epochs --seed --name --resume",
        "evaluate": "--model --dataset --format",
        "calibrate": "--model --images --name",
        "batch": "--output --model --evidence --alpha --fdr --engine --no-history",
        "models": "--format",
    }
    from typer.main import get_command

    commands = get_command(app).commands
    for name, options in contract.items():
        offered = {option for parameter in commands[name].params for option in parameter.opts}
        assert set(options.split()) <= offered, name
        assert run(name, "--help").exit_code == run(name, "-h").exit_code == 0
        assert f"  python -m core {name} " in run(name, "-h").stdout


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


def save_npz(name: str, labels: tuple[str, ...], count: int) -> str:
    """A small data set of one's own, of so many digits of each label; gives its name for ``--dataset``."""
    digits = datasets.load("digits", "train")
    images = np.concatenate([digits.of(label)[:count] for label in labels])
    np.savez(name, images=(images * 255).astype(np.uint8), labels=np.repeat([int(label) for label in labels], count))
    return f"npz:{name}"


def start(*arguments: str) -> subprocess.Popen[str]:
    """The command line as a process of its own, on this test's state."""
    return subprocess.Popen(
        [sys.executable, "-m", "core", *arguments],
        env=os.environ | {"PYTHONPATH": str(paths.ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(file: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a running process has written a file."""
    give_up = time.monotonic() + 120
    while not file.exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < give_up, f"{file} was never written"
        time.sleep(0.01)
