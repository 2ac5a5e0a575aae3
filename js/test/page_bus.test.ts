import { describe, expect, it, vi } from "vitest";
import { onPage, PageBus } from "../src/core/page_bus";

describe("the bus of a page", () => {
  it("hands a message to the others of the same selection, and to no one else", () => {
    const { signal } = new AbortController();
    const [mine, theirs, strange] = [vi.fn(), vi.fn(), vi.fn()];
    const bus = new PageBus<number>("test-bus", "one", signal, mine);
    new PageBus<number>("test-bus", "one", signal, theirs);
    new PageBus<number>("test-bus", "two", signal, strange);
    bus.tell(7);
    expect(theirs).toHaveBeenCalledExactlyOnceWith(7);
    expect([mine, strange].map((heard) => heard.mock.calls.length)).toEqual([0, 0]);
  });

  it("forgets a view that has gone", () => {
    const gone = new AbortController();
    const heard = vi.fn();
    new PageBus<number>("test-bus", "three", gone.signal, heard);
    const bus = new PageBus<number>("test-bus", "three", new AbortController().signal, vi.fn());
    gone.abort();
    bus.tell(1);
    expect(heard).not.toHaveBeenCalled();
  });
});

it("keeps one value for each selection on the page", () => {
  const first = onPage("test-value", "one", () => new Set([1]));
  expect(onPage("test-value", "one", () => new Set([2]))).toBe(first);
  expect(onPage("test-value", "two", () => new Set([2]))).not.toBe(first);
});
