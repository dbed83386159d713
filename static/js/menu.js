// Popover menus stand beside the button that opens them. Escape, a click outside and the focus are the browser's own business.
(() => {
  const GAP = 4;

  document.addEventListener("beforetoggle", ({ target: menu, newState }) => {
    if (newState !== "open" || !menu.matches("[data-menu]")) return;
    const opener = document.querySelector(`[popovertarget="${menu.id}"]`).getBoundingClientRect();
    const width = 13 * parseFloat(getComputedStyle(document.documentElement).fontSize);
    const up = opener.bottom > window.innerHeight * 0.6;
    menu.style.left = `${Math.max(GAP, Math.min(opener.left, window.innerWidth - width - 2 * GAP))}px`;
    menu.style.top = up ? "auto" : `${opener.bottom + GAP}px`;
    menu.style.bottom = up ? `${window.innerHeight - opener.top + GAP}px` : "auto";
  }, true);
})();
