// The pages of widgets: colours that show at once, copying, marking all, and files to take in.
(() => {
  document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

  const look = document.querySelector("[data-look]");
  const dark = matchMedia("(prefers-color-scheme: dark)");

  // Relative luminance, as WCAG 2 has it.
  function luminance(colour) {
    const parts = [1, 3, 5].map((place) => Number.parseInt(colour.slice(place, place + 2), 16) / 255);
    const [red, green, blue] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  }

  function paint() {
    const colour = document.getElementById("colour").value;
    const mode = document.getElementById("mode").value;
    const welcome = look.querySelector("[data-look-welcome]");
    welcome.textContent = document.getElementById("welcome").value.trim() || welcome.dataset.empty;
    look.classList.toggle("look-is-dark", mode === "dark" || (mode === "auto" && dark.matches));
    if (!/^#[0-9a-f]{6}$/i.test(colour)) return;
    const isReadable = 1.05 / (luminance(colour) + 0.05) >= 4.5;
    look.style.setProperty("--look-accent", colour);
    look.style.setProperty("--look-on", isReadable ? "#fff" : "#10131c");
    const note = look.querySelector("[data-look-note]");
    note.textContent = isReadable ? "" : note.dataset.poor;
  }

  if (look) {
    document.addEventListener("input", (event) => {
      const other = event.target.dataset?.colour && document.getElementById(event.target.dataset.colour);
      if (other && /^#[0-9a-f]{6}$/i.test(event.target.value)) other.value = event.target.value;
      paint();
    });
    dark.addEventListener("change", paint);
    paint();
  }

  async function copy(button) {
    const label = button.querySelector("[data-copy-label]");
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
      label.textContent = button.dataset.copied;
    } catch {
      getSelection().selectAllChildren(source);
      label.textContent = button.dataset.failed;
    }
  }

  // A file goes as it is: its bytes say how its letters are written.
  let lastImport = null;
  const KINDS = { csv: "csv", txt: "csv", json: "json", jsonl: "jsonl", ndjson: "jsonl", md: "markdown", markdown: "markdown" };

  async function sendFile(form, isForGood) {
    const target = document.querySelector(form.dataset.target);
    const query = new URLSearchParams({ kind: form.querySelector("select").value, for: isForGood ? "good" : "look" });
    const headers = { "content-type": "application/octet-stream", "hx-request": "true" };
    headers["x-csrf-token"] = document.querySelector("meta[name=csrf]").content;
    form.classList.add("htmx-request");
    try {
      const body = form.querySelector("[type=file]").files[0];
      const reply = await fetch(`${form.dataset.importFile}?${query}`, { method: "POST", headers, body });
      const elsewhere = reply.headers.get("hx-redirect");
      if (elsewhere) location.assign(elsewhere);
      else target.innerHTML = await reply.text();
    } catch {
      target.textContent = form.dataset.offline;
    } finally {
      form.classList.remove("htmx-request");
    }
  }

  // On a phone what came of it stands below the forms.
  const imported = document.getElementById("imported");
  if (imported)
    new MutationObserver(() => imported.scrollIntoView({ block: "nearest" })).observe(imported, { childList: true });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.importFile) {
      event.preventDefault();
      lastImport = form;
      sendFile(form, false);
    } else if ("importForm" in form.dataset) {
      lastImport = form;
    }
  });

  document.addEventListener("change", (event) => {
    const input = event.target;
    if (input.id === "file" && input.files[0]) {
      const kind = KINDS[input.files[0].name.split(".").pop().toLowerCase()];
      if (kind) document.getElementById("file-kind").value = kind;
    } else if (input.dataset.canned && input.value) {
      const reply = document.getElementById(input.dataset.canned);
      reply.value = reply.value.trim() ? `${reply.value.trimEnd()}\n${input.value}` : input.value;
      input.value = "";
      reply.focus();
    } else if ("pickAll" in input.dataset) {
      for (const box of input.closest("table").querySelectorAll("tbody .pick input")) box.checked = input.checked;
    }
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.copy) copy(button);
    if (!button || !("importForGood" in button.dataset) || !lastImport) return;
    button.disabled = true;
    if (lastImport.dataset.importFile) sendFile(lastImport, true);
    else
      window.htmx.ajax("POST", lastImport.getAttribute("data-hx-post"), {
        target: "#imported",
        values: { ...Object.fromEntries(new FormData(lastImport)), for: "good" },
      });
  });
})();
