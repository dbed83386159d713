// Passkeys: <form data-passkey="create|get">, shown where the browser has them. Its options are JSON inside it, or fetched from
// data-options; what the browser answers goes into its `credential`, and the form goes on its way.
(() => {
  if (!window.PublicKeyCredential?.parseCreationOptionsFromJSON) return;
  for (const missing of document.querySelectorAll("[data-no-passkeys]")) missing.hidden = true;

  const optionsOf = async (form) => {
    if (!form.dataset.options) return JSON.parse(form.querySelector("script[type='application/json']").textContent);
    const answer = await fetch(form.dataset.options, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(answer.status === 429 ? "Too many tries. Wait a minute, then try again." : "The server could not do that. Try again.");
    return answer.json();
  };

  const ask = async (form) => {
    const { creation_options: creation, request_options: request } = await optionsOf(form);
    if (form.dataset.passkey === "get") {
      return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(request.publicKey) });
    }
    const selection = creation.publicKey.authenticatorSelection;
    if (form.elements.passwordless?.checked) Object.assign(selection, { residentKey: "required", requireResidentKey: true, userVerification: "required" });
    return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(creation.publicKey) });
  };

  const SAID = {
    NotAllowedError: "Nothing was chosen, or it took too long. Try again.",
    InvalidStateError: "This device has a passkey for your account already.",
    SecurityError: "The browser does not allow passkeys at this address.",
  };

  for (const form of document.querySelectorAll("[data-passkey]")) {
    const problem = form.querySelector("[data-passkey-problem]");
    const button = form.querySelector("[type='submit']");
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      problem.hidden = button.disabled = true;
      try {
        form.elements.credential.value = JSON.stringify(await ask(form));
        form.submit();
      } catch (error) {
        problem.textContent = SAID[error.name] ?? error.message;
        problem.hidden = button.disabled = false;
      }
    });
  }
})();
