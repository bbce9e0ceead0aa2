/* The playhead, and the lanes that speak under it. */

function follow(recording, player, { over, lanes, scroll, place }) {
  const head = element("div", { class: "playhead" });
  over.append(head);
  const update = () => {
    const now = player.currentTime;
    place(head, Math.min(now, recording.duration));
    const speaking = new Set(recording.segments
      .filter((segment) => segment.begin <= now && now < segment.end)
      .map((segment) => segment.lane));
    for (const lane of lanes) lane.classList.toggle("speaking", speaking.has(lane.dataset.lane));
  };
  const stay = () => {
    const box = scroll.getBoundingClientRect();
    const at = head.getBoundingClientRect().left - box.left;
    if (at < 80 || at > box.width - 20) scroll.scrollLeft += at - box.width / 3;
  };
  const run = () => {
    update();
    if (player.paused) return;
    stay();
    requestAnimationFrame(run);
  };
  player.addEventListener("play", run);
  for (const name of ["seeking", "seeked", "timeupdate"]) player.addEventListener(name, update);
  update();
}
