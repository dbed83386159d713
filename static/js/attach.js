// Files of a message: chosen by a button, listed with a way to take each away, gone only when the server has taken them.
(() => {
  const form = document.querySelector("[data-composer][data-draft-key]");
  if (!form) return;
  const [input, list, button] = [form.elements.attachments, form.querySelector("[data-attached]"), form.querySelector("[data-attach]")];
  const model = form.querySelector("[data-file]").content;

  const put = (files) => {
    const chosen = new DataTransfer();
    files.forEach((file) => chosen.items.add(file));
    input.files = chosen.files;
    show();
  };

  const show = () => {
    const files = [...input.files];
    list.hidden = !files.length;
    list.replaceChildren(
      ...files.map((file) => {
        const row = model.cloneNode(true);
        const take = row.querySelector("button");
        row.querySelector("span").textContent = file.name;
        take.setAttribute("aria-label", `Remove ${file.name}`);
        take.addEventListener("click", () => {
          put(files.filter((other) => other !== file));
          button.focus();
        });
        return row;
      }),
    );
  };

  let kept = [];
  button.hidden = false;
  button.addEventListener("click", () => {
    kept = [...input.files];
    input.click();
  });
  input.addEventListener("change", () => put([...kept.splice(0), ...input.files])); // chosen twice: both count
  form.addEventListener("parley:sent", () => put([]));
  show();
})();
