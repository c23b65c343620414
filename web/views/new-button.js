/** Adding: a folder, files, a folder of files. */

import {html} from "../core/html.js"
import {t} from "../core/texts.js"
import {here} from "../drive/here.js"
import {ask} from "../parts/dialogs.js"
import {Icon} from "../parts/icon.js"
import {later, newer} from "../parts/later.js"
import {openMenu} from "../parts/menu.js"
import {filesPicked} from "../uploads/dropped.js"
import {addFiles} from "../uploads/door.js"
import {pickFiles} from "./picker.js"

const NewFolder = later(() => import("./new-folder.js").then(module => module.NewFolder))

export function NewButton() {
  const open = (/** @type {any} */ event) => openMenu(t("new.action"), newChoices(), event.currentTarget)
  return html`
    <button type="button" class="button main new-button" aria-haspopup="menu" disabled=${!here.value} onClick=${open}>
      <${Icon} name="add" /><span>${t("new.action")}</span>
    </button>
  `
}

/** @returns {import("../parts/menu.js").Choice[]} */
export const newChoices = () => [
  {text: t("new.folder"), icon: "folder", run: askForFolder, keys: "Shift+N"},
  null,
  {text: t("new.files"), icon: "upload", run: () => pick(false), keys: "Shift+U"},
  {text: t("new.folder_upload"), icon: "upload", run: () => pick(true)},
]

export function askForFolder() {
  const into = here.value
  if (into) ask(close => html`<${NewFolder} into=${into} close=${close} />`)
}

/** @param {boolean} folders */
export function pick(folders) {
  const into = here.value
  if (!into) return
  pickFiles({folders}, files => void addFiles(filesPicked(files), into.id).catch(newer))
}
