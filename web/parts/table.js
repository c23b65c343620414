/** A table with a name. On narrow screens each row becomes a sheet of its own with the names of its columns in it. */

import {html} from "../core/html.js"

/**
 * @typedef {{title: string, cell: (row: any) => any, number?: boolean, main?: boolean}} Column
 *   `main` is what a row is called
 */

/**
 * Roles are said again because sheets are no table to a browser.
 * @param {{label: string, columns: (Column | false | null)[], rows: any[], named: (row: any, index: number) => string}} of
 *   `named` tells rows apart
 */
export function Table({label, columns, rows, named}) {
  const shown = /** @type {Column[]} */ (columns.filter(Boolean))
  return html`
    <table class="table" role="table" aria-label=${label}>
      <thead role="rowgroup">
        <tr role="row">
          ${shown.map(({title, number}) => html`<th role="columnheader" scope="col" class=${number ? "number" : ""}>${title}</th>`)}
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${rows.map(
          (row, index) => html`
            <tr role="row" key=${named(row, index)}>
              ${shown.map(({title, cell, number, main}) =>
                main
                  ? html`<th role="rowheader" scope="row"><span>${cell(row)}</span></th>`
                  : html`<td role="cell" class=${number ? "number" : ""}><span class="in-sheet" aria-hidden="true">${title}</span><span>${cell(row)}</span></td>`,
              )}
            </tr>
          `,
        )}
      </tbody>
    </table>
  `
}
