"""Altair figures of the results, for papers and slides.

They cover what "Paired residue prediction dependencies in ESM2" shows (Arcadia Science, 2025,
arcadia-science.github.io/2024-paired-token-masking), for any protein and model, from scans that are
running, finished or loaded. Charts set no colours of background or text, so that altair's themes,
dark ones included, apply to them.

Altair's notebook output loads its JavaScript from the network. Without one, call
``altair.renderers.enable("jupyter", offline=True, embed_options={"renderer": "canvas"})`` once. The
canvas matters: drawn as SVG, which is Vega's default, charts of one page share the names of their
colour bars, and a browser may show one chart's colour bar beside another chart.
"""

from plmwidgets.charts.contacts import contact_curves
from plmwidgets.charts.decoding import strategies_chart
from plmwidgets.charts.distance import js_against_distance
from plmwidgets.charts.maps import js_against_contacts, model_maps, pair_map
from plmwidgets.charts.models import (
    argmax_change_bars,
    perplexity_by_model,
    reconstruction_accuracy,
    summary_bars,
)
from plmwidgets.charts.mutations import dms_scatter
from plmwidgets.charts.perplexity import (
    max_perplexity_change_histogram,
    perplexity_change_histogram,
)
from plmwidgets.charts.recovery import recovered_fraction_chart, recovery_chart
from plmwidgets.charts.saving import save_chart

__all__ = [
    "argmax_change_bars",
    "contact_curves",
    "dms_scatter",
    "js_against_contacts",
    "js_against_distance",
    "max_perplexity_change_histogram",
    "model_maps",
    "pair_map",
    "perplexity_by_model",
    "perplexity_change_histogram",
    "reconstruction_accuracy",
    "recovered_fraction_chart",
    "recovery_chart",
    "save_chart",
    "strategies_chart",
    "summary_bars",
]
