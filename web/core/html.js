/** Markup in modules: `html` tagged templates that make preact's elements. */

import htm from "htm"
import {h} from "preact"

export const html = htm.bind(h)
