// Reads the growing reply to screen readers: whole sentences, at most every three seconds, and the end when it comes.
(() => {
  const live = document.querySelector("[data-announce]");
  if (!live) return;

  const PAUSE = 3000;
  const RUNNING = '.response:is([data-status="queued"], [data-status="in_progress"])';
  let reply = null; // id of the Response being read
  let said = 0;
  let timer;

  const textOf = (response) => [...response.querySelectorAll(".message .prose")].map((part) => part.textContent).join("\n");

  const follow = () => {
    const running = [...document.querySelectorAll(RUNNING)].at(-1);
    if (!running || running.id === reply) return;
    reply = running.id;
    said = textOf(running).length; // what was there before is read by moving to it
  };

  const ending = (response) => {
    const failure = response.querySelector("[data-error]")?.textContent.trim();
    return failure ?? (response.dataset.status === "cancelled" ? live.dataset.stopped : live.dataset.complete);
  };

  const speak = () => {
    timer = null;
    const response = document.getElementById(reply);
    if (!response) return;
    const over = !response.matches(RUNNING);
    const rest = textOf(response).slice(said);
    const words = over ? rest : (rest.match(/[\s\S]*(?:[.!?:;。！？](?=\s)|\n)/)?.[0] ?? "");
    said += words.length;
    const line = [words.trim(), over ? ending(response) : ""].filter(Boolean).join(" ");
    if (line) live.textContent = line;
    if (over) reply = null;
  };

  document.addEventListener("htmx:after:swap", () => {
    if (!reply) follow();
    if (reply && !timer) timer = setTimeout(speak, PAUSE);
  });
  follow();
})();
