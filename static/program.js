// Where the loader (boot.js) finds the WebAssembly file. A published page is packed, and has another program.js in place of
// this one (xtask/src/page/pack.rs).
self.program = async (url) => url;
