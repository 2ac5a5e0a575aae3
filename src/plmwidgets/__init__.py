"""Interactive masked protein language models in notebooks.

The story, in the order in which data flows:

1. A `Protein` is a sequence, with its structure where one is known.
2. `load_model` gives a masked language model: what it believes about hidden residues, p(i|M).
3. `predict`, `scan_singles` and `scan_pairs` ask it about one set of masks, about each residue
   alone, and about every pair, in the background on one worker a model.
4. The results, `SingleScan` and `PairScan`, hold log-probabilities; every metric (Jensen-Shannon
   divergence, perplexity change, ...) is computed from them, and goes to pandas.
5. `Explorer` shows it all, linked: sequence, distributions, pair map, 3D structure. Each of its
   views works alone and shares a `Selection` with the others.

>>> import plmwidgets as plm
>>> plm.Explorer(plm.Protein.demo(), "demo")            # doctest: +SKIP
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from plmwidgets._version import __version__

if TYPE_CHECKING:
    from plmwidgets.comparison import Comparison as Comparison
    from plmwidgets.comparison import compare as compare
    from plmwidgets.ipython import load_ipython_extension as load_ipython_extension
    from plmwidgets.methods.contacts.attention import Attention as Attention
    from plmwidgets.methods.contacts.attention import attention as attention
    from plmwidgets.methods.contacts.attention import predict_contacts as predict_contacts
    from plmwidgets.methods.contacts.evaluation import ContactEvaluation as ContactEvaluation
    from plmwidgets.methods.contacts.evaluation import evaluate_contacts as evaluate_contacts
    from plmwidgets.methods.contacts.linear_couplings import linear_couplings as linear_couplings
    from plmwidgets.methods.corruption.corruption import Corruption as Corruption
    from plmwidgets.methods.corruption.corruption import corrupt as corrupt
    from plmwidgets.methods.corruption.corruption import draw_rates as draw_rates
    from plmwidgets.methods.corruption.loss import CorruptionLoss as CorruptionLoss
    from plmwidgets.methods.corruption.loss import corruption_loss as corruption_loss
    from plmwidgets.methods.embeddings.embed import embed as embed
    from plmwidgets.methods.embeddings.projection import Projection as Projection
    from plmwidgets.methods.embeddings.projection import projection as projection
    from plmwidgets.methods.embeddings.result import Embeddings as Embeddings
    from plmwidgets.methods.folding.fold import Fold as Fold
    from plmwidgets.methods.folding.fold import fold as fold
    from plmwidgets.methods.jacobian.jacobian import Jacobian as Jacobian
    from plmwidgets.methods.jacobian.jacobian import jacobian as jacobian
    from plmwidgets.methods.mutations.deep_mutational_scan import (
        DeepMutationalScan as DeepMutationalScan,
    )
    from plmwidgets.methods.mutations.deep_mutational_scan import load_dms as load_dms
    from plmwidgets.methods.mutations.scores import MutationScores as MutationScores
    from plmwidgets.methods.mutations.scores import mutation_scores as mutation_scores
    from plmwidgets.methods.mutations.variants import epistasis as epistasis
    from plmwidgets.methods.mutations.variants import score_variants as score_variants
    from plmwidgets.methods.recovery.minimal_context import MinimalContext as MinimalContext
    from plmwidgets.methods.recovery.minimal_context import minimal_context as minimal_context
    from plmwidgets.methods.recovery.recoveries import Recoveries as Recoveries
    from plmwidgets.methods.recovery.recoveries import recoveries as recoveries
    from plmwidgets.methods.recovery.recovery import recovery as recovery
    from plmwidgets.methods.recovery.result import Recovery as Recovery
    from plmwidgets.methods.recovery.segments import candidate_segments as candidate_segments
    from plmwidgets.methods.recovery.segments import element_pairs as element_pairs
    from plmwidgets.methods.tuning.classifier import Classifier as Classifier
    from plmwidgets.methods.tuning.classifier import load_classifier as load_classifier
    from plmwidgets.methods.tuning.fine_tune import fine_tune as fine_tune
    from plmwidgets.methods.tuning.fine_tuning import FineTuning as FineTuning
    from plmwidgets.methods.tuning.probes import Probe as Probe
    from plmwidgets.methods.tuning.probes import fit_probe as fit_probe
    from plmwidgets.methods.unmasking.strategy_comparison import (
        StrategyComparison as StrategyComparison,
    )
    from plmwidgets.methods.unmasking.strategy_comparison import (
        compare_strategies as compare_strategies,
    )
    from plmwidgets.methods.unmasking.trace import UnmaskingTrace as UnmaskingTrace
    from plmwidgets.methods.unmasking.unmask import unmask as unmask
    from plmwidgets.models import available_models as available_models
    from plmwidgets.models import load_model as load_model
    from plmwidgets.models.folding import load_folding_model as load_folding_model
    from plmwidgets.models.masked_lm import ModelError as ModelError
    from plmwidgets.protein import Protein as Protein
    from plmwidgets.scan.joint import JointDistribution as JointDistribution
    from plmwidgets.scan.joint import joint as joint
    from plmwidgets.scan.pair import PairScan as PairScan
    from plmwidgets.scan.plan import plan_scan as plan_scan
    from plmwidgets.scan.single import SingleScan as SingleScan
    from plmwidgets.scan.start import predict as predict
    from plmwidgets.scan.start import scan_pairs as scan_pairs
    from plmwidgets.scan.start import scan_singles as scan_singles
    from plmwidgets.scan.store import StoreError as StoreError
    from plmwidgets.scan.windows import WindowedScan as WindowedScan
    from plmwidgets.scan.windows import scan_windows as scan_windows
    from plmwidgets.widgets.attention_explorer import AttentionExplorer as AttentionExplorer
    from plmwidgets.widgets.attention_grid import AttentionGrid as AttentionGrid
    from plmwidgets.widgets.contact_comparison import ContactComparison as ContactComparison
    from plmwidgets.widgets.corruption_lesson import CorruptionLesson as CorruptionLesson
    from plmwidgets.widgets.corruption_view import CorruptionView as CorruptionView
    from plmwidgets.widgets.distributions import Distributions as Distributions
    from plmwidgets.widgets.embedding_explorer import EmbeddingExplorer as EmbeddingExplorer
    from plmwidgets.widgets.embedding_plot import EmbeddingPlot as EmbeddingPlot
    from plmwidgets.widgets.explorer import Explorer as Explorer
    from plmwidgets.widgets.fold_explorer import FoldExplorer as FoldExplorer
    from plmwidgets.widgets.jacobian_explorer import JacobianExplorer as JacobianExplorer
    from plmwidgets.widgets.jacobian_table import JacobianTable as JacobianTable
    from plmwidgets.widgets.joint_table import JointTable as JointTable
    from plmwidgets.widgets.mutation_explorer import MutationExplorer as MutationExplorer
    from plmwidgets.widgets.mutation_heatmap import MutationHeatmap as MutationHeatmap
    from plmwidgets.widgets.nglview_export import to_nglview as to_nglview
    from plmwidgets.widgets.nglview_link import link_nglview as link_nglview
    from plmwidgets.widgets.pair_heatmap import PairHeatmap as PairHeatmap
    from plmwidgets.widgets.pair_table import PairTable as PairTable
    from plmwidgets.widgets.recovery_explorer import RecoveryExplorer as RecoveryExplorer
    from plmwidgets.widgets.recovery_view import RecoveryView as RecoveryView
    from plmwidgets.widgets.residue_quiz import ResidueQuiz as ResidueQuiz
    from plmwidgets.widgets.scan_panel import ScanPanel as ScanPanel
    from plmwidgets.widgets.scatter_plot import ScatterPlot as ScatterPlot
    from plmwidgets.widgets.selection import Selection as Selection
    from plmwidgets.widgets.sequence_strip import SequenceStrip as SequenceStrip
    from plmwidgets.widgets.structure_view import StructureView as StructureView
    from plmwidgets.widgets.training_curve import TrainingCurve as TrainingCurve
    from plmwidgets.widgets.unmasking_explorer import UnmaskingExplorer as UnmaskingExplorer
    from plmwidgets.widgets.unmasking_player import UnmaskingPlayer as UnmaskingPlayer

# Imported on first use: torch and the notebook packages take seconds to load.
_HOMES = {
    "Attention": "methods.contacts.attention",
    "AttentionExplorer": "widgets.attention_explorer",
    "AttentionGrid": "widgets.attention_grid",
    "Classifier": "methods.tuning.classifier",
    "Comparison": "comparison",
    "DeepMutationalScan": "methods.mutations.deep_mutational_scan",
    "EmbeddingExplorer": "widgets.embedding_explorer",
    "EmbeddingPlot": "widgets.embedding_plot",
    "Embeddings": "methods.embeddings.result",
    "ContactComparison": "widgets.contact_comparison",
    "ContactEvaluation": "methods.contacts.evaluation",
    "Corruption": "methods.corruption.corruption",
    "CorruptionLesson": "widgets.corruption_lesson",
    "CorruptionLoss": "methods.corruption.loss",
    "CorruptionView": "widgets.corruption_view",
    "Distributions": "widgets.distributions",
    "Explorer": "widgets.explorer",
    "Fold": "methods.folding.fold",
    "FoldExplorer": "widgets.fold_explorer",
    "FineTuning": "methods.tuning.fine_tuning",
    "Jacobian": "methods.jacobian.jacobian",
    "JacobianExplorer": "widgets.jacobian_explorer",
    "JacobianTable": "widgets.jacobian_table",
    "JointDistribution": "scan.joint",
    "JointTable": "widgets.joint_table",
    "MinimalContext": "methods.recovery.minimal_context",
    "ModelError": "models.masked_lm",
    "MutationExplorer": "widgets.mutation_explorer",
    "MutationHeatmap": "widgets.mutation_heatmap",
    "MutationScores": "methods.mutations.scores",
    "PairHeatmap": "widgets.pair_heatmap",
    "PairScan": "scan.pair",
    "PairTable": "widgets.pair_table",
    "Projection": "methods.embeddings.projection",
    "Probe": "methods.tuning.probes",
    "Protein": "protein",
    "Recoveries": "methods.recovery.recoveries",
    "Recovery": "methods.recovery.result",
    "RecoveryExplorer": "widgets.recovery_explorer",
    "RecoveryView": "widgets.recovery_view",
    "ResidueQuiz": "widgets.residue_quiz",
    "ScanPanel": "widgets.scan_panel",
    "ScatterPlot": "widgets.scatter_plot",
    "Selection": "widgets.selection",
    "SequenceStrip": "widgets.sequence_strip",
    "SingleScan": "scan.single",
    "StoreError": "scan.store",
    "StrategyComparison": "methods.unmasking.strategy_comparison",
    "StructureView": "widgets.structure_view",
    "UnmaskingExplorer": "widgets.unmasking_explorer",
    "UnmaskingPlayer": "widgets.unmasking_player",
    "UnmaskingTrace": "methods.unmasking.trace",
    "TrainingCurve": "widgets.training_curve",
    "WindowedScan": "scan.windows",
    "attention": "methods.contacts.attention",
    "available_models": "models",
    "candidate_segments": "methods.recovery.segments",
    "compare": "comparison",
    "corrupt": "methods.corruption.corruption",
    "corruption_loss": "methods.corruption.loss",
    "draw_rates": "methods.corruption.corruption",
    "compare_strategies": "methods.unmasking.strategy_comparison",
    "embed": "methods.embeddings.embed",
    "epistasis": "methods.mutations.variants",
    "element_pairs": "methods.recovery.segments",
    "evaluate_contacts": "methods.contacts.evaluation",
    "fold": "methods.folding.fold",
    "fine_tune": "methods.tuning.fine_tune",
    "fit_probe": "methods.tuning.probes",
    "jacobian": "methods.jacobian.jacobian",
    "joint": "scan.joint",
    "linear_couplings": "methods.contacts.linear_couplings",
    "link_nglview": "widgets.nglview_link",
    "load_classifier": "methods.tuning.classifier",
    "load_dms": "methods.mutations.deep_mutational_scan",
    "load_folding_model": "models.folding",
    "load_ipython_extension": "ipython",
    "load_model": "models",
    "mutation_scores": "methods.mutations.scores",
    "minimal_context": "methods.recovery.minimal_context",
    "plan_scan": "scan.plan",
    "predict": "scan.start",
    "predict_contacts": "methods.contacts.attention",
    "projection": "methods.embeddings.projection",
    "recoveries": "methods.recovery.recoveries",
    "recovery": "methods.recovery.recovery",
    "scan_pairs": "scan.start",
    "scan_singles": "scan.start",
    "scan_windows": "scan.windows",
    "score_variants": "methods.mutations.variants",
    "unmask": "methods.unmasking.unmask",
    "to_nglview": "widgets.nglview_export",
}

__all__ = ["__version__", *sorted(_HOMES)]  # noqa: PLE0604 - names that load on first use


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"plmwidgets.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'plmwidgets' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
