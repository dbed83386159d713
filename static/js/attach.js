// Files of a message: picked, photographed, pasted or dropped. Short texts go along with it, and outlive the page as the draft
// does; anything else is put in at once and waits as a line of its own. Lines go when they are taken away, or once the server has taken the message.
(() => {
  const form = document.querySelector("[data-composer][data-draft-key]");
  if (!form) return;
  const [list, failures, blank, picker] = ["[data-attached]", "[data-failures]", "[data-file]", "[type=file]"].map((name) => form.querySelector(name));
  const { putIn, mostFiles, mostBytes, textBytes, draftKey } = form.dataset;
  const headers = { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value, "HX-Request": "true" };
  const texts = new DataTransfer();
  const key = draftKey && `draft:${draftKey}:texts`;
  const storage = (use) => { try { return key && use(localStorage); } catch { return null; } };
  const OTHER = /^$|[\0\ufffd]|^\s*(%PDF-|{\\rtf|(<[?!][^>]*>\s*)*<svg)/i; // no text
  const textOf = (file) => (file.size <= textBytes ? file.text() : Promise.reject()).catch(() => "");
  const take = (row) => row.gone?.() ?? row.remove();

  const fail = (kind, name) => {
    const alert = document.getElementById(`failure-${kind}`).content.cloneNode(true);
    if (name) alert.querySelector("strong").prepend(`“${name}”: `);
    if (!failures.textContent.includes(alert.textContent.trim())) failures.append(alert);
  };

  const line = (file, gone) => {
    const row = blank.content.firstElementChild.cloneNode(true);
    row.querySelector("span").textContent = file.name;
    row.dataset.index = 1 + Number(list.lastElementChild?.dataset.index ?? -1); // the order after a reload, whichever comes first
    row.querySelector("button").setAttribute("aria-label", `Remove ${file.name}`);
    return list.appendChild(Object.assign(row, { gone }));
  };

  const keep = (file, text) => {
    texts.items.add(file);
    const gone = () => { texts.items.remove([...texts.files].indexOf(file)); picker.files = texts.files; };
    Object.assign(line(file, gone), { kept: [[file.name, text]] }).querySelector("progress").remove();
  };

  const put = (file) => {
    const [request, body] = [new XMLHttpRequest(), new FormData()];
    const row = line(file, () => request.abort());
    row.dataset.coming = "";
    body.append("index", row.dataset.index);
    body.append("file", file, file.name.slice(-200));
    request.open("POST", putIn);
    for (const name in headers) request.setRequestHeader(name, headers[name]);
    request.upload.onprogress = ({ loaded, total }) => (row.querySelector("progress").value = loaded / total);
    request.onload = ({ target: { responseText: answer } }) => {
      if (answer.includes('name="files"')) return (row.outerHTML = answer);
      row.remove();
      if (answer.includes('role="alert"')) failures.insertAdjacentHTML("beforeend", answer);
      else fail(request.getResponseHeader("HX-Redirect") ? "signed-out" : "server");
    };
    request.onerror = () => row.remove() ?? fail("network");
    request.send(body);
  };

  const add = async (files) => {
    failures.replaceChildren();
    for (const file of files) {
      if (list.children.length >= mostFiles) fail("many");
      else if (file.size > mostBytes) fail("large", file.name);
      else await textOf(file).then((text) => (OTHER.test(text) ? put : keep)(file, text));
    }
    picker.files = texts.files;
  };

  for (const button of form.querySelectorAll("[data-pick]")) {
    const input = button.nextElementSibling;
    button.hidden = false;
    button.addEventListener("click", () => input.click());
    input.addEventListener("change", () => add([...input.files]).then(() => input === picker || (input.value = "")));
  }
  form.addEventListener("paste", (event) => {
    const [{ files, types }, field] = [event.clipboardData, document.querySelector("#from-address [name=address]")];
    const [address] = event.clipboardData.getData("text/plain").trim().match(/^https?:\/\/\S+\.(png|jpe?g|webp|gif|heic|avif)(\?\S*)?$/i) ?? [];
    if (address && field) setTimeout(() => (field.value = address) && field.closest("[popover]").showPopover()); // once it stands in the text
    if (!files.length || types.includes("text/plain")) return;
    event.preventDefault();
    add([...files]);
  });
  for (const type of ["dragover", "dragleave", "drop"]) document.addEventListener(type, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    form.toggleAttribute("data-over", type === "dragover");
    if (type === "drop") add([...event.dataTransfer.files]);
  });
  list.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (button?.dataset.remove) fetch(button.dataset.remove, { method: "POST", headers }).catch(() => {}); // it goes by itself
    if (button) take(button.closest("li")) ?? form.querySelector("[data-pick]").focus();
  });
  form.addEventListener("parley:sending", () => [...list.children].forEach((row) => (row.dataset.sent = "")));
  form.addEventListener("parley:sent", () => list.querySelectorAll("[data-sent]").forEach(take));
  new MutationObserver(() => {
    list.hidden = !list.children.length;
    const kept = [...list.children].flatMap((row) => row.kept ?? []);
    storage((store) => (kept.length ? store.setItem(key, JSON.stringify(kept)) : store.removeItem(key)));
    for (const kind of ["input", "parley:attached"]) form.elements.text.dispatchEvent(new Event(kind, { bubbles: true }));
  }).observe(list, { childList: true });
  const kept = JSON.parse(storage((store) => store.getItem(key)) || "[]");
  if (kept.length) add(kept.map(([name, text]) => new File([text], name)));
})();
