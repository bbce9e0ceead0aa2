/* One tab stop for all segments of a timeline ("roving tabindex", WAI-ARIA authoring practices). */

function rover(recording, buttons, show) {
  const segments = recording.segments;
  const order = recording.lanes.map((lane) => lane.name);
  let current = 0;
  const enter = (number) => {
    buttons[current]?.setAttribute("tabindex", "-1");
    current = number;
    buttons[current]?.setAttribute("tabindex", "0");
  };
  const beside = (step) => {
    const lane = order[order.indexOf(segments[current].lane) + step];
    const middle = (n) => (segments[n].begin + segments[n].end) / 2;
    const distance = (n) => Math.abs(middle(n) - middle(current));
    const there = segments.map((_, n) => n).filter((n) => segments[n].lane === lane);
    return there.sort((a, b) => distance(a) - distance(b))[0] ?? current;
  };
  const moves = {
    ArrowRight: () => Math.min(current + 1, segments.length - 1),
    ArrowLeft: () => Math.max(current - 1, 0),
    ArrowDown: () => beside(1),
    ArrowUp: () => beside(-1),
    Home: () => 0,
    End: () => segments.length - 1,
  };
  for (const [number, button] of buttons.entries()) {
    button.addEventListener("focus", () => { enter(number); show(number); });
  }
  enter(0);
  return {
    enter,
    key(event) {
      if (!(event.key in moves) || !buttons.includes(event.target)) return;
      event.preventDefault();
      buttons[moves[event.key]()].focus();
    },
  };
}
