// Chooses the theme before the first paint: the stored choice, else what the system prefers; the page goes on following
// the system until the visitor presses the toggle. A file of its own because the Content-Security-Policy forbids inline scripts.
(function () {
  var root = document.documentElement, light = matchMedia("(prefers-color-scheme: light)"), stored = null;
  function choose() {
    try { stored = localStorage.getItem("vitrine.theme"); } catch (e) { stored = null; }
    root.dataset.theme = stored === "light" || stored === "dark" ? stored : light.matches ? "light" : "dark";
  }
  choose();
  light.addEventListener("change", choose);
})();
