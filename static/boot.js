// Loads the page's program. The script element carries the names that the build gave to its files. Whatever goes wrong here
// (WebAssembly switched off, a file missing) is said on the page: nothing hangs silently.
const me = document.querySelector("script[data-app]");
function say(cause) {
  const page = document.getElementById("page");
  const box = document.createElement("div"), inner = document.createElement("div");
  box.className = "halt"; inner.setAttribute("role", "alert");
  const h = document.createElement("h2"), p = document.createElement("p"), pre = document.createElement("pre");
  h.textContent = "The page could not start";
  p.textContent = "It needs a browser with WebAssembly. Reload the page; if it stays, this is the cause:";
  pre.textContent = String(cause);
  inner.append(h, p, pre); box.append(inner); page.replaceChildren(box);
}
// The worker starts at once, beside the program's way here, and waits for it. Whoever asks gets it (web/src/page/link.rs); one that has
// failed before that, or has been given away, is followed by another.
const start = () => new Worker(`engine.js?app=${encodeURIComponent(me.dataset.app)}`, { type: "module" });
let started = null;
self.engine = () => {
  const worker = started ?? start();
  started = worker.onerror = worker.onmessage = null;
  return worker;
};
try {
  started = start();
  started.onerror = started.onmessage = () => { started = null; };
} catch {
  // The page says it when it asks.
}
try {
  const { default: init } = await import(new URL(me.dataset.app, document.baseURI).href);
  await init({ module_or_path: await self.program(new URL(me.dataset.wasm, document.baseURI).href) });
} catch (cause) {
  say(cause);
}
