"""Where everything is in the views: shared by the tests of their layout."""

# Boxes of all controls, drawings and pieces of text of each view, cut to what is in sight.
# A part stays the same part, by number, while it is in the page.
PARTS = """() => {
  const seen = (globalThis.layoutParts ??= new Map());
  const number = node => {
    if (!seen.has(node)) seen.set(node, seen.size);
    return seen.get(node);
  };
  const cut = (box, node, kind) => {
    let { left, top, right, bottom } = box;
    for (let over = node; over instanceof Element; over = over.parentElement) {
      const style = getComputedStyle(over);
      if (style.visibility === "hidden" && over === node) return null;
      if (style.overflow === "visible" || (over === node && kind !== "text")) continue;
      const edge = over.getBoundingClientRect();
      left = Math.max(left, edge.left);
      right = Math.min(right, edge.right);
      top = Math.max(top, edge.top);
      bottom = Math.min(bottom, edge.bottom);
    }
    return right - left > 0.5 && bottom - top > 0.5 ? [left, top, right, bottom] : null;
  };
  const parts = [];
  for (const host of document.querySelectorAll(".plmwidgets")) {
    const view = host.className.replace(/.*plmwidgets-/, "");
    const { left, right } = host.getBoundingClientRect();
    const add = (node, owner, box, kind, text) => {
      const bounds = cut(box, owner, kind);
      const stage = owner.closest(".map-stage, .structure-frame");
      if (bounds) parts.push({
        id: number(node), view, kind, text: text.trim().slice(0, 50), box: bounds,
        frame: [left, right], stage: stage ? number(stage) : null,
      });
    };
    const walk = document.createTreeWalker(host.shadowRoot, NodeFilter.SHOW_ALL);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
      const owner = node instanceof Element ? node : node.parentElement;
      const apart = "svg, style, option, .plm-tooltip, .plm-announcer, .structure-overlay";
      if (!owner || owner.closest(apart)) continue;
      if (node instanceof Element) {
        if (!node.matches("button, select, input, canvas, .map-bar")) continue;
        if (node.matches(".map-bar input")) continue; // two handles share a bar
        const text = node.getAttribute("aria-label") ?? node.className;
        const kind = node.matches("canvas") ? "canvas" : "control";
        add(node, node, node.getBoundingClientRect(), kind, text);
      } else if (node instanceof Text && node.data.trim() && !owner.closest("button, select")) {
        const range = document.createRange();
        range.selectNodeContents(node);
        add(node, owner, range.getBoundingClientRect(), "text", node.data);
      }
    }
  }
  return parts;
}"""


def parts_of(page):
    """Return all parts of all views on the page; see PARTS."""
    return page.evaluate(PARTS)


def named(part):
    """Name a part for a message."""
    return f"{part['view']}: {part['kind']} {part['text']!r}"


def overlaps(parts, slack=1.0):
    """Return what lies over something else, or sticks out of its view, in words."""
    found = []
    for k, part in enumerate(parts):
        left, top, right, bottom = part["box"]
        if left < part["frame"][0] - slack or right > part["frame"][1] + slack:
            found.append(f"{named(part)} sticks out")
        for other in parts[k + 1 :]:
            x0, y0, x1, y1 = other["box"]
            if right <= x0 + slack or x1 <= left + slack:
                continue
            if bottom <= y0 + slack or y1 <= top + slack:
                continue
            on_drawing = "canvas" in (part["kind"], other["kind"])
            if on_drawing and part["stage"] is not None and part["stage"] == other["stage"]:
                continue  # a label on its own map or structure
            found.append(f"{named(part)} overlaps {named(other)}")
    return found
