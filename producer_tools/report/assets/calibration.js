/* Reliability diagram: how often segments of one confidence are right. On the diagonal is honest. */

const SIDE = 240; // of the square, in the drawing's own units
const RIM = 46;

function shape(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function reliability(calibration) {
  const at = (share) => RIM + share * SIDE;
  const up = (share) => RIM / 2 + (1 - share) * SIDE;
  const most = Math.max(...calibration.bins.map((bin) => bin.count));
  const text = (x, y, anchor, words) =>
    shape("text", { x, y, "text-anchor": anchor, class: "axis-text" }, words);
  const drawn = shape("svg", { class: "reliability", role: "img",
    viewBox: "0 0 " + (SIDE + 1.5 * RIM) + " " + (SIDE + 1.75 * RIM),
    "aria-label": "Share of right segments by confidence; the table has the numbers" },
    shape("rect", { x: at(0), y: up(1), width: SIDE, height: SIDE, class: "frame" }),
    shape("line", { x1: at(0), y1: up(0), x2: at(1), y2: up(1), class: "diagonal" }));
  for (const share of [0, 0.5, 1]) {
    drawn.append(text(at(share), up(0) + 16, "middle", String(share)),
      text(at(0) - 6, up(share) + 4, "end", String(share)));
  }
  drawn.append(text(at(0.5), up(0) + 34, "middle", "confidence"),
    shape("g", { transform: "translate(10," + up(0.5) + ") rotate(-90)" },
      text(0, 0, "middle", "share that is right")));
  for (const bin of calibration.bins) {
    drawn.append(
      shape("line", { x1: at(bin.confidence), x2: at(bin.confidence), y1: up(bin.confidence),
        y2: up(bin.right), class: "gap" }),
      // The area, not the radius, says how many segments there are.
      shape("circle", { cx: at(bin.confidence), cy: up(bin.right), class: "bin",
        r: 3 + 9 * Math.sqrt(bin.count / most) }));
  }
  const rows = calibration.bins.map((bin) =>
    ["", bin.confidence.toFixed(2), bin.right.toFixed(2), bin.count]);
  return element("div", { class: "beside" }, drawn,
    table("Calibration", ["Mean confidence", "Right", "Segments"], rows),
    element("p", { class: "note" }, "Expected calibration error " +
      (calibration.error === null ? "unknown: no segment has a confidence." :
        calibration.error.toFixed(3) + ". Right: for half of the segment or more, the speaker talks whom " +
        "its label stands for in the chunk.")));
}
