// Writing: Enter sends, the box grows, the draft outlives the page. Text goes away only after the server has taken it,
// and only the text that was sent. Used by the composer and by the form that edits a message.
(() => {
  const FORM = "[data-composer]";
  const sending = new Map(); // form → the text on its way

  const boxOf = (form) => form.elements.text;
  const ready = (form) => (boxOf(form).value.trim() || !boxOf(form).required) && !form.querySelector("[data-coming]");
  const keyOf = (form) => form.dataset.draftKey && `draft:${form.dataset.draftKey}`;

  const storage = (use) => {
    try { return use(localStorage); } catch { return null; } // private windows and full disks: the text is still in the box
  };

  const keep = (form) => {
    const [key, text] = [keyOf(form), boxOf(form).value];
    if (key) storage((store) => (text ? store.setItem(key, text) : store.removeItem(key)));
  };

  const refresh = (form) => {
    const box = boxOf(form);
    box.required = !form.querySelector("[data-attached] li");
    form.querySelector("[type=submit]").disabled = sending.has(form) || !ready(form);
    if (CSS.supports("field-sizing", "content")) return;
    box.style.height = "auto";
    box.style.height = `${box.scrollHeight + 2}px`;
  };

  const changed = (form) => [keep, refresh].forEach((each) => each(form));

  const composer = () => document.querySelector(`${FORM}[data-draft-key]`);
  document.addEventListener("input", ({ target }) => target.name === "text" && target.form?.matches(FORM) && changed(target.form));

  document.addEventListener("keydown", (event) => {
    const form = event.target.form;
    if (event.key !== "Enter" || event.shiftKey || event.target.name !== "text" || !form?.matches(FORM)) return;
    if (event.isComposing || event.keyCode === 229) return; // Enter that ends a composition (Japanese, Chinese …)
    event.preventDefault();
    if (ready(form)) form.requestSubmit();
  });

  document.addEventListener("htmx:config:request", (event) => {
    const form = event.target;
    if (!form.matches?.(FORM)) return;
    if (sending.has(form) || !ready(form)) return event.preventDefault();
    sending.set(form, boxOf(form).value);
    form.dispatchEvent(new CustomEvent("parley:sending"));
    refresh(form);
  });

  document.addEventListener("htmx:after:request", ({ target, detail: { ctx } }) => {
    if (!sending.has(target)) return;
    const { ok, redirected, headers } = ctx.response.raw;
    if (!ok || redirected || headers.get("HX-Redirect")?.startsWith("/accounts/")) return; // signed out: nothing was taken
    const [box, sent] = [boxOf(target), sending.get(target)];
    if (box.value.startsWith(sent)) box.value = box.value.slice(sent.length).trimStart();
    target.querySelector("[data-failures]")?.replaceChildren();
    target.dispatchEvent(new CustomEvent("parley:sent"));
    changed(target);
  });

  document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => sending.delete(ctx.sourceElement) && refresh(ctx.sourceElement));

  document.addEventListener("click", ({ target }) => {
    const text = target.closest?.("[data-fill]")?.dataset.fill;
    if (!text) return;
    const box = boxOf(composer());
    box.value = box.value.trim() ? `${box.value.trimEnd()}\n${text}` : text;
    box.focus();
    changed(composer());
  });

  const form = composer();
  if (!form) return;
  boxOf(form).value ||= storage((store) => store.getItem(keyOf(form))) ?? "";
  refresh(form);
  if (matchMedia("(hover: hover)").matches) boxOf(form).focus({ preventScroll: true });
})();
