// Starts the engine inside the Web Worker. Its program is the page's own, which the page sends compiled as the first message; what goes
// with the program is loaded meanwhile. A failure to load is posted to the page as a plain string (web/src/wire.rs), for an unhandled
// rejection in a worker would not be heard there.
function fatal(cause) { self.postMessage(String(cause && cause.stack ? cause.message || cause : cause)); }
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
