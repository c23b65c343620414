/** Who may get in: the password, the second factor, and where somebody is signed in. */

import {html} from "../../core/html.js"
import {Factor} from "./factor.js"
import {Password} from "./password.js"
import {Sessions} from "./sessions.js"

export const Security = () => html`<${Password} /><${Factor} /><${Sessions} />`
