"""The strip's commands, as its buttons send them."""

import time

import numpy as np
import pytest
from toy_models import ToyModel

from plmwidgets import Protein, SequenceStrip, scan_pairs


def sent(strip, **message):
    strip._handle_custom_msg(message, [])


def test_around_masks_what_lies_within_the_radius_of_the_focus():
    protein = Protein.demo()
    strip = SequenceStrip(protein)
    assert strip.has_structure
    sent(strip, type="mask_around", radius=8)
    assert strip.notice == "click a residue first: masks are set around it"
    strip.selection.focus = 20
    sent(strip, type="mask_around", radius=8)
    expected = set(np.flatnonzero(protein.distance_map()[20] <= 8).tolist()) | {20}
    assert set(strip.selection.masked) == expected
    assert len(expected) > 3
    assert strip.notice == ""
    strip.mask_around(0.0, centre=5)
    assert set(strip.selection.masked) == {5}


def test_around_needs_a_structure():
    strip = SequenceStrip(Protein("MKTAYIAK"))
    assert not strip.has_structure
    strip.selection.focus = 3
    with pytest.raises(ValueError, match="has no structure"):
        strip.mask_around()
    sent(strip, type="mask_around", radius=8)
    assert "has no structure" in strip.notice


def test_colours_of_a_scan_follow_it():
    protein = Protein("MKTAYIAKQRQISFVK")
    scan = scan_pairs(protein, ToyModel("followed", seconds=0.001))
    strip = SequenceStrip(protein, scan=scan)
    strip.colour_by = "strongest_partner"
    scan.wait(60)
    expected = np.nanmax(scan.values("js_dist"), axis=1)

    def shown():
        return strip.values is not None and np.allclose(
            np.frombuffer(strip.values["data"], np.float32), expected, atol=1e-6
        )

    deadline = time.monotonic() + 20
    while not shown() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert shown()
