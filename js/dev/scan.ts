/** What the panel is told of a scan, by its status. */
const SCANS: Record<string, { done: number; [key: string]: unknown }> = {
  ready: { done: 0, rate: null, remaining: null, elapsed: 0, stage: "" },
  running: { done: 0.6, rate: 812.4, remaining: 1, elapsed: 1.6, stage: "pairs" },
  paused: { done: 0.6, rate: null, remaining: null, elapsed: 1.6, stage: "pairs" },
  finished: { done: 1, rate: 790, remaining: 0, elapsed: 2.6, stage: "pairs" },
  cancelled: { done: 0.3, rate: null, remaining: null, elapsed: 0.9, stage: "pairs" },
  failed: {
    done: 0.3,
    rate: null,
    remaining: null,
    elapsed: 0.9,
    stage: "pairs",
    message: "The disk is full: free some space on /data, then press Resume",
  },
};

/** Let a scan of this status be at a share of its pairs from now on. */
export function scanAt(status: string, share: number): void {
  SCANS[status] = { ...SCANS[status], done: share };
}

export function scanTrait(length: number, status: string): Record<string, unknown> {
  const total = (length * (length - 1)) / 2;
  const scan = SCANS[status] ?? { done: 0 };
  return {
    title: "Pair scan",
    unit: "pairs",
    status,
    store: "/home/someone/scans/toy.zarr",
    model: "esm2_t6_8M_UR50D",
    method: "exact",
    precision: "reference",
    estimated: 0,
    share: scan.done,
    total,
    message: "",
    ...scan,
    done: Math.round(scan.done * total),
  };
}

/** The status that a command leads to. */
export function commanded(command: string): string {
  const status = { start: "running", resume: "running", pause: "paused", cancel: "cancelled" };
  return status[command as keyof typeof status];
}
