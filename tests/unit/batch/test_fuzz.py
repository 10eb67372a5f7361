"""Damaged and hostile files of every format: a right result or a clean refusal, within the readers' limits."""

from benchmarks.robustness import fuzz


def test_mutated_files_of_every_format_end_in_digits_or_in_a_reason() -> None:
    tallies = fuzz.fuzz(tries=510, seed=1, models=False)

    assert {kind: tally.faults for kind, tally in tallies.items() if tally.faults} == {}
    assert sum(tally.tried for tally in tallies.values()) == 510 + len(tallies)
    assert all(tally.refused and tally.right for tally in tallies.values())


def test_the_same_seed_makes_the_same_files() -> None:
    content = fuzz.originals()["png"]

    one, again, other = (fuzz.mutated(content, [b"other"], fuzz.np.random.default_rng(seed)) for seed in (3, 3, 4))

    assert one == again != other
