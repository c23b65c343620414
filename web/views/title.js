/** What the tab of the browser is called. */

import {useEffect} from "preact/hooks"

/** @param {string} title */
export function useTitle(title) {
  useEffect(() => {
    document.title = title ? `${title} – Coffer` : "Coffer"
  }, [title])
}
