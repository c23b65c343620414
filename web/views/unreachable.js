/** What stands here when not even the beginning could be fetched; its words are built in, for texts may be what is missing. */

import {html} from "../core/html.js"

/** @param {{again: () => void}} of */
export const Unreachable = ({again}) => html`
  <main class="lonely">
    <h1>Coffer cannot be reached</h1>
    <p lang="en">Check your connection, then try again.</p>
    <p lang="de">Bitte die Verbindung prüfen und es noch einmal versuchen.</p>
    <button type="button" class="button main" onClick=${again}><span lang="en">Try again</span><span aria-hidden="true">·</span><span lang="de">Noch einmal</span></button>
  </main>
`
