/* Heat map of cosines. A canvas, because 240 fingerprints are 57,600 cells; arrow keys read it out. */

const READABLE = 30; // pixels of a cell that a number fits in

function heatMap(recording, width) {
  const { labels, rows } = recording.similarity;
  const threshold = recording.same_voice_cosine;
  const cosine = (a, b) => (a === b ? 1 : rows[Math.max(a, b)][Math.min(a, b)]);
  const margin = 12;
  const size = Math.min(40, Math.max(4, Math.floor((Math.min(width, 560) - margin - 2) / labels.length)));
  const edge = margin + size * labels.length;
  const canvas = element("canvas", { tabindex: "0", role: "application",
    "aria-label": "Cosines of " + labels.length + " fingerprints; arrow keys read cell by cell" });
  canvas.style.width = canvas.style.height = edge + 2 + "px";
  const readout = element("p", { class: "details", role: "status" },
    "Cells outlined reach the threshold for one voice" +
    (threshold === null ? "." : " (" + threshold.toFixed(2) + ")."));
  let cell = [0, 0];

  const name = (n) => (labels[n].voice ?? "not linked") + " in chunk " + labels[n].chunk + " (" +
    labels[n].speaker + ", " + labels[n].speech_s.toFixed(1) + " s" +
    (labels[n].clean ? ")" : ", overlapped speech only)");
  const read = (row, column) => {
    cell = [row, column];
    const value = cosine(row, column);
    readout.textContent = name(row) + " and " + name(column) + ": " +
      (value === null ? "different models, not comparable" : "cosine " + value.toFixed(2));
    draw();
  };
  const draw = () => {
    const look = getComputedStyle(document.documentElement);
    const heat = look.getPropertyValue("--heat");
    const ink = look.getPropertyValue("--ink");
    const sharp = window.devicePixelRatio || 1;
    canvas.width = canvas.height = (edge + 2) * sharp;
    const pen = canvas.getContext("2d");
    pen.scale(sharp, sharp);
    pen.font = "12px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    labels.forEach((label, row) => {
      const from = margin + row * size;
      pen.fillStyle = look.getPropertyValue(label.voice === null ? "--quiet"
        : "--" + colour(label.voice, true));
      pen.fillRect(0, from, margin - 3, size);
      pen.fillRect(from, 0, size, margin - 3);
      labels.forEach((_, column) => {
        const value = cosine(row, column);
        const left = margin + column * size;
        pen.fillStyle = "rgba(" + heat + "," + Math.max(0, value ?? 0) + ")";
        pen.fillRect(left, from, size, size);
        pen.fillStyle = pen.strokeStyle = value > 0.6 ? look.getPropertyValue("--paper") : ink;
        if (size < READABLE) return;
        if (value !== null) pen.fillText(value.toFixed(2), left + size / 2, from + size / 2);
        if (row !== column && threshold !== null && value >= threshold) {
          pen.strokeRect(left + 3, from + 3, size - 6, size - 6);
        }
      });
    });
    pen.strokeStyle = ink;
    pen.lineWidth = 2;
    if (document.activeElement === canvas) {
      pen.strokeRect(margin + cell[1] * size, margin + cell[0] * size, size, size);
    }
  };

  canvas.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    const [row, column] = [event.clientY - box.top, event.clientX - box.left]
      .map((at) => Math.floor((at - margin) / size));
    if (Math.min(row, column) >= 0 && Math.max(row, column) < labels.length) read(row, column);
  });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    read(...cell.map((at, n) => Math.min(Math.max(at + step[n], 0), labels.length - 1)));
  });
  canvas.addEventListener("focus", () => read(...cell));
  canvas.addEventListener("blur", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
  return element("div", {}, element("div", { class: "wide" }, canvas), readout);
}
