/** The folders that dropped files stand in, made once each on the way. */

import {call, oneKey} from "../core/api.js"
import {Problem} from "../core/problem.js"

export class Folders {
  /** @param {string} root where everything was dropped */
  constructor(root) {
    this.root = root
    /** @type {Map<string, Promise<string>>} */
    this.made = new Map([["", Promise.resolve(root)]])
  }

  /**
   * The id of a folder. Raises Problem.
   * @param {string[]} names
   * @returns {Promise<string>}
   */
  at(names) {
    const key = names.join("/")
    let made = this.made.get(key)
    if (!made) {
      made = this.at(names.slice(0, -1)).then(parent => make(parent, names[names.length - 1]))
      made.catch(() => this.made.delete(key))
      this.made.set(key, made)
    }
    return made
  }
}

/**
 * One that is there already serves as well.
 * @param {string} parent_id
 * @param {string} name
 */
async function make(parent_id, name) {
  try {
    return (await call("POST", "/v1/folders", {body: {parent_id, name}, headers: oneKey()})).id
  } catch (error) {
    if (error instanceof Problem && error.code === "name_conflict" && error.body.existing?.kind === "folder") return error.body.existing.id
    throw error
  }
}
