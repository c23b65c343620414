/** The folder on the screen that new things go into; null where nothing can be added. */

import {signal} from "@preact/signals"

export const here = signal(/** @type {{id: string, name: string, listing: import("./listing.js").Listing} | null} */ (null))
