/** The part of the fake kernel behind each view. */
import type { Part, World } from "../part";
import { attentionGrid } from "./attention_grid";
import { corruptionView } from "./corruption_view";
import { distributions } from "./distributions";
import { embeddingPlot } from "./embedding_plot";
import { jacobianTable } from "./jacobian_table";
import { jointTable } from "./joint_table";
import { mutationHeatmap } from "./mutation_heatmap";
import { pairHeatmap } from "./pair_heatmap";
import { pairTable } from "./pair_table";
import { recoveryView } from "./recovery_view";
import { residueQuiz } from "./residue_quiz";
import { scanPanel } from "./scan_panel";
import { scatterPlot } from "./scatter_plot";
import { sequenceStrip } from "./sequence_strip";
import { structureView } from "./structure_view";
import { trainingCurve } from "./training_curve";
import { unmaskingPlayer } from "./unmasking_player";

export const PARTS: Record<string, (world: World) => Part> = {
  attention_grid: attentionGrid,
  corruption_view: corruptionView,
  distributions,
  embedding_plot: embeddingPlot,
  jacobian_table: jacobianTable,
  joint_table: jointTable,
  mutation_heatmap: mutationHeatmap,
  pair_heatmap: pairHeatmap,
  pair_table: pairTable,
  recovery_view: recoveryView,
  residue_quiz: residueQuiz,
  scan_panel: scanPanel,
  scatter_plot: scatterPlot,
  sequence_strip: sequenceStrip,
  structure_view: structureView,
  training_curve: trainingCurve,
  unmasking_player: unmaskingPlayer,
};
