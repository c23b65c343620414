/** Something that is read, again by itself if wished, and again after something was done to it. */

import {batch, useSignal} from "@preact/signals"
import {useEffect, useRef} from "preact/hooks"
import {call} from "../../core/api.js"

/**
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} read
 * @param {unknown[]} on begins anew when one of these changes
 * @param {{every?: number}} [how] in milliseconds; nobody who does not look is asked for
 */
export function useReading(read, on, {every = 0} = {}) {
  const value = useSignal(/** @type {T | null} */ (null))
  const error = useSignal(/** @type {unknown} */ (null))
  const again = useRef(() => {})
  const told = useRef("")
  useEffect(() => {
    const stop = new AbortController()
    const about = JSON.stringify(on)
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer
    let busy = false
    let wanted = false
    if (told.current !== about) value.value = null
    told.current = about
    const ask = async () => {
      clearTimeout(timer)
      wanted = busy
      if (busy) return
      busy = true
      try {
        const found = await read(stop.signal)
        if (!stop.signal.aborted) {
          batch(() => {
            value.value = found
            error.value = null
          })
        }
      } catch (caught) {
        if (!stop.signal.aborted) error.value = caught
      }
      busy = false
      if (stop.signal.aborted) return
      if (wanted) ask()
      else if (every && !document.hidden) timer = setTimeout(ask, every)
    }
    const looked = () => {
      if (every && !document.hidden) ask()
    }
    again.current = ask
    document.addEventListener("visibilitychange", looked)
    ask()
    return () => {
      stop.abort()
      clearTimeout(timer)
      document.removeEventListener("visibilitychange", looked)
    }
  }, [...on, every])
  return {value, error, again: () => again.current()}
}

/**
 * A listing by pages.
 * @param {string} path
 * @param {Record<string, any>} query
 */
export function usePages(path, query) {
  const further = useSignal({of: /** @type {unknown} */ (null), items: /** @type {any[]} */ ([]), cursor: /** @type {string | null} */ (null)})
  const busy = useSignal(false)
  const first = useReading(signal => call("GET", path, {query, signal}), [path, JSON.stringify(query)])
  const page = first.value.value
  const more = further.value.of === page ? further.value : {items: [], cursor: page?.next_cursor ?? null}
  const items = page && [...page.items, ...more.items]
  return {
    items: /** @type {any[] | null} */ (items),
    error: first.error.value,
    again: first.again,
    more: more.cursor
      ? async () => {
          if (busy.value) return
          busy.value = true
          try {
            const next = await call("GET", path, {query: {...query, cursor: more.cursor}})
            further.value = {of: page, items: [...more.items, ...next.items], cursor: next.next_cursor}
          } catch (caught) {
            first.error.value = caught
          }
          busy.value = false
        }
      : null,
    busy: busy.value,
  }
}
