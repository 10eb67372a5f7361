"""The command line as a whole: what is offered, and that nobody waits for what is not needed."""

import json
import subprocess
import sys

import core
from core import paths
from core.cli.app import app
from core.cli.options import model_names
from tests.support.command_line import Run

LIGHT = {
    "-h": 0,
    "--version": 0,
    "batch --help": 0,
    "models --format json": 0,
    "score five.png --alpha 3": 2,
    "score nowhere.png .": 1,
    "score five.png --model none": 2,
    "batch five.png --output x.csv --model none": 2,
    "batch five.png --output x.csv --fdr 2": 2,
    "batch five.png --output x.doc": 2,
    "train --dataset digits --normal x": 2,
    "train --dataset digits --normal 5 --name ../x": 2,
    "train --dataset minst --normal 5": 1,
    "train --normal 5 --name q --resume": 1,
    "evaluate --model none": 2,
    "calibrate --model none --images . --name x": 2,
    "calibrate --model mnist-5 --images . --name mnist-5": 2,
    "calibrate --model mnist-5 --images nowhere --name x": 1,
}

READS_TABLES = "batch nowhere --output x.csv"


def test_what_needs_no_network_does_not_wait_for_torch() -> None:
    program = f"""
import json, sys
from core.cli.app import app
heavy, ends = {{"torch", "torchvision", "sklearn", "scipy", "streamlit", "pandas", "plotly", "skimage"}}, {{}}
for arguments in {[*LIGHT, READS_TABLES]}:
    before = heavy & set(sys.modules)
    try:
        app(arguments.split())
    except SystemExit as end:
        ends[arguments] = end.code, sorted(heavy & set(sys.modules) - before)
print(json.dumps(ends), file=sys.stderr)
"""

    ran = subprocess.run([sys.executable, "-c", program], cwd=paths.ROOT, capture_output=True, text=True, check=True)

    ends = json.loads(ran.stderr.splitlines()[-1])
    assert ends == {arguments: [code, []] for arguments, code in LIGHT.items()} | {READS_TABLES: [1, ["pandas"]]}


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
        "score": "--model --evidence --alpha --split --together --ink --whole --faint --format --second-opinion "
        "--no-history",
        "train": "--normal --dataset --architecture --epochs --seed --name --resume",
        "evaluate": "--model --dataset --format",
        "calibrate": "--model --images --name",
        "batch": "--output --model --evidence --alpha --fdr --engine --together --whole --faint --no-history",
        "models": "--format",
    }
    from typer.main import get_command

    commands = get_command(app).commands
    for name, options in contract.items():
        offered = {option for parameter in commands[name].params for option in parameter.opts}
        assert set(options.split()) <= offered, name
        assert run(name, "--help").exit_code == run(name, "-h").exit_code == 0
        assert f"  python -m core {name} " in run(name, "-h").stdout
