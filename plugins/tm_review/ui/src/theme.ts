// Light or dark as the Airflow UI around this page is: it keeps the choice in localStorage under "theme", and the
// system decides where nothing was chosen. Loaded before the first paint, so that nothing flashes.

const KEY = "theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

function chosen(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function apply(): void {
  const theme = chosen();
  document.documentElement.dataset.theme = theme === "dark" || theme === "light" ? theme : dark.matches ? "dark" : "light";
  document.documentElement.toggleAttribute("data-framed", window.parent !== window);
}

apply();
dark.addEventListener("change", apply);
// Written by the page around the frame: the storage event reaches every other document of the origin.
addEventListener("storage", (event) => {
  if (event.key === KEY || event.key === null) apply();
});
