/** The browser's own dialog that picks files. */

/**
 * @param {{multiple?: boolean, folders?: boolean}} how
 * @param {(files: File[]) => void} take
 */
export function pickFiles({multiple = true, folders = false}, take) {
  const input = Object.assign(document.createElement("input"), {type: "file", multiple, webkitdirectory: folders, hidden: true})
  input.className = "picker"
  input.addEventListener("change", () => {
    take([...(input.files ?? [])])
    input.remove()
  })
  input.addEventListener("cancel", () => input.remove())
  document.body.append(input)
  input.click()
}
