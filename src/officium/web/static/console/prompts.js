// The editor's live preview, which leads to what is wrong; and files that are chosen to be published.
(() => {
  const editor = document.querySelector("[data-editor]");
  if (editor) watch(editor);
  const files = document.querySelector("[data-files]");
  if (files) readChosen(files);

  function watch(form) {
    const place = form.querySelector("[data-preview]");
    const csrf = document.querySelector("meta[name=csrf]").content;
    let waiting = 0;
    let asking = null;

    async function draw() {
      asking?.abort();
      asking = new AbortController();
      const { signal } = asking;
      place.setAttribute("aria-busy", "true");
      try {
        const how = { method: "POST", body: new URLSearchParams(new FormData(form)), signal };
        how.headers = { "hx-request": "true", "x-csrf-token": csrf };
        const response = await fetch("/console/prompts/preview", how);
        const elsewhere = response.headers.get("hx-redirect");
        if (elsewhere) return location.assign(`${elsewhere}?next=${encodeURIComponent(location.pathname)}`);
        const html = await response.text();
        if (signal.aborted) return;
        if (response.ok) place.innerHTML = html;
        else place.textContent = form.dataset.failed;
      } catch (error) {
        if (error.name === "AbortError") return;
        place.textContent = form.dataset.failed;
      }
      place.setAttribute("aria-busy", "false");
    }

    form.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(draw, 400);
    });
    place.addEventListener("click", (event) => {
      const button = event.target.closest("[data-goto]");
      if (button) goTo(form.elements[button.dataset.goto], Number(button.dataset.line), Number(button.dataset.column));
    });
    draw();
  }

  function goTo(field, line, column) {
    if (!field) return;
    const around = field.closest("details");
    if (around) around.open = true;
    field.focus();
    if (!field.setSelectionRange || field.tagName !== "TEXTAREA") return;
    const lines = field.value.split("\n");
    const start = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0) + column - 1;
    const word = /^[\w.]+/.exec(field.value.slice(start));
    field.setSelectionRange(start, start + (word ? word[0].length : 1));
    field.scrollTop = Math.max(0, (field.scrollHeight * (line - 3)) / lines.length);
  }

  function readChosen(form) {
    form.addEventListener("submit", async (event) => {
      const chosen = form.querySelector("input[type=file]").files;
      const field = form.elements.files;
      if (!chosen.length || field.value) return;
      event.preventDefault();
      const read = [...chosen].map(async (file) => ({ name: file.name, content: await file.text() }));
      field.value = JSON.stringify(await Promise.all(read));
      form.submit();
    });
    form.addEventListener("change", () => {
      form.elements.files.value = "";
    });
  }
})();
