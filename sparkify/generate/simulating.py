"""Simulate the listeners, one block of neighbours at a time, up to a number of events."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from sparkify.generate.parts import INT, LOGGED_OUT, pack
from sparkify.generate.rhythm import DAY
from sparkify.generate.world import World

LISTENERS = 128
_NOT_NEGATIVE = (0).__le__


@dataclass(frozen=True, slots=True)
class Block:
    """The sessions of consecutive listeners.

    ``starts``: the day on which each session starts; ``slices``: the parts of sessions, by slice.
    """

    events: int
    plays: int
    users: int
    starts: array[int]
    slices: dict[int, array[int]]


def simulate(world: World, task: tuple[int, int]) -> Block:
    """A block of listeners, given its number and the most events that it may have.

    With less room the sessions are the same, but fewer, and the last one may be cut short.
    """
    number, most = task
    room = most
    plays = users = 0
    starts = array(INT)
    slices: dict[int, array[int]] = {}
    for who in range(number * LISTENERS, (number + 1) * LISTENERS):
        logged_in = False
        for session in world.listener(who).sessions(world.jukebox, min(room, world.plan.most_events_of_one)):
            pack(session, slices, listener=who, number=len(starts), slicing=world.plan.slicing)
            starts.append(session.times[0] // DAY)
            room -= len(session.times)
            plays += sum(map(_NOT_NEGATIVE, session.codes))
            # Logged-out listeners have no userId: one who never logs in is not a user.
            logged_in = logged_in or any(code > LOGGED_OUT for code in session.codes)
        users += logged_in
        if not room:
            break
    return Block(most - room, plays, users, starts, slices)
