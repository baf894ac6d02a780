// The map: land, lines by mode, places by kind, what is closed, and how full the departures of the day are.
import { draw_name } from "./map-names.js";

const told = JSON.parse(document.getElementById("told").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
export const COLOURS = dark
  ? { sea: "#0d1316", land: "#1b2429", coast: "#3c4a52", ink: "#eceae3", halo: "#12171a", bad: "#ff8a5c", planned: "#8d989d" }
  : { sea: "#dfe9ed", land: "#faf7ef", coast: "#bdb49c", ink: "#20251f", halo: "#fffdf8", bad: "#c02f14", planned: "#7d8488" };
// Told apart by width and dashes too, not by colour alone.
export const MODES = {
  bus: { colour: dark ? "#7f8f86" : "#9aa89c", width: 0.8, dash: null },
  road: { colour: dark ? "#c2a26b" : "#94753a", width: 1.1, dash: null },
  rail: { colour: dark ? "#8aa8ff" : "#3450a8", width: 1.8, dash: [5, 1.2] },
  water: { colour: dark ? "#55d0c9" : "#0b7f80", width: 1.8, dash: [4, 1.5, 1, 1.5] },
  air: { colour: dark ? "#d592d6" : "#9a4f9c", width: 1.1, dash: [1.2, 2.2] },
};
export const KINDS = {
  foreign: ["#6b5b95", 5], land_port: ["#8a4b12", 5], sea_port: ["#0b6e7d", 5], river_port: ["#0b8d86", 4.5], airport: ["#9a4f9c", 4],
  rail_terminal: ["#3450a8", 4], hub: ["#14573f", 7], buyer_city: ["#14573f", 6], city: ["#1d7a57", 5], county: ["#6f9c83", 2.6],
  township: ["#93b3a1", 2], village_point: ["#b3c8bb", 1.6],
};
// Lightness alone tells the order, so that every eye sees which is fuller.
export const FILLS = dark
  ? [[1, "#3b5f8a"], [250, "#5f8fd6"], [500, "#a98be0"], [800, "#f29ad0"], [950, "#fff3fb"]]
  : [[1, "#8db9e0"], [250, "#5b86cf"], [500, "#7d57b8"], [800, "#9c2c7c"], [950, "#3d0830"]];
const RANK = { hub: 0, buyer_city: 1, foreign: 2, sea_port: 3, land_port: 3, city: 4, rail_terminal: 6, river_port: 6, airport: 7, county: 8, township: 9, village_point: 10 };
const EMPTY = { type: "FeatureCollection", features: [] };
const zoomed = (from, to) => ["interpolate", ["exponential", 1.4], ["zoom"], 3, from, 9, to];
// The trunk; the lines abroad go on beyond it.
const HOME = [[73.5, 19.5], [125, 49]];
export const pick = (names) => names[told.language] || names["zh-Hans"] || names.en || Object.values(names)[0] || "";
/** An airport's name without its codes. */
export const short = (names) => pick(names).replace(/ \([A-Z/]+\)$/, "");

/** The words of the map's own controls. */
const locale = () => ({
  "Map.Title": told.words.map, "NavigationControl.ZoomIn": told.words.zoom_in, "NavigationControl.ZoomOut": told.words.zoom_out,
  "ScaleControl.Kilometers": told.words.kilometres, "ScaleControl.Meters": told.words.metres, "AttributionControl.ToggleAttribution": told.words.attribution,
});

/** The map with its land; null where the browser has no WebGL. */
export async function open_map(on_choose) {
  const land = await (await fetch(told.land)).json();
  let map;
  try {
    map = new maplibregl.Map({
      container: "map", center: [101, 35.5], zoom: innerWidth < 700 ? 2.4 : 3.6, minZoom: 1.5, maxZoom: 11, attributionControl: false,
      dragRotate: false, pitchWithRotate: false, fadeDuration: 0, renderWorldCopies: false, style: style_of(land), locale: locale(),
    });
  } catch {
    return null;
  }
  map.touchZoomRotate.disableRotation();
  map.addControl(new maplibregl.NavigationControl({ showCompass: false }), "top-left");
  map.addControl(new maplibregl.ScaleControl({ maxWidth: 110 }), "bottom-right");
  map.addControl(new maplibregl.AttributionControl({ compact: false, customAttribution: told.words.sources }), "bottom-right");
  map.on("styleimagemissing", ({ id }) => id.startsWith("name:") && add_name(map, id));
  choose_by_click(map, on_choose);
  document.getElementById("map").map = map;
  await new Promise((done) => map.once("load", done));
  return map;
}

function style_of(land) {
  const source = (data) => ({ type: "geojson", data, tolerance: 0.2 });
  const lines = Object.entries(MODES).map(([mode, look]) => ({
    id: `line-${mode}`, type: "line", source: "links", filter: ["all", ["==", ["get", "mode"], mode], ["!", ["get", "planned"]]],
    layout: { "line-cap": "butt", "line-join": "round" },
    paint: {
      "line-color": look.colour, "line-width": zoomed(look.width, look.width * 2.4), "line-opacity": mode === "bus" ? zoomed(0.35, 0.9) : 0.85,
      ...(look.dash && { "line-dasharray": look.dash }),
    },
  }));
  return {
    version: 8,
    sources: { land: source(land), links: source(EMPTY), fills: source(EMPTY), hubs: source(EMPTY), chosen: source(EMPTY) },
    layers: [
      { id: "sea", type: "background", paint: { "background-color": COLOURS.sea } },
      { id: "land", type: "fill", source: "land", paint: { "fill-color": COLOURS.land } },
      { id: "coast", type: "line", source: "land", paint: { "line-color": COLOURS.coast, "line-width": 0.8 } },
      ...lines,
      { id: "planned", type: "line", source: "links", filter: ["get", "planned"], paint: { "line-color": COLOURS.planned, "line-width": zoomed(1.4, 2.4), "line-dasharray": [2, 2] } },
      { id: "chosen", type: "line", source: "chosen", layout: { "line-cap": "round" }, paint: { "line-color": COLOURS.ink, "line-width": zoomed(7, 12), "line-opacity": 0.28 } },
      { id: "fills", type: "line", source: "fills", layout: { "line-cap": "round", "line-sort-key": ["get", "fill"] },
        paint: { "line-color": ["step", ["get", "fill"], FILLS[0][1], ...FILLS.slice(1).flat()], "line-width": zoomed(3.2, 7) } },
      { id: "closed", type: "line", source: "links", filter: ["get", "closed"], paint: { "line-color": COLOURS.bad, "line-width": zoomed(2, 4), "line-dasharray": [1.4, 1.4] } },
      { id: "hubs", type: "circle", source: "hubs", layout: { "circle-sort-key": ["-", ["get", "rank"]] },
        paint: { "circle-color": ["get", "colour"], "circle-radius": ["interpolate", ["exponential", 1.3], ["zoom"], 2, ["*", 0.36, ["get", "size"]], 4, ["*", 0.68, ["get", "size"]], 9, ["*", 1.5, ["get", "size"]]],
          "circle-stroke-width": ["case", ["get", "disrupted"], 3, 0.8], "circle-stroke-color": ["case", ["get", "disrupted"], COLOURS.bad, COLOURS.halo] } },
      ...names_layers(),
    ],
  };
}

/** Names appear with their rank as one comes nearer; MapLibre leaves out those that would collide. */
function names_layers() {
  const layer = (id, minzoom, filter) => ({
    id, type: "symbol", source: "hubs", minzoom, filter,
    layout: { "icon-image": ["concat", "name:", ["get", "name"], ["case", ["get", "disrupted"], "!", " "]], "icon-anchor": "left", "icon-offset": [9, 0], "icon-padding": 3, "symbol-sort-key": ["get", "rank"] },
  });
  const below = (rank) => ["<", ["get", "rank"], rank];
  return [layer("names-all", 7, ["!", below(8)]), layer("names-more", 4.6, ["all", ["!", below(4)], below(8)]), layer("names", 0, ["any", below(4), ["get", "disrupted"]])];
}

/** The name of a place, in another colour when it is disrupted. */
function add_name(map, id) {
  if (!map.hasImage(id)) map.addImage(id, ...draw_name(id.slice(5, -1), id.endsWith("!") ? COLOURS.bad : COLOURS.ink, COLOURS.halo));
}

/** A straight line, or the arc that a flight is drawn as. */
function way(from, to, mode) {
  const [x1, y1] = from, [x2, y2] = to;
  if (mode !== "air") return [from, to];
  const top = [(x1 + x2) / 2 - 0.12 * (y2 - y1), (y1 + y2) / 2 + 0.12 * Math.abs(x2 - x1)];
  return Array.from({ length: 17 }, (_, step) => {
    const t = step / 16, a = (1 - t) ** 2, b = 2 * t * (1 - t), c = t * t;
    return [a * x1 + b * top[0] + c * x2, a * y1 + b * top[1] + c * y2];
  });
}

const line = (at, from, to, mode, properties) => ({ type: "Feature", properties: { mode, ...properties }, geometry: { type: "LineString", coordinates: way(at[from], at[to], mode) } });

/** Put the network on the map. `disrupted` holds the codes of hubs that are disrupted now, `closed` the ids of services that rest now. */
export function show_network(map, network, disrupted, closed) {
  const at = Object.fromEntries(network.hubs.map((hub) => [hub.code, [hub.lon, hub.lat]]));
  const links = network.links.filter((link) => at[link.from] && at[link.to]);
  map.getSource("links").setData({ type: "FeatureCollection", features: links.map((link) => line(at, link.from, link.to, link.mode, {
    from: link.from, to: link.to, planned: link.planned, closed: !link.planned && link.services.every((id) => closed.has(id)),
  })) });
  map.getSource("hubs").setData({ type: "FeatureCollection", features: network.hubs.map((hub) => ({
    type: "Feature", geometry: { type: "Point", coordinates: at[hub.code] },
    properties: { code: hub.code, name: short(hub.name), kind: hub.kind, rank: RANK[hub.kind] ?? 9, colour: (KINDS[hub.kind] || KINDS.county)[0], size: (KINDS[hub.kind] || KINDS.county)[1], disrupted: disrupted.has(hub.code) },
  })) });
  return at;
}

/** Colour every stretch by its fullest departure of the day. */
export function show_fills(map, at, departures) {
  const fullest = new Map();
  for (const departure of departures)
    for (const stretch of departure.stretches) {
      const key = [stretch.from, stretch.to].sort().join(" ") + departure.mode;
      if (stretch.fill_permille > (fullest.get(key)?.fill ?? 0)) fullest.set(key, { from: stretch.from, to: stretch.to, mode: departure.mode, fill: stretch.fill_permille });
    }
  const features = [...fullest.values()].filter((one) => at[one.from] && at[one.to]).map((one) => line(at, one.from, one.to, one.mode, one));
  map.getSource("fills").setData({ type: "FeatureCollection", features });
}

/** Mark these stretches and bring them into view. */
export function mark(map, at, stretches) {
  const known = stretches.filter((one) => at[one.from] && at[one.to]);
  map.getSource("chosen").setData({ type: "FeatureCollection", features: known.map((one) => line(at, one.from, one.to, one.mode, {})) });
  if (!known.length) return;
  const bounds = new maplibregl.LngLatBounds();
  for (const one of known) bounds.extend(at[one.from]).extend(at[one.to]);
  map.fitBounds(bounds, { padding: beside_the_panel(50), maxZoom: 6.5, animate: moving() });
}

const moving = () => !matchMedia("(prefers-reduced-motion: reduce)").matches;

/** The part of the map that the lists leave free. */
function beside_the_panel(margin) {
  const panel = document.getElementById("panel").getBoundingClientRect(), wide = innerWidth >= 700;
  return { top: margin, left: margin, right: wide ? panel.width + margin : margin, bottom: wide ? margin : panel.height + margin };
}

export const show_home = (map) => map.fitBounds(HOME, { padding: beside_the_panel(16), animate: false });

export const look_at = (map, position) => map.fitBounds([position, position], { padding: beside_the_panel(40), maxZoom: Math.max(map.getZoom(), 5.5), animate: moving() });

function choose_by_click(map, on_choose) {
  const LINES = ["fills", "closed", "planned", ...Object.keys(MODES).map((mode) => `line-${mode}`)];
  const under = (point) => {
    const box = [[point.x - 5, point.y - 5], [point.x + 5, point.y + 5]];
    return map.queryRenderedFeatures(box, { layers: ["hubs"] })[0] || map.queryRenderedFeatures(box, { layers: LINES })[0];
  };
  map.on("click", ({ point }) => on_choose(under(point)?.properties ?? null));
  map.on("mousemove", ({ point }) => (map.getCanvas().style.cursor = under(point) ? "pointer" : ""));
}

export function show_mode(map, mode, visible) {
  map.setLayoutProperty(`line-${mode}`, "visibility", visible ? "visible" : "none");
}
