// Panels of one x axis: places 0, 1, 2 … of the trading days, so that a weekend leaves no hole.
// A panel is {title, unit, series: [{label, values, kind, colour, …}], marks}; kinds are bars, line, steps, dashes and band.
const HEIGHTS = { first: 190, other: 120 };
const AXIS_WIDTH = 54;

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

// Text of axis labels: one unit for a whole axis, and no more decimals than its steps need.
function scaled(splits, locale) {
  const top = Math.max(...splits.map(Math.abs));
  const [divisor, unit] = top >= 1e9 ? [1e9, " bn"] : top >= 1e6 ? [1e6, " M"] : top >= 1e4 ? [1e3, " k"] : [1, ""];
  return plainNumbers(splits.map((value) => value / divisor), locale).map((text, i) => (splits[i] === 0 ? "0" : text + unit));
}

function plainNumbers(splits, locale) {
  const step = splits.length > 1 ? Math.abs(splits[1] - splits[0]) : 1;
  const decimals = [0, 1].find((some) => Math.abs(step * 10 ** some - Math.round(step * 10 ** some)) < 1e-6) ?? 2;
  const format = new Intl.NumberFormat(locale, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  return splits.map((value) => format.format(value));
}

// Places of x labels: the first day of every month, week or day, whichever leaves room for the words.
function ticks(dates, width) {
  const room = Math.max(2, Math.floor((width - AXIS_WIDTH) / 72));
  const starts = (key) => dates.map((_, i) => i).filter((i) => i === 0 || key(dates[i]) !== key(dates[i - 1]));
  const weeks = (count) => (day) => Math.floor((Date.parse(day) / 86400000 + 3) / 7 / count);
  const months = (count) => (day) => Math.floor((Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7)) - 1) / count);
  for (const key of [(day) => day, weeks(1), weeks(2), months(1), months(2), months(3), months(6), months(12)]) {
    const places = starts(key).filter((place, i, all) => i > 0 || all.length === 1 || all[1] - place >= dates.length / room / 2);
    if (places.length <= room) return places;
  }
  const every = Math.ceil(dates.length / room);
  return dates.map((_, i) => i).filter((i) => i % every === 0);
}

function dayLabels(dates, places, locale) {
  const day = new Intl.DateTimeFormat(locale, { month: "short", day: "numeric", timeZone: "UTC" });
  let shown = "";
  return places.map((place) => {
    const date = dates[place];
    if (Number.isNaN(Date.parse(date))) return "";
    const year = date.slice(0, 4);
    const text = day.format(new Date(`${date}T00:00:00Z`));
    const label = year === shown ? text : `${text}\n${year}`;
    shown = year;
    return label;
  });
}

function seriesOf(one) {
  const ink = colour(one.colour);
  const base = { label: one.label, points: { show: false }, stroke: ink, width: 1.5 };
  if (one.kind === "bars") return { ...base, fill: ink, width: 0, paths: uPlot.paths.bars({ size: [one.size || 0.7, 40, 1] }) };
  if (one.kind === "steps") return { ...base, width: 2, paths: uPlot.paths.stepped({ align: 1 }), points: { show: true, size: 6, fill: ink } };
  if (one.kind === "dashes") return { ...base, dash: [6, 4] };
  if (one.kind === "band") return { ...base, width: 0, stroke: "transparent" };
  // A point between two unknown ones has no line to it.
  const isAlone = one.values.some((value, i) => value !== null && (one.values[i - 1] ?? null) === null && (one.values[i + 1] ?? null) === null);
  return { ...base, points: { show: isAlone, size: 6, fill: ink } };
}

function range(panel, low, high) {
  if (low === null || high === null) return [0, 1];
  const bars = panel.series.some((one) => one.kind === "bars");
  if (bars && high === 0) return [0, 1];
  const pad = (high - (bars ? 0 : low)) * 0.12 || Math.abs(high) * 0.05 || 1;
  return [bars ? 0 : Math.max(low - pad, low >= 0 ? 0 : -Infinity), high + pad];
}

// Draws "▲ 13.85" above the highest and "▼ 8.16" below the lowest; the shape tells them apart, not the colour.
function drawMarks(plot, marks) {
  const { ctx } = plot;
  const ratio = uPlot.pxRatio;
  ctx.save();
  ctx.fillStyle = colour("mark");
  ctx.strokeStyle = colour("ground");
  ctx.lineWidth = 4 * ratio;
  ctx.lineJoin = "round";
  ctx.font = `600 ${11 * ratio}px ${getComputedStyle(document.body).fontFamily}`;
  ctx.textAlign = "center";
  for (const mark of marks) {
    const half = ctx.measureText(mark.text).width / 2;
    const { left, width } = plot.bbox;
    const x = Math.min(Math.max(plot.valToPos(mark.place, "x", true), left + half), left + width - half);
    const y = plot.valToPos(mark.value, "y", true) - 4 * ratio;
    ctx.strokeText(mark.text, x, y); // a halo, so that bars behind the words do not hide them
    ctx.fillText(mark.text, x, y);
  }
  ctx.restore();
}

function drawPanels(parent, panels, dates, { locale, onPlace, place }) {
  const width = Math.max(parent.clientWidth, 240);
  const places = dates.map((_, i) => i);
  const labelled = ticks(dates, width);
  const text = colour("muted");
  const grid = { stroke: colour("line"), width: 1 };
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const plots = panels.map((panel, number) => {
    const isLast = number === panels.length - 1;
    const bands = panel.series.flatMap((one, i) => (one.kind === "band" ? [i + 1] : []));
    const options = {
      width,
      height: (number ? HEIGHTS.other : HEIGHTS.first) + (isLast ? 24 : 0),
      padding: [8, 8, isLast ? 0 : 4, 0],
      legend: { show: false },
      select: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, bind: mouseless(), points: { show: false } },
      scales: { x: { time: false, range: () => [-0.6, dates.length - 0.4] }, y: { range: (_, low, high) => range(panel, low, high) } },
      axes: [
        {
          stroke: text, font, grid, ticks: { ...grid, size: 4 }, size: isLast ? 34 : 8,
          splits: () => labelled,
          values: (_, splits) => (isLast ? dayLabels(dates, splits, locale) : splits.map(() => "")),
        },
        { stroke: text, font, grid, ticks: { show: false }, size: AXIS_WIDTH, space: 26, gap: 4, values: (_, splits) => panel.scale ? scaled(splits, locale) : plainNumbers(splits, locale) },
      ],
      series: [{}, ...panel.series.map(seriesOf)],
      bands: bands.length === 2 ? [{ series: bands, fill: colour("band") }] : [],
      hooks: { draw: [(plot) => drawMarks(plot, panel.marks || [])], ready: [(plot) => point(plot, place)] },
    };
    const holder = document.createElement("div");
    parent.append(heading(panel), holder);
    return new uPlot(options, [places, ...panel.series.map((one) => one.values)], holder);
  });
  for (const plot of plots) {
    const read = (event) => onPlace(Math.min(Math.max(plot.posToIdx(event.clientX - plot.over.getBoundingClientRect().left), 0), dates.length - 1));
    plot.over.addEventListener("pointermove", read);
    plot.over.addEventListener("pointerdown", read);
  }
  return {
    show: (next) => plots.forEach((plot) => point(plot, next)),
    destroy: () => plots.forEach((plot) => plot.destroy()),
  };
}

function point(plot, place) {
  plot.setCursor({ left: plot.valToPos(place, "x"), top: 0 });
}

// Pointer events of our own read the place under a mouse, a pen or a finger alike.
function mouseless() {
  const none = () => null;
  return { mousedown: none, mouseup: none, click: none, dblclick: none, mousemove: none, mouseleave: none, mouseenter: none };
}

function heading(panel) {
  const title = element("h2", {}, panel.unit ? `${panel.title}, ${panel.unit}` : panel.title);
  const legend = element("p", { class: "legend" });
  for (const one of panel.legend || []) {
    const item = element("span", { class: "item" });
    if (one.mark) item.append(element("span", { class: "mark" }, one.mark));
    else item.append(element("span", { class: `swatch ${one.swatch}` }));
    item.append(one.label);
    legend.append(item);
  }
  const box = element("div", { class: "head" });
  box.append(title, legend);
  return box;
}
