"""Times as the visitor's own clock shows them: a server's clock may stand in another zone."""

from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo

import streamlit as st


def zone() -> tzinfo:
    """The visitor's time zone as the browser tells it; the machine's own where none has been told."""
    minutes_behind = st.context.timezone_offset
    if minutes_behind is None:
        return datetime.now(UTC).astimezone().tzinfo or UTC
    return timezone(-timedelta(minutes=minutes_behind))


def seconds_east() -> float:
    """How far the visitor's clock is ahead of UTC, seconds."""
    offset = datetime.now(zone()).utcoffset()
    return offset.total_seconds() if offset else 0.0


def midnight(day: date | None = None) -> float:
    """When a day begins for the visitor, UTC seconds since 1970; None is today."""
    here = zone()
    return datetime.combine(day or datetime.now(here).date(), time.min, here).timestamp()


def say(seconds: float) -> str:
    """A moment in few words: the time for today, with the date otherwise."""
    moment = datetime.fromtimestamp(seconds, zone())
    return f"{moment:%H:%M}" if seconds >= midnight() else f"{moment:%d %b %Y, %H:%M}"
