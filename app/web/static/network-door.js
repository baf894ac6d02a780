// The door: a code by phone, an access token for this tab alone, and how the API is asked with it.
const KEPT = "chama.access";
const told = JSON.parse(document.getElementById("told").textContent);
const $ = (id) => document.getElementById(id);
let access = sessionStorage.getItem(KEPT);
let refresh = null; // Never stored: closing or reloading the tab asks for a code again at the latest when the access token ends.
let opened = () => {};

export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || told.words.failed);
    this.status = status;
  }
}

async function send(path, { method = "GET", body, bearer = access } = {}) {
  const headers = { "accept-language": told.language, accept: "application/json" };
  if (bearer) headers.authorization = `Bearer ${bearer}`;
  if (body) headers["content-type"] = "application/json";
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body), credentials: "omit", cache: "no-cache" });
  const content = answer.status === 204 ? {} : await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, content);
  return content;
}

/** Ask the API as the operator; a token that has ended is renewed once, and else the door opens again. */
export async function ask(path) {
  try {
    return await send(path);
  } catch (refusal) {
    if (refusal.status === 401 && refresh) {
      try {
        keep(await send("/v1/auth/tokens", { method: "POST", body: { grant: "refresh", refresh_token: refresh }, bearer: null }));
        return await send(path);
      } catch (again) {
        if (again.status !== 401) throw again;
      }
    }
    if (refusal.status === 401 || refusal.status === 403) lock(refusal.status === 403 ? refusal.message : "");
    throw refusal;
  }
}

function keep(tokens) {
  access = tokens.access_token;
  refresh = tokens.refresh_token;
  sessionStorage.setItem(KEPT, access);
}

/** Forget who is here and show the door. */
export function lock(message = "") {
  access = refresh = null;
  sessionStorage.removeItem(KEPT);
  document.body.classList.remove("open");
  for (const id of ["panel", "tools"]) $(id).hidden = true;
  $("door").hidden = false;
  wait_for_phone();
  $("refusal").textContent = message;
  $("phone").focus();
}

export async function leave() {
  await send("/v1/auth/tokens", { method: "DELETE" }).catch(() => {});
  lock();
}

function wait_for_phone() {
  $("code-part").hidden = $("again").hidden = true;
  $("phone").readOnly = false;
  $("code").required = false;
  $("code").value = "";
  $("enter").textContent = told.words.send_code;
}

function wait_for_code() {
  $("code-part").hidden = $("again").hidden = false;
  $("phone").readOnly = true;
  $("code").required = true;
  $("enter").textContent = told.words.sign_in;
  $("code").focus();
}

const number_of = (typed) => {
  const digits = typed.replace(/[^+0-9]/g, "");
  return /^1[0-9]{10}$/.test(digits) ? `+86${digits}` : digits;
};

async function knock(event) {
  event.preventDefault();
  const phone = number_of($("phone").value);
  $("refusal").textContent = "";
  $("enter").disabled = true;
  try {
    if ($("code-part").hidden) {
      await send("/v1/auth/codes", { method: "POST", body: { phone }, bearer: null });
      wait_for_code();
    } else {
      keep(await send("/v1/auth/tokens", { method: "POST", body: { grant: "code", phone, code: $("code").value.trim() }, bearer: null }));
      enter();
    }
  } catch (refusal) {
    $("refusal").textContent = refusal.message;
  } finally {
    $("enter").disabled = false;
  }
}

function enter() {
  $("door").hidden = true;
  for (const id of ["panel", "tools"]) $(id).hidden = false;
  document.body.classList.add("open");
  opened();
}

/** Begin: with a token that is still there, or at the door. */
export function begin(then) {
  opened = then;
  $("door").addEventListener("submit", knock);
  $("again").addEventListener("click", wait_for_phone);
  $("leave").addEventListener("click", leave);
  access ? enter() : lock();
}
