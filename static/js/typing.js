// Tells the others in a shared conversation that one is writing, at most every three seconds.
(() => {
  const EVERY = 3000;
  let told = 0;
  document.addEventListener("input", ({ target }) => {
    const form = target.form;
    const url = form?.dataset.typing;
    if (!url || target.name !== "text" || !target.value.trim() || Date.now() - told < EVERY) return;
    if (!document.querySelector(".people:not([hidden])")) return;
    told = Date.now();
    const headers = { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value };
    fetch(url, { method: "POST", headers }).catch(() => {}); // nobody misses it
  });
})();
