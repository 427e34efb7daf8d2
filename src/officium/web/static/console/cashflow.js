// The cash-flow pages: charts, the deal's drawer, more rows, and a file that is read before it is imported.
(() => {
  const language = document.documentElement.lang;
  const proof = document.querySelector("meta[name=csrf]")?.content ?? "";
  const short = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });
  const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function tones() {
    return { base: colour("--o-accent-text"), other: "#d97706", limit: colour("--o-bad") };
  }

  // Charts

  function plotSeries(series, stepped, tone) {
    const path = stepped ? uPlot.paths.stepped({ align: 1 }) : uPlot.paths.linear();
    if (series.kind === "dots") {
      return { label: series.name, paths: () => null, points: { show: true, size: 7, fill: tone, stroke: tone } };
    }
    const isEdge = series.kind === "low" || series.kind === "high";
    return {
      label: series.name,
      stroke: isEdge ? "transparent" : tone,
      width: isEdge ? 0 : 2,
      dash: series.kind === "limit" ? [6, 4] : undefined,
      paths: series.kind === "limit" ? uPlot.paths.linear() : path,
      points: { show: false },
    };
  }

  function bandsOf(series, tone) {
    const found = [];
    series.forEach((low, place) => {
      if (low.kind !== "low") return;
      const high = series.findIndex((one) => one.kind === "high" && one.tone === low.tone);
      if (high >= 0) found.push({ series: [high + 1, place + 1], fill: `color-mix(in srgb, ${tone[low.tone]} 20%, transparent)` });
    });
    return found;
  }

  // A step holds to the end of its period, so the last one is drawn twice; dots stand in the middle of it.
  function dataOf(chart) {
    const count = chart.labels.length;
    if (!chart.stepped) return [chart.labels.map((_, at) => at), ...chart.series.map((one) => one.values)];
    const at = [];
    for (let place = 0; place < count; place += 1) at.push(place, place + 0.5);
    at.push(count);
    const spread = (one) => {
      const found = [];
      for (const value of one.values) found.push(...(one.kind === "dots" ? [null, value] : [value, value]));
      found.push(one.kind === "dots" ? null : one.values[count - 1]);
      return found;
    };
    return [at, ...chart.series.map(spread)];
  }

  function axes(chart, width) {
    const text = colour("--o-muted");
    const line = { stroke: colour("--o-line"), width: 1 };
    const most = Math.max(2, Math.floor(width / 90));
    const every = Math.max(1, Math.ceil(chart.labels.length / most));
    const shift = chart.stepped ? 0.5 : 0;
    return [
      {
        stroke: text,
        grid: { show: false },
        ticks: line,
        splits: () => chart.labels.map((_, at) => at + shift).filter((_, at) => at % every === 0),
        values: (_, places) => places.map((at) => `\u2068${chart.labels[at - shift] ?? ""}\u2069`),
      },
      { stroke: text, grid: line, ticks: { show: false }, size: 56, values: (_, values) => values.map((value) => `\u2068${short.format(value)}\u2069`) },
    ];
  }

  function read(place, chart, at) {
    const out = place.closest(".chart").querySelector("[data-readout]");
    if (at === null || at === undefined) return;
    const period = Math.min(chart.stepped ? Math.floor(at / 2) : at, chart.labels.length - 1);
    const figures = chart.series.map((one) => `${one.name} ${one.values[period] === null ? "–" : whole.format(one.values[period])}`);
    out.textContent = `${chart.labels[period]}: ${figures.join(" · ")}`;
  }

  function legend(place, chart) {
    const box = place.closest(".chart").querySelector("[data-legend]");
    box.replaceChildren();
    for (const one of chart.series) {
      if (one.kind === "high") continue;
      const high = chart.series.find((other) => other.kind === "high" && other.tone === one.tone);
      const entry = document.createElement("span");
      const key = one.kind === "low" ? "band" : one.kind;
      entry.className = `key-${key} key-${one.tone}`;
      entry.append(document.createElement("i"), one.kind === "low" ? `${one.name} – ${high.name}` : one.name);
      box.append(entry);
    }
  }

  function draw(place) {
    const chart = JSON.parse(place.dataset.chart);
    const tone = tones();
    place.replaceChildren();
    const width = place.clientWidth;
    const plot = new uPlot(
      {
        width,
        height: place.clientHeight,
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
        scales: {
          x: { time: false, range: () => (chart.stepped ? [0, chart.labels.length] : [0, Math.max(chart.labels.length - 1, 1)]) },
          y: { range: (_, low, high) => (low === high ? [Math.min(low, 0), high + 1] : [Math.min(low, 0), high + (high - Math.min(low, 0)) * 0.06]) },
        },
        series: [{}, ...chart.series.map((one) => plotSeries(one, chart.stepped, tone[one.tone]))],
        bands: bandsOf(chart.series, tone),
        axes: axes(chart, width),
        hooks: { setCursor: [(self) => read(place, chart, self.cursor.idx)] },
      },
      dataOf(chart),
      place,
    );
    legend(place, chart);
    return plot;
  }

  function drawAll() {
    for (const place of document.querySelectorAll("[data-chart]")) draw(place);
  }

  if (window.uPlot && document.querySelector("[data-chart]")) {
    drawAll();
    new MutationObserver(drawAll).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
    let width = innerWidth;
    addEventListener("resize", () => {
      if (innerWidth !== width) drawAll();
      width = innerWidth;
    });
  }

  // Pieces of a page

  async function piece(path, how = {}) {
    const response = await fetch(path, { ...how, headers: { "hx-request": "true", "x-csrf-token": proof, ...how.headers } });
    const elsewhere = response.headers.get("hx-redirect");
    if (elsewhere) {
      location.assign(`${elsewhere}?next=${encodeURIComponent(location.pathname)}`);
      return null;
    }
    return { text: await response.text(), isFault: response.headers.has("officium-error") };
  }

  // Figures that are being computed

  async function follow(place) {
    try {
      const found = await piece(place.dataset.outlook);
      if (!found) return;
      const next = document.createElement("template");
      if (!found.isFault) next.innerHTML = found.text;
      if (next.content.querySelector("[data-outlook-done]")) {
        location.reload();
        return;
      }
      const [bar, words] = ["progress", "[role=status]"].map((one) => next.content.querySelector(one));
      if (bar) place.querySelector("progress").value = bar.value;
      const said = place.querySelector("[role=status]");
      if (words && said.textContent !== words.textContent) said.textContent = words.textContent;
    } catch {
      // The next try may find the server again.
    }
    setTimeout(follow, 1000, place);
  }

  const computing = document.querySelector("[data-outlook]");
  if (computing) setTimeout(follow, 1000, computing);

  const drawer = document.querySelector("[data-drawer]");
  const drawerIn = drawer?.querySelector("[data-drawer-in]");

  async function openDeal(link) {
    drawerIn.replaceChildren();
    drawerIn.setAttribute("aria-busy", "true");
    drawer.showModal();
    try {
      const found = await piece(link.href);
      if (found) drawerIn.innerHTML = found.text;
    } catch {
      drawerIn.replaceChildren(drawer.querySelector("[data-drawer-offline]").content.cloneNode(true));
    }
    drawerIn.removeAttribute("aria-busy");
  }

  async function showMore(link) {
    const row = link.closest("tr");
    link.setAttribute("aria-busy", "true");
    try {
      const found = await piece(link.href);
      if (found && !found.isFault) {
        const next = row.previousElementSibling;
        row.insertAdjacentHTML("afterend", found.text);
        row.remove();
        next?.nextElementSibling?.querySelector("a")?.focus();
        return;
      }
    } catch {
      // The link leads to the same rows as a page of their own.
    }
    location.assign(link.href);
  }

  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    const deal = event.target.closest("[data-deal]");
    const more = event.target.closest("[data-more]");
    if (deal && drawer) {
      event.preventDefault();
      openDeal(deal);
    } else if (more) {
      event.preventDefault();
      showMore(more);
    } else if (drawer?.open && (event.target === drawer || event.target.closest("[data-drawer-close]"))) {
      drawer.close();
    }
  });

  // A file

  const form = document.querySelector("[data-import]");
  if (!form) return;
  const input = form.querySelector("#file");
  const drop = form.querySelector(".drop");
  const out = document.querySelector("[data-import-out]");
  const busy = document.querySelector("[data-import-busy]");
  const types = { csv: "text/csv", txt: "text/csv", json: "application/json" };
  let file = null;

  function wishes() {
    const asked = new URLSearchParams({ name: file.name });
    const mapping = {};
    for (const one of out.querySelectorAll("[data-field]")) mapping[one.dataset.field] = one.value;
    if (Object.keys(mapping).length) asked.set("mapping", JSON.stringify(mapping));
    for (const one of out.querySelectorAll("[data-option]")) if (one.value) asked.set(one.dataset.option, one.value);
    return asked;
  }

  async function send(path, asked) {
    busy.hidden = false;
    try {
      const type = types[file.name.split(".").pop().toLowerCase()] ?? "application/octet-stream";
      const found = await piece(`${path}?${asked}`, { method: "POST", body: file, headers: { "content-type": type } });
      if (found) out.innerHTML = found.text;
    } catch {
      out.replaceChildren(fault(form.dataset.offline));
    }
    busy.hidden = true;
    out.querySelector("[data-imported] h2")?.focus();
  }

  function fault(text) {
    const notice = document.createElement("div");
    notice.className = "notice notice-bad";
    notice.setAttribute("role", "alert");
    notice.textContent = text;
    return notice;
  }

  function take(chosen) {
    if (!chosen) return;
    file = chosen;
    form.querySelector("[data-file-name]").textContent = file.name;
    out.replaceChildren();
    send(`${form.dataset.import}/preview`, wishes());
  }

  input.addEventListener("change", () => {
    take(input.files[0]);
    input.value = "";
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const kind of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("is-over", kind === "dragover");
      if (kind === "drop") take(event.dataTransfer.files[0]);
    });
  }
  out.addEventListener("submit", (event) => {
    event.preventDefault();
    send(`${form.dataset.import}/preview`, wishes());
  });
  out.addEventListener("click", (event) => {
    const button = event.target.closest("[data-take]");
    if (!button || button.disabled) return;
    button.disabled = true;
    send(form.dataset.import, wishes());
  });
})();
