// The first steps: sends the first question, draws its answer as it comes, and shows what it took.
(() => {
  const form = document.querySelector("[data-ask]");

  for (const once of document.querySelectorAll("form[data-once]")) {
    once.addEventListener("submit", () => {
      once.classList.add("htmx-request");
      // Disabled now it would not be sent.
      setTimeout(() => (once.querySelector("button[type=submit]").disabled = true));
    });
  }
  // Whoever comes back with the browser's own button finds the form as it was before it was sent.
  addEventListener("pageshow", () => {
    for (const once of document.querySelectorAll("form[data-once]")) {
      once.classList.remove("htmx-request");
      once.querySelector("button[type=submit]").disabled = false;
    }
  });

  if (!form) return;
  const csrf = document.querySelector("meta[name=csrf]").content;
  const button = form.querySelector("button[type=submit]");
  const place = document.querySelector("[data-answer-place]");
  const answer = place.querySelector("[data-answer]");
  const answered = place.querySelector("[data-answered]");
  const live = document.querySelector("[data-say]");

  function say(text) {
    live.textContent = "";
    setTimeout(() => (live.textContent = text), 100);
  }

  function lost() {
    const notice = document.createElement("div");
    notice.className = "notice notice-bad";
    notice.append(form.dataset.lost);
    answered.replaceChildren(notice);
    say(form.dataset.lost);
  }

  function draw({ keep, blocks }) {
    while (answer.children.length > keep) answer.lastElementChild.remove();
    for (const html of blocks) {
      const block = document.createElement("div");
      block.className = "block";
      block.innerHTML = html;
      answer.append(block);
    }
  }

  function end({ html, say: words, state }) {
    answered.innerHTML = html;
    place.dataset.state = state;
    say(words);
  }

  // Whether the answer has ended.
  function take(text) {
    const fields = {};
    for (const line of text.split("\n")) {
      const colon = line.indexOf(": ");
      if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 2);
    }
    if (!fields.data) return false;
    if (fields.event === "draw") draw(JSON.parse(fields.data));
    if (fields.event !== "end") return false;
    end(JSON.parse(fields.data));
    return true;
  }

  async function read(response) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return lost();
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      for (const event of events) if (take(event)) return;
    }
  }

  async function ask() {
    const headers = { "hx-request": "true", "x-csrf-token": csrf };
    const response = await fetch(form.dataset.ask, { method: "POST", headers, body: new URLSearchParams(new FormData(form)) });
    const elsewhere = response.headers.get("hx-redirect");
    if (elsewhere) return location.assign(`${elsewhere}?next=${encodeURIComponent(location.pathname)}`);
    if (response.headers.has("officium-error")) {
      answered.innerHTML = await response.text();
      return;
    }
    if (!response.ok) return lost();
    await read(response);
  }

  async function send() {
    if (button.disabled) return;
    button.disabled = true;
    form.classList.add("htmx-request");
    answer.replaceChildren();
    answered.replaceChildren();
    delete place.dataset.state;
    place.hidden = false;
    place.setAttribute("aria-busy", "true");
    say(form.dataset.wait);
    try {
      await ask();
    } catch {
      lost();
    }
    place.removeAttribute("aria-busy");
    form.classList.remove("htmx-request");
    button.disabled = false;
    // What comes next is reached with one press of the key Tab.
    if (document.activeElement === document.body || document.activeElement === button) {
      answered.querySelector("a.btn-primary, button, a")?.focus();
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  place.addEventListener("click", (event) => {
    const instead = event.target.closest("[data-ask-instead]");
    if (!instead) return;
    form.elements.provider.value = instead.dataset.askInstead;
    send();
  });
})();
