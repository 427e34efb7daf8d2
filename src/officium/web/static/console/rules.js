// The pages of the rules: sends forms and puts the answers into their places, tabs, files, copying, and the chart.
(() => {
  const page = document.querySelector("[data-rules]");
  if (!page) return;
  const said = page.dataset;
  const csrf = document.querySelector("meta[name=csrf]").content;
  const live = page.querySelector("[data-say]");
  const LARGEST_FILE = 12 * 1024 * 1024;
  let chosenTab = null;

  // Forms

  page.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.hasAttribute("data-open")) {
      form.append(hiddenField("csrf", csrf));
      return;
    }
    if (!form.dataset.send) return;
    event.preventDefault();
    send(form, event.submitter);
  });

  function hiddenField(name, value) {
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = name;
    field.value = value;
    return field;
  }

  async function send(form, button) {
    if (form.getAttribute("aria-busy") === "true") return;
    const fields = new URLSearchParams();
    if (form.hasAttribute("data-sheet")) add(fields, document.getElementById("sheet"));
    add(fields, form);
    const asJson = form.hasAttribute("data-as-json");
    const headers = { "hx-request": "true", "x-csrf-token": csrf };
    if (asJson) headers["content-type"] = "application/json";
    const body = asJson ? JSON.stringify(Object.fromEntries(fields)) : fields;
    const path = button?.getAttribute("formaction") || form.getAttribute("action");
    const target = document.querySelector(button?.dataset.sendTo || form.dataset.send);
    const faults = form.querySelector("[data-fault]") || target;
    const stop = new AbortController();
    const idle = busy(form, button, stop);
    try {
      const response = await fetch(path, { method: "POST", headers, body, signal: stop.signal });
      const elsewhere = response.headers.get("hx-redirect");
      if (elsewhere && form.hasAttribute("data-stay")) {
        form.hidden = true;
        note(target, said.saved, "notice-good");
      } else if (elsewhere) {
        location.assign(elsewhere);
      } else if (response.headers.has("officium-error") || !response.ok) {
        const isPiece = response.ok && (response.headers.get("content-type") || "").startsWith("text/html");
        if (isPiece) put(faults, await response.text());
        else note(faults, said.offline, "notice-bad");
      } else {
        form.querySelector("[data-fault]")?.replaceChildren();
        put(target, await response.text());
        arrive(target);
      }
    } catch {
      note(faults, stop.signal.aborted ? said.stopped : said.offline, stop.signal.aborted ? "notice-info" : "notice-bad");
    } finally {
      idle();
    }
  }

  function add(fields, form) {
    if (!form) return;
    for (const [name, value] of new FormData(form)) {
      if (typeof value === "string") fields.set(name, value);
    }
  }

  function busy(form, button, stop) {
    form.setAttribute("aria-busy", "true");
    form.classList.add("htmx-request");
    if (button) button.classList.add("is-sending");
    const progress = form.hasAttribute("data-progressing") ? form.querySelector("[data-progress]") : null;
    const began = Date.now();
    let timer = 0;
    if (progress) {
      progress.hidden = false;
      const elapsed = progress.querySelector("[data-elapsed]");
      elapsed.textContent = "0";
      timer = setInterval(() => {
        elapsed.textContent = String(Math.round((Date.now() - began) / 1000));
      }, 1000);
      progress.querySelector("[data-cancel]").onclick = () => stop.abort();
    }
    return () => {
      clearInterval(timer);
      form.removeAttribute("aria-busy");
      form.classList.remove("htmx-request");
      if (button) button.classList.remove("is-sending");
      if (progress) progress.hidden = true;
    };
  }

  function put(place, html) {
    place.innerHTML = html;
    enhance(place);
  }

  function note(place, text, kind) {
    const notice = document.createElement("div");
    notice.className = `notice ${kind}`;
    notice.setAttribute("role", kind === "notice-bad" ? "alert" : "status");
    notice.append(text);
    place.replaceChildren(notice);
  }

  // What came is shown, and what was open before is open again.
  function arrive(place) {
    if (place.id === "bench") {
      const tab = chosenTab && document.getElementById(chosenTab);
      if (tab) choose(tab, false);
      place.focus({ preventScroll: true });
    }
    place.scrollIntoView({ block: place.id === "bench" ? "start" : "nearest", behavior: "smooth" });
    if (!place.hasAttribute("aria-live")) {
      const title = place.querySelector(".bench-name, .verdict");
      if (title) live.textContent = title.textContent;
    }
  }

  // Tabs

  function choose(tab, focuses = true) {
    const tabs = tab.closest("[role=tablist]");
    for (const each of tabs.querySelectorAll("[role=tab]")) {
      const isChosen = each === tab;
      each.setAttribute("aria-selected", String(isChosen));
      each.tabIndex = isChosen ? 0 : -1;
      document.getElementById(each.getAttribute("aria-controls")).hidden = !isChosen;
    }
    chosenTab = tab.id;
    if (focuses) tab.focus();
    const panel = document.getElementById(tab.getAttribute("aria-controls"));
    const auto = panel.querySelector("form[data-auto]");
    if (auto) {
      auto.removeAttribute("data-auto");
      send(auto, auto.querySelector("button"));
    }
  }

  page.addEventListener("keydown", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (!tab) {
      if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && event.target.matches("textarea")) {
        event.target.form?.requestSubmit();
      }
      return;
    }
    const tabs = [...tab.closest("[role=tablist]").querySelectorAll("[role=tab]")];
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const forward = step && (document.dir === "rtl" ? -step : step);
    const next = { Home: tabs[0], End: tabs.at(-1) }[event.key]
      || (forward && tabs[(tabs.indexOf(tab) + forward + tabs.length) % tabs.length]);
    if (!next) return;
    event.preventDefault();
    choose(next);
  });

  page.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.getAttribute("role") === "tab") choose(button);
    if (button.dataset.fill) {
      const box = page.querySelector(button.dataset.fill);
      box.value = button.dataset.text || button.textContent.trim();
      box.focus();
    }
    if (button.dataset.copy) copy(button);
    if (button.dataset.dialog) document.getElementById(button.dataset.dialog).showModal();
    if (button.hasAttribute("data-close")) button.closest("dialog").close();
    if (button.hasAttribute("data-discard")) {
      button.closest("[data-refined]").remove();
      document.getElementById("feedback").focus();
    }
    if (button.dataset.try) {
      choose(document.getElementById("tab-dry"), false);
      const form = document.getElementById("dry-json");
      form.closest("details").open = true;
      form.querySelector("textarea").value = button.dataset.try;
      form.requestSubmit();
    }
  });

  async function copy(button) {
    const from = page.querySelector(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(from.value ?? from.textContent);
      live.textContent = said.copied;
      button.classList.add("is-copied");
      setTimeout(() => button.classList.remove("is-copied"), 1500);
    } catch {
      live.textContent = said.notCopied;
      if (from.select) from.select();
    }
  }

  // Files

  page.addEventListener("change", async (event) => {
    const input = event.target;
    if (!input.dataset.into || !input.files.length) return;
    const [file] = input.files;
    const box = page.querySelector(input.dataset.into);
    const faults = input.form.querySelector("[data-fault]");
    if (file.size > LARGEST_FILE) {
      if (faults) note(faults, said.tooLarge, "notice-bad");
      input.value = "";
      return;
    }
    faults?.replaceChildren();
    box.value = await file.text();
    const format = input.dataset.format && page.querySelector(input.dataset.format);
    if (format) format.value = file.name.toLowerCase().endsWith(".csv") ? "csv" : "jsonl";
    live.textContent = file.name;
    box.focus();
    input.value = "";
  });

  // The chart

  const charts = new Map();

  function enhance(place) {
    for (const [where, chart] of charts) {
      if (where.isConnected) continue;
      chart.destroy();
      charts.delete(where);
    }
    for (const where of place.querySelectorAll("[data-chart]")) drawChart(where);
  }

  function drawChart(where) {
    if (!window.uPlot) return;
    charts.get(where)?.destroy();
    const data = JSON.parse(where.dataset.chart);
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const colours = ["--o-accent", "--o-sun", "--o-good", "--o-bad", "--o-warn"].map(colour);
    const axis = { stroke: colour("--o-muted"), grid: { stroke: colour("--o-line"), width: 1 }, ticks: { stroke: colour("--o-line") } };
    const bars = window.uPlot.paths.bars({ size: [0.8, 40] });
    const options = {
      width: where.clientWidth,
      height: 240,
      tzDate: (seconds) => window.uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      scales: { y: { range: (chart, low, high) => [0, Math.max(1, high) * 1.1] } },
      legend: { show: data.series.length > 1, live: false },
      cursor: { y: false, drag: { x: false, y: false } },
      axes: [{ ...axis, values: (chart, splits) => splits.map((at) => moment(at, data.bucket_s)) }, { ...axis, label: where.dataset.axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 100000], size: 56 }],
      series: [
        {},
        ...data.series.map((each, at) => ({
          label: each.name,
          stroke: colours[at % colours.length],
          fill: colours[at % colours.length],
          width: 0,
          paths: bars,
          points: { show: false },
        })),
      ],
    };
    charts.set(where, new window.uPlot(options, [data.times, ...data.series.map((each) => each.fires)], where));
  }

  // The time of day, and the date where a day begins or nothing else matters.
  function moment(seconds, bucket) {
    const text = new Date(seconds * 1000).toISOString();
    const time = text.slice(11, 16);
    return time === "00:00" || bucket >= 86400 ? text.slice(5, 10) : time;
  }

  new ResizeObserver(() => {
    for (const [where, chart] of charts) {
      if (where.clientWidth && Math.abs(where.clientWidth - chart.width) > 1) chart.setSize({ width: where.clientWidth, height: 240 });
    }
  }).observe(page);
  new MutationObserver(() => {
    for (const where of [...charts.keys()]) drawChart(where);
  }).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
})();
