// A request asked again: its answer is drawn as it comes, and can be stopped. Without a stream htmx sends the form.
(() => {
  const csrf = document.querySelector("meta[name=csrf]")?.content;
  const asking = new WeakMap();

  function draw(growing, { keep, blocks }) {
    while (growing.children.length > keep) growing.lastElementChild.remove();
    for (const html of blocks) {
      const block = document.createElement("div");
      block.innerHTML = html;
      growing.append(block);
    }
  }

  function fieldsOf(text) {
    const fields = {};
    for (const line of text.split("\n")) {
      const colon = line.indexOf(": ");
      if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 2);
    }
    return fields;
  }

  // Whether the answer came to its end.
  async function read(response, growing, replayed) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return false;
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      for (const { event, data } of events.map(fieldsOf)) {
        if (event === "draw") draw(growing, JSON.parse(data));
        if (event === "end") {
          replayed.innerHTML = JSON.parse(data).html;
          return true;
        }
      }
    }
  }

  async function ask(form, place, replayed, signal) {
    const headers = { "hx-request": "true", "x-csrf-token": csrf };
    const body = new URLSearchParams(new FormData(form));
    const response = await fetch(form.dataset.replay, { method: "POST", headers, body, signal });
    const elsewhere = response.headers.get("hx-redirect");
    if (elsewhere) {
      location.assign(`${elsewhere}?next=${encodeURIComponent(location.pathname)}`);
      return true;
    }
    if (response.headers.has("officium-error")) {
      replayed.innerHTML = await response.text();
      return true;
    }
    if (!response.ok) return false;
    place.dataset.id = response.headers.get("x-request-id") ?? "";
    return read(response, place.querySelector("[data-growing]"), replayed);
  }

  async function send(form) {
    const place = document.getElementById(form.dataset.place);
    const replayed = document.getElementById(form.getAttribute("data-hx-target").slice(1));
    const [told, open, stop] = ["p[data-stopped]", "[data-open]", "[data-stop]"].map((what) => place.querySelector(what));
    const button = form.querySelector("button[type=submit]");
    const stopping = new AbortController();
    asking.set(place, stopping);
    button.disabled = true;
    form.classList.add("htmx-request");
    place.querySelector("[data-growing]").replaceChildren();
    replayed.replaceChildren();
    told.textContent = "";
    delete place.dataset.id;
    open.hidden = true;
    stop.hidden = false;
    place.hidden = false;
    place.setAttribute("aria-busy", "true");
    let isWhole = false;
    try {
      isWhole = await ask(form, place, replayed, stopping.signal);
    } catch {
      // Stopped, or the connection was lost: what is there stays.
    }
    place.removeAttribute("aria-busy");
    place.hidden = isWhole;
    stop.hidden = true;
    if (!isWhole) {
      told.textContent = stopping.signal.aborted ? form.dataset.stopped : form.dataset.lost;
      if (place.dataset.id) {
        open.hidden = false;
        open.querySelector("a").href = `/console/requests/${encodeURIComponent(place.dataset.id)}`;
      }
    }
    form.classList.remove("htmx-request");
    button.disabled = false;
    if (document.activeElement === document.body) button.focus();
  }

  // In the capturing phase: htmx listens at the form itself.
  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target.closest("[data-replay]");
      if (!form || !form.elements.stream.checked || !window.TextDecoderStream) return;
      event.preventDefault();
      event.stopPropagation();
      if (!form.querySelector("button[type=submit]").disabled) send(form);
    },
    true,
  );
  document.addEventListener("click", (event) => {
    const stop = event.target.closest("[data-stop]");
    if (stop) asking.get(stop.closest(".replaying"))?.abort();
  });
})();
