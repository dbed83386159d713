// What went wrong, as a sentence in the page: in the composer for what was sent there, in #notice for the rest. Never over content.
(() => {
  const placeOf = (element) => element?.querySelector?.("[data-failures]") ?? document.getElementById("notice");

  const fail = (element, kind) => placeOf(element).replaceChildren(document.getElementById(`failure-${kind}`).content.cloneNode(true));

  document.addEventListener("htmx:after:request", (event) => {
    const { ctx } = event.detail;
    const { raw } = ctx.response;
    if (raw.redirected && new URL(raw.url).pathname.startsWith("/accounts/")) {
      event.preventDefault(); // a sign-in page is no answer to a fragment's question
      fail(ctx.sourceElement, "signed-out");
    } else if (!raw.ok && !ctx.text.includes('role="alert"')) {
      event.preventDefault();
      fail(ctx.sourceElement, "server");
    }
  });

  document.addEventListener("htmx:error", ({ detail: { ctx } }) => ctx && fail(ctx.sourceElement, "network"));

  const dismiss = (element) => {
    const opener = element.closest("[data-opener]")?.dataset.opener;
    element.remove();
    document.getElementById(opener)?.focus();
  };

  document.addEventListener("click", ({ target }) => {
    const element = target.closest?.("[data-dismiss]")?.closest("[data-dismissable]");
    if (element) dismiss(element);
  });

  document.addEventListener("keydown", (event) => {
    const element = event.key === "Escape" && !event.isComposing && event.target.closest?.("[data-dismissable]");
    const typed = element && [...element.querySelectorAll("textarea")].some((box) => box.value !== box.defaultValue);
    if (element && !typed) dismiss(element);
  });

  document.addEventListener("animationend", ({ target, animationName }) => animationName === "expire" && target.remove()); // a toast
})();
