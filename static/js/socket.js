// The socket. Its cursor is the position of the last message that is in the page: a new connection asks for what follows it,
// and whatever arrives twice is dropped. When #items is replaced as a whole, its own data-position is the cursor.
(() => {
  const socket = document.querySelector("[data-socket]");
  if (!socket) return;
  let items = document.getElementById("items");
  let position = Number(items.dataset.position);
  let lost;

  const show = (state) => {
    clearTimeout(lost);
    for (const line of socket.querySelectorAll("[data-when]")) line.hidden = line.dataset.when !== state;
  };
  // A deploy or a look into another tab is over before anyone needs to know of it.
  const showSoon = (state) => {
    clearTimeout(lost);
    lost = setTimeout(() => show(state), 1000);
  };
  const restart = () => htmx.process(socket, true);

  const setCursor = (connection) => {
    const url = new URL(connection.url);
    url.searchParams.set("after", position);
    connection.url = url.href;
  };

  const positionOf = (message) => {
    try { return JSON.parse(message.data).position; } catch { return undefined; }
  };

  socket.addEventListener("htmx:ws:before:connection", ({ detail }) => setCursor(detail.connection));
  socket.addEventListener("htmx:ws:after:connection", () => show(""));

  socket.addEventListener("htmx:ws:before:message:incoming", (event) => {
    if (positionOf(event.detail.message) <= position) event.preventDefault();
  });

  socket.addEventListener("htmx:ws:after:message:incoming", ({ detail }) => {
    position = positionOf(detail.message) ?? position;
    setCursor(detail.connection);
  });

  socket.addEventListener("htmx:ws:close", ({ detail: { reason, code } }) => {
    if (reason !== "closed" || document.hidden) return;
    if (htmx.config.ws.reconnectCodes.includes(code)) showSoon("lost");
    else show(socket.querySelector(`[data-when="${code}"]`) ? String(code) : "ended");
  });

  document.addEventListener("htmx:after:swap", () => {
    const now = document.getElementById("items");
    if (now === items) return;
    items = now;
    const behind = Number(items.dataset.position) < position;
    position = Number(items.dataset.position);
    if (behind) restart();
  });

  window.addEventListener("offline", () => show("lost"));
  window.addEventListener("online", restart);
  window.addEventListener("pageshow", (event) => event.persisted && restart());
})();
