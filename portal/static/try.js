/* Shows the answer of a form of the API's documentation below it. Without this script the form opens the answer itself. */
"use strict";

const LONGEST = 20000;
const HEADERS = ["content-type", "etag", "last-modified", "ratelimit", "retry-after", "link"];

function make(name, text, where) {
  const made = document.createElement(name);
  made.textContent = text;
  if (where) where.append(made);
  return made;
}

function readable(text, media) {
  let told = text;
  if (media.includes("json") && !media.includes("ndjson")) {
    try { told = JSON.stringify(JSON.parse(text), null, 2); } catch { /* as it came */ }
  }
  return told.length > LONGEST ? `${told.slice(0, LONGEST)}\n… (${told.length.toLocaleString("es-GT")} letras en total)` : told;
}

function place(form) {
  let found = form.querySelector(".answer");
  if (!found) {
    found = make("div", "", form);
    found.className = "answer";
    found.setAttribute("role", "status");
  }
  found.replaceChildren();
  return found;
}

async function show(form) {
  const answer = place(form);
  const state = make("p", "Consultando…", answer);
  const button = form.querySelector("button");
  const stop = new AbortController();
  button.disabled = true;
  try {
    const began = performance.now();
    const response = await fetch(`${form.action}?${new URLSearchParams(new FormData(form))}`, { signal: stop.signal });
    const media = response.headers.get("content-type") || "";
    const link = document.createElement("a");
    link.href = response.url;
    link.textContent = response.url;
    if (!/json|csv|xml|calendar|text\//.test(media)) {
      stop.abort();
      state.replaceChildren("Es un archivo: ", link);
      return;
    }
    const text = await response.text();
    state.replaceChildren(make("strong", String(response.status)), ` en ${Math.round(performance.now() - began)} ms: `, link);
    const told = HEADERS.filter((name) => response.headers.has(name)).map((name) => `${name}: ${response.headers.get(name)}`);
    for (const [label, body] of [["Cabeceras", told.join("\n")], ["Cuerpo", readable(text, media)]]) {
      const shown = make("pre", body, answer);
      shown.tabIndex = 0;
      shown.setAttribute("aria-label", label);
      shown.setAttribute("role", "region");
    }
  } catch (failure) {
    state.textContent = `No se pudo consultar: ${failure.message}`;
  } finally {
    button.disabled = false;
  }
}

for (const form of document.querySelectorAll("form[data-inline]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    show(form);
  });
}
