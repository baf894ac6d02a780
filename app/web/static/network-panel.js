// The lists beside the map. Everything is put in as text: nothing that anybody wrote becomes markup.
import { COLOURS, FILLS, KINDS, MODES, pick } from "./network-map.js";
const told = JSON.parse(document.getElementById("told").textContent);
const words = told.words;
const $ = (id) => document.getElementById(id);
const SHOWN = 8;

export function put(tag, content = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(content)) name in element ? (element[name] = value) : element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null && child !== ""));
  return element;
}

export const say = (template, fields = {}) => template.replace(/\{(\w+)\}/g, (_, name) => fields[name] ?? "");
const when = (at, options = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" }) =>
  new Intl.DateTimeFormat(told.language === "en" ? "en-GB" : "zh-CN", { timeZone: "Asia/Shanghai", hourCycle: "h23", ...options }).format(new Date(at));
export const number = (value) => new Intl.NumberFormat(told.language === "en" ? "en" : "zh-CN").format(value);
const clock = (at) => when(at, { hour: "2-digit", minute: "2-digit" });
export const colour_of = (permille) => FILLS.findLast(([least]) => permille >= least)?.[1] ?? FILLS[0][1];

/** What a disruption is about: a link by its two ends, a hub, or a service. */
function subject({ hub, to_hub, service, id }, names) {
  if (to_hub) return [words.link, `${names[hub] || hub} – ${names[to_hub] || to_hub}`];
  if (hub) return [words.hub, names[hub] || hub];
  return service ? [words.service, service] : ["", id];
}

/** What a disruption does, in words. */
export function kind_of({ kind, delay_s }) {
  const late = kind === "delay" && delay_s > 0 ? say(words.minutes_late, { count: number(Math.round(delay_s / 60)) }) : "";
  return late || told.disruptions[kind] || "";
}

/** From when until when; for what is about one run, which one. */
export function period_of({ run_at, from, until }, now) {
  if (run_at) return [say(words.run, { when: when(run_at) }), ""];
  return [new Date(from) > now ? say(words.soon, { when: when(from) }) : words.now, until ? say(words.until, { when: when(until) }) : ""];
}

export function list_disruptions(disruptions, most, names, now, on_choose) {
  const items = disruptions.map((disruption) => {
    const [what, name] = subject(disruption, names), soon = new Date(disruption.from) > now;
    const [begins, ends] = period_of(disruption, now);
    const button = put("button", { type: "button", onclick: () => on_choose(disruption) },
      put("span", { className: "row" }, put("b", {}, name), put("span", { className: soon ? "chip soon" : "chip bad" }, begins)),
      put("span", {}, [what, kind_of(disruption), pick(disruption.reason || {})].filter(Boolean).join(" · ")), put("span", { className: "soft" }, ends));
    return put("li", {}, button);
  });
  $("disruptions").replaceChildren(...(items.length ? items : [put("li", { className: "none" }, words.no_disruptions)]));
  if (disruptions.length >= most) $("disruptions").append(put("li", { className: "none" }, say(words.more_disruptions, { count: number(most) })));
  $("disruption-tally").textContent = disruptions.length ? number(disruptions.length) : "";
}

export function list_departures(departures, more, names, on_choose) {
  const items = departures.slice(0, 60).map((departure) => {
    const first = departure.stretches[0], last = departure.stretches.at(-1), percent = Math.ceil(departure.fill_permille / 10);
    const bar = put("span", { className: "fill", role: "img", ariaLabel: say(words.full, { percent }) }, put("i", {}));
    bar.firstChild.style.inlineSize = `${percent}%`;
    bar.firstChild.style.background = colour_of(departure.fill_permille);
    const button = put("button", { type: "button", onclick: () => on_choose(departure) },
      put("span", { className: "row" }, put("b", {}, `${names[first.from] || first.from} → ${names[last.to] || last.to}`), put("span", { className: "percent" }, `${percent}%`)),
      bar, put("span", { className: "soft" }, `${clock(departure.run_at)} · ${told.modes[departure.mode] || departure.mode} · ${departure.carrier}`));
    return put("li", {}, button);
  });
  $("departures").replaceChildren(...(items.length ? items : [put("li", { className: "none" }, words.no_departures)]));
  if (more || departures.length > items.length) $("departures").append(put("li", { className: "none" }, say(words.more_departures, { count: number(items.length) })));
  $("departure-tally").textContent = departures.length ? number(departures.length) + (more ? "+" : "") : "";
}

/** The card of what was chosen. `lines` are services with what is known of each. */
export function show_detail(title, subtitle, notes, lines) {
  const close = put("button", { type: "button", className: "close", ariaLabel: words.close, onclick: hide_detail }, "×");
  const shown = lines.slice(0, SHOWN).map((one) => put("li", {}, put("b", {}, one.id), ...one.notes.map((note) => put("span", { className: note.bad ? "bad" : "soft" }, note.text))));
  const rest = lines.length > SHOWN ? [put("li", { className: "none" }, say(words.more, { count: number(lines.length - SHOWN) }))] : [];
  $("detail").replaceChildren(close, put("h2", {}, title), put("p", { className: "soft" }, subtitle), ...notes.map((note) => put("p", { className: note.bad ? "bad" : "" }, note.text)), put("ul", {}, ...shown, ...rest));
  $("detail").hidden = false;
  $("panel").scrollTop = 0;
}

export function hide_detail() {
  $("detail").hidden = true;
}

/** What is known of a service, in words: what it is called, when it runs, what it carries. */
export function service_notes(service) {
  const days = words.weekdays.split(" ");
  const local = service.departs_s.slice(0, 4).map((second) => [Math.floor((second + 28800) / 86400), clock(second * 1000)]);
  const times = local.map(([, time]) => time).sort().join(", ");
  // Days are kept in UTC; a run that starts after 16:00 UTC starts on the next day in Beijing.
  const run_days = service.weekdays.length === 7 ? words.daily : service.weekdays.map((day) => days[(day + (local[0]?.[0] ?? 0)) % 7]).join(" ");
  const runs = service.on_demand ? words.on_demand : say(words.runs, { days: run_days, times });
  return [pick(service.name), `${runs} · ${say(words.carries, { weight: number(service.capacity.weight_g / 1e6) })}`].filter(Boolean).map((text) => ({ text }));
}

export { when };

/** The legend, whose lines can be hidden one by one. */
export function draw_legend(on_toggle, kinds) {
  const sample = (colour, width, dash) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"), path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    for (const [name, value] of [["width", 34], ["height", 12], ["aria-hidden", "true"]]) svg.setAttribute(name, value);
    for (const [name, value] of [["d", "M2 6h30"], ["stroke", colour], ["stroke-width", width * 1.7], ["fill", "none"], ["stroke-dasharray", dash ? dash.map((part) => part * width * 1.7).join(" ") : "none"]]) path.setAttribute(name, value);
    svg.append(path);
    return svg;
  };
  const dot = ([colour, size], ring = null) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"), circle = document.createElementNS("http://www.w3.org/2000/svg", "circle");
    for (const [name, value] of [["width", 16], ["height", 16], ["aria-hidden", "true"]]) svg.setAttribute(name, value);
    for (const [name, value] of [["cx", 8], ["cy", 8], ["r", size], ["fill", colour], ["stroke", ring || "none"], ["stroke-width", ring ? 3 : 0]]) circle.setAttribute(name, value);
    svg.append(circle);
    return svg;
  };
  const modes = Object.entries(told.modes).filter(([mode]) => MODES[mode]).map(([mode, name]) =>
    put("label", {}, put("input", { type: "checkbox", checked: true, onchange: ({ target }) => on_toggle(mode, target.checked) }), sample(MODES[mode].colour, MODES[mode].width, MODES[mode].dash), name));
  const states = [[COLOURS.bad, 2, [1.4, 1.4], words.closed], [COLOURS.planned, 1.4, [2, 2], words.planned]].map(([colour, width, dash, name]) => put("span", {}, sample(colour, width, dash), name));
  const fills = FILLS.map(([least, colour], i) => put("span", {}, sample(colour, 3, null), `${Math.max(1, least / 10)}–${(FILLS[i + 1]?.[0] ?? 1000) / 10}%`));
  const places = Object.entries(KINDS).filter(([kind]) => kinds.has(kind)).map(([kind, look]) => put("span", {}, dot(look), told.kinds[kind]));
  places.push(put("span", {}, dot([COLOURS.halo, 4], COLOURS.bad), words.disrupted));
  const group = (name, items) => [put("h3", {}, name), put("div", { className: "signs" }, ...items)];
  $("signs").replaceChildren(...group(words.modes, [...modes, ...states]), ...group(words.fill, fills), ...group(words.kinds, places));
}
