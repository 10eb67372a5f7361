"""What the documents say is so: quoted tables, commands, Python, files, variables."""

import importlib
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import typer.main

from benchmarks import harness, results
from core import paths
from core.errors import OddDigitError
from scripts import quote

DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "ARCHITECTURE.md", "SECURITY.md"]
README = (paths.ROOT / "README.md").read_text(encoding="utf-8")
RESULTS = """# Results

## Speed

`python -m benchmarks.speed.targets --write`, 2026-11-23 22:05 UTC, commit abc

| what | ours | must |
|:--|--:|--:|
| one image | 7.6 ms | 9 ms |
| many | 2 s | 1 s |
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands() -> list[list[str]]:
    """Every ``python -m core`` line of the README, as words."""
    lines = [line for block in blocks("bash") for line in block.splitlines() if line.startswith("python -m core ")]
    return [shlex.split(line, comments=True)[3:] for line in lines]


@pytest.mark.parametrize("document", quote.DOCUMENTS)
def test_every_table_in_a_document_is_what_the_benchmarks_printed(document: str) -> None:
    text = (paths.ROOT / document).read_text(encoding="utf-8")

    assert "<!-- quote {" in text
    assert quote.requoted(text, results.FILE.read_text(encoding="utf-8")) == text


def test_the_results_list_their_contents_and_keep_every_table_as_csv() -> None:
    text = results.FILE.read_text(encoding="utf-8")
    kept = {file.name: file.read_text(encoding="utf-8") for file in results.FILE.with_name(results.TABLES).iterdir()}

    assert text == results.document(results.sections(text))
    assert kept == results.csv_files(results.sections(text))


def test_a_quotation_takes_the_columns_and_rows_asked_for() -> None:
    asked = '<!-- quote {"section": "Speed", "columns": ["what", "must"], "rows": ["many"]} -->\n'

    text = quote.requoted(f"before\n{asked}stale\n<!-- end of quote -->\nafter\n", RESULTS)

    table = "| what | must |\n|:--|--:|\n| many | 1 s |\n\n(`python -m benchmarks.speed.targets --write`, 2026-11-23)\n"
    assert text == f"before\n{asked}{table}<!-- end of quote -->\nafter\n"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ('{"section": "Sped"}', "no section 'Sped'; it has 'Speed'"),
        ('{"section": "Speed", "columns": ["hers"]}', "no column 'hers'; there are 'what', 'ours', 'must'"),
        ('{"section": "Speed", "rows": ["none"]}', "no row 'none'; there are 'one image', 'many'"),
        ('{"section": "Speed", "table": 1}', "1 tables, numbered from 0"),
        ('{"table": 1}', "must be JSON with a section"),
    ],
)
def test_a_quotation_of_what_is_not_there_names_what_is(asked: str, said: str) -> None:
    with pytest.raises(OddDigitError, match=said):
        quote.quotation(asked, results.sections(RESULTS))


def test_the_python_of_the_readme_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(paths.ROOT)
    (code,) = blocks("python")
    names: dict[str, object] = {}

    exec(compile(code, "README.md", "exec"), names)

    readings = names["readings"]
    assert readings.reconstruction.shape == readings.heat_map.shape == (1, 28, 28)  # type: ignore[attr-defined]
    assert np.all((readings.p_value > 0) & (readings.p_value <= 1))  # type: ignore[attr-defined]


@pytest.mark.parametrize("words", commands(), ids=lambda words: words[0])
def test_a_command_of_the_readme_has_the_options_it_is_shown_with(words: list[str]) -> None:
    from core.cli.app import app

    command = typer.main.get_command(app).commands[words[0]]  # type: ignore[attr-defined]
    for parameter in command.params:
        parameter.callback = None  # which looks whether files and models of these names are here

    command.make_context(words[0], words[1:])


def test_every_command_that_made_a_table_has_the_options_it_is_shown_with() -> None:
    made = re.findall(r"^`python -m (\S+) ?(.*?)`, 20", results.FILE.read_text(encoding="utf-8"), re.MULTILINE)
    for module, options in {*made} - {("benchmarks.speed.scale", "--images 12288 --workers 1 2")}:  # of before commas
        app = typer.Typer()
        app.command()(harness.command(importlib.import_module(module).main))
        typer.main.get_command(app).make_context(module, shlex.split(options))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_is_named_is_there(document: str) -> None:
    text = (paths.ROOT / document).read_text(encoding="utf-8")
    linked = {name for name in re.findall(r"\]\(([^)#]+)\)", text) if not name.startswith("http")}
    run = {f"{name.replace('.', '/')}.py" for name in re.findall(r"python -m ((?:benchmarks|scripts)[\w.]+)", text)}

    missing = [name for name in linked | run if not (paths.ROOT / name).exists()]

    assert not missing


def test_every_environment_variable_is_read_in_settings_and_stands_in_the_readme() -> None:
    def named(file: Path) -> set[str]:
        return set(re.findall(r"""["'](ODD_DIGIT_[A-Z]+(?:_[A-Z]+)*)["']""", file.read_text(encoding="utf-8")))

    settings = paths.ROOT / "core" / "settings.py"
    elsewhere = {name for file in (paths.ROOT / "core").rglob("*.py") if file != settings for name in named(file)}

    assert elsewhere == set()
    assert named(settings) - {"ODD_DIGIT_NOT_SET"} == set(re.findall(r"^\| `(ODD_DIGIT_\w+)`", README, re.MULTILINE))


def test_the_lock_file_has_every_pin_but_pytorchs_each_with_hashes() -> None:
    pins = re.findall(r"^\S+==\S+", (paths.ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    text = (paths.ROOT / "requirements.lock").read_text(encoding="utf-8")
    named = re.findall(r"^[^#\s]\S+", text, re.MULTILINE)
    hashed = re.findall(r"^([^#\s]\S+).*\\\n    --hash=sha256:[0-9a-f]{64}\b", text, re.MULTILINE)

    assert {pin for pin in pins if not pin.startswith("torch")} <= set(hashed)
    assert named == hashed
    assert "://" not in text, "no index by its address"


def test_every_page_is_in_the_tour() -> None:
    pages = {file.stem.split("_", 1)[1] for file in (paths.ROOT / "pages").glob("[0-9]_*.py")}

    assert set(re.findall(r"^\| \*\*(\w+)\*\* \|", README, re.MULTILINE)) == pages | {"Draw"}


def test_the_container_copies_only_what_there_is_and_all_that_is_imported() -> None:
    text = (paths.ROOT / "Containerfile").read_text(encoding="utf-8")
    copied = {word for line in re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE) for word in line.split()}

    assert {name for name in copied if not (paths.ROOT / name).exists()} == set()
    assert {"core", "pages", "assets", "checkpoints", ".streamlit", "dashboard.py", "requirements.txt"} <= copied
    assert "pyproject.toml" in copied, "the version stands in it"
    assert "STREAMLIT_SERVER_ADDRESS=0.0.0.0 STREAMLIT_SERVER_ALLOWED_HOSTS=*" in text, (
        "a container is reached from outside"
    )
