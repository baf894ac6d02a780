// The tracking page stays true without a reload: told by the stream when something changes, else by asking now and then.
// What changed is the page itself, asked for again and put in place part by part: words and drawings are made in one place only.
const POLL_MS = 60_000, SAVING_POLL_MS = 300_000, PATIENCE_MS = 45_000;
const journey = document.getElementById("journey"), live = document.getElementById("live"), said = document.getElementById("said");
const saving = Boolean(navigator.connection?.saveData), language = document.documentElement.lang;
const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: "Asia/Shanghai" });
const parts_of = (root) => new Map([...root.querySelectorAll("#journey > section")].map((part) => [part.id, part.outerHTML]));
let version = journey.dataset.version, served = parts_of(document), stream = null, timer = 0, silence = 0, asking = null, checked = new Date();

function show(state) {
  const when = clock.format(checked);
  live.className = `seen ${state}`;
  live.lastElementChild.textContent = state === "off" ? live.dataset.offline.replace("{when}", when)
    : [state === "on" && live.dataset.live, live.dataset.checked.replace("{when}", when)].filter(Boolean).join(" · ");
}

/** Ask for the page again (its tag saves the way when it is the same) and put what differs in place of what was there. */
async function renew() {
  asking ??= (async () => {
    try {
      const answer = await fetch(location.href, { cache: "no-cache", headers: { accept: "text/html" } });
      if (answer.ok) place(new DOMParser().parseFromString(await answer.text(), "text/html"));
      if (answer.ok) checked = new Date();
      show(answer.ok ? (stream ? "on" : "") : "off");
    } catch {
      show("off");
    } finally {
      asking = null;
    }
  })();
  return asking;
}

function place(fresh) {
  const from = fresh.getElementById("journey");
  if (!from || from.dataset.version === version) return;
  const parts = parts_of(fresh), before = headline();
  version = journey.dataset.version = from.dataset.version;
  journey.className = from.className;
  for (const id of served.keys()) if (!parts.has(id)) document.getElementById(id)?.remove();
  let last = null;
  for (const part of from.querySelectorAll(":scope > section")) {
    const old = document.getElementById(part.id), kept = old && (parts.get(part.id) === served.get(part.id) || old.dispatchEvent(new CustomEvent("renewed", { cancelable: true })) === false);
    const now = kept ? old : document.adoptNode(part);
    if (!kept) {
      old?.replaceWith(now);
      now.classList.add("changed");
      if (now.id === "map") offer_map();
    }
    if (!now.isConnected) last ? last.after(now) : journey.prepend(now);
    last = now;
  }
  served = parts;
  document.title = fresh.title;
  if (headline() !== before) said.textContent = headline();
}

const headline = () => [...document.querySelectorAll("#now h1, #now .sub")].map((each) => each.textContent.trim()).join(". ");

/** The stream says only that there is something new. While it is open nobody needs to ask. */
function listen() {
  hush();
  if (document.hidden) return;
  if (saving || !("EventSource" in window)) return poll();
  stream = new EventSource(journey.dataset.stream);
  // Whatever comes shows that the line is open; when nothing does for long, it is dead, and a new one is opened.
  const heard = () => {
    checked = new Date();
    show("on");
    wait();
  };
  const wait = () => {
    clearTimeout(silence);
    silence = setTimeout(() => { renew(); listen(); }, PATIENCE_MS);
  };
  stream.addEventListener("alive", heard);
  stream.addEventListener("state", (event) => { heard(); if (event.lastEventId !== version) renew(); });
  // A browser comes again by itself; refused (too many are watching), it gives up, and the page asks now and then.
  stream.addEventListener("error", () => (stream?.readyState === EventSource.CLOSED ? poll_instead() : show(navigator.onLine ? "" : "off")));
  wait();
}

function poll_instead() { hush(); poll(); }

function poll() {
  show(navigator.onLine ? "" : "off");
  timer = setInterval(renew, saving ? SAVING_POLL_MS : POLL_MS);
}

function hush() {
  stream?.close();
  stream = null;
  clearInterval(timer);
  clearTimeout(silence);
}

function offer_map() {
  const door = document.getElementById("map-door"), map = document.getElementById("map");
  if (!door || !map || !("WebGLRenderingContext" in window)) return;
  map.append(door.content.cloneNode(true));
  const button = map.querySelector("#open-map");
  button.addEventListener("click", async () => {
    const words = button.innerHTML;
    button.disabled = true;
    button.textContent = button.dataset.loading;
    try {
      const { open_map } = await import(button.dataset.script);
      await open_map(map, button.dataset, `${location.pathname}/map?lang=${language}`);
      button.remove();
    } catch {
      button.disabled = false;
      button.textContent = button.dataset.failed;
      setTimeout(() => (button.innerHTML = words), 4000);
    }
  });
}

offer_map();
listen();
document.addEventListener("visibilitychange", () => { if (document.hidden) hush(); else { renew(); listen(); } });
addEventListener("online", () => { renew(); listen(); });
addEventListener("offline", () => show("off"));
addEventListener("pagehide", hush);
