// The operators' map: sign in, load, draw, and tell of what is chosen.
import { ask, begin } from "./network-door.js";
import { look_at, mark, open_map, pick, short, show_fills, show_home, show_mode, show_network } from "./network-map.js";
import { draw_legend, hide_detail, kind_of, list_departures, list_disruptions, number, period_of, put, say, service_notes, show_detail, when } from "./network-panel.js";

const told = JSON.parse(document.getElementById("told").textContent);
const words = told.words;
const $ = (id) => document.getElementById(id);
const PAGES = 10;
const SERVICES_ASKED = 6;
const state = { map: null, network: null, at: {}, names: {}, disruptions: [], closed: new Map(), chosen: 0, seen: false };

/** Every page of a list, up to a bound. */
async function pages(path, most = PAGES) {
  const items = [];
  let cursor = null;
  for (let page = 0; page < most; page += 1) {
    const answer = await ask(path + (cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""));
    items.push(...answer.items);
    cursor = answer.next_cursor;
    if (!cursor) break;
  }
  return { items, more: Boolean(cursor) };
}

const of_day = () => pages(`/v1/departures?on=${$("day").value}&limit=100`);

/** Lifted before it began, or late no more. */
function is_void(disruption) {
  return Boolean(disruption.lifted_at) && (disruption.until === disruption.from || disruption.kind === "delay");
}

/** Everything is asked for at once, while the map still opens. */
async function load() {
  $("count").textContent = words.loading;
  document.documentElement.removeAttribute("data-drawn");
  try {
    // Alone, so that whoever may not see it is told of this refusal and of no other.
    const network = await ask("/v1/network");
    const [disruptions, departures] = await Promise.all([pages("/v1/disruptions?limit=100"), of_day()]);
    const now = new Date(network.at);
    state.network = network;
    state.names = Object.fromEntries(network.hubs.map((hub) => [hub.code, short(hub.name)]));
    state.disruptions = disruptions.items.filter((one) => new Date(one.until) > now && !is_void(one));
    state.closed = new Map(network.closed.map((one) => [one.service, one.until]));
    list_disruptions(state.disruptions, PAGES * 100, state.names, now, choose_disruption);
    draw_legend((mode, visible) => state.map && show_mode(state.map, mode, visible), new Set(network.hubs.map((hub) => hub.kind)));
    tell_size();
    await opening;
    const hubs = state.disruptions.filter((one) => one.hub && !one.to_hub && new Date(one.from) <= now).map((one) => one.hub);
    if (state.map && !state.seen) show_home(state.map);
    state.seen = true;
    if (state.map) state.at = show_network(state.map, network, new Set(hubs), state.closed);
    show_day(departures);
  } catch (failure) {
    $("count").textContent = failure.message || words.failed;
  }
}

function tell_size() {
  const { hubs, links } = state.network, services = new Set(links.flatMap((link) => link.services)).size;
  const counted = say(words.count, { hubs: number(hubs.length), services: number(services), links: number(links.length) });
  $("count").textContent = state.closed.size ? `${counted} · ${say(words.seasonal, { count: number(state.closed.size) })}` : counted;
}

function show_day({ items, more }) {
  list_departures(items, more, state.names, choose_departure);
  if (!state.map) return;
  show_fills(state.map, state.at, items);
  state.map.once("idle", () => document.documentElement.setAttribute("data-drawn", "yes"));
}

/** Another day. What comes after yet another one was chosen is left aside. */
async function change_day() {
  const day = $("day").value;
  if (!day || !state.network) return;
  try {
    const departures = await of_day();
    if (day === $("day").value) show_day(departures);
  } catch (failure) {
    $("count").textContent = failure.message || words.failed;
  }
}

function choose_disruption(disruption) {
  if (disruption.to_hub) show_between(disruption);
  else if (disruption.hub && state.at[disruption.hub]) {
    if (state.map) look_at(state.map, state.at[disruption.hub]);
    show_hub(disruption.hub);
  } else if (disruption.service) show_service(disruption.service);
}

function choose_departure(departure) {
  if (state.map) mark(state.map, state.at, departure.stretches.map((one) => ({ ...one, mode: departure.mode })));
  const first = departure.stretches[0], last = departure.stretches.at(-1);
  const lines = departure.stretches.map((one) => ({
    id: `${state.names[one.from] || one.from} → ${state.names[one.to] || one.to}`,
    notes: [{ text: `${say(words.full, { percent: Math.ceil(one.fill_permille / 10) })} · ${say(words.booked, { used: number(Math.round(one.weight_g / 1000)), most: number(Math.round(one.capacity_weight_g / 1000)) })}` }],
  }));
  show_detail(`${state.names[first.from] || first.from} → ${state.names[last.to] || last.to}`, `${departure.service} · ${when(departure.run_at)}`, [], lines);
}

/** The disruptions that match, in words. */
const about = (match) => state.disruptions.filter(match).map((one) => ({
  bad: true, text: [kind_of(one), pick(one.reason || {}), period_of(one, new Date(state.network.at)).filter(Boolean).join(" ")].filter(Boolean).join(" · "),
}));
const is_between = (one, from, to) => (one.hub === from && one.to_hub === to) || (one.hub === to && one.to_hub === from);

/** Services with what is known of them; the details of the first few are asked for. */
async function tell_services(ids) {
  const known = await Promise.all(ids.slice(0, SERVICES_ASKED).map((id) => ask(`/v1/services/${encodeURIComponent(id)}`).catch(() => null)));
  return ids.map((id, i) => ({
    id,
    notes: [
      ...(known[i] ? service_notes(known[i]) : []),
      ...(state.closed.has(id) ? [{ bad: true, text: say(words.closed_until, { when: when(state.closed.get(id)) }) }] : []),
      ...about((one) => one.service === id),
    ],
  }));
}

/** Show a card at once, and its services when they have come, unless something else was chosen meanwhile. */
async function tell(title, subtitle, notes, ids) {
  const turn = (state.chosen += 1);
  show_detail(title, subtitle, notes, ids.map((id) => ({ id, notes: [] })));
  const lines = await tell_services(ids);
  if (turn === state.chosen && !$("detail").hidden) show_detail(title, subtitle, notes, lines);
}

function show_hub(code) {
  const hub = state.network.hubs.find((one) => one.code === code);
  const ids = [...new Set(state.network.links.filter((link) => link.from === code || link.to === code).flatMap((link) => link.services))];
  tell(pick(hub.name), `${told.kinds[hub.kind]} · ${code} · ${say(words.services, { count: number(ids.length) })}`, about((one) => one.hub === code || one.to_hub === code), ids);
}

/** A link that is disrupted, with all that runs over it by whatever mode. */
function show_between(disruption) {
  const { hub: from, to_hub: to } = disruption, name = (code) => state.names[code] || code;
  const links = state.network.links.filter((link) => (link.from === from && link.to === to) || (link.from === to && link.to === from));
  const ids = [...new Set(links.flatMap((link) => link.services))];
  if (state.map) mark(state.map, state.at, [{ from, to, mode: links[0]?.mode }]);
  tell(`${name(from)} – ${name(to)}`, say(words.services, { count: number(ids.length) }), about((one) => is_between(one, from, to)), ids);
}

function show_link(from, to, mode) {
  const link = state.network.links.find((one) => one.mode === mode && ((one.from === from && one.to === to) || (one.from === to && one.to === from)));
  if (!link) return;
  if (state.map) state.map.getSource("chosen").setData({ type: "FeatureCollection", features: [] });
  tell(`${state.names[from]} – ${state.names[to]}`, `${told.modes[mode] || mode}${link.planned ? ` · ${words.planned}` : ""} · ${say(words.services, { count: number(link.services.length) })}`, about((one) => is_between(one, from, to) || (!one.to_hub && (one.hub === from || one.hub === to))), link.services);
}

function show_service(id) {
  const links = state.network.links.filter((link) => link.services.includes(id));
  if (state.map) mark(state.map, state.at, links);
  tell(id, links.length ? told.modes[links[0].mode] : "", [], [id]);
}

function choose(properties) {
  if (!properties) hide_detail();
  else if (properties.code) show_hub(properties.code);
  else show_link(properties.from, properties.to, properties.mode);
}

$("legend").open = innerWidth >= 700 && innerHeight >= 700;
const today = () => new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Shanghai" }).format(new Date());
$("day").value = new URLSearchParams(location.search).get("on") || today();
$("day").addEventListener("change", change_day);
$("reload").addEventListener("click", load);
const opening = open_map(choose).then((map) => {
  state.map = map;
  if (!map) $("map").append(put("p", { className: "note" }, words.no_map));
});
begin(load);
