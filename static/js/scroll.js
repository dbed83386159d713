// The page stays at its end while a reply grows, unless the reader has gone up. Earlier entries come in above without a jump.
(() => {
  const main = document.querySelector("main.conversation");
  const items = () => document.getElementById("items");
  const dock = document.querySelector("[data-dock]");
  if (!items() || !dock) return;
  const page = document.documentElement;
  const jump = document.querySelector("[data-jump]");
  let [follow, before, kept] = [!items().dataset.at, 0, null];
  const below = () => page.scrollHeight - window.innerHeight - window.scrollY;
  const toEnd = (behavior = "instant") => window.scrollTo({ top: page.scrollHeight, behavior });
  const look = () => (jump.hidden = follow || below() < 240);

  const settle = () => {
    page.style.setProperty("--composer", `${dock.offsetHeight}px`);
    if (follow) toEnd();
    look();
  };

  window.addEventListener("scroll", () => {
    if (below() < 4) follow = true;
    else if (window.scrollY < before) follow = false;
    before = window.scrollY;
    look();
  }, { passive: true });

  jump.addEventListener("click", () => {
    follow = true;
    toEnd(matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth");
    look();
  });

  // Whoever sends wants to see what comes of it.
  document.addEventListener("htmx:after:request", ({ target, detail: { ctx } }) => {
    if (target.matches?.("[data-composer]") && ctx.response.raw.ok) {
      follow = true;
      toEnd();
    }
  });

  // The first entry in sight stays where it is when some come in above it, or when all are drawn again.
  document.addEventListener("htmx:before:swap", ({ detail: { ctx, tasks } }) => {
    if (!ctx.sourceElement?.matches?.("[data-earlier]") && !tasks.some((task) => task.target === items())) return;
    const entry = [...items().querySelectorAll(".entry")].find((one) => one.getBoundingClientRect().bottom > 0);
    kept = entry && { id: entry.id, top: entry.getBoundingClientRect().top };
  });

  document.addEventListener("htmx:after:swap", () => {
    const entry = kept && document.getElementById(kept.id);
    if (entry && !follow) window.scrollBy({ top: entry.getBoundingClientRect().top - kept.top, behavior: "instant" });
    kept = null;
  });

  history.scrollRestoration = "manual";
  const observer = new ResizeObserver(settle);
  for (const each of [main, dock]) observer.observe(each);
  settle();
})();
