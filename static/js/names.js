// @name: while one is being written, offers people who may read this conversation. All of them are listed in the composer.
(() => {
  const list = document.querySelector("[data-names]");
  if (!list) return;
  const [box, all] = [list.closest("form").elements.text, [...list.children]];
  const begun = () => box.value.slice(0, box.selectionStart).match(/(?<![\w.@+/-])@([\w.@+-]*)$/)?.[1].toLowerCase();
  const choose = (one) => all.forEach((each) => each.setAttribute("aria-selected", each === one));
  const offer = (name = " ") => {
    const fit = all.filter(({ dataset }) => dataset.name.startsWith(name) && dataset.name !== name).slice(0, 6);
    for (const one of all) one.hidden = !fit.includes(one);
    list.hidden = !fit.length;
    choose(fit[0]);
  };
  const take = (one) => document.execCommand("insertText", false, `${one.dataset.name.slice(begun().length)} `); // can be undone
  for (const type of ["input", "blur"]) box.addEventListener(type, () => offer(type === "input" ? begun() : undefined));
  box.addEventListener("keydown", (event) => {
    const [names, step] = [all.filter((one) => !one.hidden), { ArrowDown: 1, ArrowUp: -1 }[event.key]];
    if (list.hidden || event.isComposing || !(step || ["Enter", "Tab", "Escape"].includes(event.key))) return;
    event.preventDefault();
    event.stopPropagation();
    const at = names.findIndex((one) => one.getAttribute("aria-selected") === "true");
    event.key === "Escape" ? offer() : step ? choose(names.at((at + step) % names.length)) : take(names[at]);
  });
  list.addEventListener("pointerdown", (event) => event.preventDefault() ?? take(event.target.closest("li")));
})();
