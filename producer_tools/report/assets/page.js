/* Puts the page together from the data block. */

function numbers(recording) {
  const diarized = recording.chunks.length - recording.failed.length;
  const linked = recording.lanes.filter((lane) => lane.linked).length;
  const uncertain = recording.segments.filter((segment) => segment.uncertain).length;
  const threshold = (value) => (value === null ? "none published" : value.toFixed(2));
  const shown = [
    ["Length", clock(recording.duration)],
    ["Voices", linked],
    ["Chunks diarized", diarized + " of " + recording.chunks.length],
    ["Silent chunks", recording.silent],
    ["Speech", percent(recording.speech, recording.duration)],
    ["Overlap, of speech", percent(recording.overlapped, recording.speech)],
    ["Uncertain segments", uncertain + " of " + recording.segments.length],
    ["Uncertain below", threshold(recording.uncertain_confidence)],
    ["One voice from cosine", threshold(recording.same_voice_cosine)],
  ];
  return element("dl", { class: "numbers" }, ...shown.map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, String(value)))));
}

function problems(recording) {
  const found = [];
  if (recording.failed.length) found.push("Failed chunks: " + recording.failed.length + ", see below.");
  if (recording.missing.length) found.push("No result for chunk " + recording.missing.join(", ") + ".");
  if (!recording.complete) found.push("The recording's last chunk is not among the results.");
  return found.map((text) => element("p", { class: "problem" }, text));
}

function voiceTable(recording) {
  const total = recording.lanes.reduce((sum, lane) => sum + lane.speech, 0);
  return table("Voices", ["Voice", "Speech", "Share", "Turns", "Uncertain", "Mean confidence"],
    recording.lanes.map((lane) => [colour(lane.name, lane.linked), lane.name, clock(lane.speech),
      percent(lane.speech, total), lane.turns, lane.uncertain,
      lane.confidence === null ? "–" : lane.confidence.toFixed(2)]));
}

function failures(recording) {
  return table("Failures", ["Chunk", "At", "Reason", "Attempts", "Input record (dead letter)"],
    recording.failed.map((failure) => ["", failure.id || "unreadable event", clock(failure.begin),
      failure.reason, failure.attempts, failure.source]));
}

function section(recording) {
  const card = element("section", { class: "recording", "aria-label": recording.name },
    element("h2", {}, recording.name || "Unreadable events"), numbers(recording), ...problems(recording));
  let player = null;
  if (recording.audio !== null) {
    player = element("audio", { controls: "", preload: "auto", src: recording.audio,
      "aria-label": "Audio of " + recording.name });
    player.addEventListener("error", () => player.after(element("p", { class: "problem" },
      "The audio cannot be played here.")));
    card.append(player);
  }
  document.getElementById("recordings").append(card); // before drawing: sizes are asked for
  if (recording.segments.length) {
    card.append(timeline(recording, player), element("h3", {}, "Voices"), voiceTable(recording));
  }
  if (recording.similarity.labels.length > 1) {
    card.append(element("h3", {}, "Similarity of the fingerprints"), 
      heatMap(recording, card.querySelector(".numbers").clientWidth));
    if (recording.similarity.left_out) {
      card.append(element("p", { class: "note" }, recording.similarity.left_out +
        " fingerprints with less speech are not shown."));
    }
  }
  if (recording.failed.length) {
    card.append(element("h3", {}, "Failed chunks"), failures(recording));
  }
  if (recording.calibration !== null) {
    card.append(element("h3", {}, "Calibration of the confidence"), reliability(recording.calibration));
  }
  card.append(element("p", { class: "note" }, "Models: " + recording.models.join("; ")));
}

function letters(found) {
  return element("section", { class: "recording", "aria-label": "Dead letters" },
    element("h2", {}, "Dead letters"),
    table("Dead letters", ["Recording", "Input record", "Reason", "Why", "Attempts", "Written (UTC)"],
      found.map((letter) => ["", letter.recording_id, letter.source, letter.reason, letter.message,
        letter.attempts, letter.written.slice(0, 19).replace("T", " ")])));
}

const report = JSON.parse(document.getElementById("data").textContent);
const count = report.recordings.length;
document.getElementById("overview").textContent = count + (count === 1 ? " recording" : " recordings") +
  ", " + clock(report.recordings.reduce((sum, recording) => sum + recording.duration, 0));
report.recordings.forEach(section);
if (report.letters.length) document.getElementById("recordings").append(letters(report.letters));
