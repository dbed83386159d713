// Copy a message (as text and as HTML, so that tables and lists survive a paste into a document) or one block of code (as text).
(() => {
  const live = document.querySelector("[data-announce]");

  // Selecting and execCommand is all there is on plain http, where many small servers live.
  const copyBySelection = (element) => {
    const selection = window.getSelection();
    selection.selectAllChildren(element);
    const done = document.execCommand("copy");
    selection.removeAllRanges();
    return done;
  };

  const textOf = (element) => {
    const blocks = [...element.querySelectorAll(".block")];
    if (!blocks.length) return element.innerText.trim();
    return blocks.map((block) => (block.querySelector(":scope > figure pre") ?? block).innerText.trimEnd()).join("\n\n");
  };

  const htmlOf = (element) => {
    const copy = element.cloneNode(true);
    for (const button of copy.querySelectorAll("button")) button.remove();
    return copy.innerHTML;
  };

  const copyMessage = async (button) => {
    const message = button.closest(".response, .item");
    const parts = [...message.querySelectorAll(".message .prose, .message .text")];
    const own = parts.length ? parts : [...message.querySelectorAll(".prose, .text")];
    if (!navigator.clipboard) return copyBySelection(own[0]);
    const blob = (type, values) => new Blob([values.join("\n\n")], { type });
    const html = { "text/html": blob("text/html", own.map(htmlOf)) };
    return navigator.clipboard.write([new ClipboardItem({ "text/plain": blob("text/plain", own.map(textOf)), ...html })]);
  };

  const copyCode = (button) => {
    const code = button.closest(".block, .code").querySelector("pre code, pre");
    return navigator.clipboard ? navigator.clipboard.writeText(code.textContent.replace(/\n$/, "")) : copyBySelection(code);
  };

  document.addEventListener("click", async ({ target }) => {
    const button = target.closest?.("[data-copy]");
    if (!button) return;
    await (button.dataset.copy === "code" ? copyCode(button) : copyMessage(button));
    button.dataset.copied = "";
    if (live) live.textContent = "Copied.";
    setTimeout(() => delete button.dataset.copied, 2000);
  });
})();
