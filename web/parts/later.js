/** Parts of the app that are fetched when they are first needed. */

import {useSignal} from "@preact/signals"
import {useEffect} from "preact/hooks"
import {html} from "../core/html.js"
import {t} from "../core/texts.js"
import {say} from "../core/toasts.js"

/**
 * A component that stands for one that is still to come; nothing is shown until it is there. Whoever knows that it will be needed
 * has it fetched by `ready`.
 * @param {() => Promise<any>} load
 */
export function later(load) {
  /** @type {any} */
  let found = null
  const ready = async () => (found ??= await load())
  function Later(/** @type {any} */ given) {
    const part = useSignal(found)
    useEffect(() => {
      if (!part.value) ready().then(() => (part.value = found), newer)
    }, [])
    return part.value && html`<${part.value} ...${given} />`
  }
  return Object.assign(Later, {ready})
}

/** Files of an older state of the app are gone from the server once there is a newer one. */
export const newer = () => say(t("app.newer"), {text: t("app.reload"), run: () => location.reload()}, "wrong")
