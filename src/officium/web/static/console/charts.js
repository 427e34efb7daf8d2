// Draws what stands in data-chart with uPlot, in the page's colours, and again when these or the width change.
(() => {
  const plots = new Map();
  const compact = new Intl.NumberFormat(document.documentElement.lang, { notation: "compact", maximumSignificantDigits: 3 });
  // A figure keeps its own direction, whatever stands around it.
  const apart = (figure) => `\u2068${figure}\u2069`;
  const short = (value, unit) => {
    if (value == null) return "";
    if (unit === "ms") return apart(value >= 1000 ? `${+(value / 1000).toFixed(1)} s` : `${Math.round(value)} ms`);
    const sign = unit === "usd" ? "$" : "";
    return apart(sign + compact.format(value));
  };

  function colours() {
    const style = getComputedStyle(document.documentElement);
    return (name) => style.getPropertyValue(`--o-${name}`).trim();
  }

  function tip(box, chart) {
    const element = document.createElement("div");
    element.className = "tip";
    element.hidden = true;
    box.append(element);
    const names = [...box.closest("figure").querySelectorAll(".legend > span")].map((one) => one.textContent);
    return (plot) => {
      const place = plot.cursor.idx;
      element.hidden = place == null || plot.cursor.left < 0;
      if (element.hidden) return;
      element.replaceChildren(Object.assign(document.createElement("strong"), { textContent: chart.labels[place] }));
      chart.series.forEach((one, number) => {
        const line = document.createElement("div");
        line.textContent = `${names[number]}: ${short(one.values[place], chart.unit) || "–"}`;
        element.append(line);
      });
      const from = plot.bbox.left / devicePixelRatio + plot.cursor.left;
      const isLate = from > box.clientWidth / 2;
      element.style.left = isLate ? "auto" : `${from + 12}px`;
      element.style.right = isLate ? `${box.clientWidth - from + 12}px` : "auto";
    };
  }

  function draw(box) {
    plots.get(box)?.destroy();
    box.replaceChildren();
    const chart = JSON.parse(box.dataset.chart);
    const colour = colours();
    const count = chart.labels.length;
    const axis = {
      stroke: colour("muted"),
      font: "12px system-ui, sans-serif",
      ticks: { show: false },
      grid: { stroke: colour("line"), width: 1 },
    };
    const bars = uPlot.paths.bars({ size: [0.62, 28], radius: 0.15 });
    const show = tip(box, chart);
    const plot = new uPlot(
      {
        width: box.clientWidth,
        height: box.clientHeight,
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
        scales: {
          x: { time: false, range: [-0.6, count - 0.4] },
          y: { range: (_, low, high) => [0, high > 0 ? high * 1.1 : 1] },
        },
        axes: [
          {
            ...axis,
            size: 28,
            grid: { show: false },
            splits: () => {
              const step = Math.max(1, Math.ceil(count / Math.max(2, Math.floor(box.clientWidth / 72))));
              return chart.labels.map((_, place) => place).filter((place) => place % step === 0);
            },
            values: (_, places) => places.map((place) => apart(chart.labels[place] ?? "")),
          },
          { ...axis, size: 56, values: (_, values) => values.map((value) => short(value, chart.unit)) },
        ],
        series: [
          {},
          ...chart.series.map((one) => ({
            stroke: colour(one.colour),
            width: chart.form === "bars" ? 0 : 2,
            fill: chart.form === "bars" ? colour(one.colour) : undefined,
            paths: chart.form === "bars" ? bars : undefined,
            points: { show: chart.form !== "bars", size: 5, fill: colour(one.colour) },
            spanGaps: true,
          })),
        ],
        hooks: { setCursor: [show] },
      },
      [chart.labels.map((_, place) => place), ...chart.series.map((one) => one.values)],
      box,
    );
    plots.set(box, plot);
  }

  const boxes = [...document.querySelectorAll("[data-chart]")];
  const drawAll = () => boxes.forEach(draw);
  const widths = new Map();
  const watch = new ResizeObserver((changes) => {
    for (const { target, contentRect } of changes) {
      if (widths.get(target) !== contentRect.width) {
        widths.set(target, contentRect.width);
        draw(target);
      }
    }
  });
  boxes.forEach((box) => watch.observe(box));
  new MutationObserver(drawAll).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
})();
