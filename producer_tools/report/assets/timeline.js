/* Lanes of segments. Tab enters once; arrow keys walk: left and right in time, up and down by lane. */

const LEAST_SCALE = 6; // pixels a second at which short segments can still be told apart
const MOST_SCALE = 80;
const FAINTEST = 0.12; // what nobody is sure of is still seen

function timeline(recording, player) {
  const length = Math.max(recording.duration, 0.001);
  const place = (node, begin, end) => {
    node.style.left = (100 * begin) / length + "%";
    if (end !== undefined) node.style.width = (100 * (end - begin)) / length + "%";
    return node;
  };
  const details = element("p", { class: "details", role: "status" },
    "Point at a segment, or reach it with Tab and the arrow keys.");
  const buttons = recording.segments.map((segment) => place(
    segmentButton(segment, recording.lanes), segment.begin, segment.end));
  const plot = element("div", { class: "plot" });
  const scroll = element("div", { class: "scroll" }, plot);

  const lanes = recording.lanes.map((lane) => {
    const track = element("div", { class: "track" });
    track.append(...buttons.filter((_, n) => recording.segments[n].lane === lane.name));
    const row = element("div", { class: "row lane " + colour(lane.name, lane.linked),
      role: "group", "aria-label": lane.name }, element("div", { class: "name" }, lane.name), track);
    row.dataset.lane = lane.name;
    return row;
  });
  const axis = element("div", { class: "track" });
  const chunks = element("div", { class: "track" }, ...recording.chunks.map((chunk) => place(
    element("span", { class: "chunk " + (chunk.status === "diarized" ? "" : "failed"),
      title: "chunk " + chunk.number + ": " + chunk.status },
      chunk.number + (chunk.status === "diarized" ? "" : " failed")), chunk.begin, chunk.end)));
  const over = element("div", { class: "over" }, ...recording.overlap.map(([begin, end]) =>
    place(element("div", { class: "overlap" }), begin, end)));
  plot.append(
    element("div", { class: "row axis" }, element("div", { class: "name" }, "Time"), axis),
    ...lanes,
    element("div", { class: "row chunks" }, element("div", { class: "name" }, "Chunks"), chunks),
    over);

  const show = (number) => { details.textContent = described(recording.segments[number]); };
  const walk = rover(recording, buttons, show);
  plot.addEventListener("keydown", walk.key);
  plot.addEventListener("pointerover", (event) => {
    const number = buttons.indexOf(event.target.closest(".segment"));
    if (number >= 0) show(number);
  });
  plot.addEventListener("click", (event) => {
    const number = buttons.indexOf(event.target.closest(".segment"));
    if (number >= 0) {
      show(number);
      walk.enter(number);
      if (player) { player.currentTime = recording.segments[number].begin; player.play(); }
    } else if (player && event.target.closest(".track")) {
      const box = axis.getBoundingClientRect();
      player.currentTime = Math.max(0, length * (event.clientX - box.left) / box.width);
    }
  });

  const zoom = element("input", { type: "range", min: "0", max: "100", value: "0",
    "aria-label": "Zoom of the timeline" });
  const draw = () => {
    const fit = (scroll.clientWidth - plot.querySelector(".name").offsetWidth) / length;
    const least = Math.max(fit, Math.min(LEAST_SCALE, MOST_SCALE));
    const scale = least * Math.max(1, MOST_SCALE / least) ** (zoom.value / 100);
    plot.style.width = scale <= fit * 1.001 ? "100%"
      : "calc(var(--label) + " + scale * length + "px)";
    ticks(axis, length, scale, place);
  };
  zoom.addEventListener("input", draw);
  new ResizeObserver(draw).observe(scroll);
  if (player) follow(recording, player, { over, lanes, scroll, place });
  return element("div", {}, tools(zoom), scroll, details);
}

function segmentButton(segment, lanes) {
  const fill = element("span", { class: "fill" });
  // Most confidences lie near one: the cube spreads them.
  fill.style.opacity = FAINTEST + (1 - FAINTEST) * (segment.confidence ?? 0) ** 3;
  const button = element("button", { type: "button", tabindex: "-1",
    class: "segment" + (segment.uncertain ? " uncertain" : ""),
    "aria-label": described(segment) }, fill);
  if (segment.uncertain) button.append(element("span", { class: "mark", "aria-hidden": "true" }, "?"));
  return button;
}

function described(segment) {
  return [
    segment.lane + (segment.uncertain ? "?" : ""),
    clock(segment.begin) + " to " + clock(segment.end),
    "confidence " + (segment.confidence === null ? "unknown" : segment.confidence.toFixed(2)),
    segment.overlap > 0 ? "overlapped " + percent(segment.overlap, 1) : "alone",
    segment.speaker + " of chunk " + segment.chunk,
  ].join(" · ");
}

function ticks(axis, length, scale, place) {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
  const step = steps.find((seconds) => seconds * scale >= 70) ?? 7200;
  const marks = [];
  for (let at = 0; at < length - 20 / scale; at += step) {
    marks.push(place(element("span", { class: "tick" }, clock(at).slice(0, -2)), at));
  }
  axis.replaceChildren(...marks);
}

function tools(zoom) {
  const key = (kind, text) => element("span", {}, element("span", { class: "key " + kind }), text);
  return element("div", { class: "tools" }, element("label", {}, "Zoom", zoom),
    key("sure", "certain"), key("faint", "uncertain"), key("both", "overlap"),
    element("span", {}, "? under the checkpoint's threshold"));
}
