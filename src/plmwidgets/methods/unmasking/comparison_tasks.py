"""What a comparison of unmasking strategies is asked for: which, in how many steps, what seeds."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from plmwidgets._numbers import as_whole, whole_number
from plmwidgets._options import choice
from plmwidgets.methods.unmasking.decoding import STRATEGIES
from plmwidgets.methods.unmasking.plan import OPTIONS, Pairs

STEPS: Final = (1, 2, 4, 8, 16)
ONE_STEP_ALIKE: Final = frozenset({"strategy", "pairs", "order", "threshold"})
"""Options that make no difference where all is revealed at once."""
OWN_OPTIONS: Final = tuple(name for name in OPTIONS if name not in ("steps", "at_a_time", "seed"))
"""What a label of one's own may set; the others are those of the comparison."""


def read_strategies(strategies: Iterable[str] | Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the options of each strategy by its label."""
    if isinstance(strategies, Mapping):
        for label, given in strategies.items():
            if not isinstance(given, Mapping):
                raise TypeError(
                    f"the strategy {label!r} is its options, such as {{'strategy': 'entropy', "
                    f"'temperature': 0.5}}, not {given!r}"
                )
            check_options(given, OWN_OPTIONS)
            if "strategy" in given:
                choice("strategy", given["strategy"], STRATEGIES)
        found = {str(label): dict(given) for label, given in strategies.items()}
    elif not isinstance(strategies, Iterable):
        raise TypeError(
            f"strategies= is a list of {', '.join(map(repr, STRATEGIES))}, or options of each by a "
            f"label of your own, not {type(strategies).__name__}"
        )
    else:
        given = [strategies] if isinstance(strategies, str) else strategies
        names = [choice("strategy", name, STRATEGIES) for name in given]
        found = {name: {"strategy": name} for name in names}
    if not found:
        raise ValueError(f"give at least one strategy: {', '.join(map(repr, STRATEGIES))}")
    return found


def check_options(given: Iterable[str], known: Iterable[str]) -> None:
    """Raise `TypeError`, saying which there are, if an option is not known."""
    for name in given:
        if name not in known:
            raise TypeError(
                f"{name!r} is no option here: there are {', '.join(known)}; which strategies, "
                "steps and seeds there are is said by strategies=, steps= and seeds="
            )


def tasks_of(
    strategies: dict[str, Any], steps: list[int], pairs: Pairs | None, options: Mapping[str, Any]
) -> list[tuple[str, dict[str, Any]]]:
    """Return a label and options for each strategy and number of steps."""
    found = []
    single = False
    plain = {name: value for name, value in options.items() if name not in ONE_STEP_ALIKE}
    guiding = {**options, "pairs": pairs}
    if not any(own.get("strategy") == "pair-guided" for own in strategies.values()):
        for name in sorted(ONE_STEP_ALIKE & guiding.keys()):
            if guiding[name] is not None:
                raise ValueError(
                    f"{name}= guides the strategy 'pair-guided' alone: add it to strategies=, or "
                    f"leave {name}= out"
                )
    for label, own in strategies.items():
        given = {**(guiding if own.get("strategy") == "pair-guided" else plain), **own}
        for count in steps:
            name = given.get("strategy", "one-shot")
            if count == 1 and set(own) <= ONE_STEP_ALIKE:
                if not single:
                    found.append(("one-shot", {**plain, "strategy": "one-shot"}))
                single = True
            elif count == 1 or name != "one-shot":
                found.append((label, {**given, "steps": count}))
    return found


def read_steps(steps: int | Iterable[int] | None, hidden: int) -> list[int]:
    """Return numbers of steps, ascending; some up to one at a time by default."""
    if steps is None:
        return [*(count for count in STEPS if count < hidden), hidden]
    if not isinstance(steps, Iterable):
        steps = [steps]
    found = sorted({whole_number("steps", count) for count in steps})
    if not found:
        raise ValueError("give at least one number of steps, such as steps=[1, 4, 16]")
    return found


def read_seeds(seeds: int | Iterable[int]) -> list[int]:
    """Return seeds: those given, or as many as given from 0 on."""
    count = as_whole(seeds, least=1)
    if count is not None:
        return list(range(count))
    if not isinstance(seeds, Iterable):
        raise ValueError(f"seeds is how many, 1 or more, or which, not {seeds!r}")
    found = list(dict.fromkeys(seeds))
    if not found:
        raise ValueError("give at least one seed, such as seeds=range(200)")
    return found
