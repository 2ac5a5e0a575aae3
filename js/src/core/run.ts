/** What is said of work in the background, such as a scan or a training; no DOM here. */

export type Status = "ready" | "running" | "paused" | "finished" | "cancelled" | "failed";
export type Command = "start" | "pause" | "resume" | "cancel" | "upgrade";

export interface Run {
  title: string;
  status: Status;
  /** "singles", "pairs", "superposed pass", "checks", "positions", "norms", "waiting"; none when at rest. */
  stage: string;
  /** What is counted: "pairs", which are unordered. */
  unit: string;
  done: number;
  total: number;
  /** Pairs among those done that are estimated, not computed. */
  estimated: number;
  /** Of the work, 0 to 1. */
  share: number;
  /** Units a second. */
  rate: number | null;
  /** Seconds. */
  remaining: number | null;
  elapsed: number;
  store: string | null;
  model: string;
  method: string;
  precision: string;
  message: string;
  /** Whether stopped work goes on where it was, rather than anew; it does where this is not said. */
  resumable?: boolean;
}

export const TITLES: Record<Status, string> = {
  ready: "Ready",
  running: "Running",
  paused: "Paused",
  finished: "Finished",
  cancelled: "Cancelled",
  failed: "Failed",
};

/** Of work that begins anew. */
const COMMANDS_ANEW: Partial<Record<Status, readonly Command[]>> = {
  running: ["cancel"],
  paused: ["start", "cancel"],
  cancelled: ["start"],
  failed: ["start"],
};

const COMMANDS: Record<Status, readonly Command[]> = {
  ready: ["start"],
  running: ["pause", "cancel"],
  paused: ["resume", "cancel"],
  finished: [],
  cancelled: ["resume"],
  failed: ["resume"],
};

/** What can be asked of it as it stands. */
export function commands({ status, estimated, resumable }: Run): readonly Command[] {
  if (resumable === false) return COMMANDS_ANEW[status] ?? COMMANDS[status];
  return status === "finished" && estimated > 0 ? ["upgrade"] : COMMANDS[status];
}

/** "0.4 s", "12 s", "2 min 05 s", "3 h 20 min" */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${Number(seconds.toFixed(1))} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** What has become of the results so far, when that may worry someone. */
export function reassurance({ status, store, resumable }: Run): string {
  if (resumable === false) return "";
  if (status !== "cancelled" && status !== "failed") return "";
  return store
    ? "Nothing computed is lost: Resume goes on from here."
    : "Nothing computed is lost while this notebook's kernel runs: Resume goes on from here.";
}
