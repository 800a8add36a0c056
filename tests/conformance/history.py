"""What holds of every execution's history, and how long that of an upgrade at RDS's own pace is."""

import json
import re

# A wait that is a call has these events; one that is none has the first and the last.
AWAITED = ["TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskTimedOut", "TaskStateExited"]
ENDS = {"TaskSucceeded", "TaskFailed", "TaskTimedOut"}
PAYLOADS = {"input", "output", "parameters"}


def details_of(event):
    """An event has one set of details, named after its type: of all states' enterings and leavings the same."""
    keys = set(event) - {"id", "previousEventId", "timestamp", "type"}
    kind = re.sub(r"^(Task|Choice|Wait|Succeed|Fail|Pass)(?=State(Entered|Exited)$)", "", event["type"])
    name = f"{kind[0].lower()}{kind[1:]}EventDetails"
    assert keys <= {name}, f"{event['type']} has {keys}"
    return event.get(name, {})


def well_formed(history, ended):
    """Ids count up, each event follows from the one before it, each state that is entered is left, each call has its end."""
    assert [event["id"] for event in history] == list(range(1, len(history) + 1))
    # The first state's entering has no event before it, as the execution's own start.
    before = [event["previousEventId"] for event in history]
    assert before == [0, 0, *range(2, len(history))], before
    assert all(earlier["timestamp"] <= later["timestamp"] for earlier, later in zip(history, history[1:]))
    assert history[0]["type"] == "ExecutionStarted"
    inside, called, waits = None, None, False
    for event in history:
        kind, details = event["type"], details_of(event)
        for payload in PAYLOADS & set(details):
            json.loads(details[payload])
        if kind.endswith("StateEntered"):
            assert inside is None, event
            inside = details["name"]
        elif kind.endswith("StateExited"):
            assert inside == details["name"] and called is None, event
            inside = None
        elif kind == "TaskScheduled":
            assert inside and called is None and details["timeoutInSeconds"] > 0 and details["region"], event
            called, waits = (details["resourceType"], details["resource"]), details["resource"] != "invoke"
        elif kind.startswith("Task"):
            assert called == (details["resourceType"], details["resource"]), event
            assert kind != "TaskSubmitted" or waits, event
            called = None if kind in ENDS else called
        else:
            assert kind.startswith("Execution"), event
    if ended:
        assert (inside, called) == (None, None) and history[-1]["type"] == "ExecutionSucceeded", history[-3:]


def between(history, first, follows):
    """The events from entering a state for the first time until `follows` of a later entering is true."""
    entered = [(event["id"], details_of(event)["name"]) for event in history if event["type"].endswith("StateEntered")]
    start = next(id for id, name in entered if name == first)
    return next(id for id, name in entered if id > start and follows(name)) - start


def lasts(state):
    """How long a state waits: by itself, or for a call's end."""
    return str(state.get("Seconds", state.get("TimeoutSeconds", "")))


def rounds(state, seconds):
    """How often a state that waits by the number of its rounds waits in so many seconds."""
    often, short, long = map(int, re.fullmatch(r"\{% \$polls <= (\d+) \? (\d+) : (\d+) %\}", lasts(state)).groups())
    return seconds // short if seconds <= often * short else often + (seconds - often * short) // long


def derived(history, definition, green_minutes):
    """The events of the same upgrade on RDS with the longest watch, from this history and the machine that ran.

    Waits are shorter here, so loops have other numbers of rounds. A round of each loop costs the same number of events
    however long the wait; a watch is one call whose end is awaited, whether for an hour or for a week.
    """
    states, total = definition["States"], len(history)
    assert between(history, "WatchAfter", lambda name: name != "WatchAfter") < 10
    assert "watch_hours" in states["WatchAfter"]["TimeoutSeconds"]
    at_rds = {
        "WaitForGreen": green_minutes * 60,
        "WaitForPreparation": 15 * 60,
        "WaitForLag": 15 * 60,
        "WaitForSwitchover": 60,
        "WaitForRetirement": 15 * 60,
    }
    loops = {name for name, state in states.items() if "$polls" in lasts(state)}
    assert set(at_rds) == loops - {"WaitForInPlace"}, f"say in history.py how long {loops ^ set(at_rds)} lasts on RDS"
    names = [details_of(event)["name"] for event in history if event["type"].endswith("StateEntered")]
    # A wait, a call and a choice; green's wait is a call as well.
    cost = between(history, "WaitForGreen", lambda name: name == "WaitForGreen")
    for name, seconds in at_rds.items():
        saved = 0 if states[name]["Type"] == "Task" else len(AWAITED) - 2
        total += (cost - saved) * (rounds(states[name], seconds) - names.count(name))
    return total
