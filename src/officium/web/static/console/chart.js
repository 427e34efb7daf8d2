// Draws the charts of a page with uPlot. What a chart shows stands in a table beside it, too.
(() => {
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--o-${name}`).trim();
  const short = new Intl.NumberFormat(document.documentElement.lang, { notation: "compact" });
  const whole = new Intl.NumberFormat(document.documentElement.lang);

  function series(one) {
    const colour = style(one.colour);
    const shown = { label: one.label, stroke: colour, value: (_, value) => (value == null ? "–" : whole.format(value)) };
    if (one.kind === "bars") {
      return { ...shown, fill: `color-mix(in srgb, ${colour} 70%, transparent)`, paths: uPlot.paths.bars({ size: [0.65, 28] }), points: { show: false } };
    }
    return { ...shown, width: 1.5, dash: one.kind === "dashes" ? [6, 4] : undefined, points: { show: false } };
  }

  function options(place, told) {
    const axis = { stroke: style("muted"), grid: { stroke: style("line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    const days = (marks) => marks.map((mark) => told.days[mark] ?? "");
    return {
      width: place.clientWidth,
      height: 260,
      scales: { x: { time: false, range: [-0.6, told.days.length - 0.4] }, y: { range: (_, __, most) => [0, Math.max(1, most) * 1.08] } },
      cursor: { y: false, drag: { x: false, y: false } },
      legend: { live: true },
      series: [{ label: told.label, value: (_, mark) => told.days[mark] ?? "–" }, ...told.series.map(series)],
      axes: [
        { ...axis, grid: { show: false }, values: (_, marks) => days(marks), incrs: [1, 2, 5, 7, 10, 14, 30], space: 64 },
        { ...axis, values: (_, marks) => marks.map((mark) => `\u2068${short.format(mark)}\u2069`), size: 52 },
      ],
    };
  }

  function draw(place) {
    const told = JSON.parse(place.dataset.chart);
    place.replaceChildren();
    const marks = told.days.map((_, index) => index);
    return new uPlot(options(place, told), [marks, ...told.series.map((one) => one.values)], place);
  }

  for (const place of document.querySelectorAll("[data-chart]")) {
    let chart = draw(place);
    new ResizeObserver(() => {
      if (place.clientWidth && place.clientWidth !== chart.width) chart.setSize({ width: place.clientWidth, height: chart.height });
    }).observe(place);
    new MutationObserver(() => {
      chart.destroy();
      chart = draw(place);
    }).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
  }
})();
