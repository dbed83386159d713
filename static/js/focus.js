// Keeps a keyboard's place when a swap takes the focused control away: back to the same control, or to the one that opened it.
(() => {
  const places = new WeakMap(); // request → how to find the control again

  const describe = (element) => {
    const versions = element.closest?.("[data-versions]");
    if (versions) return { index: [...document.querySelectorAll("[data-versions]")].indexOf(versions), version: element.dataset.version };
    const menu = element.closest?.("[popover][data-menu]");
    const opener = menu && document.querySelector(`[popovertarget="${menu.id}"]`);
    return { id: opener?.id ?? element.closest?.("[data-opener]")?.dataset.opener ?? element.id };
  };

  const find = ({ index, version, id }) => {
    if (index === undefined) return document.getElementById(id);
    const buttons = [...(document.querySelectorAll("[data-versions]")[index]?.querySelectorAll("button:enabled") ?? [])];
    return buttons.find((button) => button.dataset.version === version) ?? buttons[0];
  };

  document.addEventListener("htmx:config:request", ({ target, detail: { ctx } }) => {
    if (ctx.sourceEvent?.isTrusted) places.set(ctx, describe(target));
  });

  document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
    if (!places.has(ctx) || document.activeElement !== document.body) return;
    (find(places.get(ctx)) ?? document.getElementById("main")).focus({ preventScroll: true });
  });
})();
