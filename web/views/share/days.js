/** The last day of something, as a field of a form has it and as the server does. */

const two = (/** @type {number} */ number) => String(number).padStart(2, "0")

/** The day of a moment, here. @param {Date} moment */
const dayOf = moment => `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`

/** What a field shows. @param {string | null} moment */
export const dayIn = moment => (moment ? dayOf(new Date(moment)) : "")

/** The end of a day as the person sees it; null for none. @param {string} day */
export const endOf = day => (day ? new Date(`${day}T23:59:59`).toISOString() : null)

/** The first that can be chosen. */
export const today = () => dayOf(new Date())
