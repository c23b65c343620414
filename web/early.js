// Runs before anything is painted: nobody who chose dark sees a white flash, and what this visit opens with is asked for at once.
{
  const remembered = name => {
    try {
      return localStorage.getItem(`coffer.${name}`)
    } catch {
      // A browser that keeps nothing shows what the system prefers, to somebody who is not signed in.
      return null
    }
  }
  const theme = remembered("theme")
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme
  const {base, drive, entrance} = document.currentScript.dataset
  const modules = location.pathname.startsWith("/s/") ? "" : remembered("signed-in") ? drive : entrance
  for (const name of modules.split(" ").filter(Boolean)) {
    const link = document.createElement("link")
    link.rel = "modulepreload"
    link.href = `${base}/${name}`
    document.head.append(link)
  }
}
