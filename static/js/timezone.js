// Tells the server where the reader's day begins (cookie `tz`), and shows times of day in the reader's own.
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
  const cookie = `tz=${encodeURIComponent(zone)}`;
  if (zone && !document.cookie.split("; ").includes(cookie)) document.cookie = `${cookie}; path=/; max-age=31536000; samesite=lax`;
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  document.addEventListener("toggle", ({ target }) => {
    for (const time of target.querySelectorAll?.("time[data-local]") ?? []) time.textContent = format.format(new Date(time.dateTime));
  }, true);
})();
