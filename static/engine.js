// Starts the engine inside the Web Worker. Its program is the page's own, which the page sends compiled as the first message; what goes
// with the program is loaded meanwhile. A failure to load is posted to the page, which an unhandled rejection in a worker would not be.
// The shape of the message is that of FromWorker::Fatal in web/src/protocol.rs.
function fatal(cause) { self.postMessage({ Fatal: { cause: String(cause && cause.stack ? cause.message || cause : cause) } }); }
self.addEventListener("unhandledrejection", (e) => fatal(e.reason));
const loaded = import(new URL(new URL(self.location.href).searchParams.get("app"), self.location.href).href);
self.addEventListener("message", async ({ data: program }) => {
  try {
    const { default: init } = await loaded;
    await init({ module_or_path: program });
  } catch (cause) {
    fatal(cause);
  }
}, { once: true });
