import re
import subprocess
import sys

import pandas as pd
import pytest

from plmwidgets.models import available_models
from plmwidgets.models.catalog import ENTRIES, FOLDING_ENTRIES, find, find_folding, suggestions

NAMES = {
    *("demo", "potts-demo", "esm1b", "esmc-300m", "esmc-600m", "esmc-6b"),
    *(f"esm2-{size}" for size in ("8m", "35m", "150m", "650m", "3b", "15b")),
    *("esm1v", *(f"esm1v-{i}" for i in range(1, 6))),
    *("esm3-open", "esmfold"),
}
PICKLED = {"esm2-3b", "esm2-15b", "esm1b", *(f"esm1v-{i}" for i in range(1, 6))}


def test_table_lists_every_name_once():
    table = available_models()
    assert list(table.columns) == [
        *("name", "checkpoint", "parameters", "memory", "licence", "capabilities")
    ]
    assert table["name"].is_unique
    assert set(table["name"]) == NAMES
    assert table.set_index("name").loc["esm1v", "checkpoint"].endswith("UR90S_1")


def test_table_is_readable():
    table = available_models().set_index("name")
    assert table.loc["esm2-8m", "memory"] == "30 MB"
    assert table.loc["esm2-650m", "memory"] == "2.6 GB"
    assert table.loc["esm2-15b", "memory"] == "61 GB"
    assert table["parameters"].dtype == pd.Int64Dtype()
    assert "650" in repr(available_models())


def test_every_checkpoint_states_the_licence_of_its_weights():
    table = available_models()
    assert (table["licence"].str.strip() != "").all()


def test_the_model_of_structures_is_none_of_amino_acids():
    table = available_models().set_index("name")
    assert table.loc["esmfold", "capabilities"] == "structure"
    assert table.loc["esmfold", "memory"] == "14 GB"
    assert (table["capabilities"].drop("esmfold").str.startswith("log-probabilities")).all()
    (entry,) = FOLDING_ENTRIES
    assert find("esmfold") is None
    assert find_folding("ESMFold") is find_folding("facebook/esmfold_v1") is entry
    assert find_folding("esm2-8m") is None
    assert entry.weights_format == "bin"
    assert re.fullmatch(r"[0-9a-f]{40}", entry.revision)


def test_only_the_pickled_ones_are_pinned_and_unsafe():
    for entry in ENTRIES:
        assert (entry.weights_format == "bin") == (entry.name in PICKLED)
        assert (entry.revision is not None) == (entry.name in PICKLED)
        assert entry.revision is None or re.fullmatch(r"[0-9a-f]{40}", entry.revision)
    assert len({entry.revision for entry in ENTRIES if entry.revision}) == len(PICKLED)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("esm2-8m", "esm2-8m"),
        ("ESM2-650M", "esm2-650m"),
        ("facebook/esm2_t36_3B_UR50D", "esm2-3b"),
        ("esm1v", "esm1v-1"),
        ("biohub/esmc-300m", "esmc-300m"),
    ],
)
def test_find_takes_names_aliases_and_hub_ids(typed, name):
    assert find(typed).name == name


@pytest.mark.parametrize("typed", ["", "esm", "facebook/bart-large", "./demo"])
def test_find_does_not_guess(typed):
    assert find(typed) is None


@pytest.mark.parametrize(
    ("typed", "first"),
    [("esm2-650", "esm2-650m"), ("esm2_t6_8M", "esm2-8m"), ("Demo1", "demo"), ("esmc300", None)],
)
def test_suggestions_start_with_the_likeliest(typed, first):
    assert suggestions(typed)[0] == (first or "esmc-300m")
    assert len(suggestions(typed)) <= 3


def test_no_suggestion_for_nonsense():
    assert suggestions("qqqqqqqq") == ()


def test_importing_the_package_is_light():
    code = (
        "import sys, plmwidgets, plmwidgets.models as m\n"
        "try: m.load_model('no such model')\n"
        "except m.ModelError: pass\n"
        "print([n for n in ('torch', 'transformers', 'huggingface_hub', 'pandas')"
        " if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
