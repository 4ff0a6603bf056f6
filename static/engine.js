// Starts the engine inside the Web Worker. A failure to load is posted to the page, which an unhandled rejection in a
// worker would not be. The page adds its own version to the URL, so that a cached engine never meets another page. The shape of the message is that of FromWorker::Fatal in web/src/protocol.rs.
function fatal(cause) { self.postMessage({ Fatal: { cause: String(cause && cause.stack ? cause.message || cause : cause) } }); }
self.addEventListener("unhandledrejection", (e) => fatal(e.reason));
try {
  importScripts("program.js" + self.location.search, "worker.js" + self.location.search);
  self.program("worker_bg.wasm" + self.location.search).then((wasm) => wasm_bindgen({ module_or_path: wasm })).catch(fatal);
} catch (cause) {
  fatal(cause);
}
