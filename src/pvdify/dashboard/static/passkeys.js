// Passkeys: the browser asks the device, and the server checks what it signs.
(() => {
  const send = async (path, body = {}) => {
    const headers = { "Content-Type": "application/json", Accept: "application/json" };
    if (document.body.dataset.csrf) headers["X-CSRF-Token"] = document.body.dataset.csrf;
    const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
    const content = await answer.json();
    if (!answer.ok) throw new Error([content.detail, content.why].filter(Boolean).join(": "));
    return content;
  };

  // Each answers with the page that comes next.
  const ways = {
    async add(form) {
      const options = PublicKeyCredential.parseCreationOptionsFromJSON(await send("/me/passkeys/options"));
      const made = await navigator.credentials.create({ publicKey: options });
      await send(`/me/passkeys?name=${encodeURIComponent(form.elements.name.value)}`, made.toJSON());
      return "/me";
    },
    async use(form) {
      const options = PublicKeyCredential.parseRequestOptionsFromJSON(await send("/sign-in/passkey/options"));
      const given = await navigator.credentials.get({ publicKey: options });
      return (await send(`/sign-in/passkey?to=${encodeURIComponent(form.dataset.to)}`, given.toJSON())).to;
    },
  };

  const isHere = window.PublicKeyCredential?.parseCreationOptionsFromJSON;
  for (const form of isHere ? document.querySelectorAll("form[data-passkey]") : []) {
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const said = form.querySelector("[role=alert]");
      said.textContent = "";
      try {
        location.assign(await ways[form.dataset.passkey](form));
      } catch (error) {
        said.textContent = error.name === "NotAllowedError" ? "The device gave no passkey." : error.message;
      }
    });
  }
})();
