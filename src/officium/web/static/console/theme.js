// Runs before anything is drawn, so that a dark page never flashes white.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  function kept() {
    try {
      return localStorage.getItem("officium.theme") || "auto";
    } catch {
      return "auto";
    }
  }

  function apply() {
    const choice = kept();
    const isDark = choice === "dark" || (choice === "auto" && system.matches);
    root.dataset.bsTheme = isDark ? "dark" : "light";
    root.dataset.themeChoice = choice;
  }

  window.officiumTheme = {
    choose(choice) {
      try {
        localStorage.setItem("officium.theme", choice);
      } catch {
        // Without storage the choice lasts as long as the page.
      }
      apply();
    },
    kept,
  };
  system.addEventListener("change", apply);
  apply();
})();
