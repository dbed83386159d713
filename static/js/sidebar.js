// Shortcuts: Ctrl or ⌘ + K searches, Ctrl or ⌘ + Shift + O begins a conversation. The drawer of phones is a native popover.
(() => {
  const sidebar = document.querySelector("[data-sidebar]");
  if (!sidebar) return;

  const search = () => {
    const box = document.querySelector("main [data-search]") ?? sidebar.querySelector("[data-search]");
    if (!box.checkVisibility()) sidebar.showPopover();
    box.focus();
    box.select();
  };

  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = event.key.toLowerCase();
    if (key === "k" && !event.shiftKey) search();
    else if (key === "o" && event.shiftKey) sidebar.querySelector("[data-new]").click();
    else return;
    event.preventDefault();
  });

  // Escape empties the search, which brings the list back.
  sidebar.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !event.target.matches("[data-search]") || !event.target.value) return;
    event.preventDefault();
    event.target.value = "";
    event.target.dispatchEvent(new Event("input", { bubbles: true }));
  });

  sidebar.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
})();
