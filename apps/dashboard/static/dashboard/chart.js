// Draws the counts of executions over time. The numbers stand in data-chart as JSON,
// and in a table below for who cannot see the picture.
(() => {
  "use strict";
  const charts = new WeakMap();

  // By way of an element: only there a color for two themes becomes the one that holds.
  function colorOf(name) {
    const canvas = document.querySelector("[data-chart] canvas");
    canvas.style.color = `var(--${name})`;
    return getComputedStyle(canvas).color;
  }

  function dataOf(box) {
    const { labels, series } = JSON.parse(box.dataset.chart);
    const datasets = series.map((one) => ({
      label: one.state,
      data: one.values,
      backgroundColor: colorOf(one.state),
      borderRadius: 2,
      maxBarThickness: 22,
    }));
    return { labels, datasets };
  }

  function axis(more) {
    return {
      stacked: true,
      border: { display: false },
      ticks: { color: colorOf("muted"), precision: 0, maxRotation: 0, autoSkipPadding: 14 },
      ...more,
    };
  }

  function optionsOf() {
    return {
      animation: false,
      maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      plugins: { legend: { display: false } },
      scales: {
        x: axis({ grid: { display: false } }),
        y: axis({ beginAtZero: true, grid: { color: colorOf("line") } }),
      },
    };
  }

  function draw(box) {
    const known = charts.get(box);
    if (known) {
      known.data = dataOf(box);
      known.options = optionsOf();
      known.update("none");
      return;
    }
    const canvas = box.querySelector("canvas");
    const config = { type: "bar", data: dataOf(box), options: optionsOf() };
    charts.set(box, new window.Chart(canvas, config));
  }

  const drawn = new WeakMap(); // box → the numbers that it shows

  function drawAll(isAnew) {
    for (const box of document.querySelectorAll("[data-chart]")) {
      if (!isAnew && drawn.get(box) === box.dataset.chart) continue;
      drawn.set(box, box.dataset.chart);
      draw(box);
    }
  }

  drawAll();
  const changes = { subtree: true, childList: true, attributeFilter: ["data-chart"] };
  new MutationObserver(() => drawAll()).observe(document.querySelector("main"), changes);
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", () => drawAll(true));
  document.addEventListener("rpa:theme", () => drawAll(true));
})();
