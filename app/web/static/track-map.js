// A map that moves, for those who ask for it: the land, the ways done and to come, the hubs by name, and where the goods are.
import { draw_name } from "./map-names.js";

const style = getComputedStyle(document.documentElement);
const colour = (name) => style.getPropertyValue(`--${name}`).trim();
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const collection = (features) => ({ type: "FeatureCollection", features });
const feature = (type, coordinates, properties = {}) => ({ type: "Feature", properties, geometry: { type, coordinates } });

const load = (tag, properties) => new Promise((done, failed) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.addEventListener("load", done);
  element.addEventListener("error", () => { element.remove(); failed(new Error("not loaded")); });
  document.head.append(element);
});

const read = async (address) => {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
};

/** Put the map in place of the drawing. Throws when something cannot be loaded, and leaves the drawing. */
export async function open_map(section, told, address) {
  const library = globalThis.maplibregl ? Promise.resolve() : load("script", { src: told.library });
  const [land, journey] = await Promise.all([read(told.land), read(address), library, load("link", { rel: "stylesheet", href: told.styles })]);
  const box = document.createElement("div");
  box.className = "live-map";
  section.prepend(box);
  let map;
  try {
    map = new maplibregl.Map({
      container: box, attributionControl: false, dragRotate: false, pitchWithRotate: false, renderWorldCopies: false, maxZoom: 11, minZoom: 1.5,
      cooperativeGestures: false, fadeDuration: still ? 0 : 300, style: style_of(land), bounds: bounds_of(journey), fitBoundsOptions: { padding: 48, maxZoom: 8 },
      locale: { "Map.Title": told.title, "NavigationControl.ZoomIn": told.in, "NavigationControl.ZoomOut": told.out },
    });
  } catch (error) {
    box.remove();
    throw error;
  }
  map.touchZoomRotate.disableRotation();
  map.addControl(new maplibregl.NavigationControl({ showCompass: false }), "top-left");
  map.on("styleimagemissing", ({ id }) => id.startsWith("name:") && !map.hasImage(id) && map.addImage(id, ...draw_name(id.slice(5), colour("ink"), colour("halo"))));
  box.map = map;
  map.here = told.here;
  await new Promise((done) => map.once("load", done));
  show(map, journey);
  const drawing = section.querySelector("svg");
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", drawing.getAttribute("aria-label"));
  drawing.remove();
  // The page has news: the map is kept, and told them.
  section.addEventListener("renewed", (event) => {
    event.preventDefault();
    read(address).then((now) => show(map, now)).catch(() => {});
  });
}

function bounds_of(journey) {
  const bounds = new maplibregl.LngLatBounds();
  for (const at of [...journey.done.flat(), ...journey.ahead.flat(), ...journey.stops.map((stop) => stop.at)]) bounds.extend(at);
  return bounds;
}

function show(map, journey) {
  map.getSource("done").setData(collection(journey.done.map((line) => feature("LineString", line))));
  map.getSource("ahead").setData(collection(journey.ahead.map((line) => feature("LineString", line))));
  const last = journey.stops.length - 1;
  // Names stand below and above in turn; where there is room for few, the two ends have theirs.
  map.getSource("stops").setData(collection(journey.stops.map(({ name, at, passed }, i) => feature("Point", at, { name, passed, rank: i && i < last ? i : 0, side: i % 2 ? "bottom" : "top" }))));
  map.getSource("here").setData(collection(journey.here ? [feature("Point", journey.here, { name: map.here })] : []));
}

function style_of(land) {
  const empty = { type: "geojson", data: collection([]) };
  const line = (id, paint) => ({ id, type: "line", source: id, layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": colour("tea"), ...paint } });
  const name = { "icon-image": ["concat", "name:", ["get", "name"]], "icon-padding": 2 };
  return {
    version: 8,
    sources: { land: { type: "geojson", data: land, tolerance: 0.2 }, done: empty, ahead: empty, stops: empty, here: empty },
    layers: [
      { id: "sea", type: "background", paint: { "background-color": colour("sea") } },
      { id: "land", type: "fill", source: "land", paint: { "fill-color": colour("card") } },
      { id: "coast", type: "line", source: "land", paint: { "line-color": colour("ground"), "line-width": 0.8 } },
      line("ahead", { "line-width": 3, "line-dasharray": [0.1, 2] }),
      line("done", { "line-width": 4 }),
      { id: "stops", type: "circle", source: "stops", paint: { "circle-radius": 5, "circle-color": ["case", ["get", "passed"], colour("tea"), colour("card")], "circle-stroke-color": colour("tea"), "circle-stroke-width": 2.2 } },
      { id: "here", type: "circle", source: "here", paint: { "circle-radius": 8, "circle-color": colour("clay"), "circle-stroke-color": colour("card"), "circle-stroke-width": 3 } },
      { id: "names", type: "symbol", source: "stops", layout: { ...name, "icon-anchor": ["get", "side"], "icon-offset": ["case", ["==", ["get", "side"], "top"], ["literal", [0, 8]], ["literal", [0, -8]]], "symbol-sort-key": ["get", "rank"] } },
      { id: "here-name", type: "symbol", source: "here", layout: { ...name, "icon-anchor": "bottom", "icon-offset": [0, -9], "icon-allow-overlap": true } },
    ],
  };
}
