// Tells the others in a shared conversation that one is writing, at most every three seconds.
(() => {
  let told = 0;
  document.addEventListener("input", ({ target }) => {
    const [form, url] = [target.form, target.form?.dataset.typing];
    if (!url || target.name !== "text" || !target.value.trim() || Date.now() - told < 3000 || !document.querySelector(".people:not([hidden])")) return;
    told = Date.now();
    const headers = { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value };
    fetch(url, { method: "POST", headers }).catch(() => {}); // nobody misses it
  });
})();
