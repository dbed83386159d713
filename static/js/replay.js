// A reply once more, at the speed at which it came: its pieces stand in the page, each with the millisecond at which it was written.
const pieces = [...document.querySelectorAll("[data-at]")].sort((one, other) => one.dataset.at - other.dataset.at);
const controls = document.querySelector("[data-controls]");
const [play, speed, clock] = ["play", "speed", "clock"].map((name) => document.querySelector(`[data-${name}]`));
const end = pieces.length ? Number(pieces.at(-1).dataset.at) : 0;
let at = 0, shown = pieces.length, last = 0, frame = 0;

function draw(now) {
  at = Math.min(at + (now - last) * Number(speed.value), end);
  last = now;
  while (shown < pieces.length && Number(pieces[shown].dataset.at) <= at) pieces[shown++].hidden = false;
  clock.textContent = `${(at / 1000).toFixed(1)} of ${(end / 1000).toFixed(1)} s`;
  frame = at < end ? requestAnimationFrame(draw) : 0;
  if (!frame) play.textContent = "Play again";
}

play.addEventListener("click", () => {
  if (frame) {
    cancelAnimationFrame(frame);
    frame = 0;
    play.textContent = "Go on";
    return;
  }
  if (shown === pieces.length) {
    for (const piece of pieces) piece.hidden = true;
    at = shown = 0;
  }
  play.textContent = "Pause";
  last = performance.now();
  frame = requestAnimationFrame(draw);
});

controls.hidden = !pieces.length;
