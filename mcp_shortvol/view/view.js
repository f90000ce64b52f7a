// One answer of mcp-shortvol as a picture: days or periods of one stock, several stocks compared, or short interest.
// Whatever comes from a source gets into the page as text of a node, never as markup.
function element(name, attributes, text) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = readable(text);
  return node;
}

// Without the characters that turn the direction of the text around them.
function readable(text) {
  return String(text).replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "");
}

const view = { answer: null, context: {}, drawn: null, redraw: null };

function words() {
  return WORDS[languageOf(view.context.locale || navigator.language)];
}

function locale() {
  const wanted = view.context.locale || navigator.language || "en";
  try {
    return Intl.getCanonicalLocales(wanted)[0] || "en";
  } catch {
    return "en";
  }
}

function number(value, decimals) {
  if (typeof value !== "number") return words().unknown;
  return new Intl.NumberFormat(locale(), { minimumFractionDigits: decimals, maximumFractionDigits: decimals }).format(value);
}

function fill(text, value) {
  return text.replace("{0}", value);
}

const numeric = (value) => (typeof value === "number" && Number.isFinite(value) ? value : null);

// The rows as objects, oldest first.
function records(answer) {
  const columns = Array.isArray(answer.columns) ? answer.columns : [];
  const rows = Array.isArray(answer.rows) ? answer.rows : [];
  return rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]]))).reverse();
}

// Trading days between two dates that have no row, by the calendar that the document carries.
function missingDays(market, after, before) {
  const closed = CLOSED[market] || {};
  const found = [];
  for (let time = Date.parse(after) + 86400000; time < Date.parse(before) && found.length < 400; time += 86400000) {
    const date = new Date(time).toISOString().slice(0, 10);
    const weekday = new Date(time).getUTCDay();
    const isClosed = (closed[date.slice(0, 4)] || "").includes(date.slice(5, 7) + date.slice(8) + ";");
    if (weekday !== 0 && weekday !== 6 && !isClosed) found.push({ date, missing: true });
  }
  return found;
}

function withMissingDays(answer, days) {
  return days.flatMap((day, i) => (i ? [...missingDays(answer.market, days[i - 1].date, day.date), day] : [day]));
}

function column(days, name) {
  return days.map((day) => numeric(day[name]));
}

function drawSeries(main, answer) {
  const t = words();
  const periods = answer.columns.includes("days");
  const known = records(answer);
  const days = periods ? known : withMissingDays(answer, known);
  header(main, `${answer.symbol} ${periods ? t.weekly : t.daily}`, answer, `${t.asOf}: ${answer.last_date || "-"} · ${answer.returned} ${answer.returned === 1 ? t.day : t.days}`);
  if (!days.length) {
    main.append(element("p", {}, answer.summary || t.empty));
    facts(main, { ...answer, rows_omitted: 0 }, answer.ratio_basis && `${t.basis}: ${answer.ratio_basis}`);
    return;
  }
  const bars = days.length <= 80;
  const ratio = column(days, "short_ratio_pct");
  const marks = extremes(ratio);
  const statistics = answer.statistics || {};
  const mean = numeric(statistics.mean_pct);
  const spread = numeric(statistics.stdev_pp);
  const flat = (value) => days.map(() => value);
  const panels = [{
    title: t.ratio, unit: `% · ${answer.ratio_basis}`, marks,
    series: [
      ...(mean !== null && spread ? [{ label: "", values: flat(mean + spread), kind: "band", colour: "band" }, { label: "", values: flat(Math.max(mean - spread, 0)), kind: "band", colour: "band" }] : []),
      { label: t.ratio, values: ratio, kind: bars ? "bars" : "line", colour: "short" },
      ...(mean === null ? [] : [{ label: t.mean, values: flat(mean), kind: "dashes", colour: "mean" }]),
    ],
    legend: [
      { swatch: "bar", label: t.ratio },
      ...(mean === null ? [] : [{ swatch: "mean", label: `${t.mean} ${number(mean, 2)} %` }]),
      ...(mean !== null && spread ? [{ swatch: "band", label: t.band }] : []),
      ...(marks.length ? [{ mark: "▲", label: t.highest }, { mark: "▼", label: t.lowest }] : []),
    ],
  }, {
    title: t.volumes, scale: true,
    series: [
      { label: t.total, values: column(days, "total_volume"), kind: bars ? "bars" : "line", colour: "total" },
      { label: t.short, values: column(days, "short_volume"), kind: bars ? "bars" : "line", colour: "short", size: 0.45 },
    ],
    legend: [{ swatch: "total", label: t.total }, { swatch: "bar", label: t.short }],
  }];
  const close = column(days, "close");
  if (close.some((value) => value !== null)) {
    panels.push({
      title: t.close, unit: answer.market === "HK" ? "HKD" : "USD",
      series: [{ label: t.close, values: close, kind: "line", colour: "close" }],
    });
  }
  chart(main, fill(t.chart, answer.symbol), panels, days, (day) => readDay(answer, day));
  table(main, answer);
  facts(main, answer, `${t.basis}: ${answer.ratio_basis}`);
}

function readDay(answer, day) {
  const t = words();
  if (day.missing) return t.noRow;
  const parts = [
    `${t.ratio} ${number(day.short_ratio_pct, 2)} %`,
    `${t.short} ${number(day.short_volume, 0)} ${t.of} ${number(day.total_volume, 0)}`,
  ];
  if (day.close !== null && day.close !== undefined) parts.push(`${t.close} ${number(day.close, 2)}`);
  if (typeof day.short_turnover === "number") parts.push(`${t.turnover} HKD ${number(day.short_turnover, 0)}`);
  return parts.join(" · ");
}

function extremes(values) {
  const known = values.map((value, place) => ({ value, place })).filter((one) => one.value !== null);
  if (known.length < 2) return [];
  const high = known.reduce((best, one) => (one.value >= best.value ? one : best));
  const low = known.reduce((best, one) => (one.value <= best.value ? one : best));
  if (high.value === low.value) return [];
  return [{ ...high, text: `▲ ${number(high.value, 2)}` }, { ...low, text: `▼ ${number(low.value, 2)}` }];
}

function drawInterest(main, answer) {
  const t = words();
  const reports = records(answer);
  header(main, `${answer.symbol} ${t.interest}`, answer, `${t.newestReport}: ${answer.last_date || "-"}`);
  if (!reports.length) {
    main.append(element("p", {}, t.empty));
    facts(main, answer);
    return;
  }
  const panels = [{
    title: t.shares, scale: true, series: [{ label: t.shares, values: column(reports, "short_interest"), kind: "steps", colour: "short" }],
  }];
  const cover = column(reports, "days_to_cover");
  if (cover.some((value) => value !== null)) {
    panels.push({ title: t.cover, series: [{ label: t.cover, values: cover, kind: "bars", colour: "total" }] });
  }
  chart(main, fill(t.chart, answer.symbol), panels, reports, (report) =>
    [
      `${t.shares} ${number(report.short_interest, 0)}`,
      `${number(report.short_interest_pct, 2)} %`,
      `${t.cover} ${number(report.days_to_cover, 2)}`,
      `${t.change} ${number(report.change_pct, 2)} %`,
    ].join(" · "),
  );
  table(main, answer);
  facts(main, answer, `${t.pctOf}: ${answer.pct_basis}`);
}

// A dot a stock on one scale of z-scores, which alone compare across stocks; ratios stay figures of their own row.
function drawComparison(main, answer) {
  const t = words();
  header(main, t.compared, answer, "");
  const stocks = records(answer).reverse();
  const legend = element("p", { class: "legend" });
  for (const [mark, label] of [["▒", t.usual], ["◆", t.unusual]]) {
    const item = element("span", { class: "item" });
    item.append(element("span", { class: mark === "◆" ? "mark" : "usual" }, mark), label);
    legend.append(item);
  }
  main.append(element("h2", {}, t.z), legend);
  const sheet = element("table", {});
  const head = element("tr", {});
  for (const name of [t.symbol, "", t.columns.z_score, t.percentile, t.columns.latest_pct, t.columns.change_pp, t.last_date]) {
    const wide = [t.columns.latest_pct, t.columns.change_pp, t.last_date].includes(name) ? { class: "wide" } : name === t.percentile ? { class: "medium" } : {};
    head.append(name ? element("th", { scope: "col", ...wide }, name) : element("td", {}));
  }
  const top = element("thead", {});
  top.append(head);
  const body = element("tbody", {});
  for (const stock of stocks) {
    const z = numeric(stock.z_score);
    const row = element("tr", {});
    row.append(element("th", { scope: "row" }, stock.symbol));
    const cell = element("td", { class: "dots" });
    cell.append(dots(z));
    row.append(cell);
    const far = z !== null && Math.abs(z) >= 2 ? ` ${t.unusual}` : "";
    row.append(element("td", {}, z === null ? "-" : number(z, 2) + far));
    for (const [name, decimals] of [["percentile", 0], ["latest_pct", 2], ["change_pp", 2]]) {
      const value = numeric(stock[name]);
      row.append(element("td", { class: name === "percentile" ? "medium" : "wide" }, value === null ? "-" : number(value, decimals)));
    }
    row.append(element("td", { class: "wide" }, String(stock.last_date ?? "-")));
    body.append(row);
  }
  sheet.append(top, body);
  const scroll = element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t.compared });
  scroll.append(sheet);
  main.append(scroll);
  const failures = Array.isArray(answer.failures) ? answer.failures : [];
  if (failures.length) {
    const list = element("ul", { class: "notes" });
    for (const failure of failures) list.append(element("li", {}, `${failure.symbol}: ${failure.error}`));
    main.append(list);
  }
  table(main, answer);
  facts(main, answer, `${t.basis}: ${answer.ratio_basis}`);
}

const SVG = "http://www.w3.org/2000/svg";

function shape(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

function dots(z) {
  const at = (value) => 100 + 24 * Math.min(Math.max(value, -4), 4);
  const picture = shape("svg", { class: "dots", viewBox: "0 0 200 22", preserveAspectRatio: "xMidYMid meet", "aria-hidden": "true" });
  picture.append(shape("rect", { class: "usual", x: at(-2), y: 3, width: at(2) - at(-2), height: 12 }));
  picture.append(shape("line", { class: "axis", x1: at(-4), x2: at(4), y1: 9, y2: 9 }));
  picture.append(shape("line", { class: "zero", x1: at(0), x2: at(0), y1: 2, y2: 16 }));
  for (const tick of [-4, -2, 0, 2, 4]) {
    const label = shape("text", { x: at(tick), y: 22 });
    label.textContent = String(tick);
    picture.append(label);
  }
  if (z !== null) {
    const x = at(z);
    picture.append(Math.abs(z) >= 2 ? shape("path", { class: "far", d: `M${x - 6} 9 L${x} 3 L${x + 6} 9 L${x} 15 Z` }) : shape("circle", { class: "dot", cx: x, cy: 9, r: 5 }));
  }
  return picture;
}

function header(main, title, answer, origin) {
  const t = words();
  main.append(element("h1", {}, title));
  const source = String(answer.source || "");
  main.append(element("p", { class: "origin" }, [`${t.source}: ${source}`, origin].filter(Boolean).join(" · ")));
  if (source.startsWith("sandbox:")) main.append(element("p", { class: "invented" }, t.invented));
  if (answer.complete === false) main.append(element("p", { class: "incomplete" }, t.incomplete));
}

// The panels with one cursor: by pointer or by keys; what it points at is said in words below.
function chart(main, label, panels, days, read) {
  const last = days.length - 1;
  const box = element("div", { class: "charts", role: "slider", tabindex: "0", "aria-label": label, "aria-valuemin": "0", "aria-valuemax": String(last) });
  const readout = element("p", { class: "readout", "aria-live": "polite" });
  main.append(box, readout, element("p", { class: "hint" }, words().hint));
  let place = last;
  let plots = null;
  const show = (next) => {
    place = Math.min(Math.max(next, 0), last);
    const day = days[place];
    box.setAttribute("aria-valuenow", String(place));
    box.setAttribute("aria-valuetext", readable(`${day.date}: ${read(day)}`));
    readout.replaceChildren(element("strong", {}, day.date), readable(read(day)));
    plots.show(place);
  };
  const draw = () => {
    if (plots) plots.destroy();
    box.replaceChildren();
    plots = drawPanels(box, panels, days.map((day) => day.date), { locale: locale(), onPlace: show, place });
    show(place);
  };
  const moves = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 5, PageDown: -5, Home: -Infinity, End: Infinity };
  box.addEventListener("keydown", (event) => {
    const move = moves[event.key];
    if (move === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    show(place + move);
  });
  draw();
  view.drawn = { resize: draw, destroy: () => plots.destroy() };
}

function table(main, answer) {
  const t = words();
  const details = element("details", {});
  details.append(element("summary", {}, t.table));
  const sheet = element("table", {});
  sheet.append(element("caption", {}, t.caption));
  const head = element("thead", {});
  const line = element("tr", {});
  for (const name of answer.columns) line.append(element("th", { scope: "col" }, t[name] && typeof t[name] === "string" ? t[name] : t.columns[name] || name));
  head.append(line);
  const body = element("tbody", {});
  for (const row of answer.rows) {
    const entry = element("tr", {});
    row.forEach((value, i) => {
      const name = answer.columns[i];
      const decimals = /_pct$|_pp$|_z$|z_score|percentile|cover/.test(name) ? 2 : /^(open|close|previous_close)$/.test(name) ? 2 : 0;
      const text = typeof value === "number" ? number(value, decimals) : value === null || value === undefined ? "-" : String(value);
      entry.append(element(i ? "td" : "th", i ? {} : { scope: "row" }, text));
    });
    body.append(entry);
  }
  sheet.append(head, body);
  const scroll = element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t.table });
  scroll.append(sheet);
  details.append(scroll);
  main.append(details);
}

function facts(main, answer, basis) {
  const t = words();
  if (basis) main.append(element("p", { class: "facts" }, basis));
  const position = answer.short_position;
  if (position && typeof position.shares === "number") {
    const cover = typeof position.days_to_cover === "number" ? ` · ${t.cover} ${number(position.days_to_cover, 2)}` : "";
    const pct = typeof position.pct === "number" ? ` · ${number(position.pct, 2)} % ${t.of} ${position.pct_basis}` : "";
    main.append(element("p", { class: "facts" }, `${t.position} ${position.date || "-"}: ${number(position.shares, 0)}${pct}${cover}`));
  }
  if (answer.rows_omitted) main.append(element("p", { class: "facts" }, fill(t.omitted, answer.rows_omitted)));
  const notes = Array.isArray(answer.notes) ? answer.notes : [];
  if (!notes.length) return;
  const list = element("ul", { class: "notes" });
  for (const note of notes) list.append(element("li", {}, note));
  main.append(list);
}

function render() {
  const main = document.getElementById("view");
  if (view.drawn) view.drawn.destroy();
  view.drawn = null;
  main.replaceChildren();
  document.documentElement.lang = { en: "en", "zh-Hans": "zh-Hans", "zh-Hant": "zh-Hant" }[languageOf(view.context.locale || navigator.language)];
  const answer = view.answer;
  if (!answer) main.append(element("p", { class: "origin" }, words().waiting));
  else if (answer.said !== undefined) main.append(element("p", {}, answer.said));
  else if (answer.pct_basis !== undefined) drawInterest(main, answer);
  else if (answer.columns[0] === "symbol") drawComparison(main, answer);
  else drawSeries(main, answer);
}

function applyContext(context) {
  Object.assign(view.context, context);
  const dark = view.context.theme ? view.context.theme === "dark" : window.matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  const variables = (view.context.styles && view.context.styles.variables) || {};
  if (typeof variables["--font-sans"] === "string") document.documentElement.style.setProperty("--font-sans", variables["--font-sans"]);
  render();
}

// The structured answer; where a tool failed, its text.
function take(result) {
  const text = (Array.isArray(result.content) ? result.content : []).filter((block) => block && block.type === "text").map((block) => block.text).join("\n");
  const answer = result.structuredContent;
  view.answer = answer && !result.isError && Array.isArray(answer.columns) ? answer : { said: text };
  render();
}

let width = 0;
window.addEventListener("resize", () => {
  if (!view.drawn || window.innerWidth === width) return;
  width = window.innerWidth;
  view.drawn.resize();
});
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => applyContext({}));
window.addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((details) => (details.open = true)));

const inlined = document.getElementById("answer");
if (inlined) view.answer = JSON.parse(inlined.textContent);
applyContext({});
if (!inlined && window.parent !== window) {
  const handlers = {
    "ui/notifications/tool-input": () => {},
    "ui/notifications/tool-result": take,
    "ui/notifications/host-context-changed": applyContext,
    "ui/resource-teardown": () => {
      if (handlers.closing) handlers.closing();
      if (view.drawn) view.drawn.destroy();
      view.drawn = null;
    },
  };
  connect(handlers);
}
