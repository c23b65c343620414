/** JSON Schemas of facts as a list of fields that people can read. No screen. */

/**
 * @typedef {{path: string, type: string, required: boolean, meaning: string}} SchemaField
 */

const DEEPEST = 5

/**
 * Every field of `data`, those of inner objects below their own.
 * @param {any} schema of a type of event
 * @returns {SchemaField[]}
 */
export function fieldsOf(schema) {
  const data = schema?.properties?.data
  return data ? below(resolved(data, schema), schema, "", 0) : []
}

/**
 * Every field around `data`: the envelope.
 * @param {any} schema
 * @returns {SchemaField[]}
 */
export function envelopeOf(schema) {
  return below({...schema, properties: Object.fromEntries(Object.entries(schema?.properties ?? {}).filter(([name]) => name !== "data"))}, schema, "", DEEPEST)
}

/**
 * @param {any} object
 * @param {any} whole
 * @param {string} prefix
 * @param {number} depth
 * @returns {SchemaField[]}
 */
function below(object, whole, prefix, depth) {
  return Object.entries(object.properties ?? {}).flatMap(([name, given]) => {
    const path = prefix + name
    const field = {path, type: typeOf(given, whole), required: Boolean(object.required?.includes(name)), meaning: given.description ?? resolved(given, whole).description ?? ""}
    const inner = innerOf(given, whole)
    return [field, ...(inner && depth < DEEPEST ? below(inner, whole, `${path}${isList(given, whole) ? "[]" : ""}.`, depth + 1) : [])]
  })
}

/**
 * What a reference stands for.
 * @param {any} schema
 * @param {any} whole
 * @returns {any}
 */
function resolved(schema, whole) {
  const name = schema?.$ref?.match(/^#\/\$defs\/(.+)$/)?.[1]
  return name ? (whole.$defs?.[name] ?? {}) : (schema ?? {})
}

/**
 * What stands there if it is not null.
 * @param {any} schema
 * @param {any} whole
 */
function present(schema, whole) {
  const choices = (schema?.anyOf ?? schema?.oneOf ?? [schema]).map((/** @type {any} */ one) => resolved(one, whole))
  return choices.filter((/** @type {any} */ one) => one.type !== "null")
}

/**
 * @param {any} schema
 * @param {any} whole
 */
const isList = (schema, whole) => present(schema, whole)[0]?.type === "array"

/**
 * @param {any} schema
 * @param {any} whole
 */
function innerOf(schema, whole) {
  const [one] = present(schema, whole)
  const inner = one?.type === "array" ? present(one.items ?? {}, whole)[0] : one
  return inner?.properties ? inner : null
}

/**
 * A type in few words: `string (date-time)`, `list of string`, `integer or null`.
 * @param {any} schema
 * @param {any} whole
 * @returns {string}
 */
export function typeOf(schema, whole) {
  const choices = (schema?.anyOf ?? schema?.oneOf ?? [schema]).map((/** @type {any} */ one) => plainly(resolved(one, whole), whole))
  return [...new Set(choices)].join(" or ")
}

/**
 * @param {any} schema
 * @param {any} whole
 * @returns {string}
 */
function plainly(schema, whole) {
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum) return schema.enum.map((/** @type {unknown} */ value) => JSON.stringify(value)).join(" | ")
  if (schema.type === "array") return `list of ${typeOf(schema.items ?? {}, whole)}`
  const open = schema["x-extensible-enum"]
  if (open) return `${open.map((/** @type {unknown} */ value) => JSON.stringify(value)).join(" | ")} | …`
  return schema.format ? `${schema.type} (${schema.format})` : String(schema.type ?? "any")
}
