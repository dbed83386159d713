// Reads the growing reply to screen readers: whole sentences, at most every three seconds, and the end when it comes.
(() => {
  const live = document.querySelector("[data-announce]");
  if (!live) return;
  const PAUSE = 3000;
  const RUNNING = '.response:is([data-status="queued"], [data-status="in_progress"])';
  const heard = new Set(); // ids of Responses that were read, or were there before
  let [reply, said] = [null, 0]; // id of the Response being read, and how much of it was
  let items, timer;
  const textOf = (response) => [...response.querySelectorAll(".message .prose")].map((part) => part.textContent).join("\n");
  const all = () => [...document.querySelectorAll(".response")];

  // A page, or another version of the conversation: only what still grows is read, from where it stands.
  const open = () => {
    items = document.getElementById("items");
    for (const response of all()) if (!response.matches(RUNNING)) heard.add(response.id);
    reply = null;
    follow();
    if (reply) said = textOf(document.getElementById(reply)).length;
  };

  // The first Response below the last one heard; what is loaded above it is not news.
  const follow = () => {
    if (reply) return;
    const responses = all();
    reply = responses[responses.findLastIndex(({ id }) => heard.has(id)) + 1]?.id ?? null;
    said = 0;
  };

  const ending = (response) => {
    const failure = response.querySelector("[data-error]")?.textContent.trim();
    return failure ?? (response.dataset.status === "cancelled" ? live.dataset.stopped : live.dataset.complete);
  };

  const speak = () => {
    timer = null;
    const response = document.getElementById(reply);
    if (!response) return (reply = null);
    const over = !response.matches(RUNNING);
    const rest = textOf(response).slice(said);
    const words = over ? rest : (rest.match(/[\s\S]*(?:[.!?:;。！？](?=\s)|\n)/)?.[0] ?? "");
    said += words.length;
    const line = [words.trim(), over ? ending(response) : ""].filter(Boolean).join(" ");
    if (line) live.textContent = line;
    if (!over) return;
    heard.add(reply);
    reply = null;
    follow();
    if (reply) timer = setTimeout(speak, PAUSE);
  };

  document.addEventListener("htmx:after:swap", () => {
    if (document.getElementById("items") !== items) open();
    follow();
    if (reply && !timer) timer = setTimeout(speak, PAUSE);
  });
  open();
})();
