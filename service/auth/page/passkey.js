// Passkeys: a button with data-passkey begins a ceremony at data-begin and sends
// what the browser answers to data-finish. Pages work without it.
"use strict";
(() => {
  const bytes = text => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), c => c.charCodeAt(0));
  const text = buffer => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const known = list => (list || []).map(one => ({ ...one, id: bytes(one.id) }));

  const ask = async (kind, o) => {
    const publicKey = { ...o, challenge: bytes(o.challenge) };
    if (kind === "register") {
      publicKey.user = { ...o.user, id: bytes(o.user.id) };
      publicKey.excludeCredentials = known(o.excludeCredentials);
      return navigator.credentials.create({ publicKey });
    }
    publicKey.allowCredentials = known(o.allowCredentials);
    return navigator.credentials.get({ publicKey });
  };

  const answer = c => {
    const response = { clientDataJSON: text(c.response.clientDataJSON) };
    for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (c.response[name]) response[name] = text(c.response[name]);
    }
    if (c.response.getTransports) response.transports = c.response.getTransports();
    return JSON.stringify({
      id: c.id, rawId: text(c.rawId), type: c.type, response,
      authenticatorAttachment: c.authenticatorAttachment || undefined,
      clientExtensionResults: c.getClientExtensionResults(),
    });
  };

  const send = async (address, values) => {
    const r = await fetch(address, { method: "POST", body: new URLSearchParams(values), credentials: "same-origin" });
    const said = await r.json();
    if (!r.ok) throw new Error(said.error_description || "This did not work.");
    return said;
  };

  const run = async box => {
    const data = box.dataset;
    const say = box.querySelector("[role=status]");
    const values = data.token ? { token: data.token } : {};
    say.textContent = "";
    try {
      const begun = await send(data.begin, values);
      const made = await ask(data.passkey, begun.options.publicKey);
      const name = box.querySelector("input");
      const said = await send(data.finish, { ...values, ceremony: begun.token, answer: answer(made), name: name ? name.value : "" });
      location.assign(said.next || data.next || location.href);
    } catch (e) {
      say.textContent = e.name === "NotAllowedError" ? "Your device did not give a passkey. Try again, or use another way." : e.message;
    }
  };

  if (!window.PublicKeyCredential) return;
  for (const box of document.querySelectorAll("[data-passkey]")) {
    box.hidden = false;
    box.querySelector("button").addEventListener("click", () => run(box));
  }
})();
