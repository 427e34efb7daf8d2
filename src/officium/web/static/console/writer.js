// The writer's pages: drafts that come in, texts to copy and edit, and summaries of many deals as they are written.
(() => {
  const desk = document.querySelector("[data-writer]");
  if (desk) attend(desk);
  const batch = document.querySelector("[data-batch]");
  if (batch) watch(batch);

  function attend(page) {
    page.addEventListener("click", (event) => {
      const copied = event.target.closest("[data-copy]");
      if (copied) copy(page, copied.dataset.copy);
      const opener = event.target.closest("[data-edit]");
      if (opener) edit(opener);
    });
    page.addEventListener("htmx:after:swap", (event) => {
      const draft = page.querySelector("#draft");
      if (event.target !== draft && event.detail?.ctx?.target !== draft) return;
      draft.focus({ preventScroll: true });
      draft.scrollIntoView({ block: "start" });
    });
  }

  function edit(opener) {
    const place = document.getElementById("editing");
    place.hidden = !place.hidden;
    opener.setAttribute("aria-expanded", String(!place.hidden));
    if (!place.hidden) place.querySelector("textarea").focus();
  }

  async function copy(page, id) {
    const text = document.getElementById(id).content.textContent;
    const note = page.querySelector("[data-copy-note]");
    let isDone = true;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      isDone = copyByHand(text);
    }
    note.textContent = isDone ? page.dataset.copied : page.dataset.notCopied;
  }

  // Browsers keep the clipboard from pages that came over plain HTTP, but not this way.
  function copyByHand(text) {
    const before = document.activeElement;
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "unseen";
    document.body.append(area);
    area.select();
    const isDone = document.execCommand("copy");
    area.remove();
    before?.focus();
    return isDone;
  }

  function watch(form) {
    const results = document.querySelector("[data-results]");
    const rows = results.querySelector("[data-rows]");
    const bar = results.querySelector("[data-progress]");
    const said = results.querySelector("[data-said]");
    const faults = document.querySelector("[data-batch-fault]");
    const stop = form.querySelector("[data-stop]");
    const run = form.querySelector("[data-run]");
    let asking = null;

    form.addEventListener("submit", (event) => {
      event.preventDefault();
      start();
    });
    stop?.addEventListener("click", () => asking?.abort());

    async function start() {
      asking?.abort();
      asking = new AbortController();
      faults.replaceChildren();
      rows.replaceChildren();
      bar.value = 0;
      said.textContent = "";
      setBusy(true);
      try {
        await read(asking.signal);
      } catch (error) {
        if (error.name !== "AbortError") said.textContent = form.dataset.lost;
      }
      setBusy(false);
    }

    async function read(signal) {
      const headers = { "hx-request": "true", "x-csrf-token": document.querySelector("meta[name=csrf]").content };
      const body = new URLSearchParams(new FormData(form));
      const response = await fetch("/console/writer/batch/run", { method: "POST", headers, body, signal });
      const elsewhere = response.headers.get("hx-redirect");
      if (elsewhere) return location.assign(`${elsewhere}?next=${encodeURIComponent(location.pathname)}`);
      if (!(response.headers.get("content-type") || "").startsWith("text/event-stream")) {
        faults.innerHTML = await response.text();
        return;
      }
      results.hidden = false;
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      let isDone = false;
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        const frames = (rest + value).split("\n\n");
        rest = frames.pop();
        for (const frame of frames) isDone = take(frame) || isDone;
      }
      if (!isDone) said.textContent = form.dataset.lost;
    }

    function take(frame) {
      const lines = frame.split("\n");
      const name = lines.find((line) => line.startsWith("event: "))?.slice(7);
      const data = lines.find((line) => line.startsWith("data: "))?.slice(6);
      if (!name || !data) return false;
      const told = JSON.parse(data);
      if (name === "summary") {
        const row = document.createElement("li");
        row.dataset.place = told.place;
        row.innerHTML = told.html;
        const after = [...rows.children].find((other) => Number(other.dataset.place) > told.place);
        rows.insertBefore(row, after || null);
        bar.max = told.total;
        bar.value = told.done;
      }
      said.textContent = told.say;
      return name === "done";
    }

    function setBusy(isBusy) {
      run.disabled = isBusy;
      stop.hidden = !isBusy;
    }
  }
})();
