// Runs before anything is painted, so that nobody who chose dark sees a white flash.
{
  let theme = null
  try {
    theme = localStorage.getItem("coffer.theme")
  } catch {
    // A browser that keeps nothing shows what the system prefers.
  }
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme
}
