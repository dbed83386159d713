// Keeps a keyboard's place when a swap takes the focused control away: back to the same control, to the one that opened it,
// to its twin in the version that took its place, or at least to its neighbours.
(() => {
  let place = null;
  const groups = () => [...document.querySelectorAll("[data-versions]")];

  const describe = (element) => ({
    id: element.closest("[data-opener]")?.dataset.opener ?? element.id,
    group: groups().indexOf(element.closest("[data-versions]")),
    version: element.dataset.version,
    home: element.closest("footer[id], article[id]")?.id,
  });

  const find = ({ id, group, version, home }) => {
    const twins = [...(groups()[group]?.querySelectorAll("button:enabled") ?? [])];
    return (
      twins.find((button) => button.dataset.version === version) ??
      twins[0] ??
      document.getElementById(id) ??
      document.getElementById(home)?.querySelector("button:enabled, summary") ??
      document.getElementById("main")
    );
  };

  document.addEventListener("htmx:before:swap", () => {
    const element = document.activeElement;
    place = element && element !== document.body ? describe(element) : null;
  });

  document.addEventListener("htmx:after:swap", () => {
    if (place && document.activeElement === document.body) find(place).focus({ preventScroll: true });
    place = null;
  });
})();
