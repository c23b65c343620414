/** The sheet of what the keyboard can do. */

import {html} from "../core/html.js"
import {t} from "../core/texts.js"
import {Dialog} from "../parts/dialog.js"

const KEYS = /** @type {const} */ ([
  ["walk", ["↑", "↓", "←", "→"]],
  ["range", ["Shift + ↑ ↓"]],
  ["toggle", ["Space"]],
  ["all", ["Ctrl + A"]],
  ["open", ["Enter"]],
  ["up", ["Backspace"]],
  ["rename", ["F2"]],
  ["trash", ["Delete"]],
  ["menu", ["Shift + F10"]],
  ["share", ["Shift + S"]],
  ["details", ["I"]],
  ["search", ["/"]],
  ["folder", ["Shift + N"]],
  ["upload", ["Shift + U"]],
  ["type", ["A … Z"]],
  ["help", ["?"]],
])

/** @param {{close: () => void}} of */
export const Shortcuts = ({close}) => html`
  <${Dialog} title=${t("shortcuts.title")} close=${close}>
    <dl class="shortcuts">
      ${KEYS.map(
        ([name, keys]) => html`
          <div>
            <dt>${t(`shortcuts.${name}`)}</dt>
            <dd>${keys.map(key => html`<kbd>${key}</kbd> `)}</dd>
          </div>
        `,
      )}
    </dl>
  <//>
`
