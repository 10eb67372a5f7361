"""The command line as a whole: what is offered, that nobody waits for what is not needed, and Ctrl-C at any moment."""

import json
import subprocess
import sys

import pytest
from typer.main import get_command

import core
from core import paths
from core.cli.app import app
from core.cli.options import model_names
from tests.support.command_line import Run

LIGHT = {
    "-h": 0,
    "help batch": 0,
    "--version": 0,
    "models --format json": 0,
    "score five.png --alpha 3": 2,
    "score nowhere.png .": 1,
    "score five.png --model none": 2,
    "batch nowhere --output x.csv": 2,
    "batch . --output x.csv --model none": 2,
    "batch . --output x.csv --fdr 2": 2,
    "batch . --output x.doc": 2,
    "train --dataset digits --normal x": 2,
    "train --dataset digits --normal 5 --name ../x": 2,
    "train --dataset minst --normal 5": 2,
    "train --normal 5 --name q --resume": 2,
    "evaluate --model none": 2,
    "evaluate --model mnist-5 --dataset minst": 2,
    "evaluate --model mnist-5 --dataset folder:nowhere": 2,
    "calibrate --model none --images . --name x": 2,
    "calibrate --model mnist-5 --images . --name mnist-5": 2,
    "calibrate --model mnist-5 --images nowhere --name x": 2,
}


def test_what_needs_no_network_does_not_wait_for_torch_and_what_was_typed_wrongly_ends_with_2() -> None:
    program = f"""
import json, sys
from core.cli.app import app
heavy, ends = {{"torch", "torchvision", "sklearn", "scipy", "streamlit", "pandas", "plotly", "skimage"}}, {{}}
for arguments in {[*LIGHT]}:
    before = heavy & set(sys.modules)
    try:
        app(arguments.split())
    except SystemExit as end:
        ends[arguments] = end.code, sorted(heavy & set(sys.modules) - before)
print(json.dumps(ends), file=sys.stderr)
"""

    ran = subprocess.run([sys.executable, "-c", program], cwd=paths.ROOT, capture_output=True, text=True, check=True)

    ends = json.loads(ran.stderr.splitlines()[-1])
    assert ends == {arguments: [code, []] for arguments, code in LIGHT.items()}


def test_version_is_the_packages(run: Run) -> None:
    assert run("--version").stdout == run("-V").stdout == f"odd-digit {core.__version__}\n"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        pytest.param("scor five.png", "Did you mean 'score'", id="a command"),
        pytest.param("help evalute", "Did you mean 'evaluate'", id="a command one wants help with"),
        pytest.param("models --fromat json", "Possible options: --format", id="an option"),
        pytest.param("score five.png --model tiny5", "Did you mean 'tiny-5'?", id="a model"),
        pytest.param("score five.png --evidence sound", "evidence': 'sound' is not one of 'pixel'", id="a choice"),
        pytest.param("evaluate --model tiny-5 --dataset minst", "Did you mean 'mnist'?", id="a data set"),
    ],
)
def test_what_is_misspelt_is_told_what_was_meant(typed: str, meant: str, run: Run) -> None:
    result = run(*typed.split())

    assert (result.exit_code, result.stdout) == (2, "")
    assert meant in result.stderr


def test_the_shell_completes_names_of_models(tiny_shelf: tuple[str, str]) -> None:
    assert [name for name in model_names("tiny-") if name.startswith("tiny")] == ["tiny-5", "tiny-any"]
    assert model_names("no such") == []


CONTRACT = {
    "score": "--model --evidence --alpha --split --together --ink --whole --faint --format --second-opinion",
    "train": "--normal --dataset --architecture --epochs --seed --name --resume",
    "evaluate": "--model --dataset --format",
    "calibrate": "--model --images --name",
    "batch": "--output --model --evidence --alpha --fdr --engine --together --whole --faint --no-history",
    "models": "--format",
}


@pytest.mark.parametrize("name", CONTRACT)
def test_every_command_of_the_contract_is_there_with_its_options_and_helps_with_examples(name: str, run: Run) -> None:
    command = get_command(app).commands[name]

    assert set(CONTRACT[name].split()) <= {option for parameter in command.params for option in parameter.opts}
    helps = [run(name, "--help"), run(name, "-h"), run("help", name)]
    assert {said.exit_code for said in helps} == {0}
    (text,) = {said.stdout.partition("\n")[2] for said in helps}  # after the name that it was called by
    assert f"  python -m core {name} " in text
    assert "list[" not in text


PRESSED = """
import os, signal, sys
from core.__main__ import main

class Pressing:
    def find_spec(self, name, *_):
        if name == {module!r} and (sys.meta_path.remove(self) or True):
            {how}

def press():
    os.kill(os.getpid(), signal.SIGINT)

def turn_into_another_error():
    try:
        press()
    except KeyboardInterrupt:
        raise ImportError("initialization failed")

class Deleted:
    __del__ = lambda self: press()

sys.meta_path.insert(0, Pressing())
sys.argv = ["odd-digit", "evaluate", "--model", "mnist-5", "--dataset", "digits"]
main()
"""


@pytest.mark.parametrize(
    ("module", "how", "said"),
    [
        pytest.param("typer", "press()", "nothing was begun", id="as the program starts"),
        pytest.param("torch", "press()", "nothing was changed", id="as torch is imported"),
        pytest.param("torch", "turn_into_another_error()", "nothing was changed", id="as a library hides it"),
        pytest.param("torch", "Deleted()", "nothing was changed", id="as something is deleted"),
    ],
)
def test_ctrl_c_ends_a_command_with_a_sentence_at_any_moment(module: str, how: str, said: str) -> None:
    program = PRESSED.format(module=module, how=how)

    ran = subprocess.run([sys.executable, "-c", program], cwd=paths.ROOT, capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", f"Interrupted: {said}.\n")
