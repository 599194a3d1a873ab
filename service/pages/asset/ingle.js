// What scripts add to Ingle's pages. Every page works without.
(() => {
  "use strict";
  const all = (selector, root = document) => root.querySelectorAll(selector);

  // <button data-copy="ID"> copies the text of an element.
  const copy = (button) => button.addEventListener("click", async () => {
    const from = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(from.value ?? from.textContent);
      toast("Copied.");
    } catch {
      getSelection().selectAllChildren(from);
      toast("Select and copy it: the browser does not allow this page to.");
    }
  });

  // toast says something that goes away by itself.
  function toast(message) {
    let box = document.querySelector(".toasts");
    if (!box) {
      box = document.createElement("div");
      box.className = "toasts";
      box.setAttribute("role", "status");
      document.body.append(box);
    }
    const one = document.createElement("p");
    one.className = "toast";
    one.textContent = message;
    box.append(one);
    setTimeout(() => one.remove(), 6000);
  }

  // <a data-dialog="ID" href="..."> opens a dialog instead of the page it leads to.
  const opens = (link) => link.addEventListener("click", (event) => {
    const dialog = document.getElementById(link.dataset.dialog);
    if (!dialog?.showModal) return;
    event.preventDefault();
    dialog.showModal();
  });
  const closes = (button) => button.addEventListener("click", (event) => {
    event.preventDefault();
    button.closest("dialog").close();
  });

  // <select data-send> and <input data-send> send their form when they change.
  const sends = (field) => field.addEventListener("change", () => field.form.requestSubmit());

  // <input data-ahead="ADDRESS"> proposes what the address answers to ?q=: an array
  // of {name, detail, address}.
  function ahead(input) {
    const box = document.createElement("ul"), id = "ahead-" + input.id;
    box.id = id;
    box.setAttribute("role", "listbox");
    box.setAttribute("aria-label", input.dataset.label || "Proposals");
    box.hidden = true;
    input.parentNode.classList.add("ahead");
    input.after(box);
    for (const [k, v] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-controls": id, "aria-expanded": "false", autocomplete: "off" })) input.setAttribute(k, v);
    let at = -1, asked = 0, timer, found = [];
    const show = (open) => { box.hidden = !open; input.setAttribute("aria-expanded", String(open)); if (!open) { at = -1; input.removeAttribute("aria-activedescendant"); } };
    const choose = (i) => {
      at = i;
      for (const [n, one] of [...box.children].entries()) one.setAttribute("aria-selected", String(n === i));
      if (i >= 0) { input.setAttribute("aria-activedescendant", id + "-" + i); box.children[i].scrollIntoView({ block: "nearest" }); }
    };
    async function ask() {
      const text = input.value.trim(), mine = ++asked;
      if (text.length < 2) return show(false);
      let answer;
      try {
        answer = await fetch(input.dataset.ahead + (input.dataset.ahead.includes("?") ? "&" : "?") + "q=" + encodeURIComponent(text), { headers: { Accept: "application/json" } });
      } catch { return show(false); }
      if (mine !== asked || !answer.ok) return;
      found = await answer.json();
      if (mine !== asked) return;
      box.replaceChildren(...found.map((one, i) => {
        const li = document.createElement("li"), name = document.createElement("strong"), detail = document.createElement("span");
        li.id = id + "-" + i;
        li.setAttribute("role", "option");
        li.setAttribute("aria-selected", "false");
        name.textContent = one.name;
        detail.className = "soft";
        detail.textContent = one.detail ? " " + one.detail : "";
        li.append(name, detail);
        li.addEventListener("mousedown", (event) => { event.preventDefault(); location.assign(one.address); });
        return li;
      }));
      show(found.length > 0);
    }
    input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 120); });
    input.addEventListener("blur", () => show(false));
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") show(false);
      if (box.hidden) return;
      if (event.key === "ArrowDown") { event.preventDefault(); choose((at + 1) % found.length); }
      if (event.key === "ArrowUp") { event.preventDefault(); choose((at + found.length - 1) % found.length); }
      if (event.key === "Enter" && at >= 0) { event.preventDefault(); location.assign(found[at].address); }
    });
  }

  // <div data-live="ADDRESS"> fetches its page again, and takes this element of it,
  // when the address, a stream of events, says that something changed.
  function live(element) {
    if (!window.EventSource || !element.id) return;
    let waiting;
    const source = new EventSource(element.dataset.live);
    source.addEventListener("change", () => {
      clearTimeout(waiting);
      waiting = setTimeout(async () => {
        const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
        if (!answer.ok) return source.close();
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.getElementById(element.id);
        if (!fresh || element.contains(document.activeElement) && document.activeElement.matches("input, textarea, select")) return;
        const open = [...all("details[open][id]", element)].map((d) => d.id);
        element.replaceChildren(...fresh.childNodes);
        for (const id of open) document.getElementById(id)?.setAttribute("open", "");
        enliven(element);
        toast(element.dataset.said || "New data has arrived.");
      }, 150);
    });
    addEventListener("pagehide", () => source.close());
  }

  // <form data-confirm="QUESTION">, or by a <button data-confirm="QUESTION">, is sent only
  // when that is answered with yes.
  const confirms = (asks) => (asks.form ?? asks).addEventListener("submit", (event) => {
    if ((!asks.form || event.submitter === asks) && !confirm(asks.dataset.confirm)) event.preventDefault();
  });

  function enliven(root) {
    all("button[data-copy]", root).forEach(copy);
    all("[data-dialog]", root).forEach(opens);
    all("dialog [data-close]", root).forEach(closes);
    all("[data-send]", root).forEach(sends);
    all("input[data-ahead]", root).forEach(ahead);
    all("[data-confirm]", root).forEach(confirms);
    all("[data-script]", root).forEach((e) => { e.hidden = false; });
  }
  enliven(document);
  all("[data-live]").forEach(live);
  all("dialog[data-open]").forEach((d) => d.showModal?.());
  window.ingle = { toast, enliven };
})();
