// Web push: <form data-push="the server's public key">, shown where the browser can be notified. It asks the person and the
// browser's push service; what that gives goes into the form, and the form goes on its way.
(() => {
  const form = document.querySelector("[data-push]");
  if (!form || !navigator.serviceWorker || !window.PushManager) return;
  const problem = form.querySelector("[data-push-problem]");
  const button = form.querySelector("[type='submit']");
  document.querySelector("[data-no-push]").hidden = true;
  form.hidden = false;

  const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
  const options = { userVisibleOnly: true, applicationServerKey: bytes(form.dataset.push) };

  const subscribe = async () => {
    if ((await Notification.requestPermission()) !== "granted") throw new DOMException("", "NotAllowedError");
    await navigator.serviceWorker.register(form.dataset.worker);
    const { pushManager } = await navigator.serviceWorker.ready;
    try {
      return await pushManager.subscribe(options);
    } catch (error) {
      if (error.name !== "InvalidStateError") throw error;
      await (await pushManager.getSubscription())?.unsubscribe(); // it was for an older key of the server's
      return pushManager.subscribe(options);
    }
  };

  const SAID = { NotAllowedError: "The browser does not allow it. Allow notifications for this address in its settings, then try again." };
  const OTHER = "The browser’s push service cannot be reached. Try again in a moment.";

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.hidden = button.disabled = true;
    try {
      const { endpoint, keys } = (await subscribe()).toJSON();
      Object.entries({ endpoint, ...keys }).forEach(([name, value]) => { form.elements[name].value = value; });
      form.submit();
    } catch (error) {
      problem.textContent = SAID[error.name] ?? OTHER;
      problem.hidden = button.disabled = false;
    }
  });
})();
