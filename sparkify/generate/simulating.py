"""Simulate the listeners, a block of neighbours at a time, until there are as many events as wanted."""

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
    """The sessions of some neighbouring listeners.

    ``starts``: the day on which each session starts; ``slices``: the parts of sessions, by slice.
    """

    events: int
    plays: int
    users: int
    starts: array[int]
    slices: dict[int, array[int]]


def simulate(world: World, task: tuple[int, int]) -> Block:
    """A block of listeners, given its number and how many events it may have at the most.

    With less room the same sessions come back, fewer of them, and the last one perhaps cut short.
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
            # The logged out have no userId: who never logs in is nobody.
            logged_in = logged_in or any(code > LOGGED_OUT for code in session.codes)
        users += logged_in
        if not room:
            break
    return Block(most - room, plays, users, starts, slices)
