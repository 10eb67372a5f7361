"""Phrases that every page, command and file shares: verdicts, shares of digits, durations."""


def say_verdict(anomaly: bool, plausible: tuple[str, ...]) -> str:
    """The verdict in a word or a few, with the digits that the ink could be.

    >>> say_verdict(True, ()), say_verdict(False, ()), say_verdict(False, ("4", "9"))
    ('Anomaly', 'Normal', 'Normal: reads as 4 or 9')
    """
    if anomaly:
        return "Anomaly"
    return f"Normal: reads as {_or(plausible)}" if plausible else "Normal"


def name_normals(normal: tuple[str, ...]) -> str:
    """Normal digits in the plural.

    >>> name_normals(("5",)), name_normals(("0", "5")), name_normals(tuple("0123456789"))
    ('normal 5s', 'normal 0s and 5s', 'normal digits')
    """
    if set(normal) == set("0123456789"):
        return "normal digits"
    names = [f"{name}s" if len(name) == 1 else f"“{name}”" for name in normal]
    return "normal " + (names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}")


def say_normal(normal: tuple[str, ...]) -> str:
    """What a model takes for normal, and what it therefore flags.

    >>> say_normal(("5",))
    'only 5s are normal, every other digit is odd'
    >>> say_normal(tuple("0123456789"))
    'any digit is normal, odd is what looks like none'
    """
    if set(normal) == set("0123456789"):
        return "any digit is normal, odd is what looks like none"
    return f"only {name_normals(normal).removeprefix('normal ')} are normal, every other digit is odd"


def say_rate(p_value: float) -> str:
    """A share of digits as people say it.

    >>> say_rate(0.003), say_rate(0.0214), say_rate(0.64), say_rate(1.0)
    ('3 in 1,000', '21 in 1,000', '64 in 100', 'All')
    """
    if p_value >= 1:
        return "All"
    if p_value >= 0.095:
        return f"{min(99, round(p_value * 100))} in 100"
    if p_value >= 0.00095:
        return f"{round(p_value * 1000)} in 1,000"
    return f"1 in {round(1 / p_value):,}"


def say_duration(seconds: float) -> str:
    """A time to wait, as exactly as anyone can know it.

    >>> say_duration(0.4), say_duration(47), say_duration(165), say_duration(3000), say_duration(9000)
    ('1 s', '47 s', '2 min 40 s', '50 min', '2 h 30 min')
    """
    whole = max(round(seconds), 1)
    if whole < 60:
        return f"{whole} s"
    if whole < 600:
        minutes, rest = divmod(whole // 10 * 10, 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(whole / 60), 60)
    return (f"{hours} h {minutes} min" if minutes else f"{hours} h") if hours else f"{minutes} min"


def _or(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
