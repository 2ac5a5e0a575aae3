/** What the panel says of a scan; no DOM here. */
import { formatCount } from "../../core/format";
import { duration, type Run } from "../../core/run";

/** The line under the bar. */
export function describe(scan: Run): string {
  const { status, done, total, rate, remaining, elapsed } = scan;
  const all = `${formatCount(total)} ${scan.unit}`;
  if (status === "ready") return `${all} to compute`;
  const estimated = scan.estimated > 0 ? ` · ${formatCount(scan.estimated)} of them estimated` : "";
  if (status === "finished") return `${all}${estimated} · finished in ${duration(elapsed)}`;
  const parts = [`${formatCount(done)} of ${all}`];
  if (status !== "running") return parts.join();
  if (scan.stage === "waiting") parts.push("waiting for the prediction before it");
  else if (scan.stage === "singles") parts.push("masking every residue alone first");
  else if (scan.stage === "norms") parts.push("computing the scores");
  else if (scan.stage === "superposed pass" || scan.stage === "checks") {
    const work =
      scan.stage === "checks"
        ? "computing the strongest pairs and a sample exactly"
        : "estimating all pairs by a superposed pass";
    parts.splice(0, 1, `${work} · ${Math.floor(100 * scan.share)} %`);
    if (remaining !== null) parts.push(`${duration(Math.ceil(remaining))} left`);
  } else {
    if (rate !== null) parts.push(`${formatCount(rate)} ${scan.unit}/s`);
    if (remaining !== null) parts.push(`${duration(Math.ceil(remaining))} left`);
  }
  return parts.join(" · ");
}
