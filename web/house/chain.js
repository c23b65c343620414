/**
 * Holds the audit against its own hashes, in this browser: nobody has to believe the server that nothing was changed.
 *
 * digest = SHA-256 of the record as JSON, keys sorted, without its place; hash = SHA-256 of position, previous hash and digest.
 */

const PLACE = ["position", "prev_hash", "digest", "hash"]
const REPORT_EVERY = 500

/**
 * @typedef {{position: number, hash: string}} Anchor
 * @typedef {{kind: "changed" | "unlinked" | "missing" | "rewritten", position: number}} Wrong
 * @typedef {{count: number, last: Anchor | null, wrong: Wrong[]}} Verdict
 */

/**
 * @param {AsyncIterable<string> | Iterable<string>} lines of an export without filters
 * @param {Anchor} begins what the first record follows
 * @param {Anchor[]} anchors that the chain must pass through
 * @param {(count: number) => void} [heard] how far it is
 * @returns {Promise<Verdict>}
 */
export async function verify(lines, begins, anchors, heard) {
  const known = new Map(anchors.filter(({position}) => position > 0).map(({position, hash}) => [position, hash]))
  /** @type {Wrong[]} */
  const wrong = []
  let before = begins
  let count = 0
  for await (const line of lines) {
    const {position, prev_hash: previous, digest, hash} = JSON.parse(line)
    if ((await sha256(canonical(line, PLACE))) !== digest) wrong.push({kind: "changed", position})
    if (position !== before.position + 1) wrong.push({kind: "missing", position: before.position + 1})
    else if (previous !== before.hash) wrong.push({kind: "unlinked", position})
    if ((await sha256(`${position}\n${previous}\n${digest}\n`)) !== hash) wrong.push({kind: "changed", position})
    if (known.has(position) && known.get(position) !== hash) wrong.push({kind: "rewritten", position})
    known.delete(position)
    before = {position, hash}
    count += 1
    if (count % REPORT_EVERY === 0) heard?.(count)
  }
  // What the chain was once said to hold, and holds no more.
  for (const position of known.keys()) if (position > begins.position) wrong.push({kind: "missing", position})
  return {count, last: count ? before : null, wrong: once(wrong)}
}

/** @param {Wrong[]} wrong */
const once = wrong => wrong.filter((one, index) => wrong.findIndex(other => other.kind === one.kind && other.position === one.position) === index)

/** @param {string} text */
async function sha256(text) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))
  return Array.from(new Uint8Array(digest), byte => byte.toString(16).padStart(2, "0")).join("")
}

/**
 * The same JSON with sorted keys and no spaces. Strings and numbers stay as they are written: reading and writing them anew
 * would lose what the hash was made of.
 * @param {string} text
 * @param {string[]} [without] keys of the outermost object
 * @returns {string}
 */
export function canonical(text, without = []) {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? []
  let at = 0
  const value = (/** @type {string[]} */ left) => {
    const token = tokens[at++]
    if (token === "[") return listed()
    return token === "{" ? object(left) : token
  }
  const listed = () => {
    const found = []
    while (tokens[at] !== "]") {
      found.push(value([]))
      if (tokens[at] === ",") at++
    }
    at++
    return `[${found.join(",")}]`
  }
  /** @type {(left: string[]) => string} */
  const object = left => {
    /** @type {[string, string][]} */
    const found = []
    while (tokens[at] !== "}") {
      const key = tokens[at]
      at += 2
      found.push([key, value([])])
      if (tokens[at] === ",") at++
    }
    at++
    const kept = found.filter(([key]) => !left.includes(JSON.parse(key))).sort(([a], [b]) => (a < b ? -1 : 1))
    return `{${kept.map(([key, written]) => `${key}:${written}`).join(",")}}`
  }
  return value(without)
}

/**
 * The lines of an answer as they come. Raises Error if it breaks off.
 * @param {Response} answer
 */
export async function* linesOf(answer) {
  const reader = /** @type {ReadableStream<Uint8Array>} */ (answer.body).getReader()
  const decoder = new TextDecoder()
  let rest = ""
  for (;;) {
    const {done, value} = await reader.read()
    rest += decoder.decode(value, {stream: !done})
    const lines = rest.split("\n")
    rest = lines.pop() ?? ""
    yield* lines.filter(Boolean)
    if (done) break
  }
  if (rest) yield rest
}
