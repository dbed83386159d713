// One image, large: arrow keys or a swipe go to the next, + and − or two fingers or a double click enlarge it, Escape closes.
(() => {
  const stage = document.querySelector("[data-viewer]");
  const image = stage?.querySelector("[data-whole]");
  if (!stage) return;
  const MOST = 8;
  const fingers = new Map(); // pointer → where it is
  let [scale, left, top] = [1, 0, 0];
  let began = null; // of a gesture: where, how large, and how far apart two fingers are

  const go = (name) => document.querySelector(`[data-${name}]`)?.click();

  const show = () => {
    const room = { x: (image.offsetWidth * (scale - 1)) / 2, y: (image.offsetHeight * (scale - 1)) / 2 };
    left = Math.max(-room.x, Math.min(room.x, left));
    top = Math.max(-room.y, Math.min(room.y, top));
    image.style.transform = scale > 1 ? `translate(${left}px, ${top}px) scale(${scale})` : "";
    stage.classList.toggle("zoomed", scale > 1);
    if (scale > 1) image.sizes = `${Math.ceil(scale * 100)}vw`; // its own pixels, once they can be seen
  };

  // What is under (x, y) stays there.
  const zoom = (to, x, y) => {
    const box = stage.getBoundingClientRect();
    const [dx, dy] = [x - (box.left + box.width / 2), y - (box.top + box.height / 2)];
    to = Math.max(1, Math.min(MOST, to));
    left = dx - ((dx - left) * to) / scale;
    top = dy - ((dy - top) * to) / scale;
    scale = to;
    show();
  };
  const middle = () => {
    const box = stage.getBoundingClientRect();
    return [box.left + box.width / 2, box.top + box.height / 2];
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const acts = { ArrowLeft: () => go("before"), ArrowRight: () => go("after"), Escape: () => (scale > 1 ? zoom(1, ...middle()) : go("close")) };
    const zooms = { "+": scale * 1.5, "=": scale * 1.5, "-": scale / 1.5, 0: 1 };
    if (event.key in acts) acts[event.key]();
    else if (image && event.key in zooms) zoom(zooms[event.key], ...middle());
    else return;
    event.preventDefault();
  });

  const spread = () => {
    const [one, other] = [...fingers.values()];
    return other ? Math.hypot(one.x - other.x, one.y - other.y) : 0;
  };
  const center = () => {
    const all = [...fingers.values()];
    return [all.reduce((sum, { x }) => sum + x, 0) / all.length, all.reduce((sum, { y }) => sum + y, 0) / all.length];
  };
  const begin = () => {
    const [x, y] = fingers.size ? center() : [0, 0];
    began = fingers.size ? { x, y, left, top, scale, spread: spread(), at: began?.at ?? { x, y, count: 0 } } : null;
    if (began) began.at.count = Math.max(began.at.count, fingers.size);
  };

  stage.addEventListener("pointerdown", (event) => {
    if (event.button || event.target.closest("a, button")) return;
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    stage.setPointerCapture(event.pointerId);
    begin();
  });
  stage.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const [x, y] = center();
    if (image && began.spread) zoom((began.scale * spread()) / began.spread, x, y);
    else if (image && scale > 1) {
      [left, top] = [began.left + x - began.x, began.top + y - began.y];
      show();
    }
  });
  const end = (event) => {
    if (!fingers.delete(event.pointerId)) return;
    const { at } = began;
    const [dx, dy] = [event.clientX - at.x, event.clientY - at.y];
    const swiped = event.type === "pointerup" && scale === 1 && at.count === 1 && Math.abs(dx) > 60 && Math.abs(dx) > 2 * Math.abs(dy);
    if (!fingers.size) began = null;
    if (swiped) go(dx > 0 ? "before" : "after");
    else if (fingers.size) begin();
  };
  stage.addEventListener("pointerup", end);
  stage.addEventListener("pointercancel", end);

  if (!image) return;
  stage.addEventListener("dblclick", ({ target, clientX, clientY }) => {
    if (!target.closest("a, button")) zoom(scale > 1 ? 1 : 2.5, clientX, clientY);
  });
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(scale * Math.exp(-event.deltaY / 400), event.clientX, event.clientY);
  }, { passive: false });
})();
