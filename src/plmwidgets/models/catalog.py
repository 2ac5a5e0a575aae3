"""The catalogue: short names for published checkpoints, and what is known of each."""

import difflib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    import pandas as pd

WeightsFormat = Literal["safetensors", "bin"]

DEMO_FOLDER: Final = Path(__file__).parents[1] / "demo"
"""Where the bundled model, family parameters and fold lie."""
DEMO_CONTACT_HEAD: Final = DEMO_FOLDER / "contact_head.safetensors"
"""The bundled model's contact head: beside its weights, which are as they were without it."""


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """One model that can be loaded by a short name.

    Attributes
    ----------
    name : str
        What people type.
    checkpoint : str
        Hub id, or the name itself for a bundled model.
    licence : str
        Licence of the weights.
    parameters : int or None
        Number of weights that a prediction uses (no contact head; tied ones counted once); None
        for a bundled model, whose file is asked instead.
    revision : str or None
        Commit of the hub repository; None means the newest one.
    weights_format : {"safetensors", "bin"}
        ``"bin"`` marks the few that exist only as a pickle. They are pinned to a commit and read
        with ``weights_only=True``, which builds tensors and runs nothing.
    max_length : int or None
        Longest sequence in residues; None where the architecture sets no limit.
    capabilities : frozenset of str
        What it offers beyond log-probabilities that its files do not tell: ``"contacts"``, that its
        contact head was trained.
        A model of structures has ``"structure"``.
    file : Path or None
        Where the weights of a bundled model lie; None for one of the hub.
    download : int or None
        Bytes to fetch, where so many that they are fetched only when asked for by name.
    """

    name: str
    checkpoint: str
    licence: str
    parameters: int | None = None
    revision: str | None = None
    weights_format: WeightsFormat = "safetensors"
    max_length: int | None = None
    capabilities: frozenset[str] = frozenset()
    file: Path | None = None
    download: int | None = None


ESM3_CHECKPOINT: Final = "EvolutionaryScale/esm3-sm-open-v1"
"""As the package ``esm`` knows it, which fetches and loads it."""

_CONTACTS: Final = frozenset({"contacts"})


def _bundled(name: str, file: str, capabilities: frozenset[str] = frozenset()) -> CatalogEntry:
    return CatalogEntry(name, name, "MIT", capabilities=capabilities, file=DEMO_FOLDER / file)


def _esm2(name: str, checkpoint: str, parameters: int) -> CatalogEntry:
    return CatalogEntry(
        name, f"facebook/{checkpoint}_UR50D", "MIT", parameters, capabilities=_CONTACTS
    )


def _esmc(name: str, checkpoint: str, parameters: int) -> CatalogEntry:
    return CatalogEntry(
        name, f"biohub/{checkpoint}", "MIT and others (see its model card)", parameters
    )


def _pickled(
    name: str,
    checkpoint: str,
    parameters: int,
    revision: str,
    *,
    max_length: int | None = None,
    capabilities: frozenset[str] = frozenset(),
) -> CatalogEntry:
    return CatalogEntry(
        name, f"facebook/{checkpoint}", "MIT", parameters, revision, "bin", max_length, capabilities
    )


_ESM1V_REVISIONS: Final = (
    "c2cac338409fc7d1b5aab10290f376c60c0a5d73",
    "3c1e9e64480f069b163e456c361bfd80a8bab04c",
    "0b00fd112e63f6b5e70a9cd8484d4e660312ce70",
    "e86834fc9d048bbbecf9e45e82cb4c6209c00c2b",
    "fb2e51cb0f605cbad2c4ca3bb784be7bc8e2f4a8",
)

ENTRIES: Final[tuple[CatalogEntry, ...]] = (
    _bundled("demo", "model/model.safetensors", _CONTACTS),
    _bundled("potts-demo", "family.safetensors"),
    _esm2("esm2-8m", "esm2_t6_8M", 7_512_353),
    _esm2("esm2-35m", "esm2_t12_35M", 33_501_153),
    _esm2("esm2-150m", "esm2_t30_150M", 148_139_553),
    _esm2("esm2-650m", "esm2_t33_650M", 651_042_593),
    _pickled(
        "esm2-3b",
        "esm2_t36_3B_UR50D",
        2_839_004_193,
        "476b639933c8baad5ad09a60ac1a87f987b656fc",
        capabilities=_CONTACTS,
    ),
    _pickled(
        "esm2-15b",
        "esm2_t48_15B_UR50D",
        15_129_098_273,
        "5fbca39631164edc1d402a5aa369f982f72ee282",
        capabilities=_CONTACTS,
    ),
    _pickled(
        "esm1b",
        "esm1b_t33_650M_UR50S",
        652_358_433,
        "bcb20c5e9b48bda8045b45405b236a2d0fb55368",
        max_length=1022,
        capabilities=_CONTACTS,
    ),
    *(
        _pickled(f"esm1v-{i}", f"esm1v_t33_650M_UR90S_{i}", 652_355_873, revision, max_length=1022)
        for i, revision in enumerate(_ESM1V_REVISIONS, start=1)
    ),
    _esmc("esmc-300m", "ESMC-300M", 332_997_184),
    _esmc("esmc-600m", "ESMC-600M", 575_036_992),
    _esmc("esmc-6b", "ESMC-6B", 6_352_005_184),
    CatalogEntry(
        "esm3-open",
        ESM3_CHECKPOINT,
        "Cambrian Non-Commercial, or as its model card says now",
        1_401_735_748,
    ),
)
"""Every catalogued masked language model, once."""

FOLDING_ENTRIES: Final[tuple[CatalogEntry, ...]] = (
    CatalogEntry(
        "esmfold",
        "facebook/esmfold_v1",
        "MIT",
        3_525_037_474,
        "75a3841ee059df2bf4d56688166c8fb459ddd97a",
        "bin",
        capabilities=frozenset({"structure"}),
        # Its language model, 2.8 of the 3.5 billion weights, is stored in float16.
        download=8_435_000_000,
    ),
)
"""Every catalogued model of structures, once."""

ALIASES: Final = {"esm1v": "esm1v-1"}
"""Names that stand for another name."""

_BY_KEY: Final = {key.lower(): entry for entry in ENTRIES for key in (entry.name, entry.checkpoint)}


def find(name: str) -> CatalogEntry | None:
    """Return the entry of a short name or a hub id, in any case, or None."""
    key = name.strip().lower()
    return _BY_KEY.get(ALIASES.get(key, key))


def find_folding(name: str) -> CatalogEntry | None:
    """Return the entry of a model of structures by its short name or hub id, or None."""
    key = name.strip().lower()
    return next((e for e in FOLDING_ENTRIES if key in (e.name, e.checkpoint.lower())), None)


def suggestions(name: str) -> tuple[str, ...]:
    """Return up to three catalogue names that look like `name`, the likeliest first."""
    spellings = {entry.name: entry.name for entry in ENTRIES}
    spellings |= {alias: alias for alias in ALIASES}
    spellings |= {entry.checkpoint.split("/")[-1].lower(): entry.name for entry in ENTRIES}
    wanted = name.strip().lower().split("/")[-1]
    close = difflib.get_close_matches(wanted, spellings, n=3, cutoff=0.6)
    return tuple(dict.fromkeys(spellings[spelling] for spelling in close))


def available_models() -> "pd.DataFrame":
    """List the models that `load_model` and `fold` know by a short name.

    Those with the capability ``"structure"`` are for `fold`, all others for `load_model`. Any
    other masked language model of the Hugging Face hub with one token a residue loads by its hub
    id, and a local one by the path of its folder.

    Returns
    -------
    pandas.DataFrame
        One row a model: ``name``; ``checkpoint`` (hub id); ``parameters`` (count); ``memory`` of
        the weights in float32, such as ``"2.6 GB"`` (half of it in a half precision);
        ``licence`` of the weights; ``capabilities``.
    """
    # Slow to import, and only this function needs it.
    import pandas as pd

    every = (*ENTRIES, *FOLDING_ENTRIES)
    named = [(name, entry) for entry in every for name in (*_aliases_of(entry), entry.name)]
    parameters = [
        entry.parameters if entry.file is None else _count_weights(entry.file) for _, entry in named
    ]
    return pd.DataFrame(
        {
            "name": [name for name, _ in named],
            "checkpoint": [entry.checkpoint for _, entry in named],
            "parameters": pd.array(parameters, dtype="Int64"),
            "memory": [readable_bytes(4 * count) if count else "" for count in parameters],
            "licence": [entry.licence for _, entry in named],
            "capabilities": [", ".join(_capabilities_of(entry)) for _, entry in named],
        }
    )


def _capabilities_of(entry: CatalogEntry) -> list[str]:
    first = [] if "structure" in entry.capabilities else ["log-probabilities"]
    return [*first, *sorted(entry.capabilities)]


def _aliases_of(entry: CatalogEntry) -> list[str]:
    return [alias for alias, name in ALIASES.items() if name == entry.name]


def _count_weights(file: Path) -> int | None:
    """Count the floating-point numbers of a safetensors file, from its header alone."""
    if not file.is_file():
        return None
    with file.open("rb") as stream:
        header: dict[str, Any] = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
    return sum(
        int(math.prod(tensor["shape"]))
        for name, tensor in header.items()
        if name != "__metadata__" and tensor["dtype"].startswith(("F", "BF"))
    )


def readable_bytes(size: int) -> str:
    """Return a size for people, such as ``"2.6 GB"``."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6)):
        if size >= scale:
            return (
                f"{size / scale:.2g} {unit}" if size < 10 * scale else f"{size / scale:.0f} {unit}"
            )
    return f"{size / 1000:.0f} kB"
