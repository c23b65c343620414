/** The listing on the screen, for what stands above it. */

import {signal} from "@preact/signals"

export const shownListing = signal(/** @type {import("../drive/listing.js").Listing | null} */ (null))
